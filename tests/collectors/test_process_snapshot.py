from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.collectors.support import write_files, write_proc
from tests.collectors.test_process_source import HZ, PAGE, stat_line

from vitalcast.collectors.process_scan import ProcessScanner
from vitalcast.collectors.process_snapshot import COMMAND_CHARS_MAX, SnapshotTaker
from vitalcast.core.processes.snapshot import ENDED, ProcessSnapshot
from vitalcast.machine import Roots

IO = "rchar: 9\nread_bytes: {}\nwrite_bytes: {}\n"


@pytest.fixture
def proc(tmp_path: Path) -> Roots:
    files: dict[str, str | bytes] = {
        "stat": "cpu  0 0 0 0\n",
        "uptime": "1000.00 1.0\n",
        "1/stat": stat_line(1, "init", pages=5),
        "1/cgroup": "0::/init.scope\n",
        "2/stat": stat_line(2, "web", pages=300, threads=8, started=500 * HZ),
        "2/cgroup": "0::/system.slice/web.service\n",
        "2/cmdline": "web\0--password\0hunter2\0",
        "3/stat": stat_line(3, "db", pages=200, started=600 * HZ),
        "3/io": IO.format(0, 0),
        "4/stat": stat_line(4, "kthreadd", state="I"),
    }
    return write_proc(tmp_path, files)


def taker(proc: Roots, *, top: int = 20, command_line: bool = False) -> SnapshotTaker:
    scanner = ProcessScanner(proc, wall_s=lambda: 1_790_000_000.0)
    return SnapshotTaker(scanner, top=top, command_line=command_line)


def take(taker: SnapshotTaker, now_s: float) -> ProcessSnapshot:
    looked_s, snapshot = taker.take(now_s)
    assert looked_s == now_s
    assert snapshot is not None
    return snapshot


def stir(proc: Roots, web: float, db: float, *, read: int = 0, written: int = 0) -> None:
    write_files(
        proc.procfs,
        {
            "2/stat": stat_line(2, "web", pages=300, threads=8, started=500 * HZ, ticks=round(web * HZ)),
            "3/stat": stat_line(3, "db", pages=200, started=600 * HZ, ticks=round(db * HZ)),
            "3/io": IO.format(read, written),
        },
    )


def test_the_first_look_has_nothing_to_compare_with(proc: Roots) -> None:
    assert taker(proc).take(1.0) == (1.0, None)


def test_a_snapshot_says_who_used_what_since_the_last(proc: Roots) -> None:
    recorder = taker(proc)
    recorder.take(10.0)
    stir(proc, 5.0, 1.25, read=50_000, written=1001)
    write_files(proc.procfs, {"stat": f"cpu  {6 * HZ} 0 {HZ // 2} {4 * HZ}\n"})
    snapshot = take(recorder, 15.0)
    assert (snapshot.time_ms, snapshot.interval_ms, snapshot.total_cpu) == (1_790_000_000_000, 5000, 1.3)
    web, db, init = snapshot.rows  # a thread of the kernel uses nothing
    assert (web.pid, web.name, web.unit, web.parent, web.threads, web.state) == (
        2,
        "web",
        "web.service",
        1,
        8,
        "sleeping",
    )
    assert (web.cpu, web.memory, web.read, web.write) == (1.0, 300 * PAGE, None, None)
    assert (db.cpu, db.memory, db.read, db.write) == (0.25, 200 * PAGE, 10_000.0, 200.0)
    assert (init.name, init.unit, init.cpu) == ("init", "init.scope", 0.0)
    assert (web.command, db.started_ms - web.started_ms) == (None, 100_000)


def test_only_the_top_ones_of_each_are_in(proc: Roots) -> None:
    recorder = taker(proc, top=1)
    recorder.take(10.0)
    write_files(proc.procfs, {"1/stat": stat_line(1, "init", pages=5, ticks=9 * HZ)})
    stir(proc, 1.0, 0.5, written=7000)
    assert [row.name for row in take(recorder, 15.0).rows] == ["init", "web", "db"]  # by cpu, memory, writes
    stir(proc, 1.0, 0.5, written=7000)
    assert [row.name for row in take(recorder, 20.0).rows] == ["web"]


def test_a_recorded_process_that_ended_is_said_so_once(proc: Roots) -> None:
    recorder = taker(proc)
    recorder.take(10.0)
    stir(proc, 1.0, 0.5)
    alive = take(recorder, 15.0).rows[0]
    (proc.procfs / "2" / "stat").unlink()
    ended = [row for row in take(recorder, 20.0).rows if row.state == ENDED]
    assert ended == [alive._replace(state=ENDED, threads=None, cpu=None, memory=None, read=None, write=None)]
    assert not [row for row in take(recorder, 25.0).rows if row.state == ENDED]


def test_a_pid_that_is_used_again_ends_the_one_before(proc: Roots) -> None:
    recorder = taker(proc)
    recorder.take(10.0)
    stir(proc, 1.0, 0.5)
    take(recorder, 15.0)
    write_files(proc.procfs, {"2/stat": stat_line(2, "next", started=1001 * HZ, ticks=HZ), "uptime": "1002.0 1\n"})
    found = [(row.name, row.state, row.cpu) for row in take(recorder, 20.0).rows if row.pid == 2]
    assert found == [("next", "sleeping", 0.2), ("web", ENDED, None)]


def test_what_a_process_became_by_exec_is_looked_at_again(proc: Roots) -> None:
    recorder = taker(proc)
    recorder.take(10.0)
    stir(proc, 1.0, 0.5)
    take(recorder, 15.0)
    write_files(proc.procfs, {"3/stat": stat_line(3, "gzip", pages=9, started=600 * HZ, ticks=HZ)})
    write_files(proc.procfs, {"3/cgroup": "0::/system.slice/backup.service\n"})
    assert ("gzip", "backup.service") in [(row.name, row.unit) for row in take(recorder, 20.0).rows]


def test_a_process_that_is_ending_is_still_said_to_be_of_its_unit(proc: Roots) -> None:
    recorder = taker(proc)
    recorder.take(10.0)
    stir(proc, 1.0, 0.5)
    take(recorder, 15.0)
    write_files(proc.procfs, {"2/cgroup": "0::/\n"})  # as the kernel says of one that nobody has waited for
    for turn in range(12):  # each is looked at again in one of them
        stir(proc, 2.0 + turn, 0.5)
        (row,) = [row for row in take(recorder, 20.0 + 5 * turn).rows if row.pid == 2]
        assert row.unit == "web.service"


@pytest.mark.parametrize(("command_line", "command"), [(True, "web --password hunter2"), (False, None)])
def test_command_lines_are_recorded_only_where_that_is_wanted(
    proc: Roots, command_line: bool, command: str | None
) -> None:
    recorder = taker(proc, command_line=command_line)
    recorder.take(10.0)
    assert take(recorder, 15.0).rows[0].command == command


def test_a_long_command_line_is_recorded_in_part(proc: Roots) -> None:
    write_files(proc.procfs, {"2/cmdline": b"web\0" + b"x" * 10_000})
    recorder = taker(proc, command_line=True)
    recorder.take(10.0)
    assert len(take(recorder, 15.0).rows[0].command or "") == COMMAND_CHARS_MAX


def test_this_process_is_recorded_with_what_it_used() -> None:
    recorder = SnapshotTaker(ProcessScanner(), top=200)
    recorder.take(time.monotonic())
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s:
        pass
    snapshot = take(recorder, time.monotonic())
    (own,) = [row for row in snapshot.rows if row.pid == os.getpid()]
    assert own.cpu is not None and own.cpu * snapshot.interval_ms >= 150
    assert own.memory is not None and own.memory > 10_000_000
    assert own.parent == os.getppid()
    assert 0 <= snapshot.time_ms - own.started_ms < 86_400_000
    assert snapshot.total_cpu is not None
