"""Several ticks made into one reading: newest, mean, extremes, sum, count and percentiles over an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.vocabulary import DERIVED, PERCENTILES, Aggregate

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
            for row in np.where(seen, block, 0.0):  # one after the other, as sums_of_runs does
                self.sum += row
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
        """Return one value a series and aggregate, series-major; `nan` where nothing was read, for percentiles, which
        take all readings, and for what takes the interval before."""
        return _interleave([self._one(aggregate) for aggregate in aggregates])

    def _one(self, aggregate: Aggregate) -> Floats:
        if aggregate is Aggregate.AVG:
            return mean_of(self.sum, self.count, self.min, self.max)
        if aggregate in PERCENTILES or aggregate in DERIVED:
            return np.full_like(self.sum, np.nan)
        result: Floats = getattr(self, aggregate.value)
        return _known(result, self.count) if aggregate in (Aggregate.SUM, Aggregate.COUNT) else result


def aggregates_of_tick(values: Floats, aggregates: tuple[Aggregate, ...]) -> Floats:
    """Return what one tick alone comes to, series-major: its value, of which there is one.

    It is `nan` for what takes the interval before.
    """
    count = _known(np.ones_like(values), ~np.isnan(values))
    nothing = np.full_like(values, np.nan)
    others = {Aggregate.COUNT: count} | dict.fromkeys(DERIVED, nothing)
    return _interleave([others.get(aggregate, values) for aggregate in aggregates])


def aggregate_runs(block: Floats, starts: npt.NDArray[np.intp], aggregates: tuple[Aggregate, ...]) -> Floats:
    """Aggregate consecutive runs of ticks that begin at the rows `starts`; the last run goes to the end.

    `block` has the shape (ticks, series), the result (runs, series x aggregates), series-major. It is `nan` for what
    takes the interval before.
    """
    columns = [_aggregate_runs(block, starts, aggregate) for aggregate in aggregates]
    return _interleave(columns)


def _aggregate_runs(block: Floats, starts: npt.NDArray[np.intp], aggregate: Aggregate) -> Floats:
    if aggregate is Aggregate.LAST:
        newest: Floats = block[np.append(starts[1:], len(block)) - 1]
        return newest
    if aggregate in PERCENTILES:
        return percentiles_of_runs(block, starts, PERCENTILES[aggregate])
    if aggregate in DERIVED:
        return np.full((len(starts), block.shape[1]), np.nan)
    if aggregate in (Aggregate.MIN, Aggregate.MAX):
        reduce = np.fmin if aggregate is Aggregate.MIN else np.fmax
        extreme: Floats = reduce.reduceat(block, starts, axis=0)
        return extreme
    seen = ~np.isnan(block)
    count = np.add.reduceat(seen.astype(np.float64), starts, axis=0)
    if aggregate is Aggregate.COUNT:
        return _known(count, count)
    runs = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(block))))
    total = sums_of_runs(np.where(seen, block, 0.0), runs, np.zeros((len(starts), block.shape[1])))
    if aggregate is Aggregate.SUM:
        return _known(total, count)
    least, greatest = (reduce.reduceat(block, starts, axis=0) for reduce in (np.fmin, np.fmax))
    return mean_of(total, count, least, greatest)


def sums_of_runs(block: Floats, runs: npt.NDArray[np.intp], before: Floats) -> Floats:
    """Add up each column in each of some runs, `runs` saying of each row in which it lies, onto what was `before`.

    `block` has the shape (ticks, series), `before` and the result (runs, series). Numbers are added one after the
    other, oldest first, which numpy's own sums do not: so a sum is the same to the bit, however many columns there are
    and in however many blocks the ticks come.
    """
    count, width = before.shape
    places = np.concatenate([np.arange(count * width), (runs[:, None] * width + np.arange(width)).ravel()])
    sums = np.bincount(places, np.concatenate([before.ravel(), block.ravel()]), count * width)
    shaped: Floats = sums.astype(np.float64).reshape(count, width)  # of nothing at all it is integers
    return shaped


def percentiles_of_runs(block: Floats, starts: npt.NDArray[np.intp], fraction: float) -> Floats:
    """Return a percentile of each run and series. A fraction is from 0 to 1, `nan` no reading.

    Where one lies between two readings it is on the straight line between them, as numpy's are.
    """
    runs = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(block))))
    ordered = _sorted_in_runs(block, runs)
    counts = np.add.reduceat((~np.isnan(block)).astype(np.intp), starts, axis=0)
    rank = fraction * np.maximum(counts - 1, 0)
    lower = np.floor(rank).astype(np.intp)
    first = starts[:, None]
    low = np.take_along_axis(ordered, first + lower, axis=0)
    high = np.take_along_axis(ordered, first + np.ceil(rank).astype(np.intp), axis=0)
    return between(low, high, rank - lower)


def _sorted_in_runs(block: Floats, runs: npt.NDArray[np.intp]) -> Floats:
    """Sort each column within each run, `nan` last."""
    if not len(runs) or runs[-1] == 0:
        return np.sort(block, axis=0)
    by_value = np.argsort(block, axis=0)
    by_run = np.argsort(runs[by_value], axis=0, kind="stable")
    return np.take_along_axis(block, np.take_along_axis(by_value, by_run, axis=0), axis=0)


def between(low: Floats, high: Floats, share: Floats) -> Floats:
    """Return what lies so far along the straight line between two values, however large they are."""
    with np.errstate(invalid="ignore", over="ignore"):
        # Not low + (high - low) * share: the difference of two huge ones is infinite.
        mixed = np.clip(low * (1 - share) + high * share, low, high)
    return np.where((low == high) | (share == 0), low, mixed)


def _known(values: Floats, count: Floats | npt.NDArray[np.bool_]) -> Floats:
    return np.where(count > 0, values, np.nan)


def mean_of(total: Floats, count: Floats, least: Floats, greatest: Floats) -> Floats:
    """Return means, `nan` of nothing. None is outside its extremes, as a sum of equal numbers may round to be; one
    whose total is too large to add up is infinite."""
    mean: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.where(np.isfinite(mean), np.fmin(np.fmax(mean, least), greatest), mean)


def _interleave(columns: list[Floats]) -> Floats:
    if len(columns) == 1:
        return columns[0]
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(*stacked.shape[:-2], -1)
