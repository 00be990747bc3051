"""Kills become events."""

from __future__ import annotations

import asyncio
import math

from tests.live.virtual import InlineWorkers, VirtualLoop, run

from vitalcast.collectors.oom import OomKills, Victim
from vitalcast.core.events.event import Event, Severity
from vitalcast.live.event_log import EventLog
from vitalcast.live.oom_watch import VICTIMS_MAX, OomWatch

PYTHON = Victim(7, "python3", 2**30, False)


class Kills:
    """A reader with answers that a test gives."""

    def __init__(self) -> None:
        self.answers: list[OomKills | OSError] = []
        self.reads = 0

    def read(self) -> OomKills:
        self.reads += 1
        answer = self.answers.pop(0) if self.answers else OomKills(0, ())
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to let go of."""


def watched() -> tuple[OomWatch, Kills, list[Event]]:
    told: list[Event] = []
    kills = Kills()
    log = EventLog("m", tell=told.append, now_ms=lambda: 0, now_s=lambda: 0.0)
    return OomWatch(log, kills, workers=InlineWorkers()), kills, told  # type: ignore[arg-type]


def test_a_kill_has_the_victim_apart_from_the_title() -> None:
    watch, _, told = watched()
    watch.note(OomKills(1, (PYTHON, PYTHON._replace(group=True))))
    assert [event.title for event in told] == [
        "Memory of the machine ran out: a process was killed, which had 1.00 GiB",
        "Memory of its control group ran out: a process was killed, which had 1.00 GiB",
    ]
    assert told[0].names == ("python3",)
    assert told[0].severity is Severity.CRITICAL
    assert dict(told[0].attributes) == {"process.pid": 7, "memory": 2**30, "count": 1}


def test_a_victim_that_follows_the_count_is_not_told_twice() -> None:
    watch, _, told = watched()
    watch.note(OomKills(1, ()))
    assert told == []
    watch.note(OomKills(0, (PYTHON,)))
    watch.note(OomKills(0, ()))
    assert len(told) == 1


def test_a_victim_that_does_not_follow_stays_unknown() -> None:
    watch, _, told = watched()
    for count in (2, 0, 1, 0):
        watch.note(OomKills(count, ()))
    assert [(event.title.partition(";")[0], event.attributes["count"], event.names) for event in told] == [
        ("Memory ran out: 2 processes were killed", 2, ()),
        ("Memory ran out: a process was killed", 1, ()),
    ]


def test_many_victims_at_once_are_few_events() -> None:
    watch, _, told = watched()
    watch.note(OomKills(math.nan, (PYTHON,) * 100))
    assert len(told) == VICTIMS_MAX + 1
    assert told[-1].attributes["count"] == 100 - VICTIMS_MAX


def test_it_asks_again_and_again_and_a_failure_ends_nothing() -> None:
    async def test(_: VirtualLoop) -> None:
        watch, kills, told = watched()
        kills.answers = [OSError(5, "broken"), OSError(5, "broken"), OomKills(1, (PYTHON,))]
        watch.start()
        await asyncio.sleep(7)
        await watch.stop()
        assert (kills.reads, len(told)) == (3, 1)

    run(test)
