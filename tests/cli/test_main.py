"""The command line as it is run: real processes, their output, their exit codes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from tests.command import TIMEOUT_S, Terminal, run, start

from vitalcast import __version__
from vitalcast.cli import main as cli
from vitalcast.config import load as config
from vitalcast.config.schema import FIELDS
from vitalcast.config.types import LogLevel
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS


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
def test_help_is_shown_and_has_every_flag_that_errors_name(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage: vitalcast" in done.stdout
    if command != ("tail",):
        assert [flag for flag in config.FLAGS.values() if f"  {flag}" not in done.stdout] == []


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
        "vitalcast: error: server.port: 70000 from --port is not valid; give an integer from 0 to 65535",
        f"vitalcast: error: limits.streams: 0 from {file} is not valid; give an integer from 1 to 10000",
    ]


@pytest.mark.parametrize("command", [(), ("check",)])
def test_another_address_than_loopback_needs_a_token_or_no_auth(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith('vitalcast: error: server.host: "0.0.0.0" can be reached from other machines')
    assert "create a token with `vitalcast token create --scope view`, listen on 127.0.0.1, or use --no-auth" in line


def test_a_missing_config_file_is_an_error(tmp_path: Path) -> None:
    done = run("check", "--config", "no.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == ("vitalcast: error: --config: no.toml does not exist; give the path of a TOML file\n")


def warnings(said: str) -> list[str]:
    """Return the lines beside those that say how far the history reaches."""
    return [line for line in said.splitlines() if not line.startswith("history: ")]


def test_check_prints_every_key_with_its_value_and_origin(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[server]\nallowed_hosts = ["a.example"]\n', encoding="utf-8")
    done = run(
        *("check", "--config", "a.toml", "--interval", "2", "--no-auth", "--log-level", "info"),
        cwd=tmp_path,
        VITALCAST_MEMORY__WINDOW_S="60",
    )
    assert done.returncode == 0
    assert warnings(done.stderr) == []
    rows = {key: (value, origin) for key, value, origin in (line.split("\t") for line in done.stdout.splitlines())}
    playlists = [f"playlists.{playlist.id}" for playlist in BUILT_IN_PLAYLISTS]
    assert list(rows) == [*FIELDS, *(f"panels.{panel.id}" for panel in BUILT_IN), *playlists]
    assert rows["playlists.default"] == ('"Vital signs"', "default")
    assert rows["panels.disk-busy"] == ('"Disk busy"', "default")
    assert rows["server.port"] == ("8000", "default")
    assert rows["server.allowed_hosts"] == ('["a.example"]', "a.toml")
    assert rows["sampler.interval_s"] == ("2.0", "--interval")
    assert rows["server.no_auth"] == ("true", "--no-auth")
    assert rows["server.log_level"] == ('"info"', "--log-level")
    assert rows["memory.window_s"] == ("60", "environment variable VITALCAST_MEMORY__WINDOW_S")


def test_check_says_where_the_panels_came_from_and_that_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[panels]]\nid = "a"\ntitle = "My A"\nmetrics = ["hw.*"]\n', encoding="utf-8")
    (tmp_path / "none.toml").write_text("panels = []\nplaylists = []\n", encoding="utf-8")
    a, none = (run("check", "--config", f"{name}.toml", cwd=tmp_path).stdout.splitlines() for name in ("a", "none"))
    assert 'panels.a\t"My A"\ta.toml' in a
    assert none[-2:] == ["panels\t[]\tnone.toml", "playlists\t[]\tnone.toml"]


def test_check_knows_the_names_of_metrics(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        '[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.temprature"]\n', encoding="utf-8"
    )
    done = run("check", "--config", "a.toml", cwd=tmp_path)
    said = "panels[0] (a).metrics: 'hw.temprature' matches no metric; did you mean 'hw.temperature'?"
    assert (done.returncode, warnings(done.stderr)) == (0, [f"warning: {said}"])
    assert "panels.a\t" in done.stdout


def test_check_knows_the_names_of_collectors(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path, VITALCAST_COLLECTORS__DISABLED="cpus")
    assert done.returncode == 2
    assert done.stderr.startswith("vitalcast: error: collectors.disabled: unknown name 'cpus'; known: cpu, ")
    assert run("check", cwd=tmp_path, VITALCAST_COLLECTORS__DISABLED="cpu").returncode == 0


def test_check_knows_whether_another_machine_is_there(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path, VITALCAST_COLLECTORS__PROCFS="/host/proc")
    assert (done.returncode, done.stdout) == (2, "")
    said = "collectors.procfs: /host/proc does not exist; give the folder where it is mounted"
    assert done.stderr == f"vitalcast: error: {said}\n"
    assert run("check", cwd=tmp_path, VITALCAST_COLLECTORS__PROCFS=str(tmp_path)).returncode == 0


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


@pytest.mark.parametrize(("host", "local"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])
def test_bound_to_every_address_the_server_prints_some_that_can_be_opened(
    tmp_path: Path, host: str, local: str
) -> None:
    process = start("--port", "0", "--host", host, "--no-auth", cwd=tmp_path)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()
    urls = re.findall(r"http://(\S+):\d+/", line)
    assert urls == [local, socket.gethostname()]


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


def test_check_draws_a_table_in_a_terminal(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    shown = terminal("check", cwd=tmp_path)
    text = shown.read_all()
    assert shown.process.wait(TIMEOUT_S) == 0
    assert "setting" in text
    assert "│" in text
    assert "server.port" in text
