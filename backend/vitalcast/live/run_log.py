"""Notes our own start and stop, and at a start what became of the run before and of the machine meanwhile."""

from __future__ import annotations

import logging
from typing import NamedTuple

from vitalcast.core.events.event import CUT_OFF, Event, EventFilter, EventKind
from vitalcast.core.events.runs import Now, begin
from vitalcast.core.query.past import Past
from vitalcast.core.query.tier import Tier
from vitalcast.errors import HistoryError, ProtocolError
from vitalcast.live.event_log import EventLog
from vitalcast.live.queries import Queries

logger = logging.getLogger(__name__)

RUNS_READ = 20
ONGOING_READ = 1000
FAR_MS = 2**62


class Before(NamedTuple):
    """What an earlier run left: its starts and stops, what went on when it ended, and its newest tick."""

    runs: tuple[Event, ...] = ()
    ongoing: tuple[Event, ...] = ()
    last_ms: int | None = None


class RunLog:
    """Notes one run of this server."""

    def __init__(self, log: EventLog, queries: Queries) -> None:
        self._log = log
        self._queries = queries

    async def begin(self, now: Now, *, last_ms: int | None) -> None:
        """Note the start, after what it tells of what was before; `last_ms` is when the newest kept tick was."""
        try:
            before = await self._queries.run(lambda past: _before(past, now.time_ms))
        except (HistoryError, ProtocolError) as error:
            logger.warning("what was before this start is not known to the event log: %s", error)
            before = Before()
        # What has begun since the start, by a level of the first tick, is not left over.
        before = before._replace(ongoing=tuple(one for one in before.ongoing if not self._log.ongoing(one.id)))
        last_ms = max((one for one in (last_ms, before.last_ms) if one is not None), default=None)
        self._log.resume([*before.runs, *before.ongoing])
        self._end_ongoing(before, last_ms)
        for draft in begin(now, before.runs, last_ms):
            self._log.note(
                draft.kind,
                draft.title,
                severity=draft.severity,
                time_ms=draft.time_ms,
                end_ms=draft.end_ms,
                attributes=draft.attributes,
            )

    def _end_ongoing(self, before: Before, last_ms: int | None) -> None:
        """End what went on when the run before ended, but for marks: whoever made them will."""
        for event in before.ongoing:
            if event.kind is not EventKind.MARK:
                self._log.amend(event, end_ms=last_ms or event.time_ms, attributes=CUT_OFF)

    def end(self) -> None:
        """Note the stop, while it can still be kept."""
        self._log.note(EventKind.STOP, "Vitalcast stopped", attributes={"clean": 1})


def _before(past: Past, now_ms: int) -> Before:
    found = past.events(0, FAR_MS, EventFilter((EventKind.START, EventKind.STOP)), limit=RUNS_READ)
    runs = sorted(found, key=lambda one: one.id)  # which grow, also while the clock is wrong, as after many a boot
    ongoing = [event for event in past.events(FAR_MS - 1, FAR_MS, limit=ONGOING_READ) if event.ongoing]
    ends = [reach.end_ms for reach in past.extent().reaches if reach.tier is Tier.RAW and reach.end_ms < now_ms]
    return Before(tuple(runs), tuple(ongoing), max(ends, default=None))
