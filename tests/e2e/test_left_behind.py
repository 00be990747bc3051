"""What commands read of the files that a server has left, however it ended, and that they leave no trace there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.command import TIMEOUT_S, run
from tests.e2e.server import Server

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(
        env={
            "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
            "VITALCAST_HISTORY__FLUSH_S": "0.5",
            "VITALCAST_RECORDER__INTERVAL_S": "1",
        }
    )
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(server.data_folder))

    return command


def content(folder: Path) -> dict[str, str]:
    """Return what each file of a history is: its content, and when it was written."""
    return {
        path.name: f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns} {path.stat().st_ino}"
        for path in sorted(folder.glob("history.db*"))
    }


def fill(server: Server, command: Command) -> None:
    """Have a mark, and half a minute's worth of ticks and processes, put down."""
    assert command("mark", "before the end").returncode == 0
    deadline_s = time.monotonic() + TIMEOUT_S
    while seconds_kept(server) < 6:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def seconds_kept(server: Server) -> int:
    asked = "metrics=system.load.average&start=-1m&step=1"
    with urlopen(f"{server.url}/api/v1/history?{asked}", timeout=TIMEOUT_S) as answer:
        return len(json.load(answer)["times"])


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_what_is_left_is_read_and_stays_as_it_is(server: Server, command: Command, killed: bool) -> None:
    fill(server, command)
    alive = command("history", "system.load.average", "--since", "-1m")
    assert alive.returncode == 0
    if killed:
        server.kill()
    else:
        server.stop()
    before = content(server.data_folder)
    assert any(name.endswith("-wal") for name in before) == killed

    left = command("history", "system.load.average", "--since", "-2m")
    assert (left.returncode, left.stderr) == (0, "")
    assert [line.split("\t")[0] for line in left.stdout.splitlines()] == [
        line.split("\t")[0] for line in alive.stdout.splitlines()
    ]
    marks = command("events", "--kind", "mark", "--json")
    assert [json.loads(line)["title"] for line in marks.stdout.splitlines()] == ["before the end"]
    who = command("who", "--since", "-2m", "--json")
    assert json.loads(who.stdout)["rows"]
    checked = command("check")
    assert "history: samples as they came: since 2" in checked.stderr
    assert content(server.data_folder) == before

    server.start()  # which goes on where it was
    assert "history" not in server.errors()
    again = command("history", "system.load.average", "--since", "-2m", "--csv", "--step", "1s")
    assert again.returncode == 0


def test_where_there_is_no_history_it_says_so(tmp_path: Path) -> None:
    for arguments in (("history", "system.load.average"), ("who",), ("events",)):
        done = run(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert "no server of this user runs, and none has left a history; start one with `vitalcast`" in done.stderr


def test_a_file_that_a_server_has_is_left_to_it(server: Server, command: Command) -> None:
    for socket in (server.data_folder / "servers").iterdir():
        socket.unlink()  # so that the command does not find it
    done = command("history", "system.load.average")
    assert done.returncode == 1
    assert f"is in use by process {server.pid}; ask that server, by its --config or --url" in done.stderr
    assert f"is in use by process {server.pid}" in command("check").stderr


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are notes, and no history at all\n" * 20)
    done = run("history", "system.load.average", cwd=tmp_path, VITALCAST_HISTORY__PATH="notes.txt")
    assert done.returncode == 2
    assert "notes.txt is not a Vitalcast history" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_how_far_a_new_history_will_reach(tmp_path: Path) -> None:
    said = run("check", cwd=tmp_path).stderr
    assert "history: 0 of 512 MiB in " in said
    assert "history: samples as they came: nothing yet, with room for about " in said
    assert "history: by 1 h: nothing yet, with room for about " in said
    assert run("check", cwd=tmp_path, VITALCAST_HISTORY__ENABLED="false").stderr.startswith("history: off; only")


def test_check_asks_the_running_server(server: Server, command: Command) -> None:
    fill(server, command)
    said = command("check").stderr
    assert f"MiB in {server.data_folder}" in said
    assert "history: samples as they came: since 2" in said
    assert "history: events: since 2" in said
