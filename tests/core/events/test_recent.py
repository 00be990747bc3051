"""The newest events in memory."""

from __future__ import annotations

from vitalcast.core.events.event import ONGOING, Event, EventFilter, EventKind, Severity
from vitalcast.core.events.recent import RecentEvents


def event(number: int, **fields: object) -> Event:
    known = {"kind": EventKind.MARK, "severity": Severity.INFO, "title": f"mark {number}"} | fields
    return Event(f"{number:04}", "machine-1", number * 1000, **known)  # type: ignore[arg-type]


def test_the_oldest_go_where_there_are_too_many() -> None:
    recent = RecentEvents(3)
    for number in range(5):
        recent.put(event(number))
    assert [one.title for one in recent.read(-1, 9000)] == ["mark 2", "mark 3", "mark 4"]


def test_what_has_become_of_one_takes_its_place() -> None:
    recent = RecentEvents()
    recent.put(event(1, attributes={ONGOING: 1}))
    assert len(recent.read(5000, 6000)) == 1
    recent.put(event(1, end_ms=2000))
    assert recent.read(5000, 6000) == []
    assert [one.end_ms for one in recent.read(1999, 6000)] == [2000]


def test_the_newest_are_read_by_kind_and_severity_too() -> None:
    recent = RecentEvents()
    for number, severity in enumerate(Severity):
        recent.put(event(number, severity=severity, kind=EventKind.LEVEL if number == 1 else EventKind.MARK))
    assert [one.title for one in recent.read(-1, 9000, EventFilter(severity=Severity.WARNING))] == ["mark 1", "mark 2"]
    assert [one.title for one in recent.read(-1, 9000, EventFilter({"mark"}), limit=1)] == ["mark 2"]
    assert recent.read(-1, 9000, limit=0) == []
