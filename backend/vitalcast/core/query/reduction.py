"""Makes one series of several: which belong together, and how their values at a step become one; the same in live
streams and in answers about the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.query.partials import between
from vitalcast.core.vocabulary import PERCENTILES, Reduce

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which of some series are reduced to which: `members[i]` are the places of those that become `series[i]`."""

    series: tuple[Series, ...]
    members: tuple[Places, ...]
    reduce: Reduce

    @classmethod
    def of(cls, series: Sequence[Series], group_by: tuple[str, ...], reduce: Reduce) -> Grouping:
        """Group series of the same metric and unit by the values of these attributes or labels, by key.

        One that has none of that name counts as having an empty one.
        """
        groups: dict[Series, list[int]] = {}
        for place, one in enumerate(series):
            values = tuple(one.value_of(key) or "" for key in group_by)
            reduced = Series(_reduced(one.descriptor, group_by, reduce), values)
            groups.setdefault(reduced, []).append(place)
        ordered = sorted(groups, key=lambda one: (one.key, one.descriptor.unit))
        return cls(tuple(ordered), tuple(np.array(groups[one], dtype=np.intp) for one in ordered), reduce)

    def apply(self, values: Floats) -> Floats:
        """Reduce values of the shape (steps, series, aggregates) to one for each group.

        What is missing does not count; where all is missing, so is the result.
        """
        reduced = np.empty((len(values), len(self.members), values.shape[2]))
        for place, members in enumerate(self.members):
            reduced[:, place] = reduce_across(values[:, members], self.reduce)
        return reduced


def _reduced(descriptor: Descriptor, group_by: tuple[str, ...], reduce: Reduce) -> Descriptor:
    unit = "{series}" if reduce is Reduce.COUNT else descriptor.unit
    return Descriptor(descriptor.name, unit, Kind.GAUGE, descriptor.description, group_by, rate=False)


def reduce_across(values: Floats, reduce: Reduce) -> Floats:
    """Reduce values of the shape (steps, members, aggregates) across the members, at least one."""
    if reduce is Reduce.MIN:
        least: Floats = np.fmin.reduce(values, axis=1)
        return least
    if reduce is Reduce.MAX:
        most: Floats = np.fmax.reduce(values, axis=1)
        return most
    count = (~np.isnan(values)).sum(axis=1)
    if reduce is Reduce.COUNT:
        return np.where(count > 0, count, np.nan)
    if reduce in PERCENTILES:
        return _percentile(np.sort(values, axis=1), count, PERCENTILES[reduce])
    with np.errstate(over="ignore", invalid="ignore"):  # what others send may be too large to add up
        total: Floats = np.where(np.isnan(values), 0.0, values).sum(axis=1)
    if reduce is Reduce.AVG:
        total = total / np.maximum(count, 1)
    return np.where(count > 0, total, np.nan)


def _percentile(ordered: Floats, count: npt.NDArray[np.intp], fraction: float) -> Floats:
    """Return a percentile of the first `count` values of each row, as numpy does."""
    rank = fraction * np.maximum(count - 1, 0)
    lower = np.floor(rank).astype(np.intp)
    low = np.take_along_axis(ordered, lower[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.ceil(rank).astype(np.intp)[:, None], axis=1)[:, 0]
    return between(low, high, rank - lower)


def top_of(scores: Floats, count: int) -> Places:
    """Return the places of the highest scores, in their order of place; of equal ones, the first. `nan` is lowest."""
    ranked = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    return np.sort(ranked[:count])
