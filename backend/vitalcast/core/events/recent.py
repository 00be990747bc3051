"""The newest events of a source, kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter

RECENT_MAX = 1000


class RecentEvents:
    """So many events by id, oldest first; one with a known id takes the place of the earlier."""

    def __init__(self, events_max: int = RECENT_MAX) -> None:
        self._events_max = events_max
        self._events: OrderedDict[str, Event] = OrderedDict()

    def __len__(self) -> int:
        return len(self._events)

    def get(self, id_: str) -> Event | None:
        return self._events.get(id_)

    def put(self, event: Event) -> None:
        """Take in an event, or what has become of one."""
        self._events[event.id] = event
        while len(self._events) > self._events_max:
            self._events.popitem(last=False)

    def read(
        self, start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int = RECENT_MAX
    ) -> list[Event]:
        """Return the newest events that overlap (start_ms, end_ms], oldest first, as `Past.events` does."""
        return matching(self._events.values(), start_ms, end_ms, wanted, limit=limit)


def matching(
    events: Iterable[Event], start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int
) -> list[Event]:
    """Return the newest of some events that overlap (start_ms, end_ms] and are wanted, oldest first."""
    found = [one for one in events if one.overlaps(start_ms, end_ms) and wanted.takes(one)]
    return sorted(found, key=lambda one: (one.time_ms, one.id))[-limit:] if limit > 0 else []
