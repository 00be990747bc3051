"""A small source of frames for the tests of histories, and a plain list to compare them with."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample, Series
from vitalcast.history.base import Column, History, Resumed

START_MS = 1_790_000_000_000
STEADY_MS = 5_000_000
LOAD = Descriptor("system.load", "1", Kind.GAUGE, "Load.")
IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes.", ("system.device", "disk.io.direction"))
SERIES = Series(LOAD)

Point = tuple[int, int, float]  # offset, time, value


def disk(name: str) -> Series:
    return Series(IO, (name, "read"))


class Machine:
    """Makes frames and remembers every reading in them. `time_ms` may be set; `steady_ms` only goes on."""

    def __init__(self, *, offset: int = 0, time_ms: int = START_MS) -> None:
        self._catalogue, self._frames = Catalogue([LOAD, IO]), FrameBuilder()
        self.offset = offset
        self.time_ms = time_ms
        self.steady_ms = STEADY_MS
        self.points: dict[Series, list[Point]] = {}

    def frame(self, disks: Iterable[str] = ("sda",), *, step_ms: int = 1000, skip: int = 0) -> Frame:
        """Make the next frame, `skip` ticks having been missed before it."""
        self.offset += 1 + skip
        self.time_ms += step_ms * (1 + skip)
        self.steady_ms += step_ms * (1 + skip)
        readings = {SERIES: math.sin(self.offset * 1e3)} | {
            disk(name): self.offset * 512.0 + len(name) for name in disks
        }
        for series, value in readings.items():
            self.points.setdefault(series, []).append((self.offset, self.time_ms, value))
        samples = [Sample(series, value) for series, value in readings.items()]
        frame = self._frames.frame(self.offset, self.time_ms, samples, steady_ms=self.steady_ms)
        return self._catalogue.lay(frame, 0)

    def frames(self, count: int, disks: Iterable[str] = ("sda",), *, step_ms: int = 1000) -> list[Frame]:
        disks = tuple(disks)
        return [self.frame(disks, step_ms=step_ms) for _ in range(count)]


def points(columns: Iterable[Column]) -> list[Point]:
    """Return the readings in these columns, checked to be whole."""
    out: list[Point] = []
    for column in columns:
        assert len(column.offsets) == len(column.times_ms) == len(column.values) > 0
        assert (column.offsets.dtype, column.times_ms.dtype) == (np.dtype(np.int64),) * 2
        rows = zip(column.offsets.tolist(), column.times_ms.tolist(), column.values.tolist(), strict=True)
        out += [(offset, time_ms, value) for offset, time_ms, value in rows if not math.isnan(value)]
    return out


def stored(history: History, series: Series = SERIES) -> list[Point]:
    """Return every reading of a series that a history gives back."""
    return points(history.read(series, 0, 2**60))


def resumed_points(resumed: Resumed, series: Series = SERIES) -> list[Point]:
    return points(
        Column(rows.offsets, rows.times_ms, rows.values[:, rows.series.index(series)])
        for rows in resumed.rows
        if series in rows.series
    )
