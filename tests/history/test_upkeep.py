"""What becomes of an hour once it is over: blocks and rollups, days and longer, and of clocks that are set."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.history.frames import SERIES, START_MS, Machine, stored

from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.history.sqlite import SqliteHistory

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = START_MS // (30 * DAY_MS) * (30 * DAY_MS)  # at which every span of time ends


class Place:
    """A machine with a history in a file, from midnight on."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.machine = Machine(time_ms=MIDNIGHT_MS)
        self.options = options
        self.history = self.open()

    def open(self) -> SqliteHistory:
        history = SqliteHistory(
            self.path,
            clock_ms=lambda: self.machine.time_ms,
            steady_ms=lambda: self.machine.steady_ms,
            boot=lambda: "boot-1",
            **self.options,
        )
        resumed = history.open(epoch="epoch-1", interval_ms=1000)
        self.machine.offset = resumed.offset if resumed else 0
        return history

    def hours(self, hours: float, *, step_ms: int = 60_000, flushes: int = 1) -> None:
        for _ in range(flushes):
            for frame in self.machine.frames(round(hours * HOUR_MS / step_ms / flushes), step_ms=step_ms):
                self.history.append(frame)
            self.history.flush()

    def days(self, days: int) -> None:
        """Have ticks in each third hour of days: an hour takes as long to make as it has series, whatever its ticks."""
        for _ in range(days):
            for _ in range(8):
                first = self.machine.frame(step_ms=160 * 60_000)
                for frame in (first, *self.machine.frames(2, step_ms=600_000)):
                    self.history.append(frame)
            self.history.flush()

    def axes(self) -> dict[tuple[int, int], int]:
        """Return how many axes there are of a tier and a level."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute("SELECT tier, level, count(*) FROM axis WHERE state = 1 GROUP BY 1, 2")
            return {(tier, level): count for tier, level, count in rows}

    def steps(self, tier: Tier) -> dict[tuple[int, int], tuple[float, float, float]]:
        """Return the least, the greatest and the count of each step, by stretch and time."""
        found: dict[tuple[int, int], tuple[float, float, float]] = {}
        with closing(self.history.past()) as past:
            for rollup in past.rollups(tier, [SERIES], 0, 2**60):
                columns = zip(rollup.times_ms.tolist(), rollup.minimum, rollup.maximum, rollup.count, strict=True)
                for time_ms, least, greatest, count in columns:
                    assert (rollup.stretch, time_ms) not in found
                    found[rollup.stretch, time_ms] = least, greatest, count
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    one = Place(tmp_path / "history.db")
    yield one
    one.history.close()


def expected(place: Place, tier: Tier, until_ms: int) -> dict[int, tuple[float, float, float]]:
    """Return the steps that there must be up to a time, from the readings themselves."""
    times, values = np.array([point[1:] for point in place.machine.points[SERIES]]).T
    ends = -(-times.astype(np.int64) // tier) * tier
    return {
        int(end): (values[ends == end].min(), values[ends == end].max(), float((ends == end).sum()))
        for end in np.unique(ends)
        if end <= until_ms
    }


def test_an_hour_becomes_blocks_and_rollups_once_it_is_over(place: Place) -> None:
    place.hours(1)
    assert place.axes() == {(0, 0): 1, **{(int(tier), 0): 1 for tier in ROLLUPS}}, "its last tick ends it"
    place.hours(0.5)
    assert place.axes() == {(0, 0): 1, **{(int(tier), 0): 1 for tier in ROLLUPS}}
    assert stored(place.history) == place.machine.points[SERIES]


def test_days_and_longer_spans_are_joined_when_they_are_over_and_say_the_same(place: Place) -> None:
    place.days(31)
    place.hours(2, step_ms=600_000)
    axes = place.axes()
    assert axes[int(Tier.MINUTE), 1] == 31
    assert axes[int(Tier.TEN_MINUTES), 2] == 31 * 24 // (7 * 24)
    assert axes[int(Tier.HOUR), 2] == 1
    until_ms = MIDNIGHT_MS + (31 * 24 + 2) * HOUR_MS
    for tier in ROLLUPS:
        assert {time_ms: step for (_, time_ms), step in place.steps(tier).items()} == expected(place, tier, until_ms)


def test_rollups_that_are_gone_are_made_anew_from_the_ticks_at_the_next_start(place: Place) -> None:
    place.hours(5, step_ms=10_000)
    before = {tier: place.steps(tier) for tier in ROLLUPS}
    place.history.close()
    with closing(sqlite3.connect(place.path)) as connection, connection:
        (gone, *_) = [id_ for (id_,) in connection.execute("SELECT id FROM axis WHERE tier = 60000 ORDER BY id DESC")]
        connection.execute("UPDATE axis SET state = 0 WHERE tier > 0 AND first_ms > ?", (MIDNIGHT_MS + 3 * HOUR_MS,))
    assert gone
    place.history = place.open()
    place.hours(0.1, step_ms=10_000)
    assert {tier: place.steps(tier) for tier in ROLLUPS} == before


def test_a_tier_that_is_gone_is_made_anew_alone(place: Place) -> None:
    place.hours(30, step_ms=60_000, flushes=5)
    before = {tier: place.steps(tier) for tier in ROLLUPS}
    place.history.close()
    with closing(sqlite3.connect(place.path)) as connection, connection:
        connection.execute("UPDATE axis SET state = 0 WHERE tier = 60000")
    place.history = place.open()
    place.hours(0.1, step_ms=10_000)
    assert {tier: place.steps(tier) for tier in ROLLUPS} == before, "and the others are not doubled"


def test_ticks_that_come_in_tenths_stay_so_for_a_while_and_are_then_one_a_second(tmp_path: Path) -> None:
    place = Place(tmp_path / "history.db", fast_ms=3 * HOUR_MS)
    place.hours(0.5, step_ms=1000)
    place.hours(0.1, step_ms=100, flushes=3)
    place.hours(1.4, step_ms=1000)
    points = place.machine.points[SERIES]
    assert stored(place.history) == points
    steps = {tier: place.steps(tier) for tier in ROLLUPS}
    place.hours(4, step_ms=10_000, flushes=4)
    kept = stored(place.history)
    last_of_second = {-(-time_ms // 1000): (offset, time_ms, value) for offset, time_ms, value in points}
    assert kept[: len(last_of_second)] == list(last_of_second.values())
    for tier in ROLLUPS:
        assert steps[tier].items() <= place.steps(tier).items(), "peaks between are in the rollups"
    place.history.close()


# --- clocks ------------------------------------------------------------------------------------------------------


def test_a_clock_set_back_keeps_both_pasts_and_rolls_each_up_for_itself(place: Place) -> None:
    place.hours(3, step_ms=10_000)
    place.machine.time_ms -= HOUR_MS
    place.hours(3, step_ms=10_000)
    assert stored(place.history) == place.machine.points[SERIES]
    hours = place.steps(Tier.HOUR)
    assert [(stretch, (time_ms - MIDNIGHT_MS) // HOUR_MS) for stretch, time_ms in hours] == [
        *((2**20 + 1, hour) for hour in (1, 2, 3)),
        *((2**20 + 2, hour) for hour in (3, 4, 5)),
    ]
    assert all(count == 360 for _, _, count in hours.values())


def test_what_a_clock_ahead_by_days_brought_is_apart_until_the_clock_agrees(place: Place) -> None:
    place.hours(1, step_ms=10_000)
    place.machine.time_ms += 2 * DAY_MS
    place.hours(0.1, step_ms=10_000)
    place.machine.time_ms -= 2 * DAY_MS
    place.hours(1, step_ms=10_000)
    with closing(place.history.past()) as past:
        assert max(reach.end_ms for reach in past.extent().reaches) <= place.machine.time_ms
        seen = sum(len(ticks.times_ms) for ticks in past.ticks([SERIES], 0, 2**60))
        assert seen == len(place.machine.points[SERIES]) - 36
    place.hours(30, step_ms=60_000, flushes=10)
    with closing(place.history.past()) as past:
        seen = sum(len(ticks.times_ms) for ticks in past.ticks([SERIES], 0, 2**60))
    assert seen == len(place.machine.points[SERIES]), "nothing was deleted"
