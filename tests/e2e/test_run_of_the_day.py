"""The run of the day: a process is busy at a known second, the server is killed, and an hour later one asks who."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.command import TIMEOUT_S, run
from tests.e2e.server import Server

LOAD = "loadmaker7"  # what the kernel calls it
LATER_S = 3600.0
BUSY_S = 6.0
LOST_S = 3.0
SETTINGS = {
    "VITALCAST_HISTORY__FLUSH_S": "0.5",
    "VITALCAST_RECORDER__INTERVAL_S": "1",
    "VITALCAST_RECORDER__TOP": "50",
}


@dataclass(frozen=True, slots=True)
class Day:
    """What happened: when the load began and ended, by the true clock, and the server an hour later."""

    server: Server
    folder: Path
    start_s: float
    end_s: float

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, cwd=self.folder, VITALCAST_ACCESS__DATA_DIR=str(self.server.data_folder))

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `vitalcast who` says, as objects."""
        answer = json.loads(self.ask("who", "--limit", "200", "--json", *arguments).stdout)
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def said(moment_s: float) -> str:
    """Return a time as people write it."""
    return f"{datetime.fromtimestamp(moment_s).astimezone():%Y-%m-%d %H:%M:%S}"


def make_load(folder: Path) -> Path:
    """Return a program that is busy for as long as it is told to, under a name of its own."""
    shell = shutil.which("sh")
    assert shell is not None
    program = folder / LOAD
    shutil.copyfile(os.path.realpath(shell), program)
    program.chmod(0o755)
    return program


def busy(program: Path, until: Path) -> subprocess.Popen[bytes]:
    """Run it until there is a file."""
    script = "while [ ! -e $0 ]; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done"
    return subprocess.Popen([program, "-c", script, until])


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("day")
    server = Server(env=SETTINGS, scripted=True)
    try:
        server.start()
        now = Day(server, folder, 0, 0)
        end = folder / "end"
        start_s = time.time()
        load = busy(make_load(folder), end)
        try:
            wait_for(lambda: time.time() - start_s > BUSY_S and any(row["name"] == LOAD for row in now.rows()))
        finally:
            end_s = time.time()
            end.touch()
            load.wait(TIMEOUT_S)
        assert now.ask("mark", "the load has ended").returncode == 0
        put_down_s = time.time() + LOST_S  # the last flush may be lost
        wait_for(lambda: time.time() > put_down_s)
        server.kill()
        server.set_clock(LATER_S)  # an hour passes
        server.start()
        yield Day(server, folder, start_s, end_s)
        assert server.stop() == 0
    finally:
        server.close()


def test_who_names_the_process_at_that_second(day: Day) -> None:
    at = said((day.start_s + day.end_s) / 2)
    (found,) = [row for row in day.rows("--at", at) if row["name"] == LOAD]
    assert found["cpu"] > 0.05
    assert abs(found["started"] / 1000 - day.start_s) < 5
    assert any(line.split("\t")[1] == LOAD for line in day.ask("who", "--at", at, "--limit", "200").stdout.splitlines())
    before = ("--since", said(day.start_s - 60), "--until", said(day.start_s - 1))  # a moment is the nearest one
    assert all(row["name"] != LOAD for row in day.rows(*before))


def test_who_sums_it_up_over_a_while(day: Day) -> None:
    rows = day.rows("--since", said(day.start_s - 60), "--until", said(day.end_s + 60), "--filter", LOAD)
    (found,) = rows
    assert found["ended"] is True
    assert found["cpu_peak"] >= found["cpu"] > 0
    assert day.start_s * 1000 - 2000 < found["first"] <= found["last"] < day.end_s * 1000 + 5000


def test_its_cpu_is_a_series_of_that_time(day: Day) -> None:
    done = day.ask(
        *("history", "process.cpu.utilization", "--where", f"process.executable.name={LOAD}"),
        *("--since", said(day.start_s - 5), "--until", said(day.end_s + 5)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    key, unit, _, _, highest, _ = line.split("\t")
    assert (key, unit) == (f'process.cpu.utilization{{process.executable.name="{LOAD}"}}', "1")
    assert float(highest) > 0.02


def test_what_happened_is_told_the_kill_included(day: Day) -> None:
    told = [json.loads(line) for line in day.ask("events", "--since", "-3h", "--json").stdout.splitlines()]
    mark = next(one for one in told if one["kind"] == "mark")
    assert (mark["title"], abs(mark["time"] / 1000 - day.end_s) < TIMEOUT_S) == ("the load has ended", True)
    (stop,) = [one for one in told if one["kind"] == "stop"]
    assert stop["severity"] == "warning"  # it was cut off
    assert mark["time"] <= stop["time"] < day.end_s * 1000 + TIMEOUT_S * 1000
    assert [one["kind"] for one in told].count("start") == 2


def test_the_time_of_the_load_is_kept_to_the_second(day: Day) -> None:
    asked = ("--since", said(day.start_s), "--until", said(day.end_s), "--step", "1s", "--json")
    answer = json.loads(day.ask("history", "system.cpu.utilization", *asked).stdout)
    assert answer["step"] == 1.0
    assert [one["tier"] for one in answer["tiers"]] == ["raw"]
    assert len(answer["times"]) > (day.end_s - day.start_s) * 0.5
