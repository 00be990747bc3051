"""Our own runs in the event log, over the histories that there are."""

from __future__ import annotations

from typing import Any

from vitalcast.config.schema import Settings
from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.events.runs import Now
from vitalcast.errors import HistoryError
from vitalcast.history.memory import MemoryHistory
from vitalcast.live.event_log import EventLog
from vitalcast.live.queries import Queries
from vitalcast.live.run_log import RunLog
from vitalcast.live.service import Service

NOW = Now(1_000_000, "0.2", "boot-2", 900_000)


def service(**kwargs: Any) -> Service:
    return Service(Settings(sampler={"interval_s": 3600}), collectors=[], tables={}, **kwargs)


async def noted(history: MemoryHistory, *, last_ms: int | None = None) -> list[Event]:
    told: list[Event] = []
    queries = Queries(history.past)
    run = RunLog(EventLog("m", tell=told.append), queries)
    await run.begin(NOW, last_ms=last_ms)
    run.end()
    queries.close()
    return told


def history_with(*events: Event) -> MemoryHistory:
    history = MemoryHistory()
    for event in events:
        history.append_event(event)
    return history


async def test_a_service_notes_its_start_and_its_stop() -> None:
    one = service()
    await one.start()
    await one.stop()  # at once: the start is noted all the same
    kinds = [event.kind for event in one.hub.events(one.timeline.id).read(0, 2**62)]
    assert kinds[-2:] == [EventKind.START, EventKind.STOP]
    assert EventKind.BOOT in kinds
    kept = one.history.past().events(0, 2**62, limit=10)
    assert kinds == [event.kind for event in kept]


async def test_what_went_on_ends_with_the_run_before_but_for_marks() -> None:
    level, mark = (
        Event(f"{number:014}", "m", 500_000, kind, Severity.WARNING, kind.value, attributes={"ongoing": 1})
        for number, kind in enumerate((EventKind.LEVEL, EventKind.MARK))
    )
    told = await noted(history_with(level, mark), last_ms=700_000)
    ended = told[0]
    assert (ended.id, ended.end_ms, dict(ended.attributes)) == (level.id, 700_000, {"cut_off": 1})
    assert mark.id not in [event.id for event in told]


async def test_what_has_begun_since_the_start_goes_on() -> None:
    history, told = history_with(), list[Event]()
    log = EventLog("m", tell=told.append)
    event = log.note(EventKind.LEVEL, "CPU", ongoing=True)
    assert event is not None
    history.append_event(event)
    queries = Queries(history.past)
    await RunLog(log, queries).begin(NOW, last_ms=None)
    queries.close()
    assert log.ongoing(event.id) == event


async def test_a_run_that_was_cut_off_is_said_by_the_next() -> None:
    first = await noted(history_with())
    start = next(event for event in first if event.kind is EventKind.START)
    told = await noted(history_with(start), last_ms=950_000)
    assert [(event.kind.value, event.attributes.get("clean")) for event in told] == [
        ("stop", 0),
        ("start", None),
        ("stop", 1),
    ]
    assert told[0].id > start.id


async def test_a_run_whose_clock_was_ahead_is_the_one_before_all_the_same() -> None:
    early, late = (
        Event(f"{number:014}", "m", time_ms, EventKind.START, Severity.INFO, "", attributes={"boot.id": boot})
        for number, (time_ms, boot) in enumerate([(500_000, "boot-1"), (3_000_000, "boot-2")])
    )
    told = await noted(history_with(early, late))
    assert [event.kind.value for event in told] == ["stop", "start", "stop"]
    assert told[0].time_ms == NOW.time_ms


async def test_a_history_that_cannot_be_read_costs_only_what_was_before() -> None:
    class Broken(MemoryHistory):
        def past(self) -> Any:
            raise HistoryError("damaged")

    told = await noted(Broken())
    assert [event.kind for event in told] == [EventKind.BOOT, EventKind.START, EventKind.STOP]
