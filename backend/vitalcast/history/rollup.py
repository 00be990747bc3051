"""Makes steps of ticks and coarser steps of steps: least, greatest, sum, count and newest, so that nothing is lost.

All series of a table are worked on at once: with one after the other, numpy's fixed costs come to many times those of
the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.sketch import Sketches, merged, sketched
from vitalcast.core.query.steps import ends_of, runs_of

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of several series, oldest first, in arrays of the shape (steps, series).

    `times_ms` are the ends of the steps, each of which spans (end - step, end]. A series that had no reading in a step
    has a `count` and a `total` of 0 there and is otherwise `nan`. `sketches` has one part for each series, in which
    step i is row i of the arrays; it is None in a tier without.
    """

    times_ms: Integers
    minimum: Floats
    maximum: Floats
    total: Floats
    count: Floats
    last: Floats
    sketches: tuple[Sketches, ...] | None = None


def steps_of_ticks(times_ms: Integers, values: Floats, step_ms: int, *, histogram: bool) -> Steps:
    """Roll up at least one tick; `values` has the shape (ticks, series), `nan` where nothing was read.

    Times never fall: ticks before and after the clock was set back are rolled up each for themselves. Steps in which
    there was no tick are left out.
    """
    ends, starts, rows = _runs(times_ms, step_ms)
    seen = ~np.isnan(values)
    sketches = None
    if histogram:
        sketches = tuple(sketched(rows, column) for column in np.ascontiguousarray(values.T))
    return Steps(
        ends,
        np.fmin.reduceat(values, starts, axis=0),
        np.fmax.reduceat(values, starts, axis=0),
        _sum(np.where(seen, values, 0.0), starts),
        np.add.reduceat(seen.astype(np.float64), starts, axis=0),
        _newest(values, seen, starts),
        sketches,
    )


def coarser(steps: Steps, step_ms: int) -> Steps:
    """Roll up steps into longer ones, of which the old are a whole part; sketches are merged where there are any.

    Steps of the same end, as two halves of one are, become one: so does `coarser(joined(parts), step_ms)` with the
    step that they have already.
    """
    ends, starts, rows = _runs(steps.times_ms, step_ms)
    return Steps(
        ends,
        np.fmin.reduceat(steps.minimum, starts, axis=0),
        np.fmax.reduceat(steps.maximum, starts, axis=0),
        _sum(steps.total, starts),
        np.add.reduceat(steps.count, starts, axis=0),
        _newest(steps.last, steps.count > 0, starts),
        None if steps.sketches is None else tuple(part.placed(rows) for part in steps.sketches),
    )


def joined(parts: Sequence[Steps]) -> Steps:
    """Lay parts of the same series one after the other, at least one, in the order of their times."""
    if len(parts) == 1:
        return parts[0]
    sketches = None
    if all(part.sketches is not None for part in parts):
        firsts = np.cumsum([0, *(len(part.times_ms) for part in parts[:-1])])
        of_parts = [part.sketches or () for part in parts]
        sketches = tuple(
            merged([_moved(one, int(first)) for one, first in zip(of_series, firsts, strict=True)])
            for of_series in zip(*of_parts, strict=True)
        )
    return Steps(
        np.concatenate([part.times_ms for part in parts]),
        np.concatenate([part.minimum for part in parts]),
        np.concatenate([part.maximum for part in parts]),
        np.concatenate([part.total for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.last for part in parts]),
        sketches,
    )


def _moved(sketches: Sketches, first: int) -> Sketches:
    return Sketches(sketches.steps + first, sketches.buckets, sketches.counts)


def _runs(times_ms: Integers, step_ms: int) -> tuple[Integers, npt.NDArray[np.intp], Integers]:
    """Return the ends of the steps that there are, the row at which each begins, and each row's step."""
    ends = ends_of(times_ms, step_ms)
    starts, rows = runs_of(ends)
    return ends[starts], starts, rows


def _sum(values: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # what others send may be too large to add up
        result: Floats = np.add.reduceat(values, starts, axis=0)
    return result


def _newest(values: Floats, seen: npt.NDArray[np.bool_], starts: npt.NDArray[np.intp]) -> Floats:
    """Return of each run the last value that is one, `nan` where there is none."""
    rows = np.where(seen, np.arange(len(values))[:, None], -1)
    newest = np.maximum.reduceat(rows, starts, axis=0)
    taken = np.take_along_axis(values, np.maximum(newest, 0), axis=0)
    return np.where(newest >= 0, taken, np.nan)
