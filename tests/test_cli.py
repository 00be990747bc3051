"""The command line as it is run: real processes, their output, their exit codes."""

from __future__ import annotations

import codecs
import io
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from vitalcast import __version__, cli, config, tail
from vitalcast.core import aggregate, protocol
from vitalcast.settings import FIELDS, LogLevel

Turn = Callable[[ServerConnection], None]
TIMEOUT_S = 30  # only so that a failure ends

CPU = {"name": "system.cpu.utilization", "unit": "1", "attributes": {"cpu.mode": "user"}}
MEMORY = {"name": "system.memory.usage", "unit": "By", "attributes": {}}
CPU_KEY = 'system.cpu.utilization{cpu.mode="user"}'


def environment(**variables: str) -> dict[str, str]:
    """The tests' own environment without settings in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALCAST_")}
    return kept | variables


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vitalcast", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(XDG_CONFIG_HOME=str(cwd), **variables),
        timeout=TIMEOUT_S,
        check=False,
    )


def start(*arguments: str, cwd: Path, stdout: int = subprocess.PIPE, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitalcast", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(COLUMNS="120", LINES="30", TERM="xterm", XDG_CONFIG_HOME=str(cwd), **variables),
    )


# --- serve and check ---------------------------------------------------------------------------------------


def test_version_is_printed_by_the_module_and_by_the_script(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout == f"vitalcast {__version__}\n"
    script = Path(sys.executable).with_name("vitalcast")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"vitalcast {__version__}\n"


def test_version_needs_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "vitalcast", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert not imported & {"fastapi", "uvicorn", "numpy", "pydantic", "rich", "websockets", "psutil", "asyncio"}


@pytest.mark.parametrize("command", [(), ("check",), ("tail",)])
def test_help_is_shown(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage: vitalcast" in done.stdout


@pytest.mark.parametrize("flag", config.FLAGS.values())
def test_every_flag_that_errors_name_is_an_option(tmp_path: Path, flag: str) -> None:
    assert f"  {flag}" in run("--help", cwd=tmp_path).stdout
    assert f"  {flag}" in run("check", "--help", cwd=tmp_path).stdout


def test_log_levels_are_those_of_the_setting() -> None:
    literal, _ = get_args(get_type_hints(cli.check)["log_level"])
    assert get_args(literal) == get_args(LogLevel)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prot", "1"), "No such option: --prot"),
        (("--port", "x"), "Invalid value for '--port'"),
        (("--log-level", "loud"), "Invalid value for '--log-level'"),
        (("serve",), "No such command 'serve'"),
        (("--port", "1", "check"), "Options of the server do not apply before 'check'."),
        (("--open", "tail", "x"), "Options of the server do not apply before 'tail'."),
        (("tail",), "Missing argument"),
        (("tail", "x", "--count", "0"), "Invalid value for '--count'"),
        (("tail", "x", "--interval", "0.01"), "Invalid value for '--interval'"),
        (("tail", "x", "--aggregate", "median"), "Invalid value for '--aggregate'"),
        (("tail", "x", "--url", "localhost"), "Invalid value for --url: 'localhost' is not a WebSocket address"),
    ],
)
def test_misuse_exits_with_2_and_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", [(), ("check",)])
def test_wrong_settings_are_lines_on_stderr_and_exit_code_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "config.toml").write_text("[server]\nprot = 1\n[limits]\nstreams = 0\n", encoding="utf-8")
    done = run(*command, "--port", "70000", cwd=tmp_path, VITALCAST_PORT="1")
    assert done.returncode == 2
    assert done.stdout == ""
    file = tmp_path / "config.toml"
    assert done.stderr.splitlines() == [
        f"vitalcast: error: server.prot: unknown key in {file}; did you mean server.port?",
        "vitalcast: error: VITALCAST_PORT: unknown environment variable; did you mean VITALCAST_SERVER__PORT?",
        "vitalcast: error: server.port: 70000 from --port is not valid; give a whole number from 0 to 65535",
        f"vitalcast: error: limits.streams: 0 from {file} is not valid; give a whole number from 1 to 10000",
    ]


@pytest.mark.parametrize("command", [(), ("check",)])
def test_another_address_than_loopback_is_refused_without_no_auth(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith('vitalcast: error: server.host: "0.0.0.0" can be reached from other machines')
    assert "bind 127.0.0.1, or say --no-auth" in line


def test_a_missing_config_file_is_an_error(tmp_path: Path) -> None:
    done = run("check", "--config", "no.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == ("vitalcast: error: --config: no.toml does not exist; give the path of a TOML file\n")


def test_check_prints_every_key_with_its_value_and_origin(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[server]\nallowed_hosts = ["a.example"]\n', encoding="utf-8")
    done = run(
        *("check", "--config", "a.toml", "--interval", "2", "--no-auth", "--log-level", "info"),
        cwd=tmp_path,
        VITALCAST_RING__WINDOW_S="60",
    )
    assert done.returncode == 0
    assert done.stderr == ""
    rows = {key: (value, origin) for key, value, origin in (line.split("\t") for line in done.stdout.splitlines())}
    assert list(rows) == list(FIELDS)
    assert rows["server.port"] == ("8000", "default")
    assert rows["server.allowed_hosts"] == ('["a.example"]', "a.toml")
    assert rows["sampler.interval_s"] == ("2.0", "--interval")
    assert rows["server.no_auth"] == ("true", "--no-auth")
    assert rows["server.log_level"] == ('"info"', "--log-level")
    assert rows["ring.window_s"] == ("60", "environment variable VITALCAST_RING__WINDOW_S")


def test_check_knows_the_names_of_collectors(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path, VITALCAST_COLLECTORS__DISABLED="cpus")
    assert done.returncode == 2
    assert done.stderr.startswith("vitalcast: error: collectors.disabled: unknown name 'cpus'; known: cpu, ")
    assert run("check", cwd=tmp_path, VITALCAST_COLLECTORS__DISABLED="cpu").returncode == 0


def test_serving_says_where_and_an_interrupt_ends_it_with_0(tmp_path: Path) -> None:
    process = start("--port", "0", cwd=tmp_path)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"Vitalcast is live on http://127\.0\.0\.1:\d+/ .*\n", line)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_an_error_with_its_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"vitalcast: error: server.port: {port} on 127.0.0.1 is taken")


def test_open_shows_the_page_in_the_browser_once_it_is_served(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    process = start("--port", "0", "--open", cwd=tmp_path, BROWSER=str(browser))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert f" {opened.read_text(encoding='utf-8')} " in line


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self._master, slave = pty.openpty()
        self.process = start(*arguments, cwd=cwd, stdout=slave)
        os.close(slave)
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character

    def read_until(self, wanted: str) -> None:
        while wanted not in self.text:
            self.text += self._read()

    def read_all(self) -> str:
        """Read to the end of the process."""
        try:
            while True:
                self.text += self._read()
        except OSError:  # Linux gives EIO where the other end of a terminal is closed
            return self.text

    def _read(self) -> str:
        ready, _, _ = select.select([self._master], [], [], TIMEOUT_S)
        assert ready, f"nothing more after {self.text[-200:]!r}"
        data = os.read(self._master, 65536)
        if not data:
            raise OSError("end of terminal")
        return self._decoder.decode(data)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, cwd: Path) -> Terminal:
        opened.append(Terminal(*arguments, cwd=cwd))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


def test_check_draws_a_table_in_a_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    shown = terminal("check", cwd=tmp_path)
    text = shown.read_all()
    assert shown.process.wait(TIMEOUT_S) == 0
    assert "setting" in text
    assert "│" in text
    assert "server.port" in text


# --- tail against a scripted server --------------------------------------------------------------------------


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
def fake_server(*turns: Turn, subprotocol: str | None = tail.SUBPROTOCOL) -> Iterator[FakeServer]:
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
    feed = tail.Feed(tail.Request(("x",)))
    with pytest.raises(tail.TailError, match="does not keep to"):
        feed.receive(text)


@given(
    st.dictionaries(
        st.sampled_from(["type", "series", "values", "changed", "times", "offset", "epoch", "recovered", "from"]),
        st.sampled_from(["ack", "snapshot", "data", "series", "gap", "bye", "error", 1, -1, None, [], {}, [1], [[]]]),
    )
)
def test_no_message_makes_the_client_fail_otherwise_than_by_name(message: dict[str, Any]) -> None:
    feed = tail.Feed(tail.Request(("x",)))
    with suppress(tail.TailError):
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

    def tick(self, tick: tail.Tick) -> None:
        self.events.append(tick.offset)

    def gap(self, gap: tail.Gap) -> None:
        self.events.append(gap)

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def idle(self) -> None:
        pass


def follow(fake: FakeServer, *, count: int, backfill_s: float | None = None) -> tuple[Recorder, list[float]]:
    sink, pauses = Recorder(), list[float]()
    tail.follow(
        fake.url,
        tail.Request(("x",), backfill_s=backfill_s),
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
    assert sink.events == [10, 11, tail.Gap(12, 899, "expired"), 900]


def test_a_restarted_server_leaves_a_gap_without_bounds_and_the_backfill_is_asked_again() -> None:
    def again(connection: ServerConnection) -> None:
        ack(connection, epoch="e2", offset=2)
        snapshot(connection, times=(2000,), offset=2)
        connection.recv()

    with fake_server(dropped, again) as fake:
        sink, _ = follow(fake, count=3, backfill_s=60)
    assert sink.events == [10, 11, tail.Gap(None, None, "restart"), 2]
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

    with fake_server(turn) as fake, pytest.raises(tail.TailError, match="closed with 4507 denied"):
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
    assert tail.SUBPROTOCOL == protocol.SUBPROTOCOL
    assert [one.value for one in cli.Aggregate] == [one.value for one in aggregate.Aggregate]
    assert all(
        (code >= tail.STAY_AWAY_FROM)
        == (code.name in {"BAD_TOKEN", "NOT_THE_PROTOCOL", "TOO_MANY_CONNECTIONS", "DENIED", "REVOKED"})
        for code in protocol.CloseCode
    )


def test_a_feed_sends_commands_that_the_server_accepts() -> None:
    request = tail.Request(("system.>",), 2.0, ("avg", "max"), 60.0)
    feed = tail.Feed(request)
    command = protocol.parse_command(json.loads(feed.subscribe()))
    assert isinstance(command, protocol.Subscribe)
    assert (command.interval, command.backfill, command.aggregate) == (2.0, 60.0, ["avg", "max"])


def test_several_aggregates_have_keys_of_their_own() -> None:
    feed = tail.Feed(tail.Request(("x",), aggregates=("avg", "max")))
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
    assert isinstance(tick, tail.Tick)
    assert [column.key for column in tick.columns] == ["avg(system.memory.usage)", "max(system.memory.usage)"]
    assert tick.values == (1, 2)


def test_a_changed_list_of_series_starts_without_readings() -> None:
    feed = tail.Feed(tail.Request(("x",)))
    assert feed.receive(json.dumps({"type": "series", "group": 1, "series": [CPU, MEMORY]})) == []
    (tick,) = feed.receive('{"type":"data","group":1,"offset":2,"time":5,"changed":{"1":7}}')
    assert isinstance(tick, tail.Tick)
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
    assert tail.socket_url(url) == expected


@pytest.mark.parametrize("url", ["", "h:1", "ftp://h/", "ws://", "ws://h:x/", "ws://h:99999/", "ws://[::1/"])
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not a WebSocket address"):
        tail.socket_url(url)


@pytest.mark.parametrize(
    ("value", "name", "unit", "expected"),
    [
        (None, "x", "By", "–"),
        (0.314, "system.cpu.utilization", "1", "31.4 %"),
        (3.0, "x.ratio", "1", "3"),
        (0, "x", "By", "0 B"),
        (1536, "x", "By", "1.5 KiB"),
        (3 * 2**30, "x", "By", "3.0 GiB"),
        (5 * 2**50, "x", "By", "5120.0 TiB"),
        (2048, "x", "By/s", "2.0 KiB/s"),
        (12, "x", "{operation}/s", "12/s"),
        (1.25, "x", "{thread}", "1.25"),
        (123456, "x", "{thread}", "123,456"),
        (41.5, "x", "Cel", "41.5 °C"),
        (0.0125, "x", "s", "0.0125 s"),
        (2_400_000_000, "x", "Hz", "2,400,000,000 Hz"),
    ],
)
def test_values_are_shown_in_their_unit(value: float | None, name: str, unit: str, expected: str) -> None:
    assert tail.format_value(value, tail.Column(name, name, unit)) == expected


def test_a_sparkline_spans_least_to_greatest() -> None:
    assert tail.sparkline(deque([0, 0.5, 1])) == "▁▅█"
    assert tail.sparkline(deque([None, 2, None, 2])) == " ▁ ▁"
    assert tail.sparkline(deque([None])) == ""


def test_the_table_says_how_old_the_data_is_and_what_was_missed() -> None:
    now_s = [100.0]
    console = Console(file=io.StringIO(), force_terminal=False, width=120)
    table = tail.LiveTable(console, monotonic=lambda: now_s[0])
    table.tick(tail.Tick(0, None, (tail.Column("m[/]", "m", "1"),), (1.0,)))
    table.gap(tail.Gap(3, 5, "slow"))
    table.status("live")
    now_s[0] = 112.5
    console.print(table.picture())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "live · 12.5 s old · 3 ticks not delivered, last cause: slow" in text
    assert "m[/]" in text
