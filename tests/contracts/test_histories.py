"""What every history must do; each implementation runs the same tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.history.frames import START_MS, STEADY_MS, Machine

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.history.base import History
from vitalcast.history.memory import MemoryHistory
from vitalcast.history.sqlite import SqliteHistory

ALL = (0, 2**60)
ROW = ProcessRow(7, 0, 1, "gzip", "root", None, 1, "R", 1.0, 2**20, 0.0, 0.0)
MAKERS: list[Callable[[Path], History]] = [
    lambda folder: MemoryHistory(),
    lambda folder: SqliteHistory(folder / "history.db", clock_ms=lambda: START_MS, steady_ms=lambda: STEADY_MS),
]


def event(number: int, title: str = "deploy") -> Event:
    return Event(f"{number:014}", "web-1", START_MS + number * 1000, EventKind.MARK, Severity.INFO, title)


def snapshot(number: int) -> ProcessSnapshot:
    return ProcessSnapshot(START_MS + number * 5000, 5000, (ROW._replace(pid=number + 1),))


def events_in(history: History) -> list[Event]:
    with closing(history.past()) as past:
        return past.events(*ALL, limit=100)


def processes_in(history: History) -> list[tuple[int, int]]:
    with closing(history.past()) as past:
        return [(one.time_ms, one.rows[0].pid) for one in past.processes(*ALL)]


@pytest.fixture(params=MAKERS, ids=["memory", "sqlite"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    history: History = request.param(tmp_path)
    history.check()
    assert history.open(epoch="epoch-1", interval_ms=1000) is None
    yield history
    history.close()


def test_a_new_one_holds_nothing(history: History) -> None:
    for _ in range(2):
        assert events_in(history) == []
        assert processes_in(history) == []
        with closing(history.past()) as past:
            assert past.series(Selection.of([">"]), *ALL) == []
        history.flush()


def test_events_and_processes_are_there_whether_flushed_or_not(history: History) -> None:
    for number in range(3):
        history.append_event(event(number))
        history.append_processes(snapshot(number))
        expected = (
            [event(one) for one in range(number + 1)],
            [(START_MS + one * 5000, one + 1) for one in range(number + 1)],
        )
        assert (events_in(history), processes_in(history)) == expected
        if number != 1:
            history.flush()
            assert (events_in(history), processes_in(history)) == expected


def test_an_event_replaces_the_one_with_its_id_whether_that_was_flushed_or_not(history: History) -> None:
    history.append_event(event(1, "began"))
    history.append_event(event(1, "went on"))
    history.flush()
    history.append_event(event(1, "ended"))
    assert [one.title for one in events_in(history)] == ["ended"]
    history.flush()
    assert [one.title for one in events_in(history)] == ["ended"]


def test_a_view_stays_as_it_was_when_more_comes_and_is_flushed(history: History) -> None:
    history.append_event(event(1))
    history.append_processes(snapshot(1))
    with closing(history.past()) as past:
        history.append_event(event(2))
        history.append_processes(snapshot(2))
        history.flush()
        assert past.events(*ALL, limit=100) == [event(1)]
        assert [one.time_ms for one in past.processes(*ALL)] == [START_MS + 5000]


def test_a_view_that_is_interrupted_says_so(history: History) -> None:
    history.append_event(event(1))
    with closing(history.past()) as past:
        past.interrupt()
        with pytest.raises(InterruptedError):
            past.events(*ALL, limit=100)


def test_a_flush_of_nothing_and_a_second_close_do_no_harm(history: History) -> None:
    history.flush()
    history.flush()
    history.close()
    history.close()


def test_nothing_is_lost_or_failed_in_good_times(history: History) -> None:
    for frame in Machine().frames(10):
        history.append(frame)
    history.append_event(event(1))
    history.flush()
    counts = history.counts
    assert (counts.ticks_lost, counts.failures, counts.chunks_unreadable) == (0, 0, 0)
