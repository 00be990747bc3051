"""What processes did over a while, step by step, of the snapshots in which they were seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vitalcast.core.metrics.table_info import Column
from vitalcast.core.processes.answer import Cells, ProcessAnswer
from vitalcast.core.processes.columns import PID, STARTED, THREADS
from vitalcast.core.processes.snapshot import ENDED, ProcessRow, ProcessSnapshot

COURSE_POINTS = 120
COURSE_ROWS_MAX = 3000  # of several processes
COURSE_COLUMNS = (
    Column("time", "ms", "The end of the step, or when it was recorded, in Unix milliseconds."),
    Column("cpu", "1", "Mean share of one CPU."),
    Column("cpu_peak", "1", "Highest share of one CPU in any interval."),
    Column("memory", "By", "Most resident memory."),
    Column("read", "By/s", "Bytes read from disks per second, the mean."),
    Column("write", "By/s", "Bytes written to disks per second, the mean."),
    THREADS,
    Column("state", "", "What it did last; `ended` where it had just ended."),
    STARTED,
)


@dataclass(slots=True)
class _Mean:
    """The mean of what is known, weighted by time."""

    total: float = 0.0
    seconds: float = 0.0

    def add(self, value: float | None, seconds: float) -> None:
        if value is not None:
            self.total += value * seconds
            self.seconds += seconds

    def rounded(self, digits: int) -> float | None:
        return round(self.total / self.seconds, digits) if self.seconds else None


class _Step:
    """One process in one step."""

    def __init__(self, row: ProcessRow, time_ms: int) -> None:
        self.newest, self.time_ms = row, time_ms
        self.cpu, self.read, self.write = _Mean(), _Mean(), _Mean()
        self.cpu_peak: float | None = None
        self.memory: int | None = None

    def add(self, row: ProcessRow, time_ms: int, seconds: float) -> None:
        self.newest, self.time_ms = row, time_ms
        self.cpu.add(row.cpu, seconds)
        self.read.add(row.read, seconds)
        self.write.add(row.write, seconds)
        if row.cpu is not None:
            self.cpu_peak = max(self.cpu_peak or 0.0, row.cpu)
        if row.memory is not None:
            self.memory = max(self.memory or 0, row.memory)

    def cells(self) -> Cells:
        row = self.newest
        mean = self.cpu.rounded(4), self.cpu_peak, self.memory, self.read.rounded(0), self.write.rounded(0)
        return self.time_ms, *mean, row.threads, row.state, row.started_ms


def course_of(
    snapshots: Iterable[ProcessSnapshot],
    pids: Collection[int],
    start_ms: int,
    end_ms: int,
    points: int = COURSE_POINTS,
) -> ProcessAnswer:
    """Answer what the processes of some pids did in (start_ms, end_ms], in about so many steps, oldest first.

    Steps in which one was not recorded are left out. A later process of the same pid has rows of its own, by `started`.
    Of several pids, rows begin with theirs.
    """
    width_ms = max(1, -((start_ms - end_ms) // points))
    steps: dict[tuple[int, int, int], _Step] = {}
    interval_ms = 0
    for snapshot in snapshots:
        interval_ms = max(interval_ms, snapshot.interval_ms)
        for row in snapshot.rows:
            if row.pid not in pids:
                continue
            where = ((snapshot.time_ms - start_ms - 1) // width_ms, row.pid, row.started_ms)
            step = steps.get(where)
            if step is None:
                step = steps[where] = _Step(row, snapshot.time_ms)
            if row.state != ENDED:
                step.add(row, snapshot.time_ms, snapshot.interval_ms / 1000)
    if len(pids) == 1:
        return _answer(start_ms, end_ms, interval_ms, COURSE_COLUMNS, [step.cells() for step in steps.values()])
    rows: list[Cells] = [(pid, *step.cells()) for (_, pid, _), step in steps.items()]
    return _answer(start_ms, end_ms, interval_ms, (PID, *COURSE_COLUMNS), rows)


def _answer(
    start_ms: int, end_ms: int, interval_ms: int, columns: tuple[Column, ...], rows: list[Cells]
) -> ProcessAnswer:
    return ProcessAnswer(start_ms, end_ms, interval_ms, columns, rows, len(rows))
