"""A small source of frames for the tests of histories, and a plain list to compare them with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import closing

import numpy as np
import numpy.typing as npt

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample, Series
from vitalcast.core.query.past import Past
from vitalcast.history.base import History, Resumed

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


def points(past: Past, series: Series = SERIES, start_ms: int = 0, end_ms: int = 2**60) -> list[Point]:
    """Return the readings of a series that a past has of (start_ms, end_ms], in the order of their offsets."""
    found: list[Point] = []
    for ticks in past.ticks([series], start_ms, end_ms):
        found += _points(ticks.offsets, ticks.times_ms, ticks.values)
    return sorted(found)


def _points(
    offsets: npt.NDArray[np.int64], times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> list[Point]:
    assert (offsets.dtype, times_ms.dtype) == (np.dtype(np.int64),) * 2
    rows = zip(offsets.tolist(), times_ms.tolist(), values.tolist(), strict=True)
    return [(offset, time_ms, value) for offset, time_ms, value in rows if not math.isnan(value)]


def stored(history: History, series: Series = SERIES) -> list[Point]:
    """Return every reading of a series that a history has written, by offset."""
    with closing(history.past()) as past:
        return points(past, series)


def resumed_points(resumed: Resumed, series: Series = SERIES) -> list[Point]:
    found: list[Point] = []
    for rows in resumed.rows:
        if series in rows.series:
            found += _points(rows.offsets, rows.times_ms, rows.values[:, rows.series.index(series)])
    return found
