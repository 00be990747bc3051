"""Holes between ticks, and clocks that were set."""

from __future__ import annotations

import pytest

from vitalcast.core.events.gaps import ClockWatch, Gap, GapWatch, Tick

START = Tick(10, 1_000_000, 50_000, 40_000)


@pytest.mark.parametrize(
    ("ticks", "elapsed_ms", "awake_ms", "found"),
    [
        (1, 1000, 1000, None),
        (1, 9000, 9000, None),  # a longer interval
        (3, 2900, 2900, None),
        (3, 3000, 3000, Gap(1_000_000, 1_003_000, 2, False)),
        (60, 60_000, 59_500, Gap(1_000_000, 1_060_000, 59, False)),
        (3600, 3_600_000, 800, Gap(1_000_000, 4_600_000, 3599, True)),
    ],
)
def test_a_hole_in_the_offsets_that_lasted_is_a_gap(
    ticks: int, elapsed_ms: int, awake_ms: int, found: Gap | None
) -> None:
    watch = GapWatch()
    assert watch.take(START) is None
    assert watch.take(Tick(10 + ticks, 1_000_000 + elapsed_ms, 50_000 + elapsed_ms, 40_000 + awake_ms)) == found


def test_how_long_it_was_is_not_for_the_wall_clock_to_say() -> None:
    watch = GapWatch()
    watch.take(START)
    assert watch.take(Tick(21, 500_000, 61_000, 51_000)) == Gap(489_000, 500_000, 10, False)


def test_a_clock_that_is_set_is_noticed_and_one_that_drifts_is_not() -> None:
    watch = ClockWatch()
    assert watch.take(1_000_000, 5000) == 0
    assert watch.take(1_001_400, 6000) == 0  # a tick, and 400 ms
    for second in range(1000):
        assert watch.take(1_002_400 + second * 1001, 7000 + second * 1000) == 0
    assert watch.take(2_002_400, 1_006_000) == 0
    assert watch.take(2_002_400 - 3_600_000, 1_006_000) == -3_600_000
    assert watch.take(2_002_400, 1_006_000) == 3_600_000
