"""When ticks are due, whatever happens to the clock that people set."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.pace import SET_MS, STEP_MIN_MS, Pace

START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


class Clocks:
    """A machine's two clocks and the ticks that its pace gave so far: (offset, time, when it was due)."""

    def __init__(self, step_ms: int = 1000, *, first_ms: int = 0) -> None:
        self.steady_ms = 5000 + first_ms
        self.ahead_ms = START_MS - 5000
        self.step_ms = step_ms
        self.pace = Pace(step_ms, self.wall_ms, self.steady_ms)
        self.ticks: list[tuple[int, int, int]] = [(1, self.wall_ms, self.steady_ms)]
        self.missed = 0

    @property
    def wall_ms(self) -> int:
        return self.steady_ms + self.ahead_ms

    def look(self) -> None:
        """Do as the sampler does each time it wakes."""
        self.pace.follow(self.step_ms, self.wall_ms, self.steady_ms)
        if tick := self.pace.take(self.step_ms, self.steady_ms):
            missed, time_ms, due_ms = tick
            self.missed += missed
            self.ticks.append((self.ticks[-1][0] + 1 + missed, time_ms, due_ms))

    def run(self, ms: int) -> None:
        """Let time pass, and look at each tick's moment."""
        end_ms = self.steady_ms + ms
        while self.pace.due_ms <= end_ms:
            self.steady_ms = max(self.pace.due_ms, self.steady_ms)
            self.look()
        self.steady_ms = end_ms
        self.look()

    def times(self) -> list[int]:
        return [time_ms - START_MS for _, time_ms, _ in self.ticks]


def test_ticks_fall_on_multiples_of_the_step() -> None:
    clocks = Clocks(first_ms=130)
    clocks.run(3000)
    assert clocks.times() == [130, 1000, 2000, 3000]


def test_a_first_tick_just_before_a_multiple_is_not_followed_at_once() -> None:
    clocks = Clocks(first_ms=950)
    clocks.run(3000)
    assert clocks.times() == [950, 2000, 3000]


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS, 6000, -6000])
def test_a_clock_that_is_set_misses_no_tick_and_holds_none_up(by_ms: int) -> None:
    clocks = Clocks()
    clocks.run(3400)
    clocks.ahead_ms += by_ms
    clocks.run(3000)
    assert clocks.missed == 0
    assert clocks.times() == [0, 1000, 2000, 3000, *(by_ms + ms for ms in (4000, 5000, 6000))]


@pytest.mark.parametrize("by_ms", [-499, -300, -120, -SET_MS, 0, SET_MS, 120, 300, 499])
@pytest.mark.parametrize("when_ms", [10, 400, 990])
def test_a_clock_set_by_less_than_half_a_step_neither_repeats_nor_skips_a_second(by_ms: int, when_ms: int) -> None:
    clocks = Clocks()
    clocks.run(3000 + when_ms)
    clocks.ahead_ms += by_ms
    clocks.look()
    clocks.run(4000)
    times = clocks.times()
    assert [b - a for a, b in pairwise(times)] == [1000] * (len(times) - 1)
    assert clocks.missed == 0


def test_a_suspended_machine_has_missed_its_ticks() -> None:
    clocks = Clocks()
    clocks.run(2000)
    clocks.steady_ms += HOUR_MS + 400
    clocks.look()
    assert clocks.missed == 3599
    assert clocks.ticks[-1][:2] == (3603, START_MS + 2000 + HOUR_MS)


def test_a_machine_that_was_suspended_while_its_clock_was_set_missed_what_it_slept() -> None:
    clocks = Clocks()
    clocks.run(2000)
    clocks.steady_ms += 10_400
    clocks.ahead_ms += HOUR_MS
    clocks.look()
    assert clocks.missed == 9
    clocks.run(1000)
    assert clocks.times()[-2:] == [HOUR_MS + 12_000, HOUR_MS + 13_000]


def test_a_faster_step_holds_at_once_and_a_slower_one_from_its_next_multiple() -> None:
    clocks = Clocks()
    clocks.run(1030)
    clocks.step_ms = 100
    clocks.look()
    clocks.run(600)
    clocks.step_ms = 1000
    clocks.look()
    clocks.run(2000)
    assert clocks.times() == [0, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 2000, 3000]


def test_a_wall_clock_in_doubt_changes_nothing() -> None:
    clocks = Clocks()
    clocks.pace.follow(1000, None, clocks.steady_ms)
    clocks.run(2000)
    assert clocks.times() == [0, 1000, 2000]


events = st.one_of(
    st.tuples(st.just("run"), st.integers(0, 5000)),
    st.tuples(st.just("stall"), st.integers(0, 20_000)),
    st.tuples(st.just("set"), st.integers(-HOUR_MS, HOUR_MS)),
    st.tuples(st.just("step"), st.sampled_from([100, 200, 250, 500, 700, 1000, 10_000])),
)


@given(st.integers(0, 999), st.lists(events, max_size=40))
def test_whatever_happens_offsets_grow_by_one_in_the_least_step_at_most(
    first_ms: int, plan: list[tuple[str, int]]
) -> None:
    clocks = Clocks(first_ms=first_ms)
    for event, amount in plan:
        if event == "run":
            clocks.run(amount)
        elif event == "stall":
            clocks.steady_ms += amount
        elif event == "set":
            clocks.ahead_ms += amount
        else:
            clocks.step_ms = amount
        clocks.look()
    begin = clocks.ticks[0]
    for earlier, later in pairwise(clocks.ticks):
        assert later[2] - earlier[2] >= STEP_MIN_MS * (later[0] - earlier[0])
        assert later[2] - begin[2] >= STEP_MIN_MS * (later[0] - begin[0])
    assert all(due_ms <= clocks.steady_ms < clocks.pace.due_ms for _, _, due_ms in clocks.ticks)
    assert clocks.pace.due_ms <= clocks.steady_ms + 2 * max(10_000, clocks.step_ms), "the next is never far"
    assert clocks.ticks[-1][0] == len(clocks.ticks) + clocks.missed
