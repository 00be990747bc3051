"""Commands and the server where the standard streams are closed, full or of a poor encoding: real processes."""

from __future__ import annotations

import errno
import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.command import TIMEOUT_S, Terminal, environment, run, run_program

from vitalcast.cli.output import LIKE
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

VITALCAST = f"{shlex.quote(sys.executable)} -m vitalcast"
NO_SPACE, CLOSED = os.strerror(errno.ENOSPC), os.strerror(errno.EBADF)
TOKEN = "token create --scope view"


def shell(command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which `vitalcast` is this checkout's."""
    line = f"set -o pipefail; {command.replace('vitalcast', VITALCAST, 1)}"
    return run_program("bash", "-c", line, cwd=cwd, **variables)


# --- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "streams", "why"),
    [
        ("--help", ">/dev/full", NO_SPACE),
        ("--version", ">&-", CLOSED),
        ("check", ">/dev/full", NO_SPACE),
        ("check", "<&- >&-", CLOSED),
    ],
)
def test_what_cannot_be_written_is_one_line_and_no_success(
    tmp_path: Path, command: str, streams: str, why: str
) -> None:
    done = shell(f"vitalcast {command} {streams}", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"vitalcast: error: standard output cannot be written: {why}\n"


def test_a_reader_that_has_gone_is_one_line_and_no_success(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as nobody_reads:
        done = subprocess.run(
            [sys.executable, "-m", "vitalcast", "check"],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)),
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"vitalcast: error: standard output cannot be written: {os.strerror(errno.EPIPE)}\n"


def test_a_token_that_nobody_has_seen_is_revoked(tmp_path: Path) -> None:
    done = shell(f"vitalcast {TOKEN} >/dev/full", tmp_path)
    assert done.returncode == 1
    revoked, error = done.stderr.splitlines()[-2:]
    assert error == f"vitalcast: error: standard output cannot be written: {NO_SPACE}"
    access = open_access(Settings(access=AccessSettings(data_dir=str(tmp_path / "vitalcast"))))
    (record,) = access.records()
    assert revoked == f"vitalcast: {record.id} is revoked, since nobody has seen it"
    assert record.revoked_ms is not None
    assert not access.required  # so that the next start does not ask everybody for what nobody has
    access.close()


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-"])
def test_a_command_does_without_standard_error(tmp_path: Path, streams: str) -> None:
    done = shell(f"vitalcast {TOKEN} {streams}", tmp_path)
    assert done.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)


POOR = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "TERM": "dumb"}


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A folder in which a panel and a token have names that are not ASCII."""
    (tmp_path / "config.toml").write_text(
        '[[panels]]\nid = "a"\ntitle = "Gerät ☃"\nmetrics = ["system.cpu.>"]\n', encoding="utf-8"
    )
    access = open_access(Settings(access=AccessSettings(data_dir=str(tmp_path / "vitalcast"))))
    access.mint(Scope.VIEW, name="Gerät ☃")
    access.close()
    return tmp_path


def beside_history(said: str) -> list[str]:
    """Return the lines beside those in which `check` says how far the history reaches."""
    return [line for line in said.splitlines() if not line.startswith("history: ")]


@pytest.mark.parametrize("command", [("check",), ("token", "list")])
def test_a_pipe_without_the_characters_gets_them_escaped(named: Path, command: tuple[str, ...]) -> None:
    done = run(*command, cwd=named, **POOR)
    assert (done.returncode, beside_history(done.stderr)) == (0, [])
    assert r"Ger\xe4t \u2603" in done.stdout


@pytest.mark.parametrize("command", [("check",), ("token", "list")])
def test_a_terminal_without_the_characters_gets_a_table_of_others(named: Path, command: tuple[str, ...]) -> None:
    terminal = Terminal(*command, cwd=named, **POOR)
    try:
        text = terminal.read_all()
        assert terminal.process.wait(TIMEOUT_S) == 0
    finally:
        terminal.close()
    assert text.isascii()
    assert "Ger?t ?" in text


def test_what_we_draw_with_becomes_something_like_it_in_such_a_terminal() -> None:
    assert "a · ▁▄█ – 5\u00a0% ☃".encode("ascii", LIKE) == b"a - _:# - 5 % ?"


@pytest.mark.parametrize("columns", ["1", "0", "-5", "x"])
def test_a_terminal_may_have_any_width(named: Path, columns: str) -> None:
    terminal = Terminal("token", "list", cwd=named, COLUMNS=columns)
    try:
        text = terminal.read_all()
        assert terminal.process.wait(TIMEOUT_S) == 0
    finally:
        terminal.close()
    assert "Traceback" not in text


def test_a_command_runs_where_the_working_folder_was_removed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f"cd {gone} && rmdir {gone} && vitalcast check", tmp_path)
    assert (done.returncode, beside_history(done.stderr)) == (0, [])
    assert "server.port\t8000\tdefault\n" in done.stdout


# --- the server ----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask(port: int, host: str = "127.0.0.1") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def serving(streams: str, cwd: Path, *, before: str = "") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve with these redirections until the block ends; a server without output is known by its answers."""
    port = free_port()
    process = subprocess.Popen(
        ["bash", "-c", f"{before} exec {VITALCAST} --port {port} --log-level debug {streams}"],
        cwd=cwd,
        env=environment(XDG_CONFIG_HOME=str(cwd.parent), XDG_DATA_HOME=str(cwd.parent)),
    )
    try:
        pause, deadline_s = threading.Event(), time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            try:
                ask(port)
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                pause.wait(0.05)
        yield process, port
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "streams",
    [">/dev/full 2>/dev/full", "<&- >&- 2>&-", "> >(exec true) 2> >(exec true)"],
    ids=["full", "closed", "gone"],
)
def test_the_server_goes_on_without_its_streams(tmp_path: Path, streams: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with serving(streams, folder) as (process, port):
        for number in range(3):
            assert ask(port, f"evil{number}.example") == 421  # each of which it would log
        assert ask(port) == 200
        # Were a standard descriptor left closed, the next file or socket would get its number, and what is printed.
        standard = [str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)]
        assert all(name.startswith(("/dev/", "pipe:")) for name in standard)
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_the_server_starts_where_the_working_folder_was_removed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with serving(f">{tmp_path}/out 2>&1", gone, before=f"rmdir {gone} &&") as (process, port):
        assert ask(port) == 200
        assert not gone.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
    assert "Traceback" not in (tmp_path / "out").read_text(encoding="utf-8")
