"""The one way to have a query answered: what the ring has is taken at once, the rest may be done in any thread."""

from __future__ import annotations

from collections.abc import Callable

from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.evaluate import evaluate
from vitalcast.core.query.limits import DEFAULT_QUERY_LIMITS, QueryLimits
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.past import Past
from vitalcast.core.query.plan import lead_ms
from vitalcast.core.query.query import Query, Result
from vitalcast.core.query.ring_part import RingPart

Work = Callable[[Past], Result]


def ask(
    timeline: Timeline,
    query: Query,
    limits: QueryLimits = DEFAULT_QUERY_LIMITS,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> Work:
    """Take what the ring has now, where frames come in; return what answers the query of a past.

    The past is that of the source that is recorded: of any other, the ring is all that is read.
    That raises ProtocolError where the answer would be too much, HistoryError, and InterruptedError once `cancelled`.
    This too raises ProtocolError, where there is too much in the ring.
    """
    start_ms, end_ms = query.start_ms - query.shift_ms, query.end_ms - query.shift_ms
    recorded = timeline.recorded
    part = RingPart.capture(
        timeline, query.selections, start_ms - lead_ms(query, timeline.interval_ms), end_ms, reads_max=limits.ring_reads
    )

    def work(past: Past) -> Result:
        return evaluate(query, past if recorded else NoPast(), part(), limits=limits, cancelled=cancelled)

    return work
