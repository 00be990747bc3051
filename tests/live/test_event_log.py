"""The event log: ids, bounds, and what becomes of events."""

from __future__ import annotations

import pytest

from vitalcast.core.events.event import ONGOING, Event, EventKind, Severity
from vitalcast.core.events.rate import Bounds, EventRate
from vitalcast.live import event_log
from vitalcast.live.event_log import LEFT_OUT, EventLog

NOW_MS = 1_790_000_000_000
PLENTY = Bounds(at_once=10_000)


class Log(EventLog):
    """A log with clocks to set, that remembers what it told."""

    def __init__(self, bounds: Bounds = PLENTY) -> None:
        self.told: list[Event] = []
        self.wall_ms = NOW_MS
        self.steady_s = 0.0
        super().__init__(
            "machine-1",
            tell=self.told.append,
            now_ms=lambda: self.wall_ms,
            now_s=lambda: self.steady_s,
            rate=EventRate(bounds),
        )

    def mark(self, title: str = "mark", **fields: object) -> Event:
        event = self.note(EventKind.MARK, title, **fields)  # type: ignore[arg-type]
        assert event is not None
        return event


def test_ids_grow_whatever_the_clock_does() -> None:
    log = Log()
    ids = [log.mark().id for _ in range(3)]
    log.wall_ms -= 3_600_000
    ids.append(log.mark().id)
    log.wall_ms += 7_200_000
    ids.append(log.mark().id)
    assert ids == sorted(set(ids))
    assert len({len(id_) for id_ in ids}) == 1


def test_what_is_told_is_within_bounds() -> None:
    event = Log().mark("a\x1b" + "b" * 300, names=["x\n"], attributes={"a": "c" * 500})
    assert event.title.isprintable()
    assert len(event.title) == 200
    assert (event.names, len(str(event.attributes["a"]))) == (("x\\x0a",), 200)
    assert (event.time_ms, event.severity, event.source) == (NOW_MS, Severity.INFO, "machine-1")


def test_what_goes_on_ends_under_the_same_id() -> None:
    log = Log()
    begun = log.mark("backup", ongoing=True)
    assert begun.ongoing
    assert log.ongoing(begun.id) == begun
    more = log.amend(begun, attributes={"so_far": 1}, names=["restic"])
    assert more.ongoing
    ended = log.amend(more, end_ms=NOW_MS + 5, severity=Severity.WARNING)
    assert (ended.end_ms, ended.ongoing, dict(ended.attributes)) == (NOW_MS + 5, False, {"so_far": 1})
    assert log.ongoing(begun.id) is None
    assert [one.id for one in log.told] == [begun.id] * 3
    assert log.amend(ended) == ended
    assert len(log.told) == 3
    assert log.amend(ended, end_ms=0).end_ms == NOW_MS  # no end before its beginning


def test_events_that_are_too_many_are_left_out_and_counted() -> None:
    log = Log(Bounds(at_once=2, per_minute=2))
    assert [log.note(EventKind.LEVEL, "up") is None for _ in range(4)] == [False, False, True, True]
    assert log.left_out == 2
    assert log.note(EventKind.BOOT, "boot") is not None
    log.steady_s += 31
    event = log.note(EventKind.LEVEL, "up")
    assert event is not None
    assert event.attributes == {LEFT_OUT: 2}


def test_a_run_goes_on_with_what_the_last_left(monkeypatch: pytest.MonkeyPatch) -> None:
    before, log = Log(), Log()
    before.wall_ms += 3_600_000
    open_, ended = before.mark(ongoing=True), before.mark()
    log.resume([open_, ended, Event("f" * 14, "m", 0, EventKind.MARK, Severity.INFO, "hostile"), ended])
    assert log.ongoing(open_.id) == open_
    assert ended.id < log.mark().id < "f"
    monkeypatch.setattr(event_log, "ONGOING_MAX", 2)
    for _ in range(2):
        log.mark(ongoing=True)
    assert log.ongoing(open_.id) is None
    assert ONGOING in open_.attributes
