"""Kills by the kernel: its count, and its log."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.collectors.oom import OomReader, Victim, parse_record
from vitalcast.machine import Roots

KILLED = (
    b"3,1234,98765,-;Out of memory: Killed process 4321 (python3) total-vm:8000kB, anon-rss:1000kB, file-rss:20kB, "
    b"shmem-rss:4kB, UID:1000 pgtables:96kB oom_score_adj:0\n SUBSYSTEM=x\n"
)


def test_a_record_of_the_kernel_names_the_victim() -> None:
    assert parse_record(KILLED) == Victim(4321, "python3", 1024 * 1024, False)
    group = KILLED.replace(b"Out of memory", b"Memory cgroup out of memory")
    assert parse_record(group) == Victim(4321, "python3", 1024 * 1024, True)
    older = b"3,1,2,-;Killed process 7 (a b), UID 0, total-vm:1kB, anon-rss:1kB"
    assert parse_record(older) is None
    assert parse_record(b"3,1,2,-;Killed process 7 (a b) total-vm:1kB, anon-rss:3kB") == Victim(7, "a b", 3072, False)


def test_a_record_of_linux_6_18_is_understood() -> None:
    record = (
        b"3,1102,13936642662,-;Memory cgroup out of memory: Killed process 21466 (python3) total-vm:211880kB, "
        b"anon-rss:38784kB, file-rss:6612kB, shmem-rss:0kB, UID:0 pgtables:140kB oom_score_adj:0\n"
    )
    assert parse_record(record) == Victim(21466, "python3", (38784 + 6612) * 1024, True)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b";",
        b"x,1,2,-;Killed process 7 (a) total-vm:1kB",
        KILLED.replace(b"3,", b"11,", 1),  # of facility 1: a user has written it
        KILLED.replace(b"Killed", b"Spared"),
        b"6,1,2,-;usb 1-1: new device",
        b"6,1,2,-;usb 1-1: new device\n Killed process 7 (a) total-vm:1kB",
    ],
)
def test_any_other_record_names_none(record: bytes) -> None:
    assert parse_record(record) is None


def test_a_name_cannot_pass_for_what_the_kernel_says() -> None:
    name = b"a) total-vm:9kB, anon-rss:9999kB, (\\x1b[31m"
    record = KILLED.replace(b"python3", name)
    assert parse_record(record) == Victim(4321, "a) total-vm:9kB, anon-rss:9999kB, (\\x1b[31m", 1024 * 1024, False)


@given(st.binary(max_size=200))
def test_whatever_is_written_there_raises_nothing(text: bytes) -> None:
    parse_record(text)
    parse_record(b"3,1,2,-;Killed process " + text)


class Kernel:
    """A folder with a /proc/vmstat and a /dev/kmsg."""

    def __init__(self, folder: Path) -> None:
        self._vmstat, self._log = folder / "proc" / "vmstat", folder / "dev" / "kmsg"
        for path in (self._vmstat, self._log):
            path.parent.mkdir()
        self.count(3)
        self._log.write_bytes(KILLED)
        self.roots = Roots(procfs=folder / "proc", rootfs=folder)

    def count(self, kills: int) -> None:
        self._vmstat.write_text(f"nr_free_pages 10\noom_kill {kills}\nswap_ra 0\n")

    def say(self, record: bytes) -> None:
        with self._log.open("ab") as log:
            log.write(record)

    def hide(self) -> None:
        self._log.unlink()


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_only_what_comes_after_it_was_opened_is_told(kernel: Kernel) -> None:
    reader = OomReader(kernel.roots)
    assert reader.can_tell
    assert reader.read() == (0, ())
    kernel.count(5)
    kernel.say(KILLED)
    assert reader.read() == (2, (Victim(4321, "python3", 1024 * 1024, False),))
    assert reader.read() == (0, ())
    reader.close()


def test_where_the_log_is_not_to_be_read_there_is_the_count_alone(kernel: Kernel) -> None:
    kernel.hide()
    reader = OomReader(kernel.roots)
    kernel.count(4)
    assert reader.read() == (1, ())
    kernel.count(0)  # which no kernel does
    count, victims = reader.read()
    assert (math.isnan(count), victims) == (True, ())
    reader.close()


def test_where_there_is_neither_nothing_is_told(tmp_path: Path) -> None:
    reader = OomReader(Roots(procfs=tmp_path, rootfs=tmp_path))
    assert not reader.can_tell
    assert math.isnan(reader.read().counted)
    reader.close()


def test_a_pipe_in_place_of_the_log_holds_nobody_up(kernel: Kernel, tmp_path: Path) -> None:
    kernel.hide()
    os.mkfifo(tmp_path / "dev" / "kmsg")
    reader = OomReader(kernel.roots)
    assert reader.read() == (0, ())
    reader.close()
