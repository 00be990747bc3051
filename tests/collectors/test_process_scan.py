from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.collectors.support import PSUTIL, write_files, write_proc
from tests.collectors.test_process_source import HZ, stat_line

from vitalcast.collectors.process_scan import CpuTime, IoReading, ProcessScanner, Scan, parse_cpu_time
from vitalcast.collectors.process_source import Process
from vitalcast.collectors.process_usage import used_between
from vitalcast.machine import Roots

IO = "rchar: 9\nread_bytes: {}\nwrite_bytes: {}\n"
KTHREADD = Process(2, "kthreadd", "sleeping", 0.0, 0, 1, 0.0, 0, 0.0)


@pytest.fixture
def proc(tmp_path: Path) -> Roots:
    return write_proc(
        tmp_path,
        {
            "stat": "cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4\n",
            "uptime": "1000.00 1.0\n",
            "1/stat": stat_line(1, "init"),
            "1/io": IO.format(1000, 10),
            "7/stat": stat_line(7, "db"),
            "7/io": IO.format(5000, 50),
        },
    )


def test_a_scan_that_is_young_enough_is_shared(proc: Roots) -> None:
    scanner = ProcessScanner(proc, wall_s=lambda: 1_790_000_000.5)
    first = scanner.scan(10.0)
    assert (first.taken_s, first.time_ms, first.clock_s) == (10.0, 1_790_000_000_500, 1000.0)
    assert first.cpu == CpuTime(150 / HZ, 163 / HZ, 4221 / HZ)
    assert scanner.scan(12.0, max_age_s=2.5) is first
    assert scanner.scan(12.6, max_age_s=2.5).taken_s == 12.6
    assert scanner.scan(12.6).taken_s == 12.6


def test_disk_bytes_come_with_a_scan_that_is_shared_too(proc: Roots) -> None:
    scanner = ProcessScanner(proc)
    assert scanner.scan(10.0).io == {}
    with_io = scanner.scan(10.1, max_age_s=1.0, io=True)
    assert with_io.taken_s == 10.0
    assert {pid: one.nbytes for pid, one in with_io.io.items()} == {1: (1000, 10), 7: (5000, 50)}
    assert scanner.scan(10.2, max_age_s=1.0) is with_io


def test_disk_bytes_are_read_of_those_that_stirred_and_of_each_now_and_then(proc: Roots) -> None:
    scanner = ProcessScanner(proc)
    scanner.scan(0.0, io=True)
    write_files(proc.procfs, {"1/io": IO.format(9000, 90), "7/io": IO.format(9000, 90)})
    write_files(proc.procfs, {"7/stat": stat_line(7, "db", ticks=1)})
    scan = scanner.scan(5.0, io=True)
    assert {pid: one.nbytes for pid, one in scan.io.items()} == {1: (1000, 10), 7: (9000, 90)}
    write_files(proc.procfs, {"7/io": IO.format(9500, 95)})
    scan = scanner.scan(10.0, io=True)  # the db is as it was, but was moving bytes
    assert scan.io[7].nbytes == (9500, 95)
    for round_ in range(12):
        scan = scanner.scan(15.0 + round_, io=True)
    assert scan.io[1].nbytes == (9000, 90)


def test_without_proc_processes_are_scanned_through_psutil() -> None:
    scan = ProcessScanner(PSUTIL).scan(1.0, io=True)
    assert scan.cpu is None
    assert scan.io[os.getpid()].nbytes is not None


def test_that_there_are_no_processes_is_said_when_they_are_needed(tmp_path: Path) -> None:
    scanner = ProcessScanner(write_proc(tmp_path, {}))
    with pytest.raises(OSError, match="no processes"):
        scanner.check()


@pytest.mark.parametrize("text", [b"", b"cpu", b"cpu 1 2 3\n", b"cpu0 1 2 3 4\n", b"cpu -1 2 3 4\n", b"cpu a b c d\n"])
def test_what_is_no_cpu_time_is_none(text: bytes) -> None:
    assert parse_cpu_time(text) is None


def test_an_old_kernel_tells_fewer_times() -> None:
    assert parse_cpu_time(b"cpu  1 2 3 4\n") == CpuTime(6 / HZ, 6 / HZ, 10 / HZ)


# --- what was used between two scans -------------------------------------------------------------------------------


def process(pid: int, cpu_s: float | None = 0.0, *, children_s: float = 0.0, parent: int = 1, started: float = 1.0):
    return Process(pid, "x", "sleeping", cpu_s, 4096, 1, started, parent, children_s)


def scan(second: float, *processes: Process, busy_s: float | None = None, io: dict[int, int] | None = None) -> Scan:
    """Return a scan of a machine with two CPUs."""
    cpu = None if busy_s is None else CpuTime(busy_s, busy_s + 0.1 * second, 2 * second)
    found = {one.pid: one for one in processes}
    readings = {pid: IoReading(found[pid], (moved, 2 * moved), moving=True) for pid, moved in (io or {}).items()}
    return Scan(second, 0, 1000.0 + second, found, cpu, readings)


def test_what_a_process_used_is_the_difference() -> None:
    idle = process(3)
    used = used_between(scan(0, process(1), idle), scan(5, process(1, 2.5), idle, process(4, 9.0)))
    assert used.cpu_s == {1: 2.5, 4: None}  # it is older than the first scan, and yet not in it
    assert (used.interval_s, used.short_lived_s, used.whole) == (5, 0.0, None)


def test_a_new_process_used_all_its_time_since_also_with_a_pid_that_is_used_again() -> None:
    now = scan(5, process(3, 0.5, started=1003.0), process(4, 0.25, started=1004.0), io={3: 100, 4: 7})
    used = used_between(scan(0, process(3, 9.0), io={3: 5000}), now)
    assert used.cpu_s == {3: 0.5, 4: 0.25}
    assert used.io == {3: (100, 200), 4: (7, 14)}


def test_disk_bytes_that_began_anew_are_none() -> None:
    one = process(1)
    used = used_between(scan(0, one, io={1: 500}), scan(5, one, io={1: 400}))
    assert used.io == {1: (0, 0)}


def test_the_time_of_children_that_nobody_saw_is_short_lived() -> None:
    used = used_between(scan(0, process(1), busy_s=0.0), scan(5, process(1, children_s=3.0), busy_s=3.0))
    assert used.short_lived_s == 3.0


def test_what_was_known_of_a_child_that_ended_is_not_counted_again() -> None:
    before = scan(0, process(1), process(5, 2.0, children_s=1.0), process(6, 0.5, parent=5), busy_s=0.0)
    now = scan(5, process(1, children_s=4.0), busy_s=0.5)
    assert used_between(before, now).short_lived_s == 0.5


def test_a_child_that_nobody_waited_for_is_missed_only_in_the_machines_sum() -> None:
    before = (process(1), KTHREADD)
    for busy_s, short_s in ((4.0, 4.0), (0.05, 0.0)):  # less than that may be by chance
        used = used_between(scan(0, *before, busy_s=0.0), scan(5, *before, busy_s=busy_s))
        assert used.short_lived_s == short_s


@pytest.mark.parametrize("second", [process(7), process(2, parent=0), KTHREADD._replace(memory_bytes=4096)])
def test_what_is_used_outside_of_a_container_is_nobodys_here(second: Process) -> None:
    one = process(1)
    assert used_between(scan(0, one, second, busy_s=0.0), scan(5, one, second, busy_s=8.0)).short_lived_s == 0.0


def test_no_more_is_short_lived_than_was_used() -> None:
    used = used_between(scan(0, process(1), busy_s=0.0), scan(5, process(1, children_s=3.0), busy_s=1.0))
    assert used.short_lived_s == 1.0


def test_cpu_time_that_was_taken_back_is_no_whole() -> None:
    one = process(1)
    assert used_between(scan(0, one, busy_s=5.0), scan(5, one, busy_s=4.0)).whole is None


def test_a_real_child_between_two_scans_is_short_lived() -> None:
    scanner = ProcessScanner()
    before = scanner.scan(time.monotonic())
    work = "import time\nwhile time.process_time() < 0.4: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    now = scanner.scan(time.monotonic())
    assert used_between(before, now).short_lived_s >= 0.3
