"""How long ago ticks were, while the clock that they are stamped with jumps."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.elapsed import ages_ms, in_order

HOUR_MS = 3_600_000


def ages(*ticks: tuple[int, int]) -> list[int]:
    offsets, times = np.array(ticks, dtype=np.int64).reshape(-1, 2).T
    return ages_ms(offsets, times, 1000).tolist()


def test_while_nobody_sets_the_clock_it_is_what_the_clock_says() -> None:
    assert ages((1, 0), (2, 1000), (3, 1100), (9, 6200)) == [6200, 5200, 5100, 0]


@pytest.mark.parametrize(("to_ms", "counted_ms"), [(HOUR_MS, 1000), (-HOUR_MS, 0), (1500, 1000), (700, 700)])
def test_a_jump_counts_for_no_more_than_the_ticks_can_have_taken(to_ms: int, counted_ms: int) -> None:
    assert ages((1, 0), (2, to_ms), (3, to_ms + 1000)) == [1000 + counted_ms, 1000, 0]


def test_ticks_that_were_missed_took_their_time() -> None:
    assert ages((1, 0), (3601, HOUR_MS)) == [HOUR_MS, 0]


def test_one_tick_is_of_now() -> None:
    assert ages((7, 123)) == [0]


def test_what_the_clock_said_twice_counts_where_it_came_last() -> None:
    times = np.array([1, 2, 3, 9, 4, 5, 5, 6])
    assert times[in_order(times)].tolist() == [1, 2, 3, 4, 5, 6]
    assert in_order(times)[6]
    assert in_order(np.zeros(0, dtype=np.int64)).tolist() == []


@given(st.lists(st.integers(-50, 50), max_size=60))
def test_of_any_times_those_that_are_left_grow_and_end_with_the_newest(steps: list[int]) -> None:
    times = np.array(list(accumulate(steps)), dtype=np.int64)
    kept = in_order(times)
    assert (np.diff(times[kept]) > 0).all()
    assert kept[-1:].all()
    for row in np.flatnonzero(~kept):
        assert (times[row + 1 :] <= times[row]).any()
