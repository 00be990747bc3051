"""`vitalcast tail` against scripted servers and by its parts."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.client.fake_server import (
    CPU_KEY,
    Recorder,
    ack,
    data,
    fake_server,
    following,
    opening,
    refuse,
    send,
    snapshot,
    stay,
    stream,
)
from tests.command import TIMEOUT_S, Terminal, run, start
from tests.e2e.server import running
from websockets.sync.server import ServerConnection

from vitalcast.cli.live_table import LiveTable
from vitalcast.cli.tail_output import JsonLines
from vitalcast.client.follow import follow as follow_url
from vitalcast.client.protocol import Bye, News, Protocol
from vitalcast.client.reading import WHOLE_MAX
from vitalcast.errors import ClientError, LostError


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
            "stream": "s1",
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
        "start the server with `vitalcast`, or give the address of another\n"
    )


def test_tail_passes_on_the_servers_refusal(tmp_path: Path) -> None:
    def turn(connection: ServerConnection) -> None:
        refuse(connection, code=102, message="nothing here is called x", temporary=False)
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


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", "{}", '{"type":"data"}', '{"type":"data","group":7,"offset":2,"time":5,"changed":{"9":1}}'],
)
def test_tail_refuses_a_server_that_breaks_the_contract(text: str) -> None:
    feed = following()
    with pytest.raises(ClientError, match="does not follow"):
        feed.receive(text)


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(),
        st.text(max_size=8),
        st.sampled_from(
            [10**400, 1e308, "By", "\x1b[2J", "ack", "snapshot", "data", "series", "gap", "bye", "error", 1, 7]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "unit", "attributes", "0", "1", "9", "x"]), inner, max_size=4),
    ),
    max_leaves=8,
)
FIELDS = [
    "type",
    "group",
    "id",
    "series",
    "values",
    "changed",
    "times",
    "time",
    "offset",
    "epoch",
    "interval",
    "from",
    "to",
    "why",
]


@given(st.lists(st.dictionaries(st.sampled_from([*FIELDS, "message", "code", "temporary"]), anything), max_size=4))
def test_no_message_makes_the_client_fail_otherwise_than_by_name(messages: list[dict[str, Any]]) -> None:
    shown(*(json.dumps(message) for message in messages))


@given(st.data(), st.sampled_from(["data", "snapshot"]))
def test_no_reading_makes_the_client_fail_otherwise_than_by_name(data: st.DataObject, kind: str) -> None:
    names = data.draw(st.lists(st.fixed_dictionaries({"name": st.text(), "unit": st.text()}), max_size=3))
    series = [{**one, "attributes": {"a": str(at)}} for at, one in enumerate(names)]
    values = data.draw(st.one_of(anything, st.lists(anything, min_size=len(series), max_size=len(series))))
    message: dict[str, Any] = {"type": kind, "group": 7, "offset": 5, "time": 7, "values": values}
    if kind == "snapshot":
        columns = [[value] for value in values] if isinstance(values, list) else values
        message |= {"series": series, "times": [7], "values": columns}
    shown(json.dumps({"type": "series", "group": 7, "series": series}), json.dumps(message))


def shown(*texts: str) -> None:
    """Let a client read these and show them in both of its ways."""
    feed = following()
    lines, table = io.StringIO(), LiveTable(Console(file=io.StringIO()))
    with suppress(ClientError, LostError):
        for event in (event for text in texts for event in feed.receive(text)):
            for sink in (JsonLines(lines, io.StringIO()), table):
                if isinstance(event, News):
                    for gap in event.item.gaps:
                        sink.gap(gap)
                    sink.tick(event.item)
            table.idle()
    for line in lines.getvalue().splitlines():
        json.loads(line, parse_constant=pytest.fail)  # NaN is no JSON


def test_no_count_grows_too_long_to_be_written() -> None:
    endless = json.dumps({"type": "gap", "group": 7, "from": 0, "to": 10**4299, "why": "restart"})
    with pytest.raises(ClientError, match="does not follow"):
        following().receive(endless)
    most = json.dumps({"type": "gap", "group": 7, "from": -WHOLE_MAX, "to": WHOLE_MAX, "why": "restart"})
    shown(*[most] * 50)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"type":' * 50_000, "9" * 5000, "\ud800", "NaN"])
def test_what_cannot_be_parsed_breaks_the_contract(text: str) -> None:
    with pytest.raises(ClientError, match="does not follow") as told:
        following().receive(text)
    assert str(told.value).isprintable()


@pytest.mark.parametrize("after_ms", [-5, 1e300, 10**400, "soon", None])
def test_a_server_that_leaves_is_not_waited_for_for_ever(after_ms: object) -> None:
    (bye,) = Protocol().receive(json.dumps({"type": "bye", "code": 1, "reconnect_after_ms": after_ms}))
    assert isinstance(bye, Bye)
    assert bye.reconnect_after_s is None or 0 <= bye.reconnect_after_s <= 300


def test_an_interrupt_ends_tail_quietly(tmp_path: Path) -> None:
    with fake_server(stay) as fake:
        process = start("tail", "x", "--url", fake.url, cwd=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    assert all(map(json.loads, out.splitlines()))  # whole lines, of what has come meanwhile


def test_a_reader_that_leaves_ends_tail_quietly(tmp_path: Path) -> None:
    with fake_server(stream) as fake:
        process = start("tail", "x", "--url", fake.url, cwd=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with fake_server(stream) as fake, Path("/dev/full").open("w") as full:
        process = start("tail", "x", "--url", fake.url, cwd=tmp_path, stdout=full.fileno())
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (
        1,
        "vitalcast: error: standard output cannot be written: No space left on device\n",
    )


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
    drawn, _, left = text.rpartition("\x1b[?1049l")
    assert drawn.endswith("\x1b[?25h"), "the cursor is shown again"
    assert CPU_KEY in left, "what was seen last stays"


MANY = [{"name": "system.paging.faults.rate", "unit": "{fault}/s", "attributes": {"n": f"{n:03}"}} for n in range(200)]


def many(connection: ServerConnection) -> None:
    """Send ticks of more series than a terminal has lines, until the client goes."""
    ack(connection)
    for offset in count(10):
        message = {"offset": offset, "time": offset * 1000, "values": [[n] for n in range(200)]}
        send(connection, type="snapshot", group=7, series=MANY, times=[offset * 1000], **message)
        with suppress(TimeoutError):
            connection.recv(timeout=0.1)


def test_tail_leaves_the_terminal_as_it_was_when_it_is_told_to_end(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    with fake_server(stay) as fake:
        shown = terminal("tail", "x", "--url", fake.url, cwd=tmp_path)
        shown.read_until("s old")
        shown.process.send_signal(signal.SIGTERM)
        text = shown.read_all()
        assert shown.process.wait(TIMEOUT_S) == 128 + signal.SIGTERM
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1


def drawn_in(count: int, *words: str) -> Callable[[list[str]], bool]:
    """Whether a screen of so many lines shows all of these."""
    return lambda lines: len(lines) == count and all(one in "".join(lines) for one in words)


def test_tail_shows_its_status_in_a_terminal_of_any_size(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    with fake_server(many) as fake:
        shown = terminal("tail", "x", "--url", fake.url, cwd=tmp_path, size=(80, 24))
        lines = shown.read_until_screen(drawn_in(24, "live", " more"))
        assert any(re.fullmatch(r"… 1\d\d more", line) for line in lines)
        shown.resize(20, 5)
        lines = shown.read_until_screen(drawn_in(5, "live", " more"))
        assert all(len(line) <= 20 for line in lines)
        shown.resize(100, 300)
        shown.read_until_screen(drawn_in(300, "live", 'n="199"'))
        shown.process.send_signal(signal.SIGINT)
        shown.read_all()
        assert shown.process.wait(TIMEOUT_S) == 0


def test_tail_says_that_its_server_is_silent_and_that_it_is_back(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    often = ("--interval", "0.2")
    with running() as server:
        shown = terminal("tail", "system.>", *often, "--url", server.ws_url, cwd=tmp_path, size=(80, 24))
        piped = start("tail", "system.load.>", *often, "--url", server.ws_url, cwd=tmp_path)
        assert piped.stdout is not None
        assert piped.stderr is not None
        shown.read_until_screen(lambda lines: "live" in "".join(lines))
        assert piped.stdout.readline()
        server.signal(signal.SIGSTOP)
        shown.read_until_screen(lambda lines: "stale: the server is silent" in "".join(lines[-2:]))
        assert piped.stderr.readline() == "vitalcast: stale: the server is silent\n"
        server.signal(signal.SIGCONT)
        shown.read_until_screen(lambda lines: "live" in "".join(lines[-2:]))
        assert piped.stderr.readline() == "vitalcast: live\n"
        server.kill()
        shown.read_until_screen(lambda lines: "trying again in" in "".join(lines[-2:]))
        assert "trying again in" in piped.stderr.readline()
        piped.send_signal(signal.SIGINT)
        shown.process.send_signal(signal.SIGINT)
        shown.read_all()
        _, errors = piped.communicate(timeout=TIMEOUT_S)
    assert (shown.process.wait(TIMEOUT_S), piped.returncode) == (0, 0)
    assert all(line.startswith("vitalcast: ") for line in errors.splitlines())


def test_ticks_of_the_past_are_no_reason_to_be_called_silent_or_live() -> None:
    """The server's clock is set back and ahead; what counts is when ticks come."""
    now_s = 0.0

    def turn(connection: ServerConnection) -> None:
        opening(connection)
        for offset, time in enumerate((3_600_000, 5, 9), 11):
            send(connection, type="data", group=7, offset=offset, time=time, values=[0.5, 3])
        connection.recv()

    class Waiting(Recorder):
        def idle(self) -> None:
            nonlocal now_s
            now_s += 3.0
            if len(self.statuses) == 2:
                raise KeyboardInterrupt

    sink = Waiting()
    with fake_server(turn) as fake, pytest.raises(KeyboardInterrupt):
        follow_url(fake.url, sink, "x", monotonic=lambda: now_s)
    assert sink.events == [10, 11, 12, 13]
    assert sink.statuses == ["live", "stale: the server is silent"]
    assert now_s == 9.0
