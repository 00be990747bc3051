"""Sums up what each process used over a window, of the snapshots in which it was seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot

SAME_START_MS = 2000
"""A start is worked out anew by each run, by clocks that are apart: of one pid such a difference is none."""


class ProcessUsage(NamedTuple):
    """One process over a window.

    `cpu_s` are CPU seconds, `read` and `write` bytes in all; `cpu_peak` is the share of one CPU. None for what was
    never known. It was seen in (first_ms, last_ms]; `newest` has what was last known of it.
    """

    newest: ProcessRow
    cpu_s: float | None
    cpu_peak: float | None
    memory_peak: int | None
    read: float | None
    write: float | None
    first_ms: int
    last_ms: int
    ended: bool


class WindowUsage(NamedTuple):
    """All processes over a window, of which `covered_ms` were recorded, in parts as long as `interval_ms`."""

    processes: list[ProcessUsage]
    covered_ms: int
    interval_ms: int


@dataclass(slots=True)
class _Sum:
    """What is known of one process so far."""

    newest: ProcessRow
    first_ms: int
    last_ms: int
    cpu_s: float | None = None
    cpu_peak: float | None = None
    memory_peak: int | None = None
    read: float | None = None
    write: float | None = None
    ended: bool = False

    def seen(self, first_ms: int, last_ms: int) -> None:
        """Widen the time in which it was there; times can go back."""
        self.first_ms = min(self.first_ms, first_ms)
        self.last_ms = max(self.last_ms, last_ms)

    def add_row(self, row: ProcessRow, seconds: float) -> None:
        if row.state == ENDED:
            self.ended = True
            return
        self.newest = row
        if row.cpu is not None:
            self.cpu_s = (self.cpu_s or 0.0) + row.cpu * seconds
            self.cpu_peak = max(self.cpu_peak or 0.0, row.cpu)
        if row.memory is not None:
            self.memory_peak = max(self.memory_peak or 0, row.memory)
        if row.read is not None:
            self.read = (self.read or 0.0) + row.read * seconds
        if row.write is not None:
            self.write = (self.write or 0.0) + row.write * seconds

    def add(self, more: ProcessUsage) -> None:
        if more.newest.state != ENDED and (more.last_ms >= self.last_ms or self.newest.state == ENDED):
            self.newest = more.newest
        self.seen(more.first_ms, more.last_ms)
        self.cpu_s = _both(self.cpu_s, more.cpu_s)
        self.cpu_peak = _most(self.cpu_peak, more.cpu_peak)
        self.memory_peak = (
            None if self.memory_peak is more.memory_peak is None else max(self.memory_peak or 0, more.memory_peak or 0)
        )
        self.read = _both(self.read, more.read)
        self.write = _both(self.write, more.write)
        self.ended = self.ended or more.ended

    def usage(self) -> ProcessUsage:
        return ProcessUsage(
            self.newest,
            self.cpu_s,
            self.cpu_peak,
            self.memory_peak,
            self.read,
            self.write,
            self.first_ms,
            self.last_ms,
            self.ended,
        )


def _both(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else first + second


def _most(first: float | None, second: float | None) -> float | None:
    return second if first is None else first if second is None else max(first, second)


class _Sums:
    """The sums of all processes, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, int], _Sum] = {}
        self._starts: dict[int, int] = {}  # of each pid, of the process that had it last

    def of(self, row: ProcessRow, first_ms: int, last_ms: int) -> _Sum:
        """Return the sum of a row's process, a new one where it is another than had its pid before."""
        start = self._starts.get(row.pid)
        if start is None or abs(row.started_ms - start) > SAME_START_MS:
            if start is not None:
                self._sums[row.pid, start].ended = True  # else its pid could not be another's
            start = self._starts[row.pid] = row.started_ms
        one = self._sums.get((row.pid, start))
        if one is None:
            one = self._sums[row.pid, start] = _Sum(row, first_ms, last_ms)
        return one

    def usages(self) -> list[ProcessUsage]:
        return [one.usage() for one in self._sums.values()]


def sum_up(snapshots: Iterable[ProcessSnapshot]) -> WindowUsage:
    """Sum up snapshots in the order in which they were taken; processes come in that order too.

    A process that was not among the top ones of an interval adds nothing then, so that sums are lower bounds.
    """
    sums = _Sums()
    covered_ms = interval_ms = 0
    for snapshot in snapshots:
        covered_ms += snapshot.interval_ms
        interval_ms = max(interval_ms, snapshot.interval_ms)
        for row in snapshot.rows:
            first_ms = first_seen_ms(row.started_ms, snapshot.time_ms, snapshot.interval_ms)
            one = sums.of(row, first_ms, snapshot.time_ms)
            one.seen(first_ms, snapshot.time_ms)
            one.add_row(row, snapshot.interval_ms / 1000)
    return WindowUsage(sums.usages(), covered_ms, interval_ms)


def add_up(parts: Iterable[WindowUsage]) -> WindowUsage:
    """Put the parts of a window together, which come in the order in which their snapshots were taken."""
    sums = _Sums()
    covered_ms = interval_ms = 0
    for part in parts:
        covered_ms += part.covered_ms
        interval_ms = max(interval_ms, part.interval_ms)
        for one in part.processes:
            sums.of(one.newest, one.first_ms, one.last_ms).add(one)
    return WindowUsage(sums.usages(), covered_ms, interval_ms)


def first_seen_ms(started_ms: int, time_ms: int, interval_ms: int) -> int:
    """Return since when a process is known to have been there, of which the snapshot of that time is the first."""
    return max(time_ms - interval_ms, min(started_ms, time_ms))
