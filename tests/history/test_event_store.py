"""Events in a file: put, replaced, found by range, kind and severity, and pruned from the oldest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.events.event import ANY_EVENT, ONGOING, Event, EventFilter, EventKind, Severity
from vitalcast.core.events.recent import matching
from vitalcast.history.event_store import EventStore

STORE = EventStore()


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(EventStore.SCHEMA)
    yield connection
    connection.close()


def event(number: int, **fields: object) -> Event:
    known = {"kind": EventKind.MARK, "severity": Severity.INFO, "title": f"mark {number}"} | fields
    return Event(f"{number:04}", "machine-1", number * 1000, **known)  # type: ignore[arg-type]


def titles(
    connection: sqlite3.Connection, start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int = 100
) -> list[str]:
    return [one.title for one in STORE.read(connection, start_ms, end_ms, wanted, limit=limit)]


def test_an_event_comes_back_as_it_was_put(connection: sqlite3.Connection) -> None:
    one = event(1, end_ms=2500, names=("gzip", "a\ud800b"), attributes={"panel": "cpu", "peak": 0.98, "pid": 7})
    STORE.put(connection, [one])
    assert STORE.read(connection, 0, 5000, limit=1) == [one]


def test_one_with_the_same_id_replaces_it(connection: sqlite3.Connection) -> None:
    STORE.put(connection, [event(1), event(1, title="ended", end_ms=3000)])
    STORE.put(connection, [event(1, title="ended for good", end_ms=4000)])
    assert titles(connection, 3000, 9000) == ["ended for good"]


def test_a_range_has_what_overlaps_it_without_its_start(connection: sqlite3.Connection) -> None:
    STORE.put(
        connection,
        [
            event(1),
            event(2, end_ms=5000),
            event(3, attributes={ONGOING: 1}),
            event(4),
            event(5),
        ],
    )
    assert titles(connection, 4000, 5000) == ["mark 2", "mark 3", "mark 5"]


def test_the_newest_of_these_kinds_and_at_least_this_severity_are_read(connection: sqlite3.Connection) -> None:
    levels = {"kind": EventKind.LEVEL}
    STORE.put(connection, [event(number) for number in range(1, 4)])
    STORE.put(connection, [event(4, severity=Severity.WARNING, **levels), event(5, severity=Severity.CRITICAL)])
    STORE.put(connection, [event(6, **levels)])
    assert titles(connection, 0, 10_000, limit=2) == ["mark 5", "mark 6"]
    assert titles(connection, 0, 10_000, EventFilter(["level"])) == ["mark 4", "mark 6"]
    assert titles(connection, 0, 10_000, EventFilter(())) == []
    assert titles(connection, 0, 10_000, EventFilter(severity=Severity.WARNING)) == ["mark 4", "mark 5"]
    assert titles(connection, 0, 10_000, EventFilter(["mark"], Severity.CRITICAL)) == ["mark 5"]


def test_the_oldest_go_first_until_the_others_fit(connection: sqlite3.Connection) -> None:
    STORE.put(connection, [event(number, title="t" * 200) for number in range(100)])
    whole = STORE.nbytes(connection)
    freed = STORE.prune(connection, whole // 2)
    assert freed == whole - STORE.nbytes(connection) >= whole // 2
    assert STORE.oldest_ms(connection) == 50_000
    assert STORE.prune(connection, whole) == 0
    STORE.prune(connection, 0)
    assert STORE.oldest_ms(connection) is None


def test_a_row_that_makes_no_sense_is_passed_over(connection: sqlite3.Connection) -> None:
    STORE.put(connection, [event(number) for number in range(1, 6)])
    connection.execute("UPDATE event SET kind = 'of a newer version' WHERE id = '0001'")
    connection.execute("UPDATE event SET severity = 9 WHERE id = '0002'")
    connection.execute("UPDATE event SET attributes = '{' WHERE id = '0003'")
    connection.execute("UPDATE event SET title = x'ff' WHERE id = '0004'")
    assert titles(connection, 0, 10_000) == ["mark 5"]


EVENTS = st.builds(
    lambda id_, time_ms, lasted_ms, kind, severity, ongoing: Event(
        str(id_),
        "machine-1",
        time_ms,
        kind,
        severity,
        "title",
        end_ms=None if ongoing else lasted_ms and time_ms + lasted_ms,
        attributes={ONGOING: 1} if ongoing else {},
    ),
    st.integers(0, 20),
    st.integers(0, 100),
    st.none() | st.integers(0, 50),
    st.sampled_from(EventKind),
    st.sampled_from(Severity),
    st.booleans(),
)


@given(
    st.lists(EVENTS, max_size=30),
    st.integers(-1, 101),
    st.integers(-1, 101),
    st.builds(
        EventFilter, st.none() | st.sets(st.sampled_from([kind.value for kind in EventKind])), st.sampled_from(Severity)
    ),
    st.integers(0, 5),
)
def test_a_file_answers_as_memory_does(
    events: list[Event], start_ms: int, end_ms: int, wanted: EventFilter, limit: int
) -> None:
    newest = {event.id: event for event in events}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(EventStore.SCHEMA)
        STORE.put(connection, events)
        in_memory = matching(newest.values(), start_ms, end_ms, wanted, limit=limit)
        assert STORE.read(connection, start_ms, end_ms, wanted, limit=limit) == in_memory
