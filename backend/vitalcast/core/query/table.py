"""The steps of several series as one table, in which series are reduced and the highest chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.partials import Steps
from vitalcast.core.query.ratio import Ratio
from vitalcast.core.query.reduction import Grouping, top_of
from vitalcast.core.vocabulary import Reduce

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

_STRETCH_MS = 2**48  # more than any time


@dataclass(frozen=True, slots=True)
class Table:
    """The steps of several series side by side: `values` has the shape (steps, series, aggregates), `nan` for none.

    `stretches` says of each step in which setting of the clock it lies, ascending.
    """

    series: tuple[Series, ...]
    ends_ms: Integers
    stretches: Integers
    values: Floats

    @classmethod
    def of(cls, series: Sequence[Series], steps: Sequence[Steps], aggregates: int, limits: QueryLimits) -> Table:
        """Lay the steps of series side by side, leaving out series without any. Raises ProtocolError past a limit."""
        there = [(one, own) for one, own in zip(series, steps, strict=True) if len(own.ends_ms)]
        ends_ms, stretches, rows = _rows([own for _, own in there])
        limits.check_values(len(ends_ms) * aggregates, len(there), to_reduce=True)
        values = np.full((len(ends_ms), len(there), aggregates), np.nan)
        for place, (_, own) in enumerate(there):
            values[rows[place], place] = own.values
        return cls(tuple(one for one, _ in there), ends_ms, stretches, values)

    def grouped(self, group_by: tuple[str, ...], reduce: Reduce) -> Table:
        """Return one series for each group."""
        grouping = Grouping.of(self.series, group_by, reduce)
        return Table(grouping.series, self.ends_ms, self.stretches, grouping.apply(self.values))

    def over(self, divisors: Table) -> Table:
        """Return what this is divided by others, in the steps that this has."""
        ratio = Ratio.of(self.series, divisors.series)
        _, ranks = np.unique(np.concatenate([self.stretches, divisors.stretches]), return_inverse=True)
        keys = ranks.reshape(-1) * _STRETCH_MS + np.concatenate([self.ends_ms, divisors.ends_ms])
        here, there = np.split(keys, [len(self.ends_ms)])
        rows = np.searchsorted(there, here)
        known = np.append(there, -1)[rows] == here
        values = np.full((len(here), *divisors.values.shape[1:]), np.nan)
        values[known] = divisors.values[rows[known]]
        return Table(ratio.series, self.ends_ms, self.stretches, ratio.apply(self.values, values))

    def highest(self, count: int) -> Table:
        """Return only so many series, with the highest means of the first aggregate, and the steps that they have."""
        if len(self.series) <= count:
            return self
        top = top_of(means(self.values[:, :, 0]), count)
        values = self.values[:, top]
        some = ~np.isnan(values).all(axis=(1, 2))
        series = tuple(self.series[place] for place in top.tolist())
        return Table(series, self.ends_ms[some], self.stretches[some], values[some])

    def apart_ms(self, step_ms: int, interval_ms: int) -> int:
        """Return how far apart the steps are: where ticks are no closer than usual, no shorter ones are to be had."""
        if step_ms >= interval_ms or not len(self.ends_ms):
            return step_ms
        apart = np.diff(self.ends_ms)[np.diff(self.stretches) == 0]
        return max(step_ms, int(apart.min()) if len(apart) else interval_ms)


def means(values: Floats) -> Floats:
    """Return the mean of each column, of what is known."""
    seen = ~np.isnan(values)
    count = seen.sum(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # what others send may be too large to add up
        total = np.where(seen, values, 0.0).sum(axis=0)
    result: Floats = np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)
    return result


def _rows(answers: list[Steps]) -> tuple[Integers, Integers, list[Integers]]:
    """Return the ends of all steps in order, which stretch each is in, and for each answer its rows."""
    nothing = np.zeros(0, dtype=np.int64)
    stretches, ranks = np.unique(np.concatenate([nothing, *(one.stretches for one in answers)]), return_inverse=True)
    ends = np.concatenate([nothing, *(one.ends_ms for one in answers)])
    keys, rows = np.unique(ranks.reshape(-1) * _STRETCH_MS + ends, return_inverse=True)
    bounds = np.cumsum([0, *(len(one.ends_ms) for one in answers)])
    rows = rows.reshape(-1)
    per_answer = [rows[first:stop] for first, stop in pairwise(bounds.tolist())]
    return keys % _STRETCH_MS, stretches[keys // _STRETCH_MS], per_answer
