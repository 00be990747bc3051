"""`vitalcast mark` and `vitalcast events` as they are run, against real servers, and without any."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import TIMEOUT_S, Terminal, run, start
from tests.e2e.server import Server

from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

SECRET = "hunter2"


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server(env={"VITALCAST_SAMPLER__INTERVAL_S": "0.2"})
    try:
        yield one.start()
    finally:
        one.close()


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    """Run a command of the server's user, in another folder."""

    def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(server.data_folder), **variables)

    return command


def marks(command: Command) -> list[dict[str, Any]]:
    done = command("events", "--kind", "mark", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_mark_is_kept_by_socket_and_by_address(server: Server, command: Command) -> None:
    before_ms = time.time_ns() // 1_000_000
    done = command("mark", "deploy 1.4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "marked: deploy 1.4\n")
    assert command("mark", "it broke", "--severity", "critical", "--at", "-5m", "--url", server.url).returncode == 0
    broke, deploy = sorted(marks(command), key=lambda one: int(one["time"]))
    assert (deploy["title"], deploy["severity"], deploy["end"]) == ("deploy 1.4", "info", None)
    assert before_ms <= deploy["time"] <= time.time_ns() // 1_000_000
    assert (broke["title"], broke["severity"]) == ("it broke", "critical")
    assert abs(broke["time"] - (before_ms - 300_000)) < 60_000
    listed = command("events", "--severity", "critical", "--kind", "mark", "--url", server.url)
    assert [line.split("\t")[2:] for line in listed.stdout.splitlines()] == [["mark", "critical", "it broke"]]
    one = command("events", "--kind", "mark", "--limit", "1")
    assert one.stdout.endswith("deploy 1.4\n")
    assert one.stderr == "vitalcast: these are the newest 1; --limit shows more\n"
    none = command("events", "--since", "-2s", "--kind", "oom_kill")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "vitalcast: there were no such events\n")


def test_a_command_is_marked_for_as_long_as_it_runs(command: Command) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = command("mark", "backup", "--", sys.executable, "-c", script, "--password", SECRET, "--url", "x")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    (mark,) = marks(command)
    assert mark["title"] == "backup"
    assert mark["end"] > mark["time"]
    assert mark["attributes"] == {"exit_code": 3}
    assert SECRET not in json.dumps(mark)


@pytest.mark.parametrize(
    ("run_", "code", "said"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["sh", "-c", "kill -TERM $$"], 143, ""),
        (["there-is-no-such-command"], 127, "vitalcast: error: there-is-no-such-command: there is no such command\n"),
        (["/"], 126, "vitalcast: error: /: Permission denied\n"),
    ],
)
def test_without_a_server_a_command_runs_all_the_same(tmp_path: Path, run_: list[str], code: int, said: str) -> None:
    done = run("mark", "backup", "--", *run_, cwd=tmp_path)
    assert done.returncode == code
    warning = f"{said}vitalcast: warning: the mark was not kept: no server of this user runs with the data folder"
    assert done.stderr.startswith(warning)


def test_without_a_server_a_moment_is_not_marked_and_nothing_is_listed(tmp_path: Path) -> None:
    done = run("mark", "deploy", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vitalcast: error: no server of this user runs with the data folder ")
    refused = run("events", "--url", "http://127.0.0.1:9", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("vitalcast: error: http://127.0.0.1:9: cannot connect (Connection refused); start")


def test_a_server_that_comes_while_a_command_runs_is_told_of_all_of_it(server: Server, tmp_path: Path) -> None:
    server.stop()
    ready, go = tmp_path / "ready", tmp_path / "go"
    script = f"touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done"
    folder = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    before_ms = time.time_ns() // 1_000_000
    marked = start("mark", "backup", "--", "sh", "-c", script, cwd=tmp_path, **folder)
    wait_for(ready.exists)
    since_ms = time.time_ns() // 1_000_000
    server.start()
    go.touch()
    _, said = marked.communicate(timeout=TIMEOUT_S)
    assert (marked.returncode, said) == (0, "")
    (mark,) = marks(lambda *arguments: run(*arguments, cwd=tmp_path, **folder))
    assert before_ms <= mark["time"] <= since_ms < mark["end"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on_to_the_command(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo got {name}; exit 5' {name}; touch {ready}; while :; do sleep 0.05; done"
    marked = start("mark", "backup", "--", "sh", "-c", script, cwd=tmp_path)
    wait_for(ready.exists)
    marked.send_signal(number)
    out, _ = marked.communicate(timeout=TIMEOUT_S)
    assert (marked.returncode, out) == (5, f"got {name}\n")


def test_what_is_followed_comes_within_seconds_and_ends_with_its_reader(
    server: Server, command: Command, tmp_path: Path
) -> None:
    folder = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    command("mark", "before")
    following = start("events", "--follow", "--kind", "mark", "--json", cwd=tmp_path, **folder)
    assert following.stdout is not None
    assert json.loads(following.stdout.readline())["title"] == "before"
    command("mark", "after", "--", "true")
    told = [json.loads(following.stdout.readline())]
    while told[-1]["end"] is None:  # begun, then ended: both are told where they were apart
        told.append(json.loads(following.stdout.readline()))
    assert {one["title"] for one in told} == {"after"}
    following.stdout.close()
    command("mark", "nobody reads this")
    assert following.wait(TIMEOUT_S) == 0
    assert following.stderr is not None
    assert following.stderr.read() == ""
    following.stderr.close()


@pytest.mark.parametrize("by_address", [True, False])
def test_what_is_followed_goes_on_after_the_server_was_killed(
    server: Server, command: Command, tmp_path: Path, by_address: bool
) -> None:
    folder = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    where = ["--url", server.url] if by_address else []
    following = start("events", "-f", "--kind", "mark", *where, cwd=tmp_path, **folder)
    assert following.stdout is not None
    assert following.stderr is not None
    command("mark", "first")
    assert following.stdout.readline().endswith("first\n")
    server.kill()
    assert following.stderr.readline().endswith("; trying again\n")
    server.start()
    command("mark", "second")
    while not following.stdout.readline().endswith("second\n"):
        pass
    following.send_signal(signal.SIGINT)
    assert following.wait(TIMEOUT_S) == 0
    following.stdout.close()
    following.stderr.close()


def test_of_several_servers_one_must_be_chosen(server: Server, command: Command, tmp_path: Path) -> None:
    second = Server(env={"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)})
    (second.folder / "config.toml").write_text('[host]\nname = "second"\n')
    try:
        second.start()
        (tmp_path / "other.toml").write_text("")
        refused = command("mark", "x", "--config", "other.toml")
        assert refused.returncode == 1
        assert "several servers of this user run: " in refused.stderr
        assert server.url in refused.stderr
        assert second.url in refused.stderr
        config = str(second.folder / "config.toml")
        assert command("mark", "to the second", "--config", config).returncode == 0
        assert command("mark", "to the one that has none either").returncode == 0
        by_address = command("events", "--kind", "mark", "--url", second.url)
        assert by_address.stdout.endswith("to the second\n")
    finally:
        second.close()


def test_a_token_is_needed_from_afar_and_not_by_the_socket(server: Server, command: Command) -> None:
    settings = Settings.model_validate({"access": {"data_dir": str(server.data_folder)}})
    access = open_access(settings)
    token, _ = access.mint(Scope.VIEW)
    admin, _ = access.mint(Scope.ADMIN)
    access.close()
    server.stop()
    server.start()
    assert command("mark", "by the socket").returncode == 0
    refused = command("events", "--url", server.url)
    assert refused.returncode == 1
    assert "the server requires a token; create one" in refused.stderr
    assert command("events", "--url", server.url, VITALCAST_TOKEN=token).returncode == 0
    denied = command("mark", "x", "--url", server.url, "--token", token)
    assert (denied.returncode, "use a token of scope admin" in denied.stderr) == (1, True)
    assert command("mark", "x", "--url", server.url, VITALCAST_TOKEN=admin).returncode == 0


def test_in_a_terminal_events_are_lines_that_people_read(server: Server, command: Command, tmp_path: Path) -> None:
    command("mark", "it broke", "--severity", "critical")
    command("mark", "backup", "--", "sh", "-c", "exit 3")
    folder = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    terminal = Terminal("events", "--kind", "mark", cwd=tmp_path, size=(100, 30), **folder)
    try:
        text = terminal.read_all()
        assert terminal.process.wait(TIMEOUT_S) == 0
    finally:
        terminal.close()
    (line,) = [one for one in text.splitlines() if "backup" in one]
    assert "exit code 3)" in line
    (line,) = [one for one in text.splitlines() if "it broke" in one]
    assert re.sub(r"\x1b\[[0-9;]*m", "", line).split()[2:] == ["mark", "critical", "it", "broke"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mark"], "Missing argument 'TITLE'"),
        (["mark", "x" * 201, "--", "echo", "ran"], "give a string of 1 to 200 printable characters"),
        (["mark", "a\x1b[31m"], "give a string of 1 to 200 printable characters"),
        (["mark", "\udcff"], "give a string of 1 to 200 printable characters"),
        (["mark", "x", "--"], "there is no command after --"),
        (["mark", "x", "y"], "Got unexpected extra argument"),
        (["mark", "x", "--at", "02:00", "--", "true"], "a command is marked as it runs"),
        (["mark", "x", "--at", "2999-01-01"], "'2999-01-01' is yet to come"),
        (["mark", "x", "--at", "soon"], "'soon' is no time; give 02:00, yesterday 14:00"),
        (["mark", "x", "--url", "nowhere", "--", "true"], "nowhere is not a server's address"),
        (["events", "--since", "soon"], "'soon' is no time; give 02:00, yesterday 14:00"),
        (["events", "--since", "02:00", "--until", "03:00", "--follow"], "what is followed has no end"),
        (["events", "--kind", "party"], "'party' is not one of 'boot'"),
    ],
)
def test_misuse_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
