from __future__ import annotations

import os
import pwd
import sys
import time
from pathlib import Path

import pytest
from tests.collectors.support import PSUTIL, write_files, write_proc

from vitalcast.collectors.process_source import (
    Process,
    ProcessSource,
    ProcfsSource,
    PsutilSource,
    RawStat,
    age_s,
    parse_passwd,
    parse_pid_stat,
    process_source,
)
from vitalcast.machine import Roots

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def own_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def stat_line(
    pid: int,
    name: str,
    *,
    state: str = "S",
    ticks: int = 0,
    threads: int = 1,
    started: int = 0,
    pages: int = 0,
    parent: int = 1,
) -> str:
    """Return a line as /proc/<pid>/stat has it."""
    return (
        f"{pid} ({name}) {state} {parent} {pid} {pid} 0 -1 4194560 100 0 0 0 {ticks} 0 5 6 20 0 {threads} 0 "
        f"{started} 17182720 {pages} 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
    )


def test_a_stat_line_is_parsed_by_position() -> None:
    line = "77 (bash) R 1 2 3 4 5 6 7 8 9 10 1100 22 13 14 20 0 3 0 4242 999 512 18446744073709551615 1\n"
    assert parse_pid_stat(line.encode()) == RawStat("bash", "running", 1122, 3, 4242, 512, 1, 27)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("(sd-pam)", "(sd-pam)"),
        ("a) R 1 (b", "a) R 1 (b"),
        ("two words", "two words"),
        ("", ""),
        ("naïve", "naïve"),
        ("a)\nb\r(", r"a)\x0ab\x0d("),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("caf\udcc3", r"caf\xc3"),  # the kernel cuts a name after 15 bytes
    ],
)
def test_a_name_may_hold_anything(name: str, shown: str) -> None:
    text = os.fsencode(stat_line(5, name, state="T", threads=7))
    raw = parse_pid_stat(text)
    assert raw is not None
    assert (raw.name, raw.state, raw.threads) == (shown, "stopped", 7)


@pytest.mark.parametrize(
    "text", [b"", b"5 (x", b"5 x) R", b")5 (x R 1 2", b"5 (x) R 1 2\n", stat_line(5, "x", pages=-1).encode()]
)
def test_what_is_no_stat_line_is_no_process(text: bytes) -> None:
    assert parse_pid_stat(text) is None


def test_a_scan_is_in_base_units(tmp_path: Path) -> None:
    stat = stat_line(5, "x", ticks=3 * HZ, threads=2, started=400 * HZ, pages=10)
    proc = write_proc(tmp_path, {"uptime": "1000.50 1.0\n", "5/stat": stat, "stat": ""})
    source = process_source(proc)
    assert source.scan() == {5: Process(5, "x", "sleeping", 3.0, 10 * PAGE, 2, 400.0, 1, 11 / HZ)}
    assert source.clock_s() == 1000.5


@pytest.mark.parametrize("name", ["007", "0", "\u0663", "9" * 20])
def test_what_only_reads_as_a_number_is_no_process(tmp_path: Path, name: str) -> None:
    proc = write_proc(tmp_path, {"uptime": "10 1\n", f"{name}/stat": stat_line(7, "x"), "5/stat": stat_line(5, "x")})
    assert list(process_source(proc).scan()) == [5]


def test_a_process_that_did_not_stir_is_the_same_object_again(tmp_path: Path) -> None:
    files = {"uptime": "10 1\n", "5/stat": stat_line(5, "x"), "6/stat": stat_line(6, "y")}
    source = process_source(write_proc(tmp_path, files))
    before = source.scan()
    write_files(tmp_path, {"6/stat": stat_line(6, "y", ticks=HZ)})
    now = source.scan()
    assert now[5] is before[5]
    assert now[6] == before[6]._replace(cpu_s=1.0)
    (tmp_path / "5" / "stat").unlink()
    assert list(source.scan()) == [6]


def test_children_of_less_than_no_time_are_not_known() -> None:
    line = "77 (bash) R 1 2 3 4 5 6 7 8 9 10 1100 22 -13 4 20 0 3 0 4242 999 512 18446744073709551615 1\n"
    raw = parse_pid_stat(line.encode())
    assert raw is not None and raw.children_ticks is None


def test_more_memory_than_can_be_counted_is_not_known(tmp_path: Path) -> None:
    files = {"uptime": "10 1\n", "5/stat": stat_line(5, "x", pages=2**60), "6/stat": stat_line(6, "x", pages=2**40)}
    scan = process_source(write_proc(tmp_path, files)).scan()
    assert {pid: process.memory_bytes for pid, process in scan.items()} == {5: None, 6: 2**40 * PAGE}


def test_a_process_older_than_its_machine_has_no_age(tmp_path: Path) -> None:
    # lxcfs gives a container an uptime of its own, while processes are as old as the host has them.
    files = {"uptime": "100.00 1.0\n", "5/stat": stat_line(5, "old", started=90000 * HZ)}
    files["6/stat"] = stat_line(6, "new", started=int(100.5 * HZ))  # it started while others were being looked at
    source = process_source(write_proc(tmp_path, files))
    assert {pid: age_s(process, source.clock_s()) for pid, process in source.scan().items()} == {5: None, 6: 0.0}
    (tmp_path / "uptime").unlink()
    source = process_source(write_proc(tmp_path, {}))
    assert [age_s(process, source.clock_s()) for process in source.scan().values()] == [None, None]


def test_a_process_that_ended_during_the_scan_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    proc = write_proc(tmp_path, {"uptime": "10 1\n", "stat": "", "5/stat": stat_line(5, "x")})
    assert list(process_source(proc).scan()) == [5]


def test_details_are_read_from_the_processs_own_files(tmp_path: Path) -> None:
    io = "rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n"
    files = {"uptime": "1 1\n", "5/io": io, "5/cmdline": "python\0-m\0vitalcast\0", "6/io": "\nread_bytes: x\n"}
    source = ProcfsSource(Roots(procfs=write_files(tmp_path, files)))
    assert source.io_bytes(6) is None
    write_files(tmp_path, {"5/cgroup": "0::/system.slice/nginx.service\n", "6/cgroup": b"\xff"})
    assert (source.unit(5), source.unit(6), source.unit(7)) == ("nginx.service", None, None)
    assert source.io_bytes(5) == (4096, 8192)
    assert source.command(5) == "python -m vitalcast"
    assert source.user(5) == own_user()


def test_details_of_a_process_that_is_gone_are_none(tmp_path: Path) -> None:
    source = ProcfsSource(write_proc(tmp_path, {"1/stat": stat_line(1, "init")}))
    assert (source.user(9), source.io_bytes(9), source.command(9)) == (None, None, None)
    theirs = PsutilSource()
    gone = 2**22 + 1
    assert (theirs.user(gone), theirs.io_bytes(gone), theirs.command(gone)) == (None, None, None)


@pytest.mark.parametrize("source", [ProcfsSource(), PsutilSource()], ids=["procfs", "psutil"])
def test_each_source_knows_this_process(source: ProcessSource) -> None:
    own = source.scan()[os.getpid()]
    assert own.state == "running"
    assert own.cpu_s and own.cpu_s > 0
    assert own.memory_bytes and own.memory_bytes > 10_000_000
    assert own.threads and own.threads >= 1
    age = age_s(own, source.clock_s())
    assert age is not None and 0 <= age < 86400
    assert own.parent == os.getppid()
    assert abs(source.start_ms + own.started_s * 1000 + age * 1000 - time.time() * 1000) < 2000
    assert source.user(own.pid) == own_user()
    assert " ".join(sys.orig_argv[1:])[:40] in str(source.command(own.pid))
    assert len(source.scan()) > 1


def test_users_of_another_machine_are_those_in_its_passwd(tmp_path: Path) -> None:
    write_files(tmp_path, {"proc/uptime": "1 1\n", "proc/5/stat": stat_line(5, "x")})
    source = process_source(Roots(procfs=tmp_path / "proc", rootfs=tmp_path))
    uid = (tmp_path / "proc" / "5").stat().st_uid
    assert source.user(5) == str(uid)
    write_files(tmp_path, {"etc/passwd": b"# none\nalice:x:%d:0::/:/bin/sh\nbob:x:%d:0::/:/bin/sh\n" % (uid, uid)})
    assert source.user(5) == "alice"
    (tmp_path / "etc" / "passwd").unlink()
    assert source.user(5) == str(uid)


def test_a_passwd_may_hold_anything() -> None:
    text = b"a:x:1:1\n:x:2:2\nb:x:-3:3\nc\xff\x1b:x:4:4:\n+::::::\nd:x:%s:5\ne:x:6\r:6" % (b"5" * 5000)
    assert parse_passwd(text) == {1: "a", 4: r"c\xff\x1b"}


def test_without_proc_psutil_is_the_source(tmp_path: Path) -> None:
    assert isinstance(process_source(PSUTIL), PsutilSource)
    with pytest.raises(OSError, match="no processes"):
        process_source(write_proc(tmp_path, {}))
