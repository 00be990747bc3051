"""One scan of all processes for whoever needs one: a scan that is young enough is shared, not made again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from vitalcast.collectors.process_source import Process, ProcessSource, process_source
from vitalcast.collectors.procfs import KernelFile, counts, open_if_readable
from vitalcast.machine import HERE, Roots

SHARED_S = 2.5
"""How old a scan may be for those who look every five seconds: they fall into step with each other."""

KERNEL_THREADS = 2
"""The pid of the parent of all threads of the kernel, where these can be seen."""

# Reading /proc/<pid>/io costs as much as all else. One that did not stir has read and written nothing, as far as can be
# told by its line in so coarse units: each is looked at again after so many scans.
_IO_EVERY = 12

_MODES, _MODES_MIN = 8, 4  # of CPU time; at first there were four


class CpuTime(NamedTuple):
    """CPU seconds of the whole machine since boot.

    `by_processes` is what was charged to processes, `busy` that and interrupts, `all` every second of every CPU.
    """

    by_processes_s: float
    busy_s: float
    all_s: float


class IoReading(NamedTuple):
    """Bytes that a process had read from and written to disks, or None where that may not be known.

    `process` is as it was then; `moving` says that there had been fewer at the reading before.
    """

    process: Process
    nbytes: tuple[int, int] | None
    moving: bool


class Scan(NamedTuple):
    """All processes at one moment: `taken_s` is monotonic, `time_ms` in Unix milliseconds.

    `clock_s` is the moment on the clock of `started_s`. `io` has the newest disk bytes of those that may be read.
    """

    taken_s: float
    time_ms: int
    clock_s: float
    processes: dict[int, Process]
    cpu: CpuTime | None
    io: dict[int, IoReading]

    @property
    def sees_kernel(self) -> bool:
        """Whether the kernel's threads are among the processes, and so all of the machine; not in a container."""
        process = self.processes.get(KERNEL_THREADS)
        # Anybody can be called so, but not without memory.
        return process is not None and (process.name, process.parent, process.memory_bytes) == ("kthreadd", 0, 0)


class ProcessScanner:
    """Scans the processes of a machine; for any thread.

    Nothing is opened before it is first needed: `source` raises OSError where there are no processes to be seen.
    """

    def __init__(self, roots: Roots = HERE, *, wall_s: Callable[[], float] = time.time) -> None:
        self._roots = roots
        self._wall_s = wall_s
        self._gate = threading.Lock()
        self._source: ProcessSource | None = None
        self._stat: KernelFile | None = None
        self._newest: Scan | None = None
        self._has_io = False
        self._io_turn = 0

    @property
    def source(self) -> ProcessSource:
        if self._source is None:
            self._source = process_source(self._roots)
            self._stat = open_if_readable(self._roots.procfs / "stat") if not self._roots.psutil else None
        return self._source

    def check(self) -> None:
        """Raise OSError where there are no processes to be seen."""
        assert self.source

    def scan(self, now_s: float, *, max_age_s: float = 0.0, io: bool = False) -> Scan:
        """Return a scan that is at most so old at a monotonic time; with `io` it has every process's disk bytes.

        Raises OSError.
        """
        with self._gate:
            newest = self._newest
            if newest is None or not 0 <= now_s - newest.taken_s <= max_age_s:
                newest, self._has_io = self._scan(now_s, newest), False
            if io and not self._has_io:
                newest, self._has_io = newest._replace(io=self._io(newest)), True
            self._newest = newest
            return newest

    def _scan(self, now_s: float, before: Scan | None) -> Scan:
        source = self.source
        cpu = None if self._stat is None else parse_cpu_time(self._stat.read())
        time_ms = int(self._wall_s() * 1000)
        return Scan(now_s, time_ms, source.clock_s(), source.scan(), cpu, {} if before is None else before.io)

    def _io(self, scan: Scan) -> dict[int, IoReading]:
        """Return the disk bytes of all processes, read again of those that stirred."""
        source, before = self.source, scan.io
        turn = self._io_turn = (self._io_turn + 1) % _IO_EVERY
        io: dict[int, IoReading] = {}
        for pid, process in scan.processes.items():
            last = before.get(pid)
            if last is not None and last.process is process and not last.moving and pid % _IO_EVERY != turn:
                io[pid] = last
            else:
                nbytes = source.io_bytes(pid)
                io[pid] = IoReading(process, nbytes, moving=last is not None and last.nbytes != nbytes)
        return io


def parse_cpu_time(text: bytes) -> CpuTime | None:
    """Parse the first line of /proc/stat (proc_stat(5)); None where it is not as the kernel writes it.

    A guest's time is in `user` and `nice` already; what other guests of the same host took is nobody's here.
    """
    words = text[: text.find(b"\n")].split()
    if len(words) <= _MODES_MIN or words[0] != b"cpu":
        return None
    try:
        times = counts(words[1 : _MODES + 1])
    except ValueError:
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = (*times, *[0] * (_MODES - len(times)))
    by_processes, interrupts = user + nice + system, irq + softirq
    busy = by_processes + interrupts
    hz = os.sysconf("SC_CLK_TCK")
    return CpuTime(by_processes / hz, busy / hz, (busy + idle + iowait + steal) / hz)
