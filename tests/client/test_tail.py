"""`vitalcast tail` against scripted servers and by its parts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import signal
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.command import TIMEOUT_S, Terminal, run, start
from tests.e2e.server import running
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from vitalcast.cli.live_table import LiveTable
from vitalcast.cli.tail_output import JsonLines
from vitalcast.client.address import socket_url
from vitalcast.client.backoff import Backoff
from vitalcast.client.follow import follow as follow_url
from vitalcast.client.link import Link, connector
from vitalcast.client.protocol import Bye, News, Protocol
from vitalcast.client.reading import WHOLE_MAX
from vitalcast.client.requests import subscription
from vitalcast.client.streams import MetricStream
from vitalcast.client.ticks import Gap, Tick
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.core.wire import commands, parsing
from vitalcast.errors import ClientError, LostError

Turn = Callable[[ServerConnection], None]

TLS = Path(__file__).parents[1] / "web" / "tls"
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
            send(connection, type="welcome", time=0)
            connection.asked = json.loads(connection.recv())
            self.commands.append(connection.asked)
            self._turns.popleft()(connection)
        except ConnectionClosed:
            pass


@contextmanager
def fake_server(
    *turns: Turn, subprotocol: str | None = SUBPROTOCOL, ssl: ssl.SSLContext | None = None
) -> Iterator[FakeServer]:
    fake = FakeServer("", list(turns))
    subprotocols = None if subprotocol is None else [Subprotocol(subprotocol)]
    server = serve(fake.handle, "127.0.0.1", 0, subprotocols=subprotocols, close_timeout=1, ssl=ssl)
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


def refuse(connection: ServerConnection, **error: Any) -> None:
    send(connection, type="error", id=connection.asked["id"], **error)


def ack(connection: ServerConnection, *, epoch: str = "e1", offset: int = 10, recovered: bool = False) -> None:
    send(
        connection,
        type="ack",
        id=connection.asked["id"],
        stream=connection.asked["stream"],
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


def opening(connection: ServerConnection, offset: int = 10) -> None:
    ack(connection, offset=offset)
    snapshot(connection, times=(offset * 1000,), offset=offset)


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


def following(*metrics: str, **fields: Any) -> Protocol:
    """Return a client that follows one stream, which has begun with a snapshot of nothing."""
    protocol = Protocol()
    protocol.add(MetricStream, {"metrics": list(metrics or ("x",)), **fields})
    protocol.connected()
    protocol.receive(json.dumps({"type": "ack", "id": 1, "group": 7, "epoch": "e", "offset": 1, "interval": 1.0}))
    protocol.receive(
        json.dumps({"type": "snapshot", "group": 7, "offset": 1, "time": 1, "series": [], "times": [], "values": []})
    )
    return protocol


def ticks_of(protocol: Protocol, text: str) -> list[Tick]:
    return [one.item for one in protocol.receive(text) if isinstance(one, News)]


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


# --- what keeps a connection from standing -----------------------------------------------------------------------


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """A server that answers each connection with the next of these bytes and closes it, the last again and again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        left = deque(answers)

        def serve() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    peer.recv(65536)
                    peer.sendall(left.popleft() if len(left) > 1 else left[0])
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def answer(status: str, body: str = "", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


DENIED = '{"error":{"code":403,"message":"origin \\u001b[2J is not allowed"}}'
ANSWERS = {
    "html": (answer("200 OK", "<!doctype html><h1>Hello"), "no WebSocket there (HTTP 200)"),
    "401": (answer("401 Unauthorized"), "the server refused the WebSocket with HTTP 401"),
    "403": (answer("403 Forbidden", DENIED), r"with HTTP 403: origin \x1b[2J is not allowed"),
    "421": (answer("421 Misdirected Request", "<html>"), "the server refused the WebSocket with HTTP 421"),
    "429": (answer("429 Too Many Requests", "", "Retry-After: 7"), "HTTP 429"),
    "503": (answer("503 Service Unavailable", "[1]"), "HTTP 503"),
    "nothing": (b"", "no WebSocket there ("),
    "cut": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso", "no WebSocket there ("),
    "garbage": (b"\x00\xff" * 5000, "no WebSocket there ("),
    "escapes": (b"\x1b[2J\x1b]0;pwned\x07 1 2\r\n\r\n", "no WebSocket there ("),
    "headers": (answer("200 OK", "", *["X: y"] * 5000), "no WebSocket there ("),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_vitalcast_is_told_in_one_line(kind: str) -> None:
    given, expected = ANSWERS[kind]
    with raw_server(given) as url, pytest.raises(ClientError) as told:
        follow_url(url, Recorder(), "x")
    line = str(told.value)
    assert expected in line
    assert line.isprintable()
    assert len(line) < 500


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://nowhere.invalid/ws", "cannot connect ("),
        ("ws://127.0.0.1:1/ws", "cannot connect (Connection refused)"),
    ],
)
def test_an_address_without_a_server_is_told_in_one_line(url: str, expected: str) -> None:
    with pytest.raises(ClientError) as told:
        follow_url(url, Recorder(), "x")
    assert expected in str(told.value)
    assert str(told.value).isprintable()


def test_a_server_without_https_is_told_in_one_line() -> None:
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises(ClientError, match="no HTTPS there"):
        follow_url(url.replace("ws:", "wss:"), Recorder(), "x")


def test_a_certificate_that_nobody_vouches_for_is_told_in_one_line() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    with fake_server(stay, ssl=context) as fake:
        url = fake.url.replace("ws:", "wss:")
        with pytest.raises(ClientError, match="the certificate is not valid"):
            follow_url(url, Recorder(), "x")
        follow_url(url, sink := Recorder(), "x", count=1, ssl=ssl.create_default_context(cafile=TLS / "cert.pem"))
        assert sink.events == [10]


def test_what_goes_wrong_while_it_comes_back_is_a_line_each(tmp_path: Path) -> None:
    """The library's own reports and their tracebacks are of no use to who follows."""
    key = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    def upgraded(request: bytes) -> bytes:
        asked = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
        assert asked is not None
        accept = base64.b64encode(hashlib.sha1(asked[1] + key).digest()).decode()
        head = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}")
        lines = ["HTTP/1.1 101 Switching Protocols", *head, f"Sec-WebSocket-Protocol: {SUBPROTOCOL}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + frame(1, b'{"type":"welcome","time":0}'.ljust(126))

    def frame(opcode: int, payload: bytes) -> bytes:
        return bytes([0x80 | opcode, 126]) + len(payload).to_bytes(2, "big") + payload

    texts = [
        {"type": "ack", "id": 1, "group": 7, "epoch": "e", "interval": 1.0},
        {"type": "snapshot", "group": 7, "offset": 1, "time": 5, "series": [MEMORY], "times": [5], "values": [[1]]},
    ]
    good = b"".join(frame(1, json.dumps(text).encode()) for text in texts)
    turns = [good, b"\xff" * 64, frame(8, b"\x0f\xa1\x1b[2J")]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"
        listening.settimeout(TIMEOUT_S)
        process = start("tail", "x", "--url", url, cwd=tmp_path)
        assert process.stderr is not None
        said: list[str] = []
        for turn in turns:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(upgraded(peer.recv(65536)))
                assert peer.recv(65536), "it subscribes"
                peer.sendall(turn)
                peer.shutdown(socket.SHUT_WR)
                # Beside a busy machine it may say before that nothing comes.
                while not (line := process.stderr.readline()).startswith("vitalcast: connection"):
                    assert line
                said.append(line)
        # By then the last line is out: an interrupt in the midst of writing it would have it written again at the end.
        peer, _ = listening.accept()
        with peer:
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, rest) == (0, "")
    assert all(re.fullmatch(r"vitalcast: connection .*; trying again in \d\.\d s\n", line) for line in said), said
    assert r"closed with 4001 \x1b[2J" in said[-1]


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
