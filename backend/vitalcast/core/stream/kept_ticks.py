"""Ticks that a history kept for longer than the ring, and the two of them as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.query.past import Ticks
from vitalcast.core.query.seam import among

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Indices = npt.NDArray[np.intp]
    Floats = npt.NDArray[np.float64]

STRETCH_SHIFT = 48  # times are below 2**48 ms


class Rows(Protocol):
    """What a replay reads: a ring, or one with the ticks of a history before it. See Ring."""

    @property
    def newest(self) -> Frame | None: ...

    @property
    def first_row(self) -> int: ...

    @property
    def end_row(self) -> int: ...

    @property
    def oldest_offset(self) -> int: ...

    def offsets(self) -> Integers: ...

    def times(self) -> Integers: ...

    def ages(self) -> Integers: ...

    def read(self, columns: Indices, start_row: int, stop_row: int) -> Floats: ...

    def pick(self, columns: Indices, rows: Indices) -> Floats: ...


@dataclass(frozen=True, slots=True)
class KeptTicks:
    """Ticks of some series, oldest first: `values` has the shape (ticks, series), `nan` for no reading.

    `offsets` are those of `epoch`, -1 for the ticks of earlier ones, whose own are in `numbers`.
    """

    epoch: str
    series: tuple[Series, ...]
    offsets: Integers
    times_ms: Integers
    values: Floats
    numbers: Integers
    whole: bool = True  # whether all are there that have any

    @classmethod
    def of(
        cls,
        parts: Iterable[Ticks],
        series: Sequence[Series],
        epoch: str,
        *,
        rows_max: int,
        values_max: int,
        needed: int,
    ) -> KeptTicks:
        """Lay ticks of single series side by side, the newest `rows_max` of them.

        The first `needed` series are there in any case, all others that have any only if there is room for them.
        """
        found = list(parts)
        others = sorted({part.series for part in found if part.series >= needed})
        stretches = {stretch: at for at, stretch in enumerate(sorted({part.stretch for part in found}))}
        orders = [(stretches[part.stretch] << STRETCH_SHIFT) + part.times_ms for part in found]
        order = _union(orders)[-rows_max:]
        whole = not others or len(order) * (needed + len(others)) <= values_max
        place_of = {number: place for place, number in enumerate([*range(needed), *(others if whole else ())])}
        offsets, numbers = (np.full(len(order), -1, dtype=np.int64) for _ in range(2))
        values = np.full((len(order), len(place_of)), np.nan)
        for part, places in zip(found, orders, strict=True):
            rows = np.searchsorted(order, places)
            held = places >= order[0] if len(order) else np.zeros(len(places), dtype=np.bool_)
            rows = rows[held]
            if part.series in place_of:
                values[rows, place_of[part.series]] = part.values[held]
            numbers[rows] = part.offsets[held]
            if part.epoch == epoch:
                offsets[rows] = part.offsets[held]
        times = order & ((1 << STRETCH_SHIFT) - 1)
        return cls(epoch, tuple(series[one] for one in place_of), offsets, times, values, numbers, whole=whole)

    def before(self, ring: Ring) -> int:
        """Return how many of them come before a ring, which has those of an earlier epoch too if it was filled so."""
        held = among(self.numbers, self.times_ms, ring.offsets(), ring.times())
        first = int(held.argmax()) if held.any() else len(held)
        return min(first, int(np.count_nonzero(self.offsets < ring.oldest_offset)))


def _union(orders: list[Integers]) -> Integers:
    """Return all places, ascending; nearly always those of one series are those of all."""
    distinct: list[Integers] = []
    for one in orders:
        if not any(len(one) == len(other) and np.array_equal(one, other) for other in distinct[-4:]):
            distinct.append(one)
    return np.unique(np.concatenate(distinct)) if distinct else np.zeros(0, dtype=np.int64)


class JoinedRows:
    """A ring with the ticks of a history before it, each tick once. Rows have numbers of their own.

    Good until the ring gets its next frame. `columns` says which column of the ring each series has; those that are
    `gone` from it have columns of their own, below 0.
    """

    def __init__(self, kept: KeptTicks, ring: Ring, columns: Iterable[tuple[Series, int]]) -> None:
        self._kept = kept
        self._ring = ring
        self._count = kept.before(ring)
        own = kept.offsets[: self._count]
        from_the_first = own[0] == 1 if self._count else ring.first_row == 0
        self.first_row = 0 if from_the_first else 1
        places = {one: at for at, one in enumerate(kept.series)}
        found = [(column, places.pop(one)) for one, column in columns if one in places]
        self.gone = [(one, ~place) for one, place in places.items()]
        self._places = np.full(max((column for column, _ in found), default=0) + 1, -1, dtype=np.intp)
        for column, place in found:
            self._places[column] = place

    @staticmethod
    def are_whole(kept: KeptTicks, ring: Ring) -> bool:
        """Say whether no tick is missing between those that were kept and the oldest of a ring."""
        if not len(kept.offsets):
            return False
        own = kept.offsets[np.flatnonzero(kept.offsets >= 0)[0] :] if kept.offsets[-1] >= 0 else kept.offsets[:0]
        if not len(own):
            return ring.first_row == 0 or kept.before(ring) < len(kept.offsets)
        return bool(np.all(np.diff(own) > 0)) and int(own[-1]) >= ring.oldest_offset - 1

    @property
    def newest(self) -> Frame | None:
        return self._ring.newest

    @property
    def oldest_offset(self) -> int:
        """The first tick of this epoch."""
        own = self._kept.offsets[: self._count]
        return next((int(one) for one in own[own >= 0]), self._ring.oldest_offset)

    @property
    def end_row(self) -> int:
        return self.first_row + self._count + self._ring.end_row - self._ring.first_row

    def offsets(self) -> Integers:
        """Return the offsets of all rows; ticks of earlier epochs have those before the oldest of this one."""
        ring, own = self._ring.offsets(), self._kept.offsets[: self._count]
        foreign = int(np.count_nonzero(own < 0))
        first = int(own[foreign]) if foreign < len(own) else int(ring[0])
        return np.concatenate([np.arange(first - foreign, first), own[foreign:], ring])

    def times(self) -> Integers:
        return np.concatenate([self._kept.times_ms[: self._count], self._ring.times()])

    def ages(self) -> Integers:
        """Return how long before the newest each row was, by the clock as it was set then; never less than for the row
        after it."""
        ages, times = self._ring.ages(), self._kept.times_ms[: self._count]
        kept = ages[0] + np.maximum(self._ring.times()[0] - times, 0)
        return np.concatenate([np.maximum.accumulate(kept[::-1])[::-1], ages])

    def read(self, columns: Indices, start_row: int, stop_row: int) -> Floats:
        low, high = max(start_row - self.first_row, 0), stop_row - self.first_row
        kept = self._take(np.arange(low, min(high, self._count)), columns)
        to_ring = self._ring.first_row - self._count
        ring = self._ring.read(np.maximum(columns, 0), max(low, self._count) + to_ring, high + to_ring)
        return _joined(kept, ring, columns)

    def pick(self, columns: Indices, rows: Indices) -> Floats:
        at = rows - self.first_row
        split = int(np.searchsorted(at, self._count))
        ring = self._ring.pick(np.maximum(columns, 0), at[split:] - self._count + self._ring.first_row)
        return _joined(self._take(at[:split], columns), ring, columns)

    def _take(self, rows: Indices, columns: Indices) -> Floats:
        known = (columns >= 0) & (columns < len(self._places))
        places = np.where(known, self._places[np.where(known, columns, 0)], np.where(columns < 0, ~columns, -1))
        taken: Floats = self._kept.values[rows[:, None], places]
        taken[:, places < 0] = np.nan
        return taken


def _joined(kept: Floats, ring: Floats, columns: Indices) -> Floats:
    """Return what was kept, and then what the ring has, which has nothing of a series that is gone."""
    joined = np.concatenate([kept, ring])
    joined[len(kept) :, columns < 0] = np.nan
    return joined
