"""A recording of a busy machine, and its continuation for as long as is wanted, which never repeats itself.

A recording that is played again compresses against itself. Here each series goes on by itself: from a tick like the
one that it is at, one of the nearest by value, to what came after that; of counters it is the growth that is so drawn.
What it comes to lies between that value and the next one of its kind, on the same lattice of decimals or pages. Rates
are made of the counters and of how long ticks took when it was recorded, and all is rounded as the collectors round.
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Series
from vitalcast.core.metrics.precision import significant

BUSY = Path(__file__).with_name("busy-1hz.npy.xz")  # 30 minutes, a second apart
NEAREST = 4  # so many ticks of lower values and of higher ones are as good as the one at hand
CLOCK = "system.cpu.context_switches"  # whose growth by its rate is how long a tick took
HOUR_TICKS = 3600

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: `values` has the shape (ticks, series)."""

    series: tuple[Series, ...]
    values: Floats

    @classmethod
    def load(cls, path: Path = BUSY) -> Recording:
        """Read an array of numpy of the shape (series, ticks), packed by xz, and beside it what each series is."""
        described = json.loads(path.with_name(path.name.removesuffix(".npy.xz") + ".json").read_text())
        series = tuple(
            Series(Descriptor(name, unit, Kind(kind), text, tuple(attributes)), tuple(attributes.values()))
            for name, unit, kind, text, attributes in described
        )
        return cls(series, np.load(io.BytesIO(lzma.decompress(path.read_bytes()))).T)


class Continued:
    """A recording that goes on: `rows` and `frames` bring its next ticks."""

    def __init__(self, recording: Recording, seed: int = 1) -> None:
        self.series = recording.series
        self._random = np.random.default_rng(seed)
        values = recording.values
        growth = np.diff(values, axis=0)
        self._grows = (growth >= 0).all(axis=0) & (values[-1] > values[0])
        self._states = np.where(self._grows, growth, values[1:])
        self._columns = np.arange(len(self.series))
        self._rank()
        self._scales = [_lattice(column) for column in values.T]
        places = {one.key: column for column, one in enumerate(self.series)}
        self._rates = [
            (column, places[key])
            for column, one in enumerate(self.series)
            if one.name.endswith(".rate") and (key := one.key.replace(one.name, one.name[:-5], 1)) in places
        ]
        self._elapsed_s = growth[:, places[CLOCK]] / values[1:, places[f"{CLOCK}.rate"]]
        self._at: Places = self._random.integers(0, len(self._states), len(self.series))
        self._now = self._states[self._at, self._columns]
        self._before = values[-1].copy()

    def _rank(self) -> None:
        states = self._states
        length = len(states)
        self._order = np.argsort(states, axis=0, kind="stable")
        self._sorted = np.take_along_axis(states, self._order, axis=0)
        self._ranks = np.argsort(self._order, axis=0, kind="stable")
        near = np.arange(length)
        low, high = np.empty_like(self._order), np.empty_like(self._order)
        for column, (ordered, ranks) in enumerate(zip(self._sorted.T, self._ranks.T, strict=True)):
            first = np.minimum(np.searchsorted(ordered, ordered), np.maximum(near - NEAREST, 0))
            last = np.maximum(
                np.searchsorted(ordered, ordered, side="right") - 1, np.minimum(near + NEAREST, length - 1)
            )
            low[:, column], high[:, column] = first[ranks], last[ranks]
        self._low, self._spans = low, high - low + 1
        self._stays = states == np.vstack([np.full(len(self._columns), np.nan), states[:-1]])

    def rows(self, ticks: int) -> Floats:
        """Return the next ticks of all series."""
        rows = np.empty((ticks, len(self.series)))
        chances = self._random.random((ticks, 2, len(self.series)))
        for row, (which, between) in zip(rows, chances, strict=True):
            self._step(which, between)
            row[:] = self._now
        for column, scale in enumerate(self._scales):
            rows[:, column] = scale.nearest(rows[:, column])
        return self._grown(rows)

    def _step(self, which: Floats, between: Floats) -> None:
        columns = self._columns
        ranks = self._low[self._at, columns] + (which * self._spans[self._at, columns]).astype(np.intp)
        after = self._order[ranks, columns] + 1
        self._at = np.where(after < len(self._states), after, (which * len(self._states)).astype(np.intp))
        ranks = self._ranks[self._at, columns]
        value = self._sorted[ranks, columns]
        above = self._sorted[np.minimum(ranks + 1, len(self._sorted) - 1), columns]
        self._now = np.where(self._stays[self._at, columns], self._now, value + between * (above - value))

    def _grown(self, rows: Floats) -> Floats:
        """Make counters of growth, and rates of counters."""
        grown = self._before + np.cumsum(rows, axis=0)
        for column in np.flatnonzero(self._grows):
            rows[:, column] = self._scales[column].nearest(grown[:, column])
        elapsed_s = self._random.choice(self._elapsed_s, len(rows))
        for rate, counter in self._rates:
            growth = np.diff(rows[:, counter], prepend=self._before[counter])
            rows[:, rate] = [significant(value) for value in (np.maximum(growth, 0) / elapsed_s).tolist()]
        self._before = rows[-1].copy()
        return rows

    def frames(self, ticks: int, *, start_ms: int, steady_ms: int, step_ms: int = 1000) -> Iterator[Frame]:
        """Yield so many ticks as frames, the first of which has the offset 1 and is a step after the start."""
        layout = Layout(self.series)
        for first in range(0, ticks, HOUR_TICKS):
            for number, row in enumerate(self.rows(min(HOUR_TICKS, ticks - first)), first + 1):
                yield Frame(number, start_ms + number * step_ms, layout, row, steady_ms + number * step_ms)


@dataclass(frozen=True, slots=True)
class Lattice:
    """The values that a series can have: multiples of `step` / `scale`; any where `scale` is 0."""

    scale: float
    step: int

    def nearest(self, values: Floats) -> Floats:
        return np.rint(values * (self.scale / self.step)) * self.step / self.scale if self.scale else values


def _lattice(column: Floats) -> Lattice:
    """Return what all values of a series are multiples of."""
    for places in range(7):
        scale = 10.0**places
        scaled = np.rint(column * scale)
        if np.allclose(scaled / scale, column, rtol=1e-15, atol=0):
            return Lattice(scale, int(np.gcd.reduce(np.abs(scaled).astype(np.int64))) or 1)
    return Lattice(0.0, 1)
