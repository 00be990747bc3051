"""What grew in an interval of a stream: live, and in a replay of the rows behind it, which come to the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.growth import Newest, are_counters, growth, newest_of_runs
from vitalcast.core.metrics.model import Layout, Series
from vitalcast.core.stream.kept_ticks import Rows
from vitalcast.core.stream.keys import PanelKey, SeriesKey
from vitalcast.core.stream.replay import READ_VALUES_AT_ONCE, Replay, interval_ends
from vitalcast.core.vocabulary import DERIVED, Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Indices = npt.NDArray[np.intp]
    Booleans = npt.NDArray[np.bool_]

Key = SeriesKey | PanelKey


def is_step(end_ms: int, before_ms: int | None, interval_ms: int) -> bool:
    """Say whether an interval that ended at a time has all of a step of the clock, so that the next can follow it.

    One that ended since the clock was set back, or with the first tick of all, has a part of one, unless it ended just
    with the step. `before_ms` is the time of the tick before the end, None for none.
    """
    return end_ms % interval_ms == 0 or (before_ms is not None and end_ms >= before_ms)


def follows(end_ms: int, before_ms: int, interval_ms: int) -> bool:
    """Say whether an interval is the step after the one that ended before it: no step without a tick lies between."""
    return end_ms // interval_ms - before_ms // interval_ms == 1


class Growing:
    """The newest values of the interval under way and of the one before it, for all columns of a layout."""

    BYTES_A_SERIES = 32

    def __init__(self, interval_ms: int, layout: Layout) -> None:
        self._interval_ms = interval_ms
        self._owners: list[Series | None] = []
        self._counters = are_counters(())
        self._now = self._before = Newest.nothing(0)
        self._newest_ms: int | None = None  # of the ticks that were taken in
        self._second_ms: int | None = None  # of the one before it
        self._before_ms: int | None = None  # when the interval before ended, if it was a whole step
        self.relay(layout)

    @classmethod
    def of(cls, interval_ms: int, layout: Layout, rows: Rows, stop_row: int) -> Growing:
        """Take in what the rows have up to one: the interval that ended last, and the one under way."""
        growing = cls(interval_ms, layout)
        times = rows.times()[: stop_row - rows.first_row]
        ends = interval_ends(rows, interval_ms)
        ends = ends[ends < len(times)]
        columns, first = np.arange(len(layout.series)), rows.first_row
        start = int(ends[-2]) + 1 if len(ends) > 1 else 0
        growing._newest_ms = int(times[start - 1]) if start else None
        for stop in [int(ends[-1]) + 1] if len(ends) else []:
            growing.add(rows.read(columns, first + start, first + stop), times[start:stop])
            growing.end()
            start = stop
        growing.add(rows.read(columns, first + start, stop_row), times[start:])
        return growing

    def add(self, block: Floats, times_ms: Integers) -> None:
        """Take in ticks of the interval under way: a block of the shape (ticks, series), oldest first."""
        if not len(block):
            return
        found = newest_of_runs(block, times_ms, np.zeros(1, dtype=np.intp))
        self._now = self._now.then(Newest(found.values[0], found.times_ms[0]))
        self._second_ms = int(times_ms[-2]) if len(times_ms) > 1 else self._newest_ms
        self._newest_ms = int(times_ms[-1])

    def end(self) -> dict[Aggregate, Floats]:
        """End the interval with the newest tick; return how much each column grew in it."""
        end_ms, width = self._newest_ms, len(self._owners)
        assert end_ms is not None  # a tick ends it
        before = self._before
        if self._before_ms is None or not follows(end_ms, self._before_ms, self._interval_ms):
            before = Newest.nothing(width)
        grown = {one: growth(one, self._now, before, self._counters) for one in DERIVED}
        self._before, self._now = self._now, Newest.nothing(width)
        self._before_ms = end_ms if is_step(end_ms, self._second_ms, self._interval_ms) else None
        return grown

    def relay(self, layout: Layout) -> None:
        """Go on in another layout: a column keeps what it had until another series takes it."""
        self._owners, origins = moved_owners(self._owners, layout)
        self._now, self._before = self._now.moved(origins), self._before.moved(origins)
        self._counters = are_counters(self._owners)


def moved_owners(owners: Sequence[Series | None], layout: Layout) -> tuple[list[Series | None], Indices]:
    """Return the owners of columns in a layout, and where the past of each column is, -1 for nowhere.

    A column is its series' until another series takes it, be that one there or not.
    """
    moved = [*owners, *[None] * (len(layout.series) - len(owners))]
    origins = np.arange(len(moved))
    origins[len(owners) :] = -1
    for column, one in enumerate(layout.series):
        if one is not None:
            if moved[column] is not None and moved[column] != one:
                origins[column] = -1
            moved[column] = one
    return moved, origins


def add_growth(
    values: Floats, rows: Rows, replay: Replay, series: Sequence[Series], columns: Indices, key: Key
) -> None:
    """Put how much each series grew where it belongs in the values of a replay, which are (intervals, series x
    aggregates)."""
    times, ends = rows.times(), interval_ends(rows, key.interval_ms)
    first = replay.start_row - rows.first_row
    earlier = ends[ends < first]
    stops = np.append(earlier[-1:], first + replay.ends)  # what is before the first interval, and each of them
    begin = int(earlier[-2]) + 1 if len(earlier) > 1 else 0 if len(earlier) else first
    starts = np.append(0, stops[:-1] + 1 - begin)
    lone = ~_follow(times, ends, stops, key.interval_ms)
    by_series = values.reshape(len(values), len(series), len(key.aggregates))[len(values) - len(lone) :]
    stop = int(stops[-1]) + 1
    at_once = max(1, READ_VALUES_AT_ONCE // (stop - begin))
    for at in range(0, len(series), at_once):
        part = slice(at, at + at_once)
        block = rows.read(columns[part], rows.first_row + begin, rows.first_row + stop)
        newest = newest_of_runs(block, times[begin:stop], starts)
        now = Newest(newest.values[1:], newest.times_ms[1:])
        before = Newest(np.where(lone[:, None], np.nan, newest.values[:-1]), newest.times_ms[:-1])
        for place, aggregate in enumerate(key.aggregates):
            if aggregate in DERIVED:
                by_series[:, part, place] = growth(aggregate, now, before, are_counters(series[part]))


def _follow(times_ms: Integers, ends: Indices, stops: Indices, interval_ms: int) -> Booleans:
    """Say of each of some intervals but the first, by the rows with which they end, whether `growth` is known of it."""
    befores, nows = stops[:-1], stops[1:]
    is_first = befores == 0
    steps = (times_ms[befores] % interval_ms == 0) | (~is_first & (times_ms[befores] >= times_ms[befores - 1]))
    adjacent = times_ms[nows] // interval_ms - times_ms[befores] // interval_ms == 1
    known: Booleans = steps & adjacent & np.isin(nows, ends)
    return known
