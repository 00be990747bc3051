"""Answers in CSV that are too long for one query: hour after hour, each read once the one before it was taken."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from starlette.concurrency import iterate_in_threadpool

from vitalcast.core.query.ask import ask
from vitalcast.core.query.csv import csv_head, csv_rows
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.query import Query, Result
from vitalcast.core.query.reading import all_series
from vitalcast.core.query.reduction import Grouping
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.metrics.model import Series
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.query.past import Past
    from vitalcast.live.queries import Queries

TIMES_LONGER: Final = 100  # than an answer to one query may be
WINDOW_VALUES_MAX: Final = 2_000_000  # an hour of 500 series each second
TRIES, TRY_AGAIN_S = 60, 0.5  # for as long as others have taken all turns

T = TypeVar("T")


class Survey(NamedTuple):
    """What can be in an answer: all its series, reduced ones where they are reduced, and a query for the part of the
    time of which anything is kept."""

    series: tuple[Series, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class LongCsv:
    """Answers a query with steps of a given length, without `top`; goes on for as long as it is `allowed`."""

    queries: Queries
    timeline: Timeline
    query: Query
    limits: QueryLimits
    allowed: Callable[[], bool] = lambda: True

    async def survey(self) -> Survey:
        """Find out what can be in the answer. Raises as a query does."""
        query, remembered = self.query, [one for one, _ in self.timeline.catalogue.remembered(self.query.selection)]
        start_ms, end_ms = query.start_ms - query.shift_ms, query.end_ms - query.shift_ms
        recorded = self.timeline.recorded

        times_ms = self.timeline.ring.times()

        def work(past: Past) -> Survey:
            kept = past.series(query.selection, start_ms, end_ms) if recorded else []
            series = all_series(kept, remembered)
            reaches = past.extent().reaches if recorded else ()
            first_ms = [int(times_ms.min()) - 1, *(one.start_ms for one in reaches)]
            last_ms = [int(times_ms.max()), *(one.end_ms for one in reaches)]
            there = there_of(query, min(first_ms), max(last_ms))
            if query.group_by is None:
                return Survey(tuple(series), there)
            return Survey(Grouping.of(series, query.group_by, query.reduce).series, there)

        return await self._run(lambda: work)

    def fits(self, survey: Survey) -> bool:
        """Say whether one query can answer it all. Raises ProtocolError where not even this may."""
        length_ms, series = survey.query.end_ms - survey.query.start_ms, len(survey.series)
        values = self._rows(length_ms) * series * len(self.query.aggregates)
        most = TIMES_LONGER * self.limits.values
        window = self._rows(min(length_ms, whole_of(self.query))) * series * len(self.query.aggregates)
        if values > most or (values > self.limits.values and window > WINDOW_VALUES_MAX):
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{values} values of {series} series, and an answer in CSV has {most} at most, or {WINDOW_VALUES_MAX} "
                "an hour; ask for fewer series, a shorter time or a longer step",
            )
        return values <= self.limits.values

    def _rows(self, length_ms: int) -> int:
        assert self.query.step_ms is not None
        return -(-length_ms // max(self.query.step_ms, self.timeline.interval_min_ms))

    async def parts(self, survey: Survey) -> AsyncIterator[bytes]:
        """Yield the answer, in rows of all its series. It breaks off where the past cannot be read any more."""
        series = survey.series
        nothing = np.zeros((0, len(series) * len(self.query.aggregates)))
        no_times = np.zeros(0, dtype=np.int64)
        yield csv_head(Result(self.query.step_ms or 0, (), series, self.query.aggregates, no_times, nothing))
        columns = {one: place for place, one in enumerate(series)}
        limits = replace(self.limits, values=max(WINDOW_VALUES_MAX, self.limits.values))
        for query in windows_of(survey.query):
            if not self.allowed():
                raise ProtocolError(ErrorCode.UNAUTHORIZED, "token: it has been revoked, or has expired")
            result = await self._run(functools.partial(ask, self.timeline, query, limits))
            async for part in iterate_in_threadpool(_lines(result, columns)):
                yield part

    async def _run(self, prepare: Callable[[], Callable[[Past], T]]) -> T:
        for _ in range(TRIES):
            try:
                return await self.queries.run_prepared(prepare)
            except ProtocolError as error:
                if not error.temporary:
                    raise
                await asyncio.sleep(TRY_AGAIN_S)
        return await self.queries.run_prepared(prepare)


def there_of(query: Query, first_ms: int, last_ms: int) -> Query:
    """Return a query without the windows before and after all that is kept, which is in (first_ms, last_ms]."""
    whole_ms = whole_of(query)
    first_ms, last_ms = first_ms + query.shift_ms, last_ms + query.shift_ms
    start_ms = min(max(query.start_ms, first_ms // whole_ms * whole_ms), query.end_ms)
    end_ms = max(min(query.end_ms, -(-last_ms // whole_ms) * whole_ms), start_ms)
    return replace(query, start_ms=start_ms, end_ms=end_ms)


def windows_of(query: Query) -> Iterator[Query]:
    """Yield queries that together ask for the same. None ends within a step, be it of the coarsest tier."""
    start_ms, whole_ms = query.start_ms, whole_of(query)
    while start_ms < query.end_ms:
        end_ms = min((start_ms // whole_ms + 1) * whole_ms, query.end_ms)
        yield replace(query, start_ms=start_ms, end_ms=end_ms)
        start_ms = end_ms


def whole_of(query: Query) -> int:
    """Return how many milliseconds a window has: whole steps, and whole hours."""
    assert query.step_ms is not None
    return math.lcm(query.step_ms, Tier.HOUR)


def _lines(result: Result, columns: dict[Series, int]) -> Iterator[bytes]:
    yield from csv_rows(result.times_ms, _laid(result, columns))


def _laid(result: Result, columns: dict[Series, int]) -> npt.NDArray[np.float64]:
    """Put the values of a window under the columns of the whole; a series that nobody knew of is left out."""
    each = len(result.aggregates)
    values = np.full((len(result.times_ms), len(columns), each), np.nan)
    for place, one in enumerate(result.series):
        if one in columns:
            values[:, columns[one]] = result.values[:, place * each : (place + 1) * each]
    return values.reshape(len(values), len(columns) * each)
