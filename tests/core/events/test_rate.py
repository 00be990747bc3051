"""So many events of a kind, and no more."""

from __future__ import annotations

from vitalcast.core.events.rate import Bounds, EventRate


def test_what_is_too_much_is_left_out_and_the_next_says_how_much() -> None:
    rate = EventRate(Bounds(3, 2), {"mark": Bounds(1, 0)})
    assert [rate.admit("level", 0.0) for _ in range(5)] == [0, 0, 0, None, None]
    assert [rate.admit("mark", 0.0) for _ in range(2)] == [0, None]
    assert rate.admit("level", 29.0) is None
    assert rate.admit("level", 31.0) == 3
    assert rate.admit("level", 31.0) is None


def test_no_more_than_its_fill_waits_and_a_clock_that_goes_back_gives_nothing() -> None:
    rate = EventRate(Bounds(2, 60))
    assert rate.admit("level", 100.0) == 0
    assert [rate.admit("level", 10_000.0) for _ in range(3)] == [0, 0, None]
    assert rate.admit("level", 0.0) is None
