"""Lists the processes: from /proc where there is one, else through psutil."""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

from vitalcast.collectors.procfs import PROC, KernelFile, number

_STATE_OF_LETTER = {"R": "running", "D": "blocked", "T": "stopped", "t": "stopped", "Z": "defunct", "X": "defunct"}
_STATE_OF_STATUS = {
    psutil.STATUS_RUNNING: "running",
    psutil.STATUS_DISK_SLEEP: "blocked",
    psutil.STATUS_STOPPED: "stopped",
    psutil.STATUS_TRACING_STOP: "stopped",
    psutil.STATUS_ZOMBIE: "defunct",
    psutil.STATUS_DEAD: "defunct",
}


class Process(NamedTuple):
    """One process at one moment. `started_s` tells it from an earlier one of the same pid.

    What the system hides from this user is None.
    """

    pid: int
    name: str
    state: str
    cpu_s: float | None
    memory_bytes: int | None
    threads: int | None
    started_s: float
    age_s: float


class ProcessSource(Protocol):
    """Where processes are listed. Details cost extra, and are None where they may not be read."""

    def scan(self) -> list[Process]:
        """Return every process, without its details."""

    def states(self) -> Counter[str]:
        """Return how many processes are in which state; cheaper than a scan."""

    def user(self, pid: int) -> str | None:
        """Return the name of the user it runs as."""

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


def parse_pid_stat(text: bytes) -> RawStat:
    """Parse /proc/<pid>/stat; the name stands in parentheses and may itself contain some."""
    end = text.rindex(b")")
    fields = text[end + 2 :].split(None, 22)
    return RawStat(
        text[text.index(b"(") + 1 : end].decode(errors="replace"),
        _STATE_OF_LETTER.get(chr(fields[0][0]), "sleeping"),
        int(fields[11]) + int(fields[12]),
        int(fields[17]),
        int(fields[19]),
        int(fields[21]),
    )


class ProcfsSource:
    """Reads /proc/<pid> itself, at a quarter of psutil's cost."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = str(proc)
        self._uptime = KernelFile(proc / "uptime")
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def scan(self) -> list[Process]:
        hz, page_bytes = self._ticks_per_s, self._page_bytes
        uptime_s = number(self._uptime.read(), b"")
        processes = []
        for pid, text in self._stats():
            raw = parse_pid_stat(text)
            started_s = raw.started_ticks / hz
            processes.append(
                Process(
                    int(pid),
                    raw.name,
                    raw.state,
                    raw.cpu_ticks / hz,
                    raw.memory_pages * page_bytes,
                    raw.threads,
                    started_s,
                    max(0.0, round(uptime_s - started_s, 2)),
                )
            )
        return processes

    def states(self) -> Counter[str]:
        letters = Counter(text[text.rindex(b")") + 2] for _, text in self._stats())
        states: Counter[str] = Counter()
        for letter, count in letters.items():
            states[_STATE_OF_LETTER.get(chr(letter), "sleeping")] += count
        return states

    def user(self, pid: int) -> str | None:
        try:
            return _user_name(Path(self._proc, str(pid)).stat().st_uid)
        except OSError:
            return None

    def io_bytes(self, pid: int) -> tuple[int, int] | None:
        text = self._detail(pid, "io")
        if not text:
            return None
        return int(number(text, b"\nread_bytes: ")), int(number(text, b"\nwrite_bytes: "))

    def command(self, pid: int) -> str | None:
        text = self._detail(pid, "cmdline")
        return text.strip(b"\0").replace(b"\0", b" ").decode(errors="replace") or None

    def _detail(self, pid: int, file: str) -> bytes:
        try:
            return _read(f"{self._proc}/{pid}/{file}")
        except OSError:  # it has ended, or belongs to another user
            return b""

    def _stats(self) -> Iterator[tuple[str, bytes]]:
        """Yield (pid, stat text) of every process that has not ended meanwhile."""
        with os.scandir(self._proc) as entries:
            pids = [entry.name for entry in entries if entry.name.isdigit()]
        for pid in pids:
            try:
                text = _read(f"{self._proc}/{pid}/stat")
            except OSError:
                continue
            yield pid, text


def _read(path: str) -> bytes:
    """Return a file's first 16 KiB; pathlib takes twice as long, which counts for a file a process."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 16384)
    finally:
        os.close(fd)


@functools.lru_cache(maxsize=1024)
def _user_name(uid: int) -> str:
    import pwd  # not there on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class PsutilSource:
    """Asks psutil, for systems without /proc."""

    _FIELDS = ("pid", "name", "status", "cpu_times", "memory_info", "num_threads", "create_time")

    def scan(self) -> list[Process]:
        now_s = time.time()
        return [
            Process(
                process.pid,
                found["name"] or "",
                _STATE_OF_STATUS.get(found["status"], "sleeping"),
                found["cpu_times"].user + found["cpu_times"].system if found["cpu_times"] else None,
                found["memory_info"].rss if found["memory_info"] else None,
                found["num_threads"],
                found["create_time"] or 0.0,
                max(0.0, round(now_s - (found["create_time"] or now_s), 2)),
            )
            for process in psutil.process_iter(self._FIELDS)
            for found in (process.info,)
        ]

    def states(self) -> Counter[str]:
        statuses = (process.info["status"] for process in psutil.process_iter(("status",)))
        return Counter(_STATE_OF_STATUS.get(status, "sleeping") for status in statuses)

    def user(self, pid: int) -> str | None:
        try:
            return psutil.Process(pid).username()
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
            return " ".join(psutil.Process(pid).cmdline()) or None
        except (psutil.Error, OSError):
            return None


def process_source(proc: Path = PROC) -> ProcessSource:
    """Return the cheapest source that this machine has."""
    return ProcfsSource(proc) if (proc / "stat").is_file() else PsutilSource()
