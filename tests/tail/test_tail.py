"""`vitalcast tail` against scripted servers and by its parts."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.command import TIMEOUT_S, Terminal, run, start
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from vitalcast import cli
from vitalcast.core import aggregate, protocol
from vitalcast.tail.feed import SUBPROTOCOL, Feed, Gap, Request, TailError, Tick
from vitalcast.tail.follow import STAY_AWAY_FROM, socket_url
from vitalcast.tail.follow import follow as follow_url

Turn = Callable[[ServerConnection], None]

CPU = {"name": "system.cpu.utilization", "unit": "1", "attributes": {"cpu.mode": "user"}}
MEMORY = {"name": "system.memory.usage", "unit": "By", "attributes": {}}
CPU_KEY = 'system.cpu.utilization{cpu.mode="user"}'


class FakeServer:
    """A WebSocket server whose connections each do the next of the given turns. Keeps the commands it got."""

    def __init__(self, url: str, turns: list[Turn]) -> None:
        self.url = url
        self.commands: list[dict[str, Any]] = []
        self._turns = deque(turns)

    def handle(self, connection: ServerConnection) -> None:
        try:
            self.commands.append(json.loads(connection.recv()))
            self._turns.popleft()(connection)
        except ConnectionClosed:
            pass


@contextmanager
def fake_server(*turns: Turn, subprotocol: str | None = SUBPROTOCOL) -> Iterator[FakeServer]:
    fake = FakeServer("", list(turns))
    subprotocols = None if subprotocol is None else [Subprotocol(subprotocol)]
    server = serve(fake.handle, "127.0.0.1", 0, subprotocols=subprotocols, close_timeout=1)
    fake.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()


def send(connection: ServerConnection, **message: Any) -> None:
    connection.send(json.dumps(message))


def ack(connection: ServerConnection, *, epoch: str = "e1", offset: int = 10, recovered: bool = False) -> None:
    send(
        connection,
        type="ack",
        id=1,
        stream="tail",
        group=7,
        epoch=epoch,
        offset=offset,
        interval=1.0,
        series=2,
        recovered=recovered,
    )


def snapshot(
    connection: ServerConnection,
    *,
    times: tuple[int, ...] = (10_000,),
    values: tuple[tuple[float | None, ...], ...] = ((0.25,), (1024,)),
    offset: int = 10,
) -> None:
    send(
        connection,
        type="snapshot",
        group=7,
        offset=offset,
        time=offset * 1000,
        series=[CPU, MEMORY],
        times=times,
        values=values,
    )


def opening(connection: ServerConnection) -> None:
    ack(connection)
    snapshot(connection)


def data(connection: ServerConnection, offset: int, **content: Any) -> None:
    send(connection, type="data", group=7, offset=offset, time=offset * 1000, **content)


def stay(connection: ServerConnection) -> None:
    """Keep the connection until the client goes."""
    opening(connection)
    for _ in connection:
        pass


def stream(connection: ServerConnection) -> None:
    """Send ticks until the client goes."""
    opening(connection)
    offset = 10
    while True:
        offset += 1
        data(connection, offset, values=[0.5, 2048])


def test_tail_writes_one_json_object_a_tick_into_a_pipe(tmp_path: Path) -> None:
    def turn(connection: ServerConnection) -> None:
        ack(connection)
        snapshot(connection, times=(9000, 10_000), values=((0.25, None), (1, 2)))
        data(connection, 11, values=[0.5, 3])
        send(connection, type="heartbeat", time=0)
        data(connection, 12, changed={"1": 4})
        send(connection, type="gap", group=7, **{"from": 13, "to": 15}, why="slow")
        data(connection, 16, changed={"0": None})
        connection.recv()

    with fake_server(turn) as fake:
        done = run(
            *("tail", "system.cpu.utilization", "system.memory.>", "--url", fake.url, "--count", "5"),
            *("--interval", "2", "--backfill", "60", "--aggregate", "max"),
            cwd=tmp_path,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"time": 9000, "offset": None, "metrics": {CPU_KEY: 0.25, "system.memory.usage": 1}},
        {"time": 10_000, "offset": 10, "metrics": {CPU_KEY: None, "system.memory.usage": 2}},
        {"time": 11_000, "offset": 11, "metrics": {CPU_KEY: 0.5, "system.memory.usage": 3}},
        {"time": 12_000, "offset": 12, "metrics": {CPU_KEY: 0.5, "system.memory.usage": 4}},
        {"gap": {"from": 13, "to": 15, "why": "slow"}},
        {"time": 16_000, "offset": 16, "metrics": {CPU_KEY: None, "system.memory.usage": 4}},
    ]
    assert fake.commands == [
        {
            "type": "subscribe",
            "id": 1,
            "stream": "tail",
            "metrics": ["system.cpu.utilization", "system.memory.>"],
            "interval": 2.0,
            "aggregate": ["max"],
            "backfill": 60.0,
        }
    ]


def test_tail_without_a_server_says_so(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/ws"
        done = run("tail", "system.>", "--url", url, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"vitalcast: error: {url}: cannot connect (Connection refused); "
        "start the server with `vitalcast`, or say where it is with --url\n"
    )


def test_tail_passes_on_the_servers_refusal(tmp_path: Path) -> None:
    def turn(connection: ServerConnection) -> None:
        send(connection, type="error", id=1, code=102, message="nothing here is called x", temporary=False)
        connection.recv()

    with fake_server(turn) as fake:
        done = run("tail", "x", "--url", fake.url, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "vitalcast: error: nothing here is called x (error 102)\n"


def test_tail_refuses_a_server_of_another_protocol(tmp_path: Path) -> None:
    with fake_server(subprotocol=None) as fake:
        done = run("tail", "x", "--url", fake.url, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"vitalcast: error: {fake.url}: the server does not speak vitalcast.v1.json\n"


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"type":"data"}', '{"type":"data","changed":{"9":1}}'])
def test_tail_refuses_a_server_that_breaks_the_contract(text: str) -> None:
    feed = Feed(Request(("x",)))
    with pytest.raises(TailError, match="does not keep to"):
        feed.receive(text)


@given(
    st.dictionaries(
        st.sampled_from(["type", "series", "values", "changed", "times", "offset", "epoch", "recovered", "from"]),
        st.sampled_from(["ack", "snapshot", "data", "series", "gap", "bye", "error", 1, -1, None, [], {}, [1], [[]]]),
    )
)
def test_no_message_makes_the_client_fail_otherwise_than_by_name(message: dict[str, Any]) -> None:
    feed = Feed(Request(("x",)))
    with suppress(TailError):
        feed.receive(json.dumps(message))


def test_an_interrupt_ends_tail_quietly(tmp_path: Path) -> None:
    with fake_server(stay) as fake:
        process = start("tail", "x", "--url", fake.url, cwd=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_reader_that_leaves_ends_tail_quietly(tmp_path: Path) -> None:
    with fake_server(stream) as fake:
        process = start("tail", "x", "--url", fake.url, cwd=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")


def test_tail_draws_a_live_table_in_a_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    with fake_server(stay) as fake:
        shown = terminal("tail", "x", "--url", fake.url, cwd=tmp_path)
        shown.read_until("s old")
        shown.process.send_signal(signal.SIGINT)
        text = shown.read_all()
        assert shown.process.wait(TIMEOUT_S) == 0
        assert shown.process.stderr is not None
        assert shown.process.stderr.read() == ""
    assert CPU_KEY in text
    assert "25.0 %" in text
    assert "1.0 KiB" in text
    assert "live" in text
    assert text.endswith("\x1b[?25h"), "the cursor is shown again"


# --- coming back -----------------------------------------------------------------------------------------------


class Recorder:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.statuses: list[str] = []

    def tick(self, tick: Tick) -> None:
        self.events.append(tick.offset)

    def gap(self, gap: Gap) -> None:
        self.events.append(gap)

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def idle(self) -> None:
        pass


def follow(fake: FakeServer, *, count: int, backfill_s: float | None = None) -> tuple[Recorder, list[float]]:
    sink, pauses = Recorder(), list[float]()
    follow_url(
        fake.url,
        Request(("x",), backfill_s=backfill_s),
        sink,
        count=count,
        sleep=pauses.append,
        jitter=lambda low, high: low,
    )
    return sink, pauses


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


def test_pauses_double_to_half_a_minute_until_a_connection_stands() -> None:
    def connected(connection: ServerConnection) -> None:
        opening(connection)
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

    with fake_server(turn) as fake, pytest.raises(TailError, match="closed with 4507 denied"):
        follow(fake, count=5)


def test_a_temporary_refusal_is_tried_again_once_connected() -> None:
    def busy(connection: ServerConnection) -> None:
        send(connection, type="error", id=1, code=106, message="all taken", temporary=True)
        connection.recv()

    with fake_server(dropped, busy, dropped) as fake:
        sink, pauses = follow(fake, count=3)
    assert sink.statuses[2] == "all taken (error 106); trying again in 0.5 s"
    assert len(pauses) == 2


# --- small parts of tail -----------------------------------------------------------------------------------------


def test_what_tail_repeats_of_the_protocol_is_true() -> None:
    assert SUBPROTOCOL == protocol.SUBPROTOCOL
    assert [one.value for one in cli.Aggregate] == [one.value for one in aggregate.Aggregate]
    assert all(
        (code >= STAY_AWAY_FROM)
        == (code.name in {"BAD_TOKEN", "NOT_THE_PROTOCOL", "TOO_MANY_CONNECTIONS", "DENIED", "REVOKED"})
        for code in protocol.CloseCode
    )


def test_a_feed_sends_commands_that_the_server_accepts() -> None:
    request = Request(("system.>",), 2.0, ("avg", "max"), 60.0)
    feed = Feed(request)
    command = protocol.parse_command(json.loads(feed.subscribe()))
    assert isinstance(command, protocol.Subscribe)
    assert (command.interval, command.backfill, command.aggregate) == (2.0, 60.0, ["avg", "max"])


def test_several_aggregates_have_keys_of_their_own() -> None:
    feed = Feed(Request(("x",), aggregates=("avg", "max")))
    (tick,) = feed.receive(
        json.dumps(
            {
                "type": "snapshot",
                "group": 1,
                "offset": 1,
                "time": 5,
                "series": [MEMORY],
                "times": [5],
                "values": [[1], [2]],
            }
        )
    )
    assert isinstance(tick, Tick)
    assert [column.key for column in tick.columns] == ["avg(system.memory.usage)", "max(system.memory.usage)"]
    assert tick.values == (1, 2)


def test_a_changed_list_of_series_starts_without_readings() -> None:
    feed = Feed(Request(("x",)))
    assert feed.receive(json.dumps({"type": "series", "group": 1, "series": [CPU, MEMORY]})) == []
    (tick,) = feed.receive('{"type":"data","group":1,"offset":2,"time":5,"changed":{"1":7}}')
    assert isinstance(tick, Tick)
    assert tick.values == (None, 7)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://h:1/ws", "ws://h:1/ws"),
        ("http://h:1/", "ws://h:1/ws"),
        ("https://h/v/ws", "wss://h/v/ws"),
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
    assert "a proxy in between does not pass the headers Upgrade and Connection on" in done.stderr


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
