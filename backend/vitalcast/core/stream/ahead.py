"""Streams that show what was so long before: read ahead in parts, since what will be shown has long been kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.past import Past
from vitalcast.core.query.query import Query, Result
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SHIFT_MIN_MS = 10_000
AHEAD_MS = 60_000
AHEAD_INTERVALS = 60
RETRY_MS = 10_000


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Something to be read: `done` is called with what the work of `prepare` returned in a thread, or with None where
    it failed.
    """

    prepare: Callable[[], Callable[[Past], Result]]
    done: Callable[[Result | None], None]


def check_shift(key: SeriesKey) -> None:
    """Raise ProtocolError for a shift that is too short for what is shown to be read in time."""
    least_ms = max(SHIFT_MIN_MS, 2 * key.interval_ms)
    if 0 < key.shift_ms < least_ms:
        why = f"shift: at least {least_ms / 1000:g} s at this interval, got {key.shift_ms / 1000:g}"
        raise ProtocolError(ErrorCode.BAD_REQUEST, why)


def step_before(key: SeriesKey, time_ms: int) -> int:
    """Return the end of the last step at or before a time."""
    return time_ms // key.interval_ms * key.interval_ms


def length_ms(key: SeriesKey) -> int:
    """Return how much is read ahead at a time, in whole steps: never what has yet to be."""
    wanted_ms = max(AHEAD_MS, AHEAD_INTERVALS * key.interval_ms)
    return min(key.shift_ms, wanted_ms) // key.interval_ms * key.interval_ms


def question(key: SeriesKey, start_ms: int, end_ms: int) -> Query:
    """Return the question what is shown in some time, of each series that is selected, be it as a divisor."""
    return Query(
        selection=key.selection,
        start_ms=start_ms,
        end_ms=end_ms,
        step_ms=key.interval_ms,
        aggregates=key.aggregates,
        shift_ms=key.shift_ms,
        beside=key.ratio_to,
    )


def in_order_of(series: Sequence[Series], result: Result) -> Floats:
    """Return values of a result for just these series, of the shape (times, series, aggregates)."""
    aggregates = len(result.aggregates)
    found = result.values.reshape(len(result.times_ms), len(result.series), aggregates)
    places = {one: at for at, one in enumerate(result.series)}
    at = np.array([places.get(one, -1) for one in series], dtype=np.intp)
    values = np.full((len(result.times_ms), len(series), aggregates), np.nan)
    values[:, at >= 0] = found[:, at[at >= 0]]
    return values


class Ahead:
    """What one group shows from now on, as far as it has been read."""

    def __init__(self, key: SeriesKey, timeline: Timeline, limits: QueryLimits) -> None:
        self._key = key
        self._timeline = timeline
        self._limits = limits
        self._result: Result | None = None
        self._until_ms: int | None = None  # as far as was asked for
        self._reading = False
        self._retry_ms = 0

    @property
    def nbytes(self) -> int:
        return 0 if self._result is None else self._result.values.nbytes + self._result.times_ms.nbytes

    def take(self, result: Result, until_ms: int) -> None:
        """Take in what was read up to a time, unless as much is known already."""
        if self._until_ms is not None and until_ms <= self._until_ms:
            return
        self._until_ms = until_ms
        self._result = result

    def at(self, series: Sequence[Series], time_ms: int) -> Floats | None:
        """Return the values of these series at a time, of the shape (series, aggregates); None for none."""
        result = self._result
        if result is None:
            return None
        row = int(np.searchsorted(result.times_ms, time_ms))
        if row == len(result.times_ms) or result.times_ms[row] - time_ms >= max(result.step_ms, self._key.interval_ms):
            return None
        one = slice(row, row + 1)
        found = replace(result, times_ms=result.times_ms[one], values=result.values[one])
        values: Floats = in_order_of(series, found)[0]
        return values

    def want(self, now_ms: int) -> LookAhead | None:
        """Return what is to be read next; None while enough is known, or is being read."""
        if self._reading or 0 <= self._retry_ms - now_ms < RETRY_MS:
            return None
        length = length_ms(self._key)
        until_ms = self._until_ms
        if until_ms is None or not now_ms - self._key.interval_ms <= until_ms <= now_ms + 2 * length:
            until_ms = step_before(self._key, now_ms)  # the clock was set, or nothing could be read for a while
        if until_ms - now_ms > length // 2:
            return None
        # What is left is read again, so that one result has all.
        start_ms = step_before(self._key, now_ms) - self._key.interval_ms
        end_ms = min(until_ms + length, step_before(self._key, now_ms + self._key.shift_ms))
        self._reading = True
        asked = question(self._key, start_ms, end_ms)

        def done(result: Result | None) -> None:
            self._reading = False
            if result is None:
                self._retry_ms = now_ms + RETRY_MS
            else:
                self._until_ms = None
                self.take(result, end_ms)

        return LookAhead(lambda: ask(self._timeline, asked, self._limits), done)
