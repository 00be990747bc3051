"""The events in the file of a history: one row each, which a later one with the same id replaces."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter, EventKind, Severity
from vitalcast.history.sized_rows import SizedRows

ROW_BYTES = 120  # about what a row takes beside its texts, in the table and its indexes
UNTIL_MAX_MS = 2**62  # the end of an event that goes on

# `until_ms` is the last moment of an event, so that those which overlap a range are found by an index. `severity` is a
# number, 0 for the least.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, time_ms INTEGER NOT NULL, end_ms INTEGER, until_ms INTEGER NOT NULL,
  kind TEXT NOT NULL, severity INTEGER NOT NULL, title TEXT NOT NULL, names TEXT NOT NULL, attributes TEXT NOT NULL,
  nbytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_by_time ON event (time_ms);
CREATE INDEX IF NOT EXISTS event_by_end ON event (until_ms);
"""
_PUT = """
INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
  source = excluded.source, time_ms = excluded.time_ms, end_ms = excluded.end_ms, until_ms = excluded.until_ms,
  kind = excluded.kind, severity = excluded.severity, title = excluded.title, names = excluded.names,
  attributes = excluded.attributes, nbytes = excluded.nbytes
"""
_READ = """
SELECT id, source, time_ms, kind, severity, title, end_ms, names, attributes FROM event
WHERE time_ms <= :end AND until_ms > :start AND severity >= :severity
  AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY time_ms DESC, id DESC LIMIT :limit
"""


class EventStore(SizedRows):
    """Writes and reads the table `event` of a connection that its caller has opened."""

    SCHEMA = _SCHEMA

    def __init__(self) -> None:
        super().__init__("event", "time_ms")

    def put(self, connection: sqlite3.Connection, events: Iterable[Event]) -> None:
        """Keep events; one whose id is there replaces it. Belongs into a transaction of the caller."""
        connection.executemany(_PUT, map(_row, events))

    def read(
        self,
        connection: sqlite3.Connection,
        start_ms: int,
        end_ms: int,
        wanted: EventFilter = ANY_EVENT,
        *,
        limit: int,
    ) -> list[Event]:
        """Return the newest events that overlap (start_ms, end_ms], oldest first, those that are wanted.

        Rows that make no sense, such as those of a newer version, are passed over.
        """
        rows = connection.execute(
            _READ,
            {
                "start": start_ms,
                "end": end_ms,
                "kinds": None if wanted.kinds is None else json.dumps(list(wanted.kinds)),
                "severity": wanted.severity.rank,
                "limit": max(0, limit),
            },
        )
        events = [event for row in rows if (event := _event(row)) is not None]
        return events[::-1]


def _row(event: Event) -> tuple[object, ...]:
    names, attributes = json.dumps(event.names), json.dumps(dict(event.attributes))
    until_ms = UNTIL_MAX_MS if event.ongoing else max(event.time_ms, event.end_ms or 0)
    texts = (event.id, event.source, event.kind.value, event.title, names, attributes)
    return (
        event.id,
        event.source,
        event.time_ms,
        event.end_ms,
        until_ms,
        event.kind.value,
        event.severity.rank,
        event.title,
        names,
        attributes,
        ROW_BYTES + sum(len(text.encode(errors="replace")) for text in (*texts, event.id)),
    )


def _event(row: tuple[Any, ...]) -> Event | None:
    id_, source, time_ms, kind, severity, title, end_ms, names, attributes = row
    if not (isinstance(id_, str) and isinstance(source, str) and isinstance(title, str) and isinstance(time_ms, int)):
        return None
    try:
        return Event(
            id_,
            source,
            time_ms,
            EventKind(kind),
            list(Severity)[severity],
            title,
            end_ms,
            tuple(json.loads(names)),
            MappingProxyType(json.loads(attributes)),
        )
    except (ValueError, TypeError, IndexError):
        return None
