"""A server that ends in any way and starts again on the same file: clients find what was, and are told what was not."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.command import TIMEOUT_S, environment
from tests.e2e.client import Json, Mirror, client
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server, StartError, Variant
from tests.history.frames import points
from websockets.exceptions import ConnectionClosed

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.errors import HistoryError
from vitalcast.history.reader import FilePast

TICK_S = 0.1
FILE = "history.db"
METRICS = ["system.cpu.utilization", "vitalcast.sampler.>"]
ENV = {"SAMPLER__INTERVAL_S": str(TICK_S), "HISTORY__PATH": FILE}

Readings = dict[str, dict[int, float | None]]  # by series, by offset


def key_of(series: Json) -> Series:
    attributes = series["attributes"]
    return Series(
        Descriptor(series["name"], series["unit"], Kind.GAUGE, "", tuple(attributes)), tuple(attributes.values())
    )


def torn() -> None:
    raise HistoryError("the copies are of two moments")


def kept(folder: Path, series: Json) -> list[tuple[int, int, float]]:
    """Return what the file holds of a series. While a server has it open others are locked out, so it is of a copy."""
    with TemporaryDirectory() as copies:
        for _ in range(100):  # until both are of the same moment
            for name in (f"{FILE}-wal", FILE):
                if (folder / name).exists():
                    shutil.copy(folder / name, copies)
            with suppress(HistoryError), closing(FilePast(Path(copies) / FILE, unreadable=torn)) as past:
                return points(past, key_of(series))
    raise AssertionError("the file cannot be read")


def assert_kept(folder: Path, mirror: Mirror) -> None:
    """Hold every reading that a client saw to be in the file."""
    assert len(mirror.ticks) >= 3
    for position, series in enumerate(mirror.series):
        seen = [
            (tick.offset, tick.time, tick.values[position])
            for tick in mirror.ticks
            if tick.values[position] is not None
        ]
        stored = {offset: (offset, time, value) for offset, time, value in kept(folder, series)}
        assert [stored.get(offset) for offset, _, _ in seen] == seen, series


async def watch(server: Server, *, until: Callable[[Mirror], object], **fields: Any) -> tuple[Mirror, Json, Json]:
    """Follow the metrics until a condition holds, asked anew with each tick; return what was seen, ack, snapshot."""
    async with client(server) as one:
        ack, snapshot = await one.subscribe("watch", METRICS, **fields)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        while not until(mirror):
            mirror.feed(await one.receive())
        return mirror, ack, snapshot


def ticks(count: int) -> Callable[[Mirror], bool]:
    return lambda mirror: len(mirror.ticks) >= count


def ticks_of_which_some_are_kept(server: Server, count: int) -> Callable[[Mirror], object]:
    return lambda mirror: len(mirror.ticks) >= count and kept(server.folder, mirror.series[0])


async def back(server: Server, ack: Json, offset: int, **fields: Any) -> tuple[Json, Mirror, Json]:
    """Come back with a position from before; return the ack, the mirror after three more ticks, and the snapshot."""
    since = {"epoch": ack["epoch"], "offset": offset}
    mirror, again, snapshot = await watch(server, until=ticks(3), since=since, **fields)
    return again, mirror, snapshot


def missed(mirror: Mirror) -> set[int]:
    """Return the ticks that a client was told the server has missed."""
    assert {gap["why"] for gap in mirror.gaps} == {"sampler"}
    offsets = [offset for gap in mirror.gaps for offset in range(gap["from"], gap["to"] + 1)]
    assert len(set(offsets)) == len(offsets), "said once"
    return set(offsets)


def assert_goes_on(seen: Mirror, after: Mirror, snapshot: Json) -> None:
    """Hold that nothing came twice, and that what did not come is said to have been missed."""
    assert all(time > seen.time for time in snapshot["times"])
    assert snapshot["offset"] > seen.offset
    assert seen.offset + 1 in missed(after)
    came = len(snapshot["times"]) + len(after.ticks)
    assert came + len(missed(after)) == after.offset - seen.offset


async def test_after_a_stop_and_a_start_a_client_goes_on_with_nothing_but_the_downtime_missing(
    start_server: StartServer,
) -> None:
    await asyncio.gather(*(stop_and_start(start_server, variant) for variant in (Variant.FAST, Variant.HYPERCORN)))


async def stop_and_start(start_server: StartServer, variant: Variant) -> None:
    server = await asyncio.to_thread(start_server, variant, **ENV, HISTORY__FLUSH_S="3600")
    seen, ack, _ = await watch(server, until=ticks(10))
    await asyncio.to_thread(server.stop)
    assert_kept(server.folder, seen)
    await asyncio.to_thread(server.start)
    again, after, snapshot = await back(server, ack, seen.offset)
    assert again["recovered"] is True
    assert again["epoch"] == ack["epoch"]
    earlier = [one for one in kept(server.folder, seen.series[0]) if one[0] > seen.offset]
    assert snapshot["times"][: len(earlier)] == [time for _, time, _ in earlier], "the ticks up to the stop"
    assert max([seen.offset, *(offset for offset, _, _ in earlier)]) + 1 in missed(after)
    assert not missed(after) & {offset for offset, _, _ in earlier}
    _, shown, past = await back(server, {"epoch": "other"}, 0, backfill=600)
    at = {time: row for row, time in enumerate(past["times"])}
    for tick in seen.ticks:
        row = at[tick.time]
        assert [column[row] for column in past["values"]] == tick.values
    assert shown.series == seen.series
    await asyncio.to_thread(server.stop)
    assert server.errors().count("Traceback") == 0


async def test_a_stop_puts_down_the_last_tick_that_a_client_was_sent(start_server: StartServer) -> None:
    server = start_server(**ENV, HISTORY__FLUSH_S="3600")
    async with client(server) as one:
        ack, snapshot = await one.subscribe("watch", METRICS)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        with suppress(ConnectionClosed):
            while True:
                mirror.feed(await one.receive())
                if len(mirror.ticks) == 5:
                    server.signal(signal.SIGTERM)
    assert await server.wait_async() == 0
    assert_kept(server.folder, mirror)


async def test_after_a_kill_a_client_goes_on_without_doubles_and_is_told_what_is_gone(
    start_server: StartServer,
) -> None:
    server = start_server(**ENV, HISTORY__FLUSH_S="0.7")

    def flushed_twice(mirror: Mirror) -> bool:
        newest = kept(server.folder, mirror.series[0])
        return bool(newest) and len(mirror.ticks) > 3 and newest[-1][0] >= mirror.ticks[3].offset

    seen, ack, _ = await watch(server, until=flushed_twice)
    server.kill()
    survived = kept(server.folder, seen.series[0])[-1][0]
    server.start()
    again, after, snapshot = await back(server, ack, seen.offset)
    assert (again["recovered"], again["epoch"]) == (True, ack["epoch"])
    assert_goes_on(seen, after, snapshot)
    _, shown, past = await back(server, ack, seen.ticks[0].offset)
    expected = [tick.time for tick in seen.ticks if seen.ticks[0].offset < tick.offset <= survived]
    assert past["times"][: len(expected)] == expected
    assert survived + 1 in missed(shown)
    assert all(tick.offset not in missed(shown) for tick in seen.ticks if tick.offset <= survived)


async def test_offsets_of_fast_ticks_are_not_given_out_again_after_a_kill(start_server: StartServer) -> None:
    server = start_server(HISTORY__PATH=FILE, HISTORY__FLUSH_S="1.5")
    seen, ack, _ = await watch(server, until=ticks_of_which_some_are_kept(server, 25), interval=0.1)
    server.kill()
    server.start()
    again, after, snapshot = await back(server, ack, seen.offset, interval=0.1)
    assert again["recovered"] is True
    assert_goes_on(seen, after, snapshot)


async def test_a_kill_while_the_disk_cannot_be_written_gives_no_offset_out_twice(start_server: StartServer) -> None:
    server = start_server(HISTORY__PATH=FILE, HISTORY__FLUSH_S="0.3")
    await watch(server, until=ticks_of_which_some_are_kept(server, 3))
    no_limit = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, no_limit[1]))
    seen, ack, _ = await watch(
        server, until=lambda mirror: "cannot be written" in server.errors() and len(mirror.ticks) >= 40, interval=0.1
    )
    server.kill()
    server.start()
    again, after, snapshot = await back(server, ack, seen.offset, interval=0.1)
    assert (again["recovered"], again["epoch"]) == (True, ack["epoch"])
    assert_goes_on(seen, after, snapshot)
    server.kill()
    path = server.folder / FILE
    path.with_name(f"{FILE}.lock").unlink()  # as in a copy of the file
    server.start()
    again, *_ = await back(server, ack, seen.offset)
    assert again["recovered"] is False
    assert again["epoch"] != ack["epoch"]


def mapped(server: Server) -> list[str]:
    """Return what of the file is mapped into the server's memory, where a full disk can be fatal."""
    names = {one.name for one in server.folder.iterdir() if one.name.startswith(FILE)}
    assert names == {FILE, f"{FILE}-wal", f"{FILE}.lock"}, "and none that is there to be mapped"
    return [line for line in Path(f"/proc/{server.pid}/maps").read_text().splitlines() if FILE in line]


async def test_a_file_that_is_removed_under_a_server_is_missed_and_the_next_run_goes_on(
    start_server: StartServer,
) -> None:
    server = start_server(**ENV, HISTORY__FLUSH_S="0.3")
    seen, ack, _ = await watch(server, until=ticks(3))
    (server.folder / FILE).unlink()
    seen, *_ = await watch(server, until=lambda _: (server.folder / FILE).exists() and "was removed" in server.errors())
    seen, *_ = await watch(server, until=ticks(10))
    server.kill()
    assert server.errors().count("was removed") == len(server.errors().splitlines()) == 1
    server.start()
    again, after, snapshot = await back(server, ack, seen.offset)
    assert (again["recovered"], again["epoch"]) == (True, ack["epoch"])
    assert_goes_on(seen, after, snapshot)


async def test_a_full_disk_stops_neither_the_stream_nor_what_is_kept_once_there_is_room(
    start_server: StartServer,
) -> None:
    server = start_server(**ENV, HISTORY__FLUSH_S="0.3")
    no_limit = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)

    def said(text: str) -> Callable[[Mirror], bool]:
        return lambda mirror: text in server.errors() and len(mirror.ticks) >= 5

    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, no_limit[1]))
    assert mapped(server) == []
    full, *_ = await watch(server, until=said("cannot be written"))
    assert mapped(server) == []
    assert {gap["why"] for gap in full.gaps} <= {"sampler"}
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, no_limit)
    again, *_ = await watch(server, until=said("is written again"))
    assert mapped(server) == []
    assert server.stop() == 0
    assert_kept(server.folder, full)
    assert_kept(server.folder, again)
    lines = server.errors().splitlines()
    assert len(lines) == 2, lines
    assert "0 ticks were lost" in lines[1]


async def test_a_broken_file_is_set_aside_and_the_server_starts_anew(start_server: StartServer) -> None:
    server = start_server(**ENV)
    seen, ack, _ = await watch(server, until=ticks(3))
    server.stop()
    path = server.folder / FILE
    path.write_bytes(path.read_bytes()[:100] + b"\xaa" * 8000)
    server.start()
    again, after, _ = await back(server, ack, seen.offset)
    assert again["recovered"] is False
    assert again["epoch"] != ack["epoch"]
    assert len(after.ticks) == 3
    (aside,) = [one.name for one in server.folder.glob(f"{FILE}.corrupt-*") if not one.name.endswith("-wal")]
    assert re.fullmatch(r"history\.db\.corrupt-\d{8}T\d{6}Z", aside)
    (line,) = server.errors().splitlines()
    assert f"it is now {server.folder / aside}, and a new one begins" in line


def refusal(start: Callable[[], object]) -> str:
    with pytest.raises(StartError) as caught:
        start()
    summary, *lines = str(caught.value).strip().splitlines()
    assert "exit code 2" in summary
    (line,) = [line for line in lines if line]
    return line


def check(path: Path, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check settings that have the history there."""
    return subprocess.run(
        [sys.executable, "-m", "vitalcast", "check"],
        env=os.environ | {"VITALCAST_HISTORY__PATH": str(path)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_server_on_the_same_file_is_refused_in_one_line_and_a_check_of_the_settings_is_none(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(**ENV)
    path = server.folder / FILE
    assert check(path, cwd=tmp_path).returncode == 0, "no rival: it does not open the file"
    line = refusal(lambda: start_server(HISTORY__PATH=str(path)))
    assert line == (
        f"vitalcast: error: history.path: {path} is in use by another Vitalcast (process {server.pid}); "
        "stop that, or give another path"
    )
    server.signal(signal.SIGKILL)
    server.wait()
    start_server(HISTORY__PATH=str(path))


def test_a_path_that_will_not_do_is_refused_in_one_line(start_server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("Dear diary")
    line = refusal(lambda: start_server(HISTORY__PATH=str(tmp_path / "no" / FILE)))
    assert line.startswith(f"vitalcast: error: history.path: the folder {tmp_path / 'no'} does not exist; ")
    line = refusal(lambda: start_server(HISTORY__PATH=str(tmp_path / "notes")))
    assert line.startswith(f"vitalcast: error: history.path: {tmp_path / 'notes'} is not a Vitalcast history; ")
    assert (tmp_path / "notes").read_text() == "Dear diary"


def test_a_disk_that_is_full_from_the_start_is_said_in_one_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "vitalcast", "--port", "0"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(VITALCAST_HISTORY__PATH=str(tmp_path / FILE), XDG_DATA_HOME=str(tmp_path)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    start = f"vitalcast: error: history.path: {tmp_path / FILE} cannot be written ("
    [line] = ran.stderr.splitlines()
    assert line.startswith(start)
    assert line.endswith("); give a path that this user may write to, or none to keep no history")


async def test_turned_off_nothing_is_written_and_a_restart_begins_anew(start_server: StartServer) -> None:
    server = start_server(SAMPLER__INTERVAL_S=str(TICK_S), HISTORY__ENABLED="false")
    seen, ack, _ = await watch(server, until=ticks(3))
    server.stop()
    assert {one.name for one in server.folder.iterdir()} <= {"stdout.log", "stderr.log", server.data_folder.name}
    assert [one for one in server.data_folder.rglob("*") if one.suffix.startswith(".db")] == []
    server.start()
    again, *_ = await back(server, ack, seen.offset)
    assert again["recovered"] is False
    assert again["epoch"] != ack["epoch"]


async def test_without_a_setting_it_is_in_the_data_folder_for_this_user_alone_which_is_said_once(
    start_server: StartServer,
) -> None:
    server = start_server(SAMPLER__INTERVAL_S=str(TICK_S), HISTORY__FLUSH_S="0.3")
    path = server.data_folder / FILE
    seen, ack, _ = await watch(server, until=ticks(5))
    line = f"The history is kept in {path}, in 512 MiB at most ([history] in the settings).\n"
    assert server.output().count(line) == 1
    assert {one.stat().st_mode & 0o077 for one in server.data_folder.glob(f"{FILE}*") if one.suffix != ".lock"} == {0}
    server.stop()
    server.start()
    assert "is kept in" not in server.output()
    again, *_ = await back(server, ack, seen.offset)
    assert (again["recovered"], again["epoch"]) == (True, ack["epoch"])
    assert server.errors() == ""


async def test_a_second_server_of_a_user_runs_on_in_memory_with_a_warning(start_server: StartServer) -> None:
    first = start_server(SAMPLER__INTERVAL_S=str(TICK_S))
    second = start_server(SAMPLER__INTERVAL_S=str(TICK_S), ACCESS__DATA_DIR=str(first.data_folder))
    await watch(second, until=ticks(3))
    (line,) = second.errors().splitlines()
    assert line.endswith(
        f"history.path: {first.data_folder / FILE} is in use by another Vitalcast (process {first.pid}); stop that, or "
        "give another path; until the next start the history is in memory only"
    )
    assert first.errors() == ""


def test_a_check_of_the_settings_checks_the_file_and_makes_none(tmp_path: Path) -> None:
    good = check(tmp_path / FILE, cwd=tmp_path)
    assert good.returncode == 0
    assert {line.partition(":")[0] for line in good.stderr.splitlines()} == {"history"}
    assert f"history: 0 of 512 MiB in {tmp_path / FILE}\n" in good.stderr
    assert f'history.path\t"{tmp_path / FILE}"\tenvironment variable VITALCAST_HISTORY__PATH\n' in good.stdout
    assert list(tmp_path.iterdir()) == []
    bad = check(tmp_path, cwd=tmp_path)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == f"vitalcast: error: history.path: {tmp_path} is a folder; give the path of a file in it\n"
