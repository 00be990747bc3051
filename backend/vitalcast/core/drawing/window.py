"""What a panel's picture is drawn from: the recent readings of its columns, with holes where ticks are missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.decimate import with_holes
from vitalcast.core.metrics.aggregate import aggregate_runs, boundaries
from vitalcast.core.metrics.elapsed import in_order
from vitalcast.core.panels.headline import LASTS_MS
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


RECENT_MAX = 10
SEEN_VALUES = 50_000  # of a block: some 3 ms


@dataclass(frozen=True, slots=True)
class Past:
    """Times in Unix milliseconds, and values of shape (ticks, series), `nan` in holes.

    `columns` says which column of the reading each series is, and `holes` is the time of the last reading before each
    hole, and that of the first after it. `recent` holds the newest ticks of every column, the very newest last.
    """

    times_ms: Times
    values: Floats
    columns: tuple[int, ...]
    recent: Floats
    holes: tuple[tuple[int, int], ...] = ()

    @property
    def newest(self) -> Floats:
        """The newest reading of every column."""
        row: Floats = self.recent[-1]
        return row

    @property
    def seen(self) -> Seen:
        """What there is to choose lines by."""
        lowest, highest = (np.full(self.recent.shape[1], np.nan) for _ in range(2))
        lowest[list(self.columns)] = np.fmin.reduce(self.values, axis=0, initial=np.nan)
        highest[list(self.columns)] = np.fmax.reduce(self.values, axis=0, initial=np.nan)
        return Seen(lowest, highest, self.newest)

    def of(self, column: int) -> Floats:
        found: Floats = self.values[:, self.columns.index(column)]
        return found

    def dates(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.datetime64]:
        return self.times_ms[rows].astype("datetime64[ms]")


def rows_since(ring: Ring, from_ms: float) -> Rows:
    """Return which rows of the ring, counted from its first, have this time or a later one.

    Their times grow: of two ticks for which the clock said the same, the later is meant.
    """
    times = ring.times()
    rows: Rows = np.flatnonzero(in_order(times) & (times >= from_ms))
    return rows


def recent_of(ring: Ring) -> Floats:
    """Copy the newest tick of every column, and some others from as long as a level lasts."""
    assert ring.newest is not None
    ticks = max(int(np.count_nonzero(ring.ages() < LASTS_MS)), 1)
    rows = ring.read(np.arange(len(ring.newest.values)), ring.end_row - ticks, ring.end_row)
    return rows[:: -math.ceil(ticks / RECENT_MAX)][::-1]


def seen_of(columns: tuple[int, ...], ring: Ring, rows: Rows) -> Iterator[Seen]:
    """Yield what there is to choose lines by, of these rows and columns of the ring, block by block.

    The last is of all. Each block is a small copy, and between two of them the ring may go on.
    """
    assert ring.newest is not None
    newest = ring.newest.values
    lowest, highest = (np.full(len(newest), np.nan) for _ in range(2))
    wanted = np.array(columns, dtype=np.intp)
    numbers, step = ring.first_row + rows, max(1, SEEN_VALUES // max(1, len(columns)))
    for at in range(0, len(rows), step):
        block = _rows_of(ring, wanted, numbers[at : at + step])
        lowest[wanted] = np.fmin(lowest[wanted], np.fmin.reduce(block, axis=0, initial=np.nan))
        highest[wanted] = np.fmax(highest[wanted], np.fmax.reduce(block, axis=0, initial=np.nan))
        yield Seen(lowest, highest, newest)


def past_of(panel: Panel, columns: tuple[int, ...], ring: Ring, rows: Rows) -> Past:
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
    return Past(*with_holes(times, values, missing), columns, recent_of(ring), holes)


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
