"""Panels and playlists read anew by running servers: on SIGHUP and for `vitalcast reload`, whole or not at all."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.command import run
from tests.command import start as start_command
from tests.e2e.client import TIMEOUT_S, Client, client, witness
from tests.e2e.server import Server, Variant

from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

CPU = '[[panels]]\nid = "cpu"\ntitle = "Processor"\nmetrics = ["system.cpu.utilization"]\n'
LOAD = '[[panels]]\nid = "load"\ntitle = "Load"\nmetrics = ["system.load.average"]\n'
WALL = '[[playlists]]\nid = "ops"\ntitle = "Operations"\nentries = [{ panels = ["cpu"] }]\n'

Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers of the test's own from a configuration file, or from none where the text is None."""
    started: list[Server] = []

    def start(text: str | None, variant: Variant = Variant.FAST, **env: str) -> Server:
        own = {"VITALCAST_SAMPLER__INTERVAL_S": "0.1"} | {f"VITALCAST_{name}": value for name, value in env.items()}
        started.append(Server(variant, own))
        if text is not None:
            write(started[-1], text)
        return started[-1].start()

    yield start
    for one in started:
        one.close()


def write(server: Server, text: str) -> None:
    """Put the file in its place at once, as editors and configuration managers do."""
    draft = server.folder / "config.new"
    draft.write_text(text)
    draft.replace(server.folder / "config.toml")


def command(server: Server, **env: str) -> subprocess.CompletedProcess[str]:
    data = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    return run("reload", cwd=server.folder, **data | env)


def panels(server: Server, token: str | None = None) -> list[str]:
    return panel_ids(server.url, token)


def panel_ids(url: str, token: str | None = None) -> list[str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/api/v1/panels", headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return [panel["id"] for panel in json.load(answer)["panels"]]


def until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [Variant.FAST, Variant.HYPERCORN], ids=str)
def test_the_command_has_new_panels_shown_and_says_what_changed(start: Start, variant: Variant) -> None:
    server = start(CPU + WALL, variant)
    assert panels(server) == ["cpu"]
    write(server, CPU.replace("Processor", "CPU") + LOAD + WALL)
    done = command(server)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"read panels and playlists from {server.folder}/config.toml" in done.stdout
    assert "panels added load, changed cpu; playlists unchanged" in done.stdout
    assert panels(server) == ["cpu", "load"]


def test_a_setting_that_needs_a_restart_is_named_and_not_applied(start: Start) -> None:
    server = start(CPU)
    write(server, "[server]\nno_auth = true\n[limits]\nstreams = 3\n" + CPU)
    done = command(server)
    assert done.returncode == 0
    assert "restart the server to apply server.no_auth, limits.streams" in done.stdout
    assert panels(server) == ["cpu"]


def test_what_the_environment_and_the_command_line_say_needs_no_restart(start: Start) -> None:
    server = start(CPU, LIMITS__STREAMS="3")
    write(server, "[server]\nlog_level = 'warning'\n[limits]\nstreams = 9\n" + CPU)
    assert "restart" not in command(server).stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CPU + "[[panels]]\nid = 7\n", "panels[1].id"),
        (CPU + "oh dear", "is not valid TOML"),
        (CPU + "[limits]\nstreams = 'many'\n", "limits.streams"),
        (CPU + CPU, "is the id of panels[0] too"),
        (WALL + LOAD, "no panel is called"),
    ],
    ids=["panel", "syntax", "other section", "twice", "playlist without its panel"],
)
def test_a_bad_file_changes_nothing_and_both_the_command_and_the_log_say_why(start: Start, text: str, why: str) -> None:
    server = start(CPU)
    write(server, text.replace("Processor", "Changed"))
    done = command(server)
    assert done.returncode != 0
    assert why in done.stderr
    assert "nothing has changed" in done.stderr
    [*lines] = server.errors().splitlines()
    assert all(line.startswith("the settings in force stay: ") for line in lines)
    assert any(why in line for line in lines)
    assert panels(server) == ["cpu"]
    assert panels_titles(server) == ["Processor"]


def panels_titles(server: Server) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/api/v1/panels", timeout=TIMEOUT_S) as answer:
        return [panel["title"] for panel in json.load(answer)["panels"]]


def test_a_file_that_is_gone_does_not_bring_the_defaults_back(start: Start) -> None:
    server = start(CPU)
    (server.folder / "config.toml").unlink()
    done = command(server)
    assert done.returncode == 1
    assert f"{server.folder}/config.toml: does not exist" in done.stderr
    assert panels(server) == ["cpu"]


def test_a_file_may_come_after_the_start(start: Start) -> None:
    server = start(None)
    assert len(panels(server)) > 5
    assert "panels unchanged; playlists unchanged" in command(server).stdout
    write(server, CPU)
    assert command(server).returncode == 0
    assert panels(server) == ["cpu"]


def test_two_servers_of_one_data_folder_each_read_their_own_file(start: Start) -> None:
    first = start(CPU)
    second = start(CPU, ACCESS__DATA_DIR=str(first.data_folder))
    write(first, LOAD)
    write(second, "oh dear")
    done = command(first)
    assert done.returncode == 1
    assert f"http://127.0.0.1:{first.port}/: read panels" in done.stdout
    assert f"http://127.0.0.1:{second.port}/: {second.folder}/config.toml: is not valid TOML" in done.stderr
    assert (panels(first), panels(second)) == (["load"], ["cpu"])


def test_without_a_server_the_command_says_so_and_a_dead_one_is_no_server(start: Start) -> None:
    server = start(CPU)
    server.kill()
    assert list((server.data_folder / "servers").iterdir())  # it had no time to tidy up
    done = command(server)
    assert done.returncode == 1
    assert f"no server of this user runs with the data folder {server.data_folder}" in done.stderr
    again = start(CPU, ACCESS__DATA_DIR=str(server.data_folder))
    assert len(list((server.data_folder / "servers").iterdir())) == 1
    assert command(server).returncode == 0
    again.stop()
    assert list((server.data_folder / "servers").iterdir()) == []


def test_a_server_that_ends_before_it_answers_is_not_said_to_be_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "servers"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "a.sock"))
        listener.listen()
        ends = threading.Thread(
            target=lambda: [listener.accept()[0].close() for _ in range(2)]
        )  # looked for, and asked
        ends.start()
        done = run("reload", cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=str(tmp_path))
        ends.join()
    assert done.returncode == 1
    assert "gave no answer (" in done.stderr
    assert "the server's log says whether it has reloaded" in done.stderr
    assert "nothing has changed" not in done.stderr
    assert "Errno" not in done.stderr


def test_the_data_folder_of_the_file_is_found_though_other_settings_are_wrong(tmp_path: Path) -> None:
    file, folder = tmp_path / "config.toml", f'[access]\ndata_dir = "{tmp_path / "elsewhere"}"\n'
    file.write_text(folder)
    server = start_command("--port", "0", cwd=tmp_path)
    try:
        assert server.stdout is not None
        assert "is live on" in server.stdout.readline()
        file.write_text(folder + "[limits]\nstreams = 'many'\n")
        done = run("reload", cwd=tmp_path)
        assert (done.returncode, "nothing has changed" in done.stderr) == (1, True)
        assert "limits.streams" in done.stderr
        file.write_text(folder + "oh dear")
        done = run("reload", cwd=tmp_path)  # the folder cannot be known now
        assert done.returncode == 2
        assert "is not valid TOML" in done.stderr
    finally:
        server.terminate()
        server.communicate(timeout=TIMEOUT_S)


def test_the_path_of_the_data_folder_may_be_long(start: Start, tmp_path: Path) -> None:
    server = start(CPU, ACCESS__DATA_DIR=str(tmp_path / ("d" * 120) / "data"))
    write(server, LOAD)
    done = command(server, VITALCAST_ACCESS__DATA_DIR=str(tmp_path / ("d" * 120) / "data"))
    assert done.returncode == 0, done.stderr
    assert panels(server) == ["load"]


def test_a_file_that_is_not_there_reloads_no_other_server_by_mistake(start: Start) -> None:
    server = start(CPU)
    write(server, LOAD)
    data = {"VITALCAST_ACCESS__DATA_DIR": str(server.data_folder)}
    done = run("reload", "--config", "no.toml", cwd=server.folder, **data)
    assert done.returncode == 2
    assert done.stderr == "vitalcast: error: --config: no.toml does not exist; give the path of a TOML file\n"
    assert panels(server) == ["cpu"]


# --- the signal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [Variant.FAST, Variant.PLAIN], ids=str)
def test_a_signal_has_new_panels_shown(start: Start, variant: Variant) -> None:
    server = start(CPU, variant)
    write(server, LOAD)
    server.signal(signal.SIGHUP)
    until(lambda: panels(server) == ["load"])
    assert server.errors() == ""


def test_a_signal_with_a_bad_file_is_logged_and_the_next_good_one_is_taken(start: Start) -> None:
    server = start(CPU)
    write(server, "oh dear")
    server.signal(signal.SIGHUP)
    until(lambda: "the settings in force stay" in server.errors())
    assert panels(server) == ["cpu"]
    write(server, LOAD)
    server.signal(signal.SIGHUP)
    until(lambda: panels(server) == ["load"])


def test_a_signal_while_the_server_starts_is_kept_until_it_can_be_obeyed(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CPU)
    process = start_command("--port", "0", cwd=tmp_path)
    try:
        until(lambda: is_blocked(process.pid, signal.SIGHUP) or process.poll() is not None)
        (tmp_path / "config.new").write_text(LOAD)
        (tmp_path / "config.new").replace(tmp_path / "config.toml")
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        url = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert url is not None, "the server has not started"
        until(lambda: panel_ids(url[0]) == ["load"])
        assert not is_blocked(process.pid, signal.SIGHUP)
    finally:
        process.terminate()
        assert process.communicate()[1] == ""


def is_blocked(pid: int, wanted: signal.Signals) -> bool:
    """Say whether a process holds a signal back, by proc_pid_status(5)."""
    masks = re.search(r"SigBlk:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return masks is not None and bool(int(masks[1], 16) >> (wanted - 1) & 1)


async def test_signals_and_commands_under_load_cost_no_socket_a_tick(start: Start) -> None:
    server = start(CPU)
    async with witness(server) as watching:
        for turn in range(30):
            write(server, (CPU, LOAD, CPU + LOAD, "oh dear")[turn % 4])
            server.signal(signal.SIGHUP)
            await asyncio.gather(*(asyncio.to_thread(panels, server) for _ in range(5)))
        write(server, LOAD)
        outcomes = await asyncio.gather(*(asyncio.to_thread(command, server) for _ in range(3)))
        assert [one.returncode for one in outcomes] == [0, 0, 0]
        await watching.ticks(2)
    assert panels(server) == ["load"]


# --- open sockets --------------------------------------------------------------------------------------------------


async def test_open_sockets_are_told_and_a_new_one_is_welcomed_with_the_same_revision(start: Start) -> None:
    server = start(CPU)
    async with client(server) as one:
        before = one.heard[0]["dashboards"]
        write(server, LOAD)
        server.signal(signal.SIGHUP)
        news = await one.until("dashboards")
        assert news == {"type": "dashboards", "revision": news["revision"]}
        assert news["revision"] != before
    async with client(server) as another:
        assert another.heard[0]["dashboards"] == news["revision"]


def labels(message: Any) -> list[str]:
    return [line["label"] for line in message.get("lines", ())]


async def test_a_panels_stream_follows_its_panel_and_ends_with_it(start: Start) -> None:
    server = start(CPU + LOAD)
    async with client(server) as one:
        ack = await one.ask("subscribe", stream="p", panel="load", interval=0.2)
        before = await one.snapshot(ack)
        assert labels(before) == ["1m", "5m", "15m"]
        write(server, CPU + LOAD + 'where = { "system.load.window" = ["5m"] }\nlabels = { "5m" = "five" }\n')
        assert (await asyncio.to_thread(command, server)).returncode == 0
        while labels(changed := await one.receive()) != ["five"]:
            assert changed["type"] != "error", changed
        assert changed["group"] == ack["group"]
        await one.data(ack["group"], 2)
        write(server, CPU)
        assert (await asyncio.to_thread(command, server)).returncode == 0
        refusal = await one.until("error")
        assert (refusal["stream"], refusal["code"]) == ("p", 102)
        assert "no panel is called 'load'" in refusal["message"]
        write(server, CPU + LOAD)
        assert (await asyncio.to_thread(command, server)).returncode == 0
        again = await one.ask("subscribe", stream="p", panel="load", interval=0.2)
        assert again["type"] == "ack"


@asynccontextmanager
async def embedding(server: Server, token: str) -> AsyncIterator[Client]:
    from websockets.asyncio.client import connect
    from websockets.typing import Subprotocol

    async with connect(
        server.ws_url,
        subprotocols=[Subprotocol("vitalcast.v1.json")],
        additional_headers={"Authorization": f"Bearer {token}"},
        open_timeout=TIMEOUT_S,
        proxy=None,
    ) as connection:
        yield Client(connection)


async def test_a_token_for_embedding_follows_its_panels_on_an_open_socket(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    panel = {"id": "cpu", "title": "CPU", "metrics": ["system.cpu.utilization"]}
    access = open_access(Settings.model_validate({"access": {"data_dir": str(data)}, "panels": [panel]}))
    token, _ = access.mint(Scope.EMBED, panels=["cpu"])
    server = start(CPU, ACCESS__DATA_DIR=str(data))
    async with embedding(server, token) as one:
        await one.until("welcome")
        ack, _ = await one.subscribe("a", ["system.cpu.utilization"])
        write(server, LOAD)
        assert (await asyncio.to_thread(command, server, VITALCAST_ACCESS__DATA_DIR=str(data))).returncode == 0
        refusal = await one.until("error")
        assert (refusal["stream"], refusal["code"]) == ("a", 103)
        await one.refused("subscribe", 103, stream="b", metrics=["system.cpu.utilization"])
        write(server, CPU.replace("system.cpu.utilization", "system.load.average"))
        assert (await asyncio.to_thread(command, server, VITALCAST_ACCESS__DATA_DIR=str(data))).returncode == 0
        again: tuple[Any, Any] = await one.subscribe("c", ["system.load.average"])
        assert again[0]["series"] == 3
        assert ack["group"] != again[0]["group"]
