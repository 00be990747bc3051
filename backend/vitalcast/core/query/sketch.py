"""Distributions in few bytes that can be merged: any percentile within ERROR.

The exponential histogram of OpenTelemetry, with a base of our own: a bucket is as wide as the promise allows, which
takes half the bytes that the next power of two would take. Where a percentile lies between two readings it is on the
straight line between them, as numpy's are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import between

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Booleans = npt.NDArray[np.bool_]

ERROR = 0.0198  # of a reading, relative to it; below the 2 % that are promised, for what rounding adds
BASE = (1 + ERROR) / (1 - ERROR)
ORIGIN = 20_000  # BASE**-ORIGIN is less than any float64 but zero
INFINITE = 2 * ORIGIN  # the bucket of all that is infinite
_LOG_BASE = float(np.log(BASE))
_MIDDLE = 2 / (1 + BASE)  # of a bucket's upper end: as far from both ends, relative to them
_BUCKETS = 2 * INFINITE + 1


@dataclass(frozen=True, slots=True)
class Sketches:
    """One exponential histogram for each of some steps, in columns: entry i says that step `steps[i]` had
    `counts[i]` readings in bucket `buckets[i]`.

    Buckets are numbered by value: 0 holds zeros, b > 0 the values in (BASE**(b - ORIGIN - 1), BASE**(b - ORIGIN)],
    -b the same below zero. Entries are sorted by step, then bucket; no two are of the same.
    """

    steps: Integers
    buckets: Integers
    counts: Integers

    def placed(self, steps: Integers) -> Sketches:
        """Return what was of step i as of step `steps[i]`; those that come to lie in one step are merged."""
        return _summed(steps[self.steps], self.buckets, self.counts)

    def only(self, kept: Booleans) -> Sketches:
        """Return what is of the steps that are kept, which are numbered anew."""
        entries = kept[self.steps]
        numbers = np.cumsum(kept) - 1
        return Sketches(numbers[self.steps[entries]], self.buckets[entries], self.counts[entries])

    def percentiles(self, fractions: Sequence[float], steps: int) -> Floats:
        """Return percentiles of the steps 0 to `steps` - 1, in the shape (steps, fractions).

        A fraction is from 0 to 1. A step without a reading has `nan`.
        """
        result = np.full((steps, len(fractions)), np.nan)
        if not len(self.steps):
            return result
        first = np.searchsorted(self.steps, np.arange(steps))
        ends = np.cumsum(self.counts)
        before = np.append(0, ends)[first]
        totals = np.append(before[1:], ends[-1]) - before
        present = np.flatnonzero(totals)
        values = values_of(self.buckets)
        for column, fraction in enumerate(fractions):
            rank = fraction * (totals[present] - 1)
            lower = np.floor(rank)
            # Entry i holds the readings of the ranks below ends[i] that no entry before it holds.
            low = values[np.searchsorted(ends, before[present] + lower, side="right")]
            high = values[np.searchsorted(ends, before[present] + np.ceil(rank), side="right")]
            result[present, column] = between(low, high, rank - lower)
        return result


def empty() -> Sketches:
    """Return sketches of no readings."""
    nothing = np.zeros(0, dtype=np.int64)
    return Sketches(nothing, nothing, nothing)


def sketched(steps: Integers, values: Floats) -> Sketches:
    """Return the sketches of readings, each of the step beside it; `nan` is no reading."""
    seen = ~np.isnan(values)
    buckets = buckets_of(values[seen])
    return _summed(steps[seen], buckets, np.ones(len(buckets), dtype=np.int64))


def merged(parts: Sequence[Sketches]) -> Sketches:
    """Return the sketches of all that parts are of; what they have of the same step is merged."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty()
    return _summed(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def buckets_of(values: Floats) -> Integers:
    """Return each value's bucket; none may be `nan`."""
    sizes = np.abs(values)
    with np.errstate(divide="ignore"):
        powers = np.ceil(np.log(sizes) / _LOG_BASE) + ORIGIN
    powers = np.where(sizes == 0, 0, np.minimum(powers, INFINITE))
    signed: Integers = np.copysign(powers, values).astype(np.int64)
    return signed


def values_of(buckets: Integers) -> Floats:
    """Return for each bucket the value from which none in it is further than ERROR."""
    sizes = np.abs(buckets)
    # By way of the logarithm of the middle, for that of the upper end may be more than the largest float.
    with np.errstate(over="ignore"):
        values = np.exp((sizes - ORIGIN) * _LOG_BASE + np.log(_MIDDLE))
    values = np.where(sizes == INFINITE, np.inf, np.minimum(values, np.finfo(np.float64).max))
    return np.where(sizes == 0, 0.0, np.copysign(values, buckets))


def _summed(steps: Integers, buckets: Integers, counts: Integers) -> Sketches:
    """Sort entries and make one of those of the same step and bucket."""
    if not len(steps):
        return empty()
    keys = steps * _BUCKETS + (buckets + INFINITE)
    if not (keys[1:] > keys[:-1]).all():
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        keys, counts = keys[starts], np.add.reduceat(counts, starts)
    steps, buckets = np.divmod(keys, _BUCKETS)
    return Sketches(steps, buckets - INFINITE, counts)
