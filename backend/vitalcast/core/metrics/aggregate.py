"""Several ticks made into one reading: last, avg, min and max over an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.vocabulary import Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


def boundaries(times_ms: npt.NDArray[np.int64], interval_ms: int) -> npt.NDArray[np.bool_]:
    """Say for each tick but the first whether an interval ends with it.

    Intervals are aligned to the wall clock; one ends with the first tick at or past a multiple of `interval_ms`, and
    with a tick before which the clock was set back: so none lasts longer than it should. This depends on the ticks'
    times alone, so that a replay falls into the same intervals as the live stream did.
    """
    slots: npt.NDArray[np.int64] = times_ms // interval_ms
    return np.not_equal(slots[1:], slots[:-1]) | (times_ms[1:] < times_ms[:-1])


def is_boundary(before_ms: int, time_ms: int, interval_ms: int) -> bool:
    """Say whether an interval ends with a tick, as `boundaries` does of many."""
    return time_ms // interval_ms != before_ms // interval_ms or time_ms < before_ms


class Fold:
    """A running aggregate over blocks of ticks, for `width` series."""

    BYTES_A_SERIES = 40

    __slots__ = ("count", "last", "max", "min", "sum", "ticks")

    def __init__(self, width: int) -> None:
        self.ticks = 0
        self.count = np.zeros(width)
        self.sum = np.zeros(width)
        self.min = np.full(width, np.nan)
        self.max = np.full(width, np.nan)
        self.last = np.full(width, np.nan)

    def add(self, block: Floats) -> None:
        """Fold in a block of shape (ticks, series), oldest tick first."""
        if len(block) == 0:
            return
        seen = ~np.isnan(block)
        self.ticks += len(block)
        self.count += seen.sum(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):  # values of others may be too large to add up
            self.sum += np.where(seen, block, 0.0).sum(axis=0)
        self.min = np.fmin(self.min, np.fmin.reduce(block, axis=0))
        self.max = np.fmax(self.max, np.fmax.reduce(block, axis=0))
        self.last = block[-1].copy()

    def moved(self, origins: npt.NDArray[np.intp]) -> Fold:
        """Return this fold with its series in another order: new series i was series `origins[i]`, -1 for none."""
        fold = Fold(len(origins))
        known = origins >= 0
        fold.ticks = self.ticks
        for name in ("count", "sum", "min", "max", "last"):
            getattr(fold, name)[known] = getattr(self, name)[origins[known]]
        return fold

    def result(self, aggregates: tuple[Aggregate, ...]) -> Floats:
        """Return one value a series and aggregate, series-major; `nan` where nothing was read."""
        return _interleave([self._one(aggregate) for aggregate in aggregates])

    def _one(self, aggregate: Aggregate) -> Floats:
        if aggregate is Aggregate.AVG:
            return _divide(self.sum, self.count)
        result: Floats = getattr(self, aggregate.value)
        return result


def aggregate_runs(block: Floats, starts: npt.NDArray[np.intp], aggregates: tuple[Aggregate, ...]) -> Floats:
    """Aggregate consecutive runs of ticks that begin at the rows `starts`; the last run goes to the end.

    `block` has the shape (ticks, series), the result (runs, series x aggregates), series-major.
    """
    stops = np.append(starts[1:], len(block))
    columns: list[Floats] = []
    for aggregate in aggregates:
        if aggregate is Aggregate.LAST:
            columns.append(block[stops - 1])
        elif aggregate is Aggregate.AVG:
            seen = ~np.isnan(block)
            with np.errstate(over="ignore", invalid="ignore"):  # values of others may be too large to add up
                total = np.add.reduceat(np.where(seen, block, 0.0), starts, axis=0)
            columns.append(_divide(total, np.add.reduceat(seen.astype(np.float64), starts, axis=0)))
        else:
            reduce = np.fmin if aggregate is Aggregate.MIN else np.fmax
            columns.append(reduce.reduceat(block, starts, axis=0))
    return _interleave(columns)


def _divide(total: Floats, count: Floats) -> Floats:
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _interleave(columns: list[Floats]) -> Floats:
    if len(columns) == 1:
        return columns[0]
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(*stacked.shape[:-2], -1)
