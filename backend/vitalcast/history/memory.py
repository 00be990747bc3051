"""The history that lasts as long as the process: beside the ring it keeps the newest events and processes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.history.base import Column, Counts, History, Resumed
from vitalcast.history.recent import Recent, RecentPast


class MemoryHistory(History):
    """Reads the ring, into which someone else puts each frame before it is appended here."""

    pause_s = None

    def __init__(self, ring: Ring) -> None:
        self.counts = Counts()
        self._recent = Recent()
        self._ring = ring
        self._layout: Layout | None = None
        self._series: dict[int, Series] = {}  # by column, whether still there or only in older frames

    def check(self, *, now: bool = True) -> None:
        """Nothing can be wrong."""

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:  # noqa: ARG002
        return None

    def append(self, frame: Frame) -> None:
        if not frame.layout.same(self._layout):
            self._layout = frame.layout
            self._series |= {column: one for column, one in enumerate(frame.layout.series) if one is not None}

    def append_event(self, event: Event) -> None:
        self._recent.add_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._recent.add_processes(snapshot)

    def past(self) -> Past:
        return RecentPast(self._recent)

    def flush(self) -> None:
        """Nothing to do."""

    def read(self, series: Series, start_ms: int, end_ms: int) -> Iterator[Column]:
        ring = self._ring
        # A series that was away may have come back in another column; of each tick no more than one has a reading.
        columns = [column for column, one in self._series.items() if one == series]
        if not columns:
            return
        times = ring.times()
        rows = np.flatnonzero((times >= start_ms) & (times < end_ms))
        if len(rows):
            values = ring.read(np.array(columns, dtype=np.intp), ring.first_row, ring.end_row)[rows]
            yield Column(ring.offsets()[rows], times[rows], np.fmax.reduce(values, axis=1))

    def close(self) -> None:
        """Nothing to let go of."""
