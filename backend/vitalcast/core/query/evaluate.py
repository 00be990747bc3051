"""Answers a query: joins the tiers of the past and the ring, without a seam and without counting anything twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vitalcast.core.metrics.model import Series
from vitalcast.core.query.limits import DEFAULT_QUERY_LIMITS, QueryLimits
from vitalcast.core.query.partials import Steps
from vitalcast.core.query.past import Past, Reach
from vitalcast.core.query.plan import Plan, resolve
from vitalcast.core.query.query import Query, Result
from vitalcast.core.query.reading import Reading, all_series
from vitalcast.core.query.ring_part import RingPart
from vitalcast.core.query.table import Table

READS_AT_ONCE = 1_000_000  # of which readings are held together, and between which cancelling is looked for
SERIES_AT_ONCE_MIN = 8


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
    kept = [one for selection in query.selections for one in past.series(selection, start_ms, end_ms)]
    series = all_series(kept, ring.series)
    plan = resolve(query, past.extent(), ring, series=len(series))
    reads = plan.reads(ring.interval_ms)
    limits.check_reads(reads, len(series))
    limits.check_values(
        plan.rows(ring.interval_ms) * len(query.aggregates), len(series), to_reduce=_reduces(query, len(series))
    )
    reading = Reading(query, plan, past, ring)
    steps: list[Steps] = []
    at_once = max(SERIES_AT_ONCE_MIN, READS_AT_ONCE // max(1, reads))
    for first in range(0, len(series), at_once):
        if cancelled():
            raise InterruptedError
        steps += reading.steps(series[first : first + at_once])
    table = _reduced(series, steps, query, limits)
    limits.check_values(table.values[:, :1].size, len(table.series), to_reduce=False)
    return _result(
        query, plan, table, reading.reaches(), ring.interval_ms, approximate=any(one.approximate for one in steps)
    )


def _reduces(query: Query, series: int) -> bool:
    return query.group_by is not None or query.ratio_to is not None or (query.top is not None and query.top < series)


def _reduced(series: Sequence[Series], steps: Sequence[Steps], query: Query, limits: QueryLimits) -> Table:
    """Lay the steps of series side by side, and make of them what is asked for."""
    if query.ratio_to is None:
        table = _grouped(Table.of(series, steps, len(query.aggregates), limits), query)
    else:
        sides = []
        for selection in (query.selection, query.ratio_to):
            own = [(one, its) for one, its in zip(series, steps, strict=True) if selection.matches(one)]
            table = Table.of([one for one, _ in own], [its for _, its in own], len(query.aggregates), limits)
            sides.append(_grouped(table, query))
        table = sides[0].over(sides[1])
    return table if query.top is None else table.highest(query.top)


def _grouped(table: Table, query: Query) -> Table:
    return table if query.group_by is None else table.grouped(query.group_by, query.reduce)


def _result(
    query: Query, plan: Plan, table: Table, reaches: Sequence[Reach], interval_ms: int, *, approximate: bool
) -> Result:
    shift_ms = plan.shift_ms
    return Result(
        table.apart_ms(plan.step_ms, interval_ms),
        tuple(Reach(one.tier, one.start_ms + shift_ms, one.end_ms + shift_ms) for one in reaches),
        table.series,
        query.aggregates,
        table.ends_ms,
        table.values.reshape(len(table.ends_ms), len(table.series) * len(query.aggregates)),
        plan.expired_ms,
        approximate=approximate,
        are_ratios=query.ratio_to is not None,
    )
