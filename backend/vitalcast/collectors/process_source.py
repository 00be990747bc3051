"""Lists the processes: from /proc where there is one, else through psutil."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

from vitalcast.collectors.base import NO_READING
from vitalcast.collectors.cgroup_path import unit_of
from vitalcast.collectors.procfs import COUNT_MAX, KernelFile, number, open_if_readable, read_small
from vitalcast.core.text import from_system
from vitalcast.machine import HERE, Roots

_STATE_OF_LETTER = {
    b"R": "running",
    b"D": "blocked",
    b"T": "stopped",
    b"t": "stopped",
    b"Z": "defunct",
    b"X": "defunct",
}
_STATE_OF_STATUS = {
    psutil.STATUS_RUNNING: "running",
    psutil.STATUS_DISK_SLEEP: "blocked",
    psutil.STATUS_STOPPED: "stopped",
    psutil.STATUS_TRACING_STOP: "stopped",
    psutil.STATUS_ZOMBIE: "defunct",
    psutil.STATUS_DEAD: "defunct",
}

_ID_DIGITS_MAX = 10
_SCAN_MAX_S = 1.0  # a process may start while others are being looked at


class Process(NamedTuple):
    """One process at one moment. `started_s` tells it from an earlier one of the same pid.

    `children_s` is the CPU time of those of its children that ended and were waited for, with theirs. What the system
    hides from this user is None; so are `parent` where it is not known, and `children_s` where it is not told.
    """

    pid: int
    name: str
    state: str
    cpu_s: float | None
    memory_bytes: int | None
    threads: int | None
    started_s: float
    parent: int | None = None
    children_s: float | None = None


class ProcessSource(Protocol):
    """Where processes are listed. Details cost extra, and are None where they may not be read."""

    start_ms: float
    """The Unix milliseconds at which `started_s` is 0, as the clocks stood when this was made."""

    def scan(self) -> dict[int, Process]:
        """Return every process by its pid, without details. One that has not stirred may be the same object again."""

    def clock_s(self) -> float:
        """Return the time on the clock of `started_s`, `nan` where it is not known."""

    def user(self, pid: int) -> str | None:
        """Return the name of the user it runs as."""

    def unit(self, pid: int, /) -> str | None:
        """Return the systemd unit or the container that it runs in."""

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        """Return the bytes that it had read from and written to disks."""

    def command(self, pid: int) -> str | None:
        """Return its command line."""


class RawStat(NamedTuple):
    """A line of /proc/<pid>/stat: times in clock ticks, memory in pages."""

    name: str
    state: str
    cpu_ticks: int
    threads: int
    started_ticks: int
    memory_pages: int
    parent: int
    children_ticks: int | None


def parse_pid_stat(text: bytes) -> RawStat | None:
    """Parse /proc/<pid>/stat; the name stands in parentheses and may itself contain some, and line ends too.

    None where the text is not as the kernel writes it.
    """
    start, end = text.find(b"("), text.rfind(b")")
    fields = text[end + 1 :].split(None, 22)
    try:
        numbers = (
            int(fields[11]) + int(fields[12]),
            int(fields[17]),
            int(fields[19]),
            int(fields[21]),
            int(fields[1]),
        )
        children = int(fields[13]) + int(fields[14])
    except (ValueError, IndexError):
        return None
    if not 0 <= start < end or min(numbers) < 0 or sum(numbers) > COUNT_MAX:
        return None
    # Times of children are signed, for whatever reason the kernel has.
    return RawStat(_name(text[start + 1 : end]), _state(fields[0]), *numbers, children if children >= 0 else None)


# Most processes are there at the next scan too, and many share a name.
_name = functools.lru_cache(maxsize=4096)(from_system)


def _state(letter: bytes) -> str:
    return _STATE_OF_LETTER.get(letter, "sleeping")


class ProcfsSource:
    """Reads /proc/<pid> itself, at a quarter of psutil's cost. Raises OSError where there is no process to be seen.

    What a process's line says is worked out anew only where the line differs from that of the last scan: of thousands
    of processes most sleep.
    """

    def __init__(self, roots: Roots = HERE) -> None:
        self._proc = str(roots.procfs)
        self._uptime = open_if_readable(roots.procfs / "uptime", is_one_record=True)
        if not self._pids():
            raise FileNotFoundError(f"there are no processes in {self._proc}")
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._user_name = _own_user_name if roots.rootfs_is_ours else PasswdFile(roots.rootfs / "etc" / "passwd").name
        self._known: dict[str, tuple[bytes, Process]] = {}
        self.start_ms = (time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)) * 1000  # what starts are counted on

    def scan(self) -> dict[int, Process]:
        known, self._known = self._known, {}
        for pid, text in self._stats():
            before = known.get(pid)
            if before is not None and before[0] == text:
                self._known[pid] = before
            elif (process := self._process(int(pid), text)) is not None:
                self._known[pid] = text, process
        return {process.pid: process for _, process in self._known.values()}

    def clock_s(self) -> float:
        return number(self._uptime.read(), b"") if self._uptime else NO_READING

    def _process(self, pid: int, text: bytes) -> Process | None:
        raw = parse_pid_stat(text)
        if raw is None:
            return None
        hz, memory_bytes = self._ticks_per_s, raw.memory_pages * self._page_bytes
        return Process(
            pid,
            raw.name,
            raw.state,
            raw.cpu_ticks / hz,
            memory_bytes if memory_bytes <= COUNT_MAX else None,
            raw.threads,
            raw.started_ticks / hz,
            raw.parent,
            None if raw.children_ticks is None else raw.children_ticks / hz,
        )

    def user(self, pid: int) -> str | None:
        try:
            return self._user_name(Path(self._proc, str(pid)).stat().st_uid)
        except OSError:
            return None

    def unit(self, pid: int, /) -> str | None:
        return unit_of(self._detail(pid, "cgroup"))

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        text = self._detail(pid, "io")
        read, written = number(text, b"\nread_bytes: "), number(text, b"\nwrite_bytes: ")
        return (int(read), int(written)) if read == read and written == written else None

    def command(self, pid: int) -> str | None:
        text = self._detail(pid, "cmdline")
        return from_system(text.strip(b"\0").replace(b"\0", b" ")) or None

    def _detail(self, pid: int, file: str) -> bytes:
        try:
            return read_small(f"{self._proc}/{pid}/{file}")
        except OSError:  # it has ended, or belongs to another user
            return b""

    def _pids(self) -> list[str]:
        with os.scandir(self._proc) as entries:
            return [entry.name for entry in entries if _is_pid(entry.name)]

    def _stats(self) -> Iterator[tuple[str, bytes]]:
        """Yield (pid, stat text) of every process that has not ended meanwhile."""
        for pid in self._pids():
            try:
                text = read_small(f"{self._proc}/{pid}/stat")
            except OSError:
                continue
            yield pid, text


def _is_pid(name: str) -> bool:
    """Say whether a folder is called as the kernel writes a pid; what merely reads as a number could be one twice."""
    return name.isascii() and name.isdecimal() and len(name) <= _ID_DIGITS_MAX and not name.startswith("0")


def age_s(process: Process, clock_s: float) -> float | None:
    """Return a process's age when the clock of its start stood there, None where it cannot be right.

    One that began before the machine did has none: lxcfs has each on its own clock.
    """
    age_s = clock_s - process.started_s
    return max(0.0, round(age_s, 2)) if age_s > -_SCAN_MAX_S else None


@functools.lru_cache(maxsize=1024)
def _own_user_name(uid: int) -> str:
    import pwd  # not there on Windows

    try:
        return from_system(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


class PasswdFile:
    """The users of another machine, whose directory services cannot be asked: those in its /etc/passwd."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[int, str] = {}
        self._read_of: tuple[int, int] | None = None

    def name(self, uid: int) -> str:
        """Return a user's name, or the number where it has none. The file is read again when it has changed."""
        try:
            status = self._path.stat()
            if self._read_of != (status.st_mtime_ns, status.st_ino):
                self._names = parse_passwd(KernelFile(self._path).read())
                self._read_of = status.st_mtime_ns, status.st_ino
        except OSError:
            self._names, self._read_of = {}, None
        return self._names.get(uid) or str(uid)


def parse_passwd(text: bytes) -> dict[int, str]:
    """Parse /etc/passwd into names by user id; of several names of one id the first counts, as for getpwuid(3)."""
    names: dict[int, str] = {}
    for line in text.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 4 and fields[0] and fields[2].isdigit() and len(fields[2]) <= _ID_DIGITS_MAX:
            names.setdefault(int(fields[2]), from_system(fields[0]))
    return names


class PsutilSource:
    """Asks psutil, for systems without /proc."""

    _FIELDS = ("pid", "ppid", "name", "status", "cpu_times", "memory_info", "num_threads", "create_time")
    start_ms = 0.0

    def scan(self) -> dict[int, Process]:
        return {
            process.pid: Process(
                process.pid,
                from_system(found["name"] or ""),
                _STATE_OF_STATUS.get(found["status"], "sleeping"),
                found["cpu_times"].user + found["cpu_times"].system if found["cpu_times"] else None,
                found["memory_info"].rss if found["memory_info"] else None,
                found["num_threads"],
                found["create_time"] or 0.0,
                found["ppid"],
            )
            for process in psutil.process_iter(self._FIELDS)
            for found in (process.info,)
        }

    def clock_s(self) -> float:
        return time.time()

    def unit(self, _pid: int, /) -> str | None:
        return None

    def user(self, pid: int) -> str | None:
        try:
            return from_system(psutil.Process(pid).username())
        except (psutil.Error, OSError):
            return None

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        try:
            counters = psutil.Process(pid).io_counters()
        except (psutil.Error, OSError, AttributeError):  # macOS has no such counters
            return None
        return counters.read_bytes, counters.write_bytes

    def command(self, pid: int) -> str | None:
        try:
            return from_system(" ".join(psutil.Process(pid).cmdline())) or None
        except (psutil.Error, OSError):
            return None


def process_source(roots: Roots = HERE) -> ProcessSource:
    """Return the cheapest source that this machine has. Raises OSError where there is none."""
    return PsutilSource() if roots.psutil else ProcfsSource(roots)
