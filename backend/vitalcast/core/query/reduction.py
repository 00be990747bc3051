"""Makes one series of several: which belong together, and how their values at a step become one; the same in live
streams and in answers about the past."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import percentiles_of_runs
from vitalcast.core.metrics.growth import SERIES_UNIT
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.vocabulary import PERCENTILES, Reduce

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which of some series are reduced to which: those at the places `order[starts[i]]` up to the next start, or the
    end, become `series[i]`."""

    series: tuple[Series, ...]
    order: Places
    starts: Places
    reduce: Reduce

    @classmethod
    def of(cls, series: Sequence[Series], group_by: tuple[str, ...], reduce: Reduce) -> Grouping:
        """Group series of the same metric and unit by the values of these attributes or labels, by key.

        One that has none of that name counts as having an empty one.
        """
        groups: dict[Series, list[int]] = {}
        for place, one in enumerate(series):
            groups.setdefault(_reduced(one, group_by, reduce), []).append(place)
        return cls._of(groups, reduce)

    @classmethod
    def _of(cls, groups: Mapping[Series, Sequence[int]], reduce: Reduce) -> Grouping:
        ordered = sorted(groups, key=lambda one: (one.key, one.descriptor.unit))
        order = np.array([place for one in ordered for place in groups[one]], dtype=np.intp)
        sizes = [len(groups[one]) for one in ordered]
        return cls(tuple(ordered), order, np.cumsum([0, *sizes], dtype=np.intp)[:-1], reduce)

    def only(self, wanted: Collection[Series]) -> Grouping:
        """Return the grouping with only those groups that are wanted."""
        members = np.split(self.order, self.starts[1:])
        return self._of(
            {one: places.tolist() for one, places in zip(self.series, members, strict=False) if one in wanted},
            self.reduce,
        )

    def apply(self, values: Floats) -> Floats:
        """Reduce values of the shape (steps, series, aggregates) to one for each group.

        What is missing does not count; where all is missing, so is the result.
        """
        if not len(self.starts):
            return np.empty((len(values), 0, values.shape[2]))
        return _reduce_runs(values[:, self.order], self.starts, self.reduce)


def _reduced(series: Series, group_by: tuple[str, ...], reduce: Reduce) -> Series:
    """Return the series that one becomes part of."""
    descriptor = _reduced_descriptor(series.descriptor, group_by, reduce)
    return Series(descriptor, tuple(series.value_of(key) or "" for key in group_by))


@functools.lru_cache(maxsize=1000)
def _reduced_descriptor(descriptor: Descriptor, group_by: tuple[str, ...], reduce: Reduce) -> Descriptor:
    unit = SERIES_UNIT if reduce is Reduce.COUNT else descriptor.unit
    return Descriptor(descriptor.name, unit, Kind.GAUGE, descriptor.description, group_by, rate=False)


def _reduce_runs(values: Floats, starts: Places, reduce: Reduce) -> Floats:
    """Reduce values of the shape (steps, series, aggregates) in runs of series, none of them empty."""
    if reduce in (Reduce.MIN, Reduce.MAX):
        extreme: Floats = (np.fmin if reduce is Reduce.MIN else np.fmax).reduceat(values, starts, axis=1)
        return extreme
    if reduce in PERCENTILES:
        steps, series, aggregates = values.shape
        rows = np.moveaxis(values, 1, 0).reshape(series, -1)
        found = percentiles_of_runs(rows, starts, PERCENTILES[reduce]).reshape(len(starts), steps, aggregates)
        return np.moveaxis(found, 0, 1)
    seen = ~np.isnan(values)
    count = np.add.reduceat(seen.astype(np.float64), starts, axis=1)
    if reduce is Reduce.COUNT:
        return np.where(count > 0, count, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # what others send may be too large to add up
        total = np.add.reduceat(np.where(seen, values, 0.0), starts, axis=1)
    if reduce is Reduce.AVG:
        total = total / np.maximum(count, 1)
    return np.where(count > 0, total, np.nan)


def top_of(scores: Floats, count: int) -> Places:
    """Return the places of the highest scores, in their order of place; of equal ones, the first. `nan` is lowest."""
    ranked = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    return np.sort(ranked[:count])
