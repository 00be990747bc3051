"""Answers a query: joins the tiers of the past and the ring, without a seam and without counting anything twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.model import Series
from vitalcast.core.query.limits import DEFAULT_QUERY_LIMITS, QueryLimits
from vitalcast.core.query.partials import Partials, Steps
from vitalcast.core.query.past import Past, Reach, Rollup
from vitalcast.core.query.plan import Part, Plan, joined, resolve
from vitalcast.core.query.query import Query, Result
from vitalcast.core.query.reduction import Grouping, top_of
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.query.seam import Seam
from vitalcast.core.query.sketch import Sketches
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import PERCENTILES, ErrorCode
from vitalcast.errors import ProtocolError

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

READS_AT_ONCE = 1_000_000  # of which readings are held together, and between which cancelling is looked for
SERIES_AT_ONCE_MIN = 8
REDUCED_A_VALUE = 10  # at most, of the values that an answer may have
_STRETCH_MS = 2**48  # more than any time


def evaluate(
    query: Query,
    past: Past,
    ring: RingPart,
    *,
    limits: QueryLimits = DEFAULT_QUERY_LIMITS,
    cancelled: Callable[[], bool] = lambda: False,
) -> Result:
    """Answer a query of a past and of what the ring had when it was asked.

    Raises ProtocolError where the answer would be more than the limits allow, HistoryError, and InterruptedError once
    it is `cancelled`.
    """
    start_ms, end_ms = query.start_ms - query.shift_ms, query.end_ms - query.shift_ms
    series = _series(past.series(query.selection, start_ms, end_ms), ring)
    plan = resolve(query, past.extent(), ring, series=len(series))
    _check(plan, query, len(series), ring.interval_ms, limits)
    reading = _Reading(query, plan, past, ring)
    answers: list[Steps] = []
    at_once = max(SERIES_AT_ONCE_MIN, READS_AT_ONCE // max(1, plan.reads(ring.interval_ms)))
    for first in range(0, len(series), at_once):
        if cancelled():
            raise InterruptedError
        answers += reading.steps(series[first : first + at_once])
    return _result(query, plan, series, answers, reading.reaches(), ring.interval_ms, limits)


def _series(kept: Sequence[Series], ring: RingPart) -> list[Series]:
    """Return all series by key, as they are described today."""
    both = {one: one for one in kept} | {one: one for one in ring.series}
    return sorted(both.values(), key=lambda one: (one.key, one.descriptor.unit))


def _check(plan: Plan, query: Query, series: int, interval_ms: int, limits: QueryLimits) -> None:
    """Raise ProtocolError where an answer is sure to be too much, before anything is read for it."""
    _check_values(plan.rows(interval_ms) * len(query.aggregates), series, query, limits)
    reads = plan.reads(interval_ms) * series
    if reads > limits.reads:
        raise ProtocolError(
            ErrorCode.LIMIT,
            f"{reads} readings of {series} series would be looked at, and a query reads {limits.reads} at most; "
            "ask for fewer series, a shorter time or a longer step",
        )


def _check_values(values_each: int, series: int, query: Query, limits: QueryLimits) -> None:
    """Raise ProtocolError where these are too many series with so many values each."""
    reduced = query.group_by is not None or (query.top is not None and query.top < series)
    values, limit = values_each * series, limits.values * (REDUCED_A_VALUE if reduced else 1)
    if values > limit:
        raise ProtocolError(
            ErrorCode.LIMIT,
            f"{values} values of {series} series{' to reduce' if reduced else ''}, and a query has {limit} at most; "
            "ask for fewer series, a shorter time, fewer points or a longer step",
        )


class _Reading:
    """Reads what a plan says."""

    def __init__(self, query: Query, plan: Plan, past: Past, ring: RingPart) -> None:
        self._aggregates = query.aggregates
        self._sketches = any(one in PERCENTILES for one in query.aggregates)
        self._hidden_ms = query.hidden_ms
        self._plan = plan
        self._past = past
        self._ring = ring
        self._seam = Seam.between(past, ring)
        self._columns = {one: column for column, one in enumerate(ring.series)}
        self._ticks_from: dict[Part, int] = {}  # from where on ticks were read after the steps of a rollup tier

    def steps(self, series: list[Series]) -> list[Steps]:
        """Return the steps of some series."""
        partials = [Partials(self._aggregates) for _ in series]
        for part in self._plan.parts:
            if part.tier is Tier.RAW:
                self._add_ticks(partials, series, part, part.start_ms, part.end_ms)
            else:
                self._add_rolled(partials, series, part)
            self._add_ring(partials, series, part)
        return [one.steps() for one in partials]

    def _add_rolled(self, partials: list[Partials], series: list[Series], part: Part) -> None:
        """Add the steps of a rollup tier, and the ticks before the first and after the last of them."""
        tier, raw_from_ms = part.tier, self._plan.raw_from_ms
        start_ms, end_ms = -(-part.start_ms // tier) * tier, part.end_ms // tier * tier
        if raw_from_ms is None or raw_from_ms > part.start_ms:
            start_ms = part.start_ms // tier * tier
        elif start_ms > part.start_ms:
            self._add_ticks(partials, series, part, part.start_ms, min(start_ms, part.end_ms))
        ticks_follow = raw_from_ms is not None and raw_from_ms < part.end_ms
        start_ms = max(start_ms, -(-self._hidden_ms // tier) * tier)
        if not ticks_follow:
            end_ms = -(-part.end_ms // tier) * tier
        rolled = self._add_rollups(partials, series, part, start_ms, max(start_ms, end_ms))
        if ticks_follow and start_ms < part.end_ms:
            rolled_ms = min(self._plan.rolled_ms[tier] // tier * tier, *rolled.values()) if rolled else start_ms
            from_ms = min(max(start_ms, rolled_ms), part.end_ms)
            self._ticks_from[part] = min(from_ms, self._ticks_from.get(part, from_ms))
            self._add_ticks(partials, series, part, from_ms, part.end_ms, after=rolled)

    def _add_rollups(
        self, partials: list[Partials], series: list[Series], part: Part, start_ms: int, end_ms: int
    ) -> dict[int, int]:
        """Add steps of a rollup tier; return how far they go in each stretch."""
        rolled: dict[int, int] = {}
        left_out: dict[int, int] = {}
        for all_steps in self._past.rollups(part.tier, series, start_ms, end_ms, sketches=self._sketches):
            kept = self._seam.of_rollup(all_steps)
            rollup = all_steps
            if not kept.all():
                first_ms = int(all_steps.times_ms[np.argmin(kept)]) - part.tier
                left_out[all_steps.stretch] = min(first_ms, left_out.get(all_steps.stretch, first_ms))
                rollup = _some(all_steps, kept)
            if len(rollup.times_ms):
                last_ms = int(rollup.times_ms[-1])
                rolled[rollup.stretch] = max(last_ms, rolled.get(rollup.stretch, last_ms))
                partials[rollup.series].add_rollup(rollup, part.step_ms)
        for stretch, first_ms in left_out.items():
            rolled.setdefault(stretch, first_ms)
        return rolled

    def _add_ticks(
        self,
        partials: list[Partials],
        series: list[Series],
        part: Part,
        start_ms: int,
        end_ms: int,
        *,
        after: Mapping[int, int] | None = None,
    ) -> None:
        """Add ticks of the file, of each stretch only those `after` a time if any is given."""
        for ticks in self._past.ticks(series, start_ms, end_ms):
            kept = self._seam.of_file(ticks, in_ring=series[ticks.series] in self._columns)
            if after and ticks.stretch in after:
                kept &= ticks.times_ms > after[ticks.stretch]
            times_ms, values = ticks.times_ms, ticks.values
            if not kept.all():
                times_ms, values = times_ms[kept], values[kept]
            partials[ticks.series].add_ticks(ticks.stretch, times_ms, values, part.step_ms)

    def _add_ring(self, partials: list[Partials], series: list[Series], part: Part) -> None:
        """Add what the ring has of a part's time."""
        ring = self._ring
        inside = (ring.times_ms > part.start_ms) & (ring.times_ms <= part.end_ms)
        for turn in np.unique(ring.turns[inside]).tolist():
            rows = np.flatnonzero(inside & (ring.turns == turn))
            times_ms = ring.times_ms[rows]
            for place, one in enumerate(series):
                column = self._columns.get(one)
                if column is not None:
                    values = ring.values[rows, column]
                    partials[place].add_ticks(self._seam.stretch + turn, times_ms, values, part.step_ms)

    def reaches(self) -> tuple[Reach, ...]:
        """Return which tier brought which part of the time."""
        found: list[Reach] = []
        for part in self._plan.parts:
            from_ms = self._ticks_from.get(part, part.end_ms)
            found += [Reach(part.tier, part.start_ms, from_ms), Reach(Tier.RAW, from_ms, part.end_ms)]
        return joined(found)


def _some(part: Rollup, kept: npt.NDArray[np.bool_]) -> Rollup:
    """Return some steps of a rollup."""
    sketches = part.sketches
    if sketches is not None:
        entries = kept[sketches.steps]
        steps = (np.cumsum(kept) - 1)[sketches.steps[entries]]
        sketches = Sketches(steps, sketches.buckets[entries], sketches.counts[entries])
    return Rollup(
        part.series,
        part.stretch,
        part.times_ms[kept],
        part.minimum[kept],
        part.maximum[kept],
        part.total[kept],
        part.count[kept],
        part.last[kept],
        sketches,
    )


def _result(
    query: Query,
    plan: Plan,
    series: list[Series],
    answers: list[Steps],
    reaches: tuple[Reach, ...],
    interval_ms: int,
    limits: QueryLimits,
) -> Result:
    """Lay the answers side by side, and reduce them."""
    there = [place for place, one in enumerate(answers) if len(one.ends_ms)]
    series, answers = [series[place] for place in there], [answers[place] for place in there]
    ends_ms, turned, rows = _rows(answers)
    _check_values(len(ends_ms) * len(query.aggregates), len(series), query, limits)
    values = np.full((len(ends_ms), len(series), len(query.aggregates)), np.nan)
    for place, one in enumerate(answers):
        values[rows[place], place] = one.values
    if query.group_by is not None:
        grouping = Grouping.of(series, query.group_by, query.reduce)
        series, values = list(grouping.series), grouping.apply(values)
    if query.top is not None and len(series) > query.top:
        top = top_of(means(values[:, :, 0]), query.top)
        series, values = [series[place] for place in top], values[:, top]
        some = ~np.isnan(values).all(axis=(1, 2))
        ends_ms, turned, values = ends_ms[some], turned[some], values[some]
    _check_values(len(ends_ms) * len(query.aggregates), len(series), replace(query, group_by=None, top=None), limits)
    return Result(
        _step(ends_ms, turned, plan.step_ms, interval_ms),
        tuple(Reach(one.tier, one.start_ms + plan.shift_ms, one.end_ms + plan.shift_ms) for one in reaches),
        tuple(series),
        query.aggregates,
        ends_ms + plan.shift_ms,
        values.reshape(len(ends_ms), len(series) * len(query.aggregates)),
        plan.expired_ms,
        approximate=any(one.approximate for one in answers),
    )


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


def _step(ends_ms: Integers, stretches: Integers, step_ms: int, interval_ms: int) -> int:
    """Return how far apart the steps are: where ticks are no closer than usual, no shorter steps are to be had."""
    if step_ms >= interval_ms or not len(ends_ms):
        return step_ms
    apart = np.diff(ends_ms)[np.diff(stretches) == 0]
    return max(step_ms, int(apart.min()) if len(apart) else interval_ms)
