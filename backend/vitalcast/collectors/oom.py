"""Processes that the kernel killed because memory ran out: how many, and which, where its log may be read."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path
from typing import NamedTuple

from vitalcast.collectors.procfs import number, open_if_readable
from vitalcast.core.text import from_system
from vitalcast.machine import HERE, Roots

RECORDS_MAX = 2000  # of the kernel's log at once; what is more is read the next time
_RECORD_BYTES = 8192  # the kernel's own bound (CONSOLE_EXT_LOG_MAX)
_PRIORITY = re.compile(rb"[0-7]")  # of the kernel's own facility, 0; from 8 on it is another's
# `mm/oom_kill.c`: "%s: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, file-rss:%lukB, shmem-rss:%lukB, …". A
# name may hold anything but a NUL; a parenthesis and `total-vm` in one still leave the last ones the kernel's.
_KILLED = re.compile(rb"Killed process ([0-9]{1,10}) \((.*)\),? total-vm:[0-9]+kB(.*)", re.DOTALL)
_RESIDENT = re.compile(rb"(?:anon|file|shmem)-rss:([0-9]{1,15})kB")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class Victim(NamedTuple):
    """A process that was killed: `memory` is what it had resident, in bytes. `group` says that only its control
    group had run out.
    """

    pid: int
    name: str
    memory: int
    group: bool


class OomKills(NamedTuple):
    """Kills since the last reading: how many there were by the kernel's count, `nan` where it keeps none, and which."""

    counted: float
    victims: tuple[Victim, ...]


def parse_record(record: bytes) -> Victim | None:
    """Return the victim that a record of /dev/kmsg tells of, None for any other.

    Whoever may write there may write what the kernel does; but such a record is of another facility than its own.
    """
    head, _, message = record.partition(b";")
    priority = head.partition(b",")[0]
    if _PRIORITY.fullmatch(priority) is None or b"Killed process" not in message:
        return None
    message = message.partition(b"\n")[0]  # behind it come its properties
    match = _KILLED.search(message)
    if match is None:
        return None
    name = _ESCAPE.sub(lambda one: bytes((int(one[1], 16),)), match[2])  # as it writes what does not print
    resident = sum(int(one) for one in _RESIDENT.findall(match[3]))
    return Victim(int(match[1]), from_system(name), resident * 1024, b"Memory cgroup out of memory" in message)


class OomReader:
    """Reads the kernel's count, and its log from now on. `read` does not wait, and raises nothing but OSError."""

    def __init__(self, roots: Roots = HERE) -> None:
        self._counter = None if roots.psutil else open_if_readable(roots.procfs / "vmstat", is_one_record=True)
        self._log = _open_log(roots.rootfs / "dev" / "kmsg")
        self._before = self._count()

    @property
    def can_tell(self) -> bool:
        """Whether there is anything to read here."""
        return self._counter is not None or self._log is not None

    def _count(self) -> float:
        return math.nan if self._counter is None else number(self._counter.read(), b"\noom_kill ")

    def read(self) -> OomKills:
        """Return the kills since the last call."""
        count = self._count()
        new, self._before = count - self._before, count
        return OomKills(new if new >= 0 else math.nan, tuple(self._victims()))

    def _victims(self) -> list[Victim]:
        found: list[Victim] = []
        for _ in range(RECORDS_MAX if self._log is not None else 0):
            assert self._log is not None
            try:
                record = os.read(self._log, _RECORD_BYTES)
            except BrokenPipeError:  # records were overwritten; the next read is of the oldest that is there
                continue
            except OSError:  # nothing more, as EAGAIN says
                break
            if not record:  # a plain file in its place has an end
                break
            if (victim := parse_record(record)) is not None:
                found.append(victim)
        return found

    def close(self) -> None:
        if self._counter is not None:
            self._counter.close()
        if self._log is not None:
            os.close(self._log)
            self._log = None


def _open_log(path: Path) -> int | None:
    """Open the kernel's log at its end; None where this user may not read it."""
    try:
        log = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    except OSError:
        return None
    try:
        os.lseek(log, 0, os.SEEK_END)
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.read(log, _RECORD_BYTES)  # which `dmesg_restrict` may refuse, where opening was not
    except OSError:
        os.close(log)
        return None
    return log
