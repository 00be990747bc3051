"""How `vitalcast tail` comes back after a loss, and the small parts of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.client.fake_server import (
    CPU,
    MEMORY,
    FakeServer,
    Recorder,
    ack,
    data,
    fake_server,
    following,
    opening,
    refuse,
    send,
    snapshot,
    ticks_of,
)
from tests.command import run
from websockets.exceptions import WebSocketException
from websockets.sync.server import ServerConnection, serve

from vitalcast.client.address import socket_url
from vitalcast.client.backoff import Backoff
from vitalcast.client.follow import follow as follow_url
from vitalcast.client.link import Link, connector
from vitalcast.client.protocol import Protocol
from vitalcast.client.requests import subscription
from vitalcast.client.streams import MetricStream
from vitalcast.client.ticks import Gap
from vitalcast.core.wire import commands, parsing
from vitalcast.errors import ClientError


def linked(**internals: Any) -> Callable[..., Link]:
    """Return what makes a link with other parts."""
    return lambda *arguments, **options: Link(*arguments, **options | internals)


def follow(fake: FakeServer, *, count: int, backfill_s: float | None = None) -> tuple[Recorder, list[float]]:
    """Follow a scripted server; return what came, and how long each pause was between connections."""
    sink = Recorder()
    slept: dict[int, float] = {}

    async def sleep(seconds: float) -> None:
        connections = len(fake.commands)
        slept[connections] = slept.get(connections, 0.0) + seconds

    follow_url(
        fake.url,
        sink,
        "x",
        options={"backfill": backfill_s},
        count=count,
        make_link=linked(sleep=sleep, backoff=Backoff(lambda low, high: low)),
    )
    return sink, [round(seconds, 6) for seconds in slept.values()]


def dropped(connection: ServerConnection) -> None:
    opening(connection)
    data(connection, 11, values=[0.5, 3])
    send(connection, type="bye", code=4001, reconnect_after_ms=700)
    connection.close(4001, "shutdown")


def test_after_a_loss_tail_resumes_where_it_was() -> None:
    def again(connection: ServerConnection) -> None:
        ack(connection, offset=13, recovered=True)
        snapshot(connection, times=(12_000, 13_000), values=((1, 2), (3, 4)), offset=13)
        connection.recv()

    with fake_server(dropped, again) as fake:
        sink, pauses = follow(fake, count=4)
    assert fake.commands[1]["since"] == {"epoch": "e1", "offset": 11}
    assert sink.events == [10, 11, None, 13]
    assert pauses == [0.7]
    assert sink.statuses == ["live", "connection closed with 4001 shutdown; trying again in 0.7 s", "live"]


class EnoughError(Exception):
    pass


@pytest.mark.parametrize(
    ("why", "ceilings"),
    [(ConnectionRefusedError(), [0.5, 1, *[2] * 5]), (WebSocketException("odd"), [0.5, 1, 2, 4, 8, 16, 30])],
)
def test_a_server_that_is_away_is_looked_for_every_two_seconds_and_one_that_is_odd_less_often(
    why: Exception, ceilings: list[float]
) -> None:
    asked: list[float] = []
    sockets = iter([connector(token=None)])

    async def connect(url: str) -> Any:
        if (opened := next(sockets, None)) is None:
            raise why
        return await opened(url)

    def jitter(_low: float, high: float) -> float:
        asked.append(high)
        if len(asked) == len(ceilings):
            raise EnoughError
        return 0.0

    def gone(connection: ServerConnection) -> None:
        opening(connection)

    with fake_server(gone) as fake, pytest.raises(ClientError, match="EnoughError"):
        follow_url(fake.url, Recorder(), "x", make_link=linked(connect=connect, backoff=Backoff(jitter)))
    assert asked == ceilings


def test_a_gap_that_the_server_could_not_fill_is_passed_on() -> None:
    def again(connection: ServerConnection) -> None:
        ack(connection, offset=900)
        send(connection, type="gap", group=7, **{"from": 12, "to": 899}, why="expired")
        snapshot(connection, times=(900_000,), offset=900)
        connection.recv()

    with fake_server(dropped, again) as fake:
        sink, _ = follow(fake, count=3)
    assert sink.events == [10, 11, Gap(12, 899, "expired"), 900]


def test_a_restarted_server_leaves_a_gap_without_bounds_and_the_backfill_is_asked_again() -> None:
    def again(connection: ServerConnection) -> None:
        ack(connection, epoch="e2", offset=2)
        snapshot(connection, times=(2000,), offset=2)
        connection.recv()

    with fake_server(dropped, again) as fake:
        sink, _ = follow(fake, count=3, backfill_s=60)
    assert sink.events == [10, 11, Gap(None, None, "restart"), 2]
    assert fake.commands[1]["backfill"] == 60


def test_a_source_that_begins_anew_under_an_open_stream_leaves_such_a_gap_too() -> None:
    def anew(connection: ServerConnection) -> None:
        opening(connection)
        content = {"series": [CPU, MEMORY], "times": [3000], "values": [[1], [2]]}
        send(connection, type="snapshot", group=7, source="a", epoch="e2", offset=3, time=3000, **content)
        data(connection, 4, values=[1, 2])
        connection.close(4001, "shutdown")

    def again(connection: ServerConnection) -> None:
        ack(connection, epoch="e2", offset=5, recovered=True)
        snapshot(connection, times=(5000,), offset=5)
        connection.recv()

    with fake_server(anew, again) as fake:
        sink, _ = follow(fake, count=4)
    assert sink.events == [10, Gap(None, None, "restart"), 3, 4, 5]
    assert fake.commands[1]["since"] == {"epoch": "e2", "offset": 4}


def test_that_nothing_matches_yet_is_said() -> None:
    def empty(connection: ServerConnection) -> None:
        ack(connection)
        send(connection, type="snapshot", group=7, offset=10, time=10_000, series=[], times=[10_000], values=[])
        send(connection, type="series", group=7, series=[CPU])
        data(connection, 11, values=[1])
        connection.recv()

    with fake_server(empty) as fake:
        sink, _ = follow(fake, count=2)
    assert sink.statuses == ["no series match yet; waiting for one", "live"]


def test_pauses_double_to_half_a_minute_until_a_connection_stands() -> None:
    offsets = count(10)

    def connected(connection: ServerConnection) -> None:
        opening(connection, next(offsets))
        connection.close(1001)

    def refused(connection: ServerConnection) -> None:
        connection.close(1011)

    with fake_server(connected, *[refused] * 8, connected, connected) as fake:
        _, pauses = follow(fake, count=3)
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 0.25]


def test_a_close_code_that_says_stay_away_ends_tail() -> None:
    def turn(connection: ServerConnection) -> None:
        opening(connection)
        connection.close(4507, "denied")

    with fake_server(turn) as fake, pytest.raises(ClientError, match="closed with 4507 denied"):
        follow(fake, count=5)


def test_a_temporary_refusal_is_tried_again_once_connected() -> None:
    def busy(connection: ServerConnection) -> None:
        refuse(connection, code=106, message="all taken", temporary=True)
        connection.recv()

    def again(connection: ServerConnection) -> None:
        opening(connection, 12)
        connection.recv()

    with fake_server(dropped, busy, again) as fake:
        sink, pauses = follow(fake, count=3)
    assert sink.statuses[2] == "all taken (error 106); trying again in 0.5 s"
    assert len(pauses) == 2


# --- small parts of tail -----------------------------------------------------------------------------------------


def test_a_feed_sends_commands_that_the_server_accepts() -> None:
    protocol = Protocol()
    fields, _ = subscription("system.>", interval=2.0, aggregate=("avg", "max"), backfill=60.0)
    protocol.add(MetricStream, fields)
    protocol.connected()
    (text,) = protocol.outgoing()
    command = parsing.parse_command(json.loads(text))
    assert isinstance(command, commands.Subscribe)
    assert (command.interval, command.backfill, command.aggregate) == (2.0, 60.0, ["avg", "max"])


def test_several_aggregates_have_keys_of_their_own() -> None:
    (tick,) = ticks_of(
        following(aggregate=["avg", "max"]),
        json.dumps(
            {
                "type": "snapshot",
                "group": 7,
                "offset": 2,
                "time": 5,
                "series": [MEMORY],
                "times": [5],
                "values": [[1], [2]],
            }
        ),
    )
    assert [one.key for one in tick.series] == ["avg(system.memory.usage)", "max(system.memory.usage)"]
    assert list(tick.values()) == [1, 2]


def test_a_changed_list_of_series_starts_without_readings() -> None:
    feed = following()
    assert feed.receive(json.dumps({"type": "series", "group": 7, "series": [CPU, MEMORY]})) == []
    (tick,) = ticks_of(feed, '{"type":"data","group":7,"offset":2,"time":5,"changed":{"1":7}}')
    assert list(tick.values()) == [None, 7]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://h:1/ws", "ws://h:1/ws"),
        ("http://h:1/", "ws://h:1/ws"),
        ("https://h/v/ws", "wss://h/v/ws"),
        ("https://h/v/#/panel", "wss://h/v/ws"),
        ("ws://[::1]:8000", "ws://[::1]:8000/ws"),
        ("wss://h/ws?a=b", "wss://h/ws?a=b"),
    ],
)
def test_a_pages_address_will_do_for_its_socket(url: str, expected: str) -> None:
    assert socket_url(url) == expected


def test_a_proxy_that_passes_no_upgrade_on_is_named(tmp_path: Path) -> None:
    server = serve(lambda _: None, "127.0.0.1", 0, process_request=lambda one, _: one.respond(426, "no"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        done = run("tail", "x", "--url", f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws", cwd=tmp_path)
    finally:
        server.shutdown()
        thread.join()
    assert done.returncode == 1
    assert "a proxy in between does not forward the headers Upgrade and Connection" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        *("", "h:1", "ftp://h/", "ws://", "ws://h:x/", "ws://h:99999/", "ws://[::1/", "ws://h/\x1b", "ws://h/\udcff"),
        *("ws://\udcff/", f"ws://{'é' * 64}/", f"ws://{'a' * 64}.example/", "ws://é..example/"),
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not a WebSocket address"):
        socket_url(url)
