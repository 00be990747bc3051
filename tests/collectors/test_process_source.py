from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest
from tests.collectors.support import write_proc

from vitalcast.collectors.process_source import (
    Process,
    ProcessSource,
    ProcfsSource,
    PsutilSource,
    RawStat,
    parse_pid_stat,
    process_source,
)

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def own_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def stat_line(
    pid: int, name: str, *, state: str = "S", ticks: int = 0, threads: int = 1, started: int = 0, pages: int = 0
) -> str:
    """Return a line as /proc/<pid>/stat has it."""
    return (
        f"{pid} ({name}) {state} 1 {pid} {pid} 0 -1 4194560 100 0 0 0 {ticks} 0 5 6 20 0 {threads} 0 "
        f"{started} 17182720 {pages} 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
    )


def test_a_stat_line_is_parsed_by_position() -> None:
    line = "77 (bash) R 1 2 3 4 5 6 7 8 9 10 1100 22 13 14 20 0 3 0 4242 999 512 18446744073709551615 1\n"
    assert parse_pid_stat(line.encode()) == RawStat("bash", "running", 1122, 3, 4242, 512)


@pytest.mark.parametrize("name", ["(sd-pam)", "a) R 1 (b", "two words", "", "naïve"])
def test_a_name_may_hold_anything(name: str) -> None:
    raw = parse_pid_stat(stat_line(5, name, state="T", threads=7).encode())
    assert (raw.name, raw.state, raw.threads) == (name, "stopped", 7)


def test_a_scan_is_in_base_units(tmp_path: Path) -> None:
    stat = stat_line(5, "x", ticks=3 * HZ, threads=2, started=400 * HZ, pages=10)
    proc = write_proc(tmp_path, {"uptime": "1000.50 1.0\n", "5/stat": stat, "stat": ""})
    assert process_source(proc).scan() == [Process(5, "x", "sleeping", 3.0, 10 * PAGE, 2, 400.0, 600.5)]


def test_a_process_that_ended_during_the_scan_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    proc = write_proc(tmp_path, {"uptime": "10 1\n", "stat": "", "5/stat": stat_line(5, "x")})
    assert [process.pid for process in process_source(proc).scan()] == [5]


def test_details_are_read_from_the_processs_own_files(tmp_path: Path) -> None:
    io = "rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n"
    proc = write_proc(tmp_path, {"uptime": "1 1\n", "5/io": io, "5/cmdline": "python\0-m\0vitalcast\0"})
    source = ProcfsSource(proc)
    assert source.io_bytes(5) == (4096, 8192)
    assert source.command(5) == "python -m vitalcast"
    assert source.user(5) == own_user()


def test_details_of_a_process_that_is_gone_are_none(tmp_path: Path) -> None:
    source = ProcfsSource(write_proc(tmp_path, {"uptime": "1 1\n"}))
    assert (source.user(9), source.io_bytes(9), source.command(9)) == (None, None, None)
    theirs = PsutilSource()
    gone = 2**22 + 1
    assert (theirs.user(gone), theirs.io_bytes(gone), theirs.command(gone)) == (None, None, None)


@pytest.mark.parametrize("source", [ProcfsSource(), PsutilSource()], ids=["procfs", "psutil"])
def test_each_source_knows_this_process(source: ProcessSource) -> None:
    (own,) = [process for process in source.scan() if process.pid == os.getpid()]
    assert own.state == "running"
    assert own.cpu_s and own.cpu_s > 0
    assert own.memory_bytes and own.memory_bytes > 10_000_000
    assert own.threads and own.threads >= 1
    assert 0 <= own.age_s < 86400
    assert source.user(own.pid) == own_user()
    assert " ".join(sys.orig_argv[1:])[:40] in str(source.command(own.pid))
    assert source.states().total() > 1


def test_without_proc_psutil_is_the_source(tmp_path: Path) -> None:
    assert isinstance(process_source(tmp_path), PsutilSource)
