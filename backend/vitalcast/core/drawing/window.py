"""What a panel's picture is drawn from: the recent values of its columns, with holes where ticks are missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.decimate import with_holes
from vitalcast.core.metrics.aggregate import aggregate_runs, boundaries
from vitalcast.core.metrics.elapsed import in_order
from vitalcast.core.panels.shown import Seen
from vitalcast.core.vocabulary import Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.ring import Ring
    from vitalcast.core.panels.schema import Panel

    Times = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]
    Rows = npt.NDArray[np.intp]


RECENT_MAX = 60
LARGEST = 1e18


def empty_text(*, past: bool) -> str:
    """Return what stands where a picture has no line."""
    return "No samples from that time." if past else "No data for this panel."


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest ticks of every column, of the shape (ticks, columns), the very newest last, on a steady clock.

    Those before a moment of the past, `then`, are all that is known of the level at that time. They may not be near
    enough to each other for it to be `judged`.
    """

    rows: Floats
    times_ms: Times
    then: bool = False
    judged: bool = True

    @property
    def newest(self) -> Floats:
        row: Floats = self.rows[-1]
        return row


@dataclass(frozen=True, slots=True)
class Window:
    """Times in Unix milliseconds, and values of shape (ticks, series), `nan` in holes.

    `columns` says which column each series is, and `holes` is the time of the last tick before each hole, and that of
    the first after it. `newest` is the newest tick of every column.
    """

    times_ms: Times
    values: Floats
    columns: tuple[int, ...]
    newest: Floats
    holes: tuple[tuple[int, int], ...] = ()

    @property
    def seen(self) -> Seen:
        """What was seen of each column in that time."""
        lowest, highest = (np.full(len(self.newest), np.nan) for _ in range(2))
        lowest[list(self.columns)] = np.fmin.reduce(self.values, axis=0, initial=np.nan)
        highest[list(self.columns)] = np.fmax.reduce(self.values, axis=0, initial=np.nan)
        return Seen(lowest, highest, self.newest)

    def of(self, column: int) -> Floats:
        found: Floats = self.values[:, self.columns.index(column)]
        return found

    def dates(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.datetime64]:
        return self.times_ms[rows].astype("datetime64[ms]")


def possible(window: Window) -> Window:
    """Return a window in which what no machine has is missing: no axis could show it."""
    values, newest = (np.where(np.abs(block) <= LARGEST, block, np.nan) for block in (window.values, window.newest))
    return replace(window, values=values, newest=newest)


def rows_since(ring: Ring, from_ms: float) -> Rows:
    """Return which rows of the ring, counted from its first, have this time or a later one.

    Their times grow: of two ticks for which the clock said the same, the later is meant.
    """
    times = ring.times()
    rows: Rows = np.flatnonzero(in_order(times) & (times >= from_ms))
    return rows


def recent_of(ring: Ring, span_ms: int) -> Recent:
    """Copy the newest tick of every column, and some others from that tick on which is at least so long ago."""
    assert ring.newest is not None
    ages = ring.ages()
    ticks = min(int(np.count_nonzero(ages < span_ms)) + 1, len(ages))
    picked = np.unique(np.linspace(len(ages) - ticks, len(ages) - 1, min(ticks, RECENT_MAX)).astype(np.intp))
    rows = ring.pick(np.arange(len(ring.newest.values)), ring.first_row + picked)
    return Recent(rows, -ages[picked])


def window_of(panel: Panel, columns: tuple[int, ...], ring: Ring, rows: Rows) -> Window:
    """Copy these rows and columns of the ring, joined where the panel has an interval.

    It is a copy, so that it can be drawn from in a thread while the ring goes on.
    """
    values = _rows_of(ring, np.array(columns, dtype=np.intp), ring.first_row + rows)
    times, offsets = ring.times()[rows], ring.offsets()[rows]
    if panel.interval and len(times):
        times, values, missing = _at_intervals(panel, times, values)
    else:
        missing = np.diff(offsets) > 1
    holes = tuple((int(times[at]), int(times[at + 1])) for at in np.flatnonzero(missing))
    assert ring.newest is not None
    return Window(*with_holes(times, values, missing), columns, ring.newest.values, holes)


def _rows_of(ring: Ring, columns: Rows, numbers: Rows) -> Floats:
    """Copy these columns of the rows of these numbers, as the ring counts them, but for those that it let go of."""
    held = numbers[numbers >= ring.first_row]
    if len(held) == 0:
        return np.zeros((0, len(columns)))
    first, last = int(held[0]), int(held[-1])
    block: Floats = ring.read(columns, first, last + 1)[held - first]
    return block


def _at_intervals(panel: Panel, times: Times, values: Floats) -> tuple[Times, Floats, Bools]:
    """Join the ticks of each of the panel's intervals, and say after which of them some are missing."""
    interval_ms = round(panel.interval * 1000)
    ends = np.flatnonzero(boundaries(times, interval_ms)) + 1
    if len(ends) == 0:
        return times[-1:], values[-1:], np.zeros(0, dtype=np.bool_)
    starts = np.append(0, ends[:-1] + 1)
    joined = aggregate_runs(values[: ends[-1] + 1], starts, (Aggregate(panel.aggregate),))
    return times[ends], joined, np.diff(times[ends]) > 2 * interval_ms
