"""How much values grew since the step before, as such and a second: `delta` and `rate`.

Both compare the newest value of a step with the newest of the step before. So they come to the same from ticks as they
came and from rollups, which keep the newest value.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.vocabulary import DERIVED, Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Booleans = npt.NDArray[np.bool_]
    Indices = npt.NDArray[np.intp]


SERIES_UNIT = "{series}"  # of how many series had a value
_OWN_UNIT = ((Aggregate.RATE,), (Aggregate.COUNT,))


class Newest(NamedTuple):
    """The newest values of a step, `nan` where there is none, and when each was read."""

    values: Floats
    times_ms: Integers

    @classmethod
    def nothing(cls, width: int) -> Newest:
        return cls(np.full(width, np.nan), np.zeros(width, dtype=np.int64))

    def then(self, later: Newest) -> Newest:
        """Return the newest of this and what came later."""
        known = ~np.isnan(later.values)
        return Newest(
            np.where(known, later.values, self.values), np.where(known, later.times_ms, self.times_ms).astype(np.int64)
        )

    def moved(self, origins: Indices) -> Newest:
        """Return this with its series in another order: new series i was series `origins[i]`, -1 for none."""
        known = origins >= 0
        moved = Newest.nothing(len(origins))
        moved.values[known] = self.values[origins[known]]
        moved.times_ms[known] = self.times_ms[origins[known]]
        return moved


def derives(aggregates: Sequence[Aggregate]) -> bool:
    """Say whether any of these takes the step before as well."""
    return not DERIVED.isdisjoint(aggregates)


def are_counters(series: Sequence[Series | None]) -> Booleans:
    """Say which of some series only ever grow, unless they begin anew."""
    return np.array([one is not None and one.descriptor.kind is Kind.COUNTER for one in series], dtype=np.bool_)


def newest_of_runs(block: Floats, times_ms: Integers, starts: Indices) -> Newest:
    """Return the newest values of consecutive runs of ticks, which begin at the rows `starts`.

    `block` has the shape (ticks, series), the result (runs, series).
    """
    rows = np.where(np.isnan(block), -1, np.arange(len(block))[:, None])
    newest = np.maximum.reduceat(rows, starts, axis=0)
    known = newest >= 0
    values = np.take_along_axis(block, np.maximum(newest, 0), axis=0)
    return Newest(np.where(known, values, np.nan), np.where(known, times_ms[np.maximum(newest, 0)], 0))


def growth(aggregate: Aggregate, now: Newest, before: Newest, counters: Booleans) -> Floats:
    """Return DELTA or RATE of values, `nan` where either is missing.

    A counter that fell has begun anew, so all that it has now was added.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # values of others may be too large to subtract
        grown = now.values - before.values
        grown = np.where(counters & (now.values < before.values), now.values, grown)
    if aggregate is Aggregate.DELTA:
        return grown
    seconds = (now.times_ms - before.times_ms) / 1000
    with np.errstate(over="ignore", invalid="ignore"):
        rates: Floats = np.divide(grown, seconds, out=np.full_like(grown, np.nan), where=seconds > 0)
    return rates


def with_units(series: Sequence[Series], aggregates: Sequence[Aggregate]) -> tuple[Series, ...]:
    """Return series as they are described: those of which only rates are given have the unit of a rate, and those of
    which only counts are, none.

    How many series had one is a number of series.
    """
    if aggregates not in _OWN_UNIT:
        return tuple(series)
    return tuple(
        one if one.descriptor.unit == SERIES_UNIT else replace(one, descriptor=_made(one.descriptor, aggregates[0]))
        for one in series
    )


@functools.lru_cache(maxsize=1000)
def _made(descriptor: Descriptor, aggregate: Aggregate) -> Descriptor:
    unit = f"{descriptor.unit}/s" if aggregate is Aggregate.RATE else ""
    return replace(descriptor, unit=unit, kind=Kind.GAUGE, rate=False)
