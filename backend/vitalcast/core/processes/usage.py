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
    newest: ProcessRow
    first_ms: int
    last_ms: int
    cpu_s: float | None = None
    cpu_peak: float | None = None
    memory_peak: int | None = None
    read: float | None = None
    write: float | None = None
    ended: bool = False

    def add(self, row: ProcessRow, time_ms: int, seconds: float) -> None:
        if row.state == ENDED:
            self.ended, self.last_ms = True, time_ms
            return
        self.newest, self.last_ms = row, time_ms
        if row.cpu is not None:
            self.cpu_s = (self.cpu_s or 0.0) + row.cpu * seconds
            self.cpu_peak = max(self.cpu_peak or 0.0, row.cpu)
        if row.memory is not None:
            self.memory_peak = max(self.memory_peak or 0, row.memory)
        if row.read is not None:
            self.read = (self.read or 0.0) + row.read * seconds
        if row.write is not None:
            self.write = (self.write or 0.0) + row.write * seconds


def sum_up(snapshots: Iterable[ProcessSnapshot]) -> WindowUsage:
    """Sum up snapshots in the order in which they were taken; processes come in that order too.

    A process that was not among the top ones of an interval adds nothing then, so that sums are lower bounds.
    """
    sums: dict[tuple[int, int], _Sum] = {}
    starts: dict[int, int] = {}  # of each pid, of the process that had it last
    covered_ms = interval_ms = 0
    for snapshot in snapshots:
        covered_ms += snapshot.interval_ms
        interval_ms = max(interval_ms, snapshot.interval_ms)
        for row in snapshot.rows:
            _of(row, sums, starts, snapshot).add(row, snapshot.time_ms, snapshot.interval_ms / 1000)
    found = [
        ProcessUsage(
            one.newest,
            one.cpu_s,
            one.cpu_peak,
            one.memory_peak,
            one.read,
            one.write,
            one.first_ms,
            one.last_ms,
            one.ended,
        )
        for one in sums.values()
    ]
    return WindowUsage(found, covered_ms, interval_ms)


def _of(row: ProcessRow, sums: dict[tuple[int, int], _Sum], starts: dict[int, int], snapshot: ProcessSnapshot) -> _Sum:
    """Return the sum of a row's process, a new one where it is another than had its pid before."""
    start = starts.get(row.pid)
    if start is None or abs(row.started_ms - start) > SAME_START_MS:
        if start is not None:
            sums[row.pid, start].ended = True  # else its pid could not be another's
        start = starts[row.pid] = row.started_ms
    one = sums.get((row.pid, start))
    if one is None:
        first_ms = max(snapshot.time_ms - snapshot.interval_ms, min(row.started_ms, snapshot.time_ms))
        one = sums[row.pid, start] = _Sum(row, first_ms, snapshot.time_ms)
    return one
