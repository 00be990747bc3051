"""Which programs use the machine: a series for each of those that matter now, and one for all others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from vitalcast.collectors.base import Collector, SeriesPerDevice, share
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.process_scan import KERNEL_THREADS, SHARED_S, ProcessScanner, Scan
from vitalcast.collectors.process_usage import ProcessesUsed, used_between
from vitalcast.collectors.roster import Roster
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.precision import significant
from vitalcast.machine import HERE, Roots

OTHERS = "(others)"
SHORT_LIVED = "(short-lived)"

UTILIZATION = Descriptor(
    "process.cpu.utilization",
    "1",
    Kind.GAUGE,
    "Share of the host's CPU time used by all processes of a program, over five seconds, for the programs that use "
    "most. `(short-lived)` is what went to processes that ended before they were seen, `(others)` the rest: together "
    "they are all that was busy.",
    ("process.executable.name",),
)
MEMORY = Descriptor(
    "process.memory.usage",
    "By",
    Kind.UPDOWNCOUNTER,
    "Resident memory of all processes of a program, for the programs that use most; `(others)` is the rest. What "
    "processes share counts in each of them.",
    ("process.executable.name",),
)
IO_RATE = Descriptor(
    "process.disk.io.rate",
    "By/s",
    Kind.GAUGE,
    "Bytes that all processes of a program read from and wrote to disks, per second over five seconds, for the "
    "programs that move most; `(others)` is the rest. Processes of other users may need permission.",
    ("process.executable.name", "disk.io.direction"),
)
DESCRIPTORS = (UTILIZATION, MEMORY, IO_RATE)

# What a program must use to matter: of one CPU, in bytes, and in bytes a second.
_CPU_MIN, _MEMORY_MIN, _IO_MIN = 0.005, 10 * 2**20, 4096

_DIRECTIONS = ("read", "write")


class ProgramsCollector(Collector):
    """Adds up processes by the name that the kernel has for their program, of a scan that others share."""

    name = "programs"
    cadence_s = 5.0
    descriptors = DESCRIPTORS

    def __init__(self, *, roots: Roots = HERE, scanner: ProcessScanner | None = None) -> None:
        super().__init__()
        self._scanner = scanner or ProcessScanner(roots)
        self._scanner.check()
        self._before: Scan | None = None
        self._samples: list[Sample] = []
        self._cpu, self._memory, self._io = Roster(least=_CPU_MIN), Roster(least=_MEMORY_MIN), Roster(least=_IO_MIN)
        self._by_name = SeriesPerDevice[tuple[Descriptor, str]](_series_of)

    def collect(self, now_s: float) -> list[Sample]:
        scan = self._scanner.scan(now_s, max_age_s=SHARED_S, io=True)
        before, self._before = self._before, scan
        if scan is not before:
            names = _programs(scan)
            self._samples = list(self._read(scan, None if before is None else used_between(before, scan), names))
            self._by_name.keep({(series.descriptor, series.values[0]) for series, _ in self._samples})
        return self._samples

    def _read(self, scan: Scan, used: ProcessesUsed | None, names: Mapping[int, str]) -> Iterator[Sample]:
        if used is not None:
            yield from self._utilization(used, names, scan.taken_s)
        memory = _summed(((names[pid], process.memory_bytes) for pid, process in scan.processes.items()))
        for name, amount in _with_others(memory, self._memory.update(memory, scan.taken_s)):
            yield Sample(self._by_name[MEMORY, name][0], amount)
        if used is not None and used.io:
            yield from self._io_rates(used, names, scan.taken_s)

    def _utilization(self, used: ProcessesUsed, names: Mapping[int, str], now_s: float) -> Iterator[Sample]:
        cpu_s = _summed((names[pid], amount) for pid, amount in used.cpu_s.items())
        shown = self._cpu.update({name: amount / used.interval_s for name, amount in cpu_s.items()}, now_s)
        if used.whole is None:
            all_s, busy_s = used.interval_s * (os.cpu_count() or 1), 0.0
        else:
            all_s, busy_s = used.whole.all_s, used.whole.busy_s
        named = {name: cpu_s.get(name, 0.0) for name in shown} | {SHORT_LIVED: used.short_lived_s}
        rest_s = sum(cpu_s.values()) - sum(cpu_s.get(name, 0.0) for name in shown)
        named[OTHERS] = max(rest_s, busy_s - sum(named.values()))
        # Processes are charged by the nanosecond and the machine by the tick, so that they may come to a little more.
        all_s = max(all_s, sum(named.values()))
        for name, amount in named.items():
            yield Sample(self._by_name[UTILIZATION, name][0], share(amount, all_s))

    def _io_rates(self, used: ProcessesUsed, names: Mapping[int, str], now_s: float) -> Iterator[Sample]:
        moved = [
            _summed((names[pid], both[direction] / used.interval_s) for pid, both in used.io.items())
            for direction in range(len(_DIRECTIONS))
        ]
        read, written = moved
        both = {name: amount + written[name] for name, amount in read.items()}
        shown = self._io.update(both, now_s)
        for direction, amounts in enumerate(moved):
            for name, amount in _with_others(amounts, shown):
                yield Sample(self._by_name[IO_RATE, name][direction], significant(max(0.0, amount)))


def _programs(scan: Scan) -> dict[int, str]:
    """Return what the program of each process is called."""
    if not scan.sees_kernel:
        return {pid: _distinct(process.name) for pid, process in scan.processes.items()}
    return {
        pid: _kernels(process.name) if KERNEL_THREADS in (pid, process.parent) else _distinct(process.name)
        for pid, process in scan.processes.items()
    }


def _distinct(name: str) -> str:
    """Return a name as it is, unless it is one of ours."""
    return f"\\x28{name[1:]}" if name in (OTHERS, SHORT_LIVED) else name


def _kernels(name: str) -> str:
    """Return what a thread of the kernel goes by: there are many, such as `kworker/u8:3-events` and `irq/24-nvme0`."""
    return name.partition("/")[0].partition(":")[0] or name


def _summed(amounts: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """Add up amounts by name; what is not known adds nothing."""
    sums: dict[str, float] = {}
    for name, amount in amounts:
        sums[name] = sums.get(name, 0.0) + (amount or 0.0)
    return sums


def _with_others(amounts: Mapping[str, float], shown: list[str]) -> Iterator[tuple[str, float]]:
    """Yield the amount of each name that is shown, then that of all others."""
    chosen = set(shown)
    for name in shown:
        yield name, amounts.get(name, 0.0)
    yield OTHERS, sum(amount for name, amount in amounts.items() if name not in chosen)


def _series_of(key: tuple[Descriptor, str]) -> tuple[Series, ...]:
    descriptor, name = key
    if descriptor is IO_RATE:
        return tuple(Series(descriptor, (name, direction)) for direction in _DIRECTIONS)
    return (Series(descriptor, (name,)),)


COLLECTORS = (
    Declaration(
        ProgramsCollector.name, DESCRIPTORS, lambda setup: ProgramsCollector(roots=setup.roots, scanner=setup.scanner)
    ),
)
