"""What each process used between two scans, and how much CPU went to processes that neither of them saw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from vitalcast.collectors.process_scan import CpuTime, Scan
from vitalcast.collectors.process_source import Process, age_s

# Most kernels charge a whole clock tick to what runs when it strikes, while processes are charged by the nanosecond:
# the two differ by chance. Beyond three standard deviations it is not by chance.
_TICKS_PER_S_MIN = 100
_DEVIATIONS = 3.0
_SHARE_MIN = 0.01


class ProcessesUsed(NamedTuple):
    """What was used in the `interval_s` between two scans, in CPU seconds, and bytes read from and written to disks.

    By pid: `cpu_s` has None for those that were seen for the first time but are older, and `io` leaves out those of
    which it may not be known; processes that are in neither used nothing. `short_lived_s` went to processes that ended,
    after they were last seen. `whole` is the machine's CPU time, None where the kernel does not tell.
    """

    interval_s: float
    cpu_s: dict[int, float | None]
    io: dict[int, tuple[int, int]]
    short_lived_s: float
    whole: CpuTime | None


def used_between(before: Scan, now: Scan) -> ProcessesUsed:
    """Return what was used between two scans, of which the first is earlier."""
    interval_s = now.taken_s - before.taken_s
    cpu_s = _cpu(before, now, interval_s)
    whole = _whole(before.cpu, now.cpu)
    short_lived_s = _reaped_s(before, now, interval_s)
    if whole is not None:
        named_s = math.fsum(used for used in cpu_s.values() if used)
        rest_s = max(0.0, whole.by_processes_s - named_s)
        if not now.sees_kernel:  # others are charged for what cannot be seen from here
            short_lived_s = min(short_lived_s, rest_s)
        elif rest_s - short_lived_s > _by_chance_s(whole):
            short_lived_s = rest_s  # where nobody waits for a child, its time is added to nobody's
    return ProcessesUsed(interval_s, cpu_s, _io(before, now, interval_s), short_lived_s, whole)


def _is_same(before: Process | None, now: Process) -> bool:
    return before is not None and before.started_s == now.started_s


def _cpu(before: Scan, now: Scan, interval_s: float) -> dict[int, float | None]:
    used: dict[int, float | None] = {}
    for pid, process in now.processes.items():
        earlier = before.processes.get(pid)
        if earlier is process:
            continue
        if earlier is None or earlier.started_s != process.started_s:
            used[pid] = process.cpu_s if _is_new(process, now, interval_s) else None
        elif process.cpu_s is None or earlier.cpu_s is None:
            used[pid] = None
        elif process.cpu_s > earlier.cpu_s:
            used[pid] = process.cpu_s - earlier.cpu_s
    return used


def _is_new(process: Process, now: Scan, interval_s: float) -> bool:
    """Say whether a process started after the scan before."""
    age = age_s(process, now.clock_s)
    return age is not None and age <= interval_s + 1  # a process's start is told in hundredths, ours may lag


def _io(before: Scan, now: Scan, interval_s: float) -> dict[int, tuple[int, int]]:
    """Return the bytes that were moved.

    A process that did not stir was not asked for a while: what it has moved since counts where it is found.
    """
    moved: dict[int, tuple[int, int]] = {}
    for pid, reading in now.io.items():
        if reading.nbytes is None:
            continue
        last = before.io.get(pid)
        if last is reading:
            moved[pid] = (0, 0)
        elif last is not None and _is_same(last.process, reading.process):
            if last.nbytes is not None:
                read, written = (after - first for after, first in zip(reading.nbytes, last.nbytes, strict=True))
                moved[pid] = (max(0, read), max(0, written))
        elif _is_new(reading.process, now, interval_s):
            moved[pid] = reading.nbytes
    return moved


def _whole(before: CpuTime | None, now: CpuTime | None) -> CpuTime | None:
    """Return the CPU time between two readings, None where the kernel took some back."""
    if before is None or now is None:
        return None
    spent = CpuTime(*(after - first for after, first in zip(now, before, strict=True)))
    return spent if min(spent) >= 0 and spent.all_s > 0 else None


def _by_chance_s(whole: CpuTime) -> float:
    """Return how much more the machine may seem to have used than its processes did, by the way it is counted."""
    busy = min(1.0, whole.by_processes_s / whole.all_s)
    variance = max(busy * (1 - busy), _SHARE_MIN) / (_TICKS_PER_S_MIN * whole.all_s)
    return _DEVIATIONS * math.sqrt(variance) * whole.all_s


def _reaped_s(before: Scan, now: Scan, interval_s: float) -> float:
    """Return the CPU time of children that have ended, as their parents have it, less what was known of them before."""
    known = _known_of_ended(before.processes, now.processes)
    total_s = 0.0
    for pid, process in now.processes.items():
        earlier = before.processes.get(pid)
        if earlier is process or process.children_s is None:
            continue
        if earlier is not None and _is_same(earlier, process):
            first = earlier.children_s
        else:
            first = 0.0 if _is_new(process, now, interval_s) else None
        if first is not None:
            total_s += max(0.0, process.children_s - first - known.get(pid, 0.0))
    return total_s


def _known_of_ended(before: Mapping[int, Process], now: Mapping[int, Process]) -> dict[int, float]:
    """Return what was known of processes that have ended, by the nearest of their ancestors that has not."""
    ended = {pid: process for pid, process in before.items() if not _is_same(now.get(pid), process)}
    known: dict[int, float] = {}
    for process in ended.values():
        parent = process.parent
        for _ in ended:
            if parent not in ended:
                break
            parent = ended[parent].parent
        if parent is not None:
            known[parent] = known.get(parent, 0.0) + (process.cpu_s or 0.0) + (process.children_s or 0.0)
    return known
