"""A machine whose history is in a real file, and a plain list of all that was read on it."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.history.reader import FilePast
from vitalcast.history.sqlite import SqliteHistory
from vitalcast.history.stretches import TAKEN_OVER

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_790_000_000_000
EVER = (0, 2**60)
ALL = Selection.of([">"])
LOAD = Series(Descriptor("test.load", "1", Kind.GAUGE, "Load."))
IO = Descriptor("test.io", "By", Kind.COUNTER, "Bytes.", ("device",))
RATE = Descriptor("test.io.rate", "By/s", Kind.GAUGE, "Bytes, per second.", ("device",))

Point = tuple[int, str, int, int, float]  # stretch, epoch, offset, time, value


@dataclass(frozen=True)
class Segment:
    """Some ticks: what became of the clock and the server before them, and what there was to read."""

    ticks: int
    step_ms: int
    jump_ms: int
    restart: bool
    reset: bool
    devices: tuple[str, ...]


segments = st.builds(
    Segment,
    ticks=st.integers(1, 30),
    step_ms=st.sampled_from([100, 1000, 1000, 1013, 7000, 61_000, 600_000]),
    jump_ms=st.sampled_from(
        [0, 0, 0, 1, 90_000, HOUR_MS, 5 * HOUR_MS, 20 * HOUR_MS, -1000, -40 * 60_000, -3 * HOUR_MS]
    ),
    restart=st.booleans(),
    reset=st.booleans(),
    devices=st.sampled_from([(), ("a",), ("a", "b"), ("b", "c")]),
)


@dataclass
class World:
    """A machine whose history is in a file, and a plain list of all that was read on it."""

    path: Path
    seed: int
    fast_ms: int = 2**60
    epoch: str = "epoch-1"
    offset: int = 0
    time_ms: int = START_MS
    steady_ms: int = 1_000_000
    stretch: int = TAKEN_OVER + 1
    points: dict[Series, list[Point]] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._catalogue, self._frames = Catalogue([LOAD.descriptor, IO, RATE]), FrameBuilder()
        self._last_ms: int | None = None
        self.history = self._history()

    def _history(self) -> SqliteHistory:
        history = SqliteHistory(
            self.path,
            fast_ms=self.fast_ms,
            clock_ms=lambda: self.time_ms,
            steady_ms=lambda: self.steady_ms,
            boot=lambda: "boot",
        )
        resumed = history.open(epoch=self.epoch, interval_ms=1000)
        if resumed is not None:
            self.epoch, self.offset = resumed.epoch, resumed.offset
        return history

    def restart(self) -> None:
        self.history.close()
        self.history = self._history()

    def live(self, segment: Segment) -> None:
        if segment.restart:
            self.restart()
        if segment.reset:
            self.counters.clear()
        self.time_ms += segment.jump_ms
        self.steady_ms += max(0, segment.jump_ms)
        for _ in range(segment.ticks):
            self.tick(segment.step_ms, segment.devices)
        self.history.flush()

    def tick(self, step_ms: int, devices: tuple[str, ...] = ()) -> None:
        self.offset += 1
        self.time_ms += step_ms
        self.steady_ms += step_ms
        if self._last_ms is not None and not 0 < self.time_ms - self._last_ms <= DAY_MS:
            self.stretch += 1
        self._last_ms = self.time_ms
        samples = [Sample(LOAD, self._reading())]
        for device in devices:
            growth = float(self._random.integers(0, 10**6))
            self.counters[device] = self.counters.get(device, 0.0) + growth
            samples.append(Sample(Series(IO, (device,)), self.counters[device]))
            samples.append(Sample(Series(RATE, (device,)), float(f"{growth:.3e}")))
        for sample in samples:
            if not math.isnan(sample.value):
                self.points.setdefault(sample.series, []).append(
                    (self.stretch, self.epoch, self.offset, self.time_ms, sample.value)
                )
        frame = self._frames.frame(self.offset, self.time_ms, samples, steady_ms=self.steady_ms)
        self.history.append(self._catalogue.lay(frame, 0))

    def _reading(self) -> float:
        return math.nan if self._random.random() < 0.1 else float(self._random.lognormal(0, 2) - 1)

    def settle(self) -> None:
        """Have the hours be over, and all that is due be done."""
        for _ in range(3):
            self.time_ms += HOUR_MS
            self.steady_ms += HOUR_MS
            self.tick(1000)
            self.history.flush()

    def past(self) -> FilePast:
        return FilePast(self.path)

    def changed(self) -> sqlite3.Connection:
        """Close the history, and return a connection to its file whose changes stay when its block ends."""
        self.history.close()
        return sqlite3.connect(self.path)


def made(folder: Path, *lives: Segment) -> World:
    """Return a machine that has lived so."""
    world = World(folder / "history.db", 1)
    for one in lives:
        world.live(one)
    return world


def segment(ticks: int, step_ms: int = 1000, jump_ms: int = 0, devices: tuple[str, ...] = ("a",)) -> Segment:
    """Return a segment in which the server went on."""
    return Segment(ticks, step_ms, jump_ms, restart=False, reset=False, devices=devices)
