"""The newest events and processes in memory: bounded, replaced by id, and read as a past."""

from __future__ import annotations

import pytest

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter, EventKind, Severity
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.core.query.tier import ROLLUPS
from vitalcast.history.recent import Recent, RecentPast


def event(number: int, *, severity: Severity = Severity.INFO, end_ms: int | None = None, title: str = "") -> Event:
    return Event(f"{number:04}", "web-1", number * 1000, EventKind.MARK, severity, title, end_ms)


def snapshot(time_ms: int, rows: int = 1) -> ProcessSnapshot:
    row = ProcessRow(1, 0, 0, "init", "root", None, 1, "S", 0.0, 2**20, 0.0, 0.0)
    return ProcessSnapshot(time_ms, 5000, (row,) * rows)


def ids(
    past: RecentPast, start_ms: int = 0, end_ms: int = 10**9, wanted: EventFilter = ANY_EVENT, *, limit: int = 100
) -> list[str]:
    return [one.id for one in past.events(start_ms, end_ms, wanted, limit=limit)]


def test_an_event_with_the_id_of_another_replaces_it() -> None:
    recent = Recent()
    recent.add_event(event(1, title="began"))
    recent.add_event(event(1, title="ended", end_ms=5000))
    assert [one.title for one in recent.events()] == ["ended"]


def test_events_are_found_by_overlap_kind_severity_and_the_newest_of_them_by_limit() -> None:
    recent = Recent()
    for one in (event(3, severity=Severity.CRITICAL), event(1, end_ms=2500), event(2, severity=Severity.WARNING)):
        recent.add_event(one)
    past = RecentPast(recent)
    assert ids(past) == ["0001", "0002", "0003"]
    assert ids(past, 2000, 3000) == ["0001", "0003"]
    assert ids(past, limit=2) == ["0002", "0003"]
    assert ids(past, limit=0) == []
    assert ids(past, wanted=EventFilter(severity=Severity.WARNING)) == ["0002", "0003"]
    assert ids(past, wanted=EventFilter(["boot"])) == []


def test_the_oldest_go_first_and_are_counted() -> None:
    recent = Recent(events_max=2, process_rows_max=10)
    for number in range(5):
        recent.add_event(event(number))
        recent.add_processes(snapshot(number * 1000, rows=4))
    assert [one.id for one in recent.events()] == ["0003", "0004"]
    assert [one.time_ms for one in recent.snapshots()] == [3000, 4000]
    assert (recent.events_dropped, recent.snapshots_dropped) == (3, 3)


def test_what_was_written_is_forgotten_unless_it_was_replaced_meanwhile() -> None:
    recent = Recent()
    recent.add_event(event(1))
    recent.add_event(event(2))
    recent.add_processes(snapshot(1000))
    events, snapshots = recent.events(), recent.snapshots()
    recent.add_event(event(2, title="ended"))
    recent.add_processes(snapshot(2000))
    recent.forget(events, snapshots)
    assert [one.title for one in recent.events()] == ["ended"]
    assert [one.time_ms for one in recent.snapshots()] == [2000]


def test_a_past_has_processes_of_a_range_and_no_ticks() -> None:
    recent = Recent()
    for number in range(4):
        recent.add_processes(snapshot(number * 1000))
    past = RecentPast(recent)
    assert [one.time_ms for one in past.processes(1000, 3000)] == [2000, 3000]
    assert past.extent().processes_from_ms == 0
    assert past.series(Selection.of(["system.>"]), 0, 1000) == []
    assert [*past.ticks([], 0, 1000), *past.rollups(ROLLUPS[0], [], 0, 1000)] == []
    assert past.after("epoch-1", 1, []) is None


def test_an_interrupted_past_says_so() -> None:
    past = RecentPast(Recent())
    past.interrupt()
    with pytest.raises(InterruptedError):
        past.events(0, 1000, limit=1)
