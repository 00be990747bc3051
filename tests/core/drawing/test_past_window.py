"""What pictures of the past are drawn from, wherever the values come from."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.panel_machine import panel_of, series_for

from vitalcast.core.drawing.badge_value import BadgeQuery, metric_badge, panel_badge
from vitalcast.core.drawing.past_window import recent_then, window_then
from vitalcast.core.panels.shown_then import shown_then
from vitalcast.core.query.past import Reach
from vitalcast.core.query.query import Result
from vitalcast.core.query.tier import Tier
from vitalcast.core.vocabulary import Aggregate

T0 = 1_790_000_000_000 // 3_600_000 * 3_600_000
SWAP = panel_of("swap")
SERIES = tuple(one for one in series_for(SWAP) if one.attributes.get("system.paging.state") == "used")


def answer(times_ms: list[int], values: list[float], *reaches: Reach, step_ms: int = 1000) -> Result:
    times = T0 + np.array(times_ms, dtype=np.int64)
    return Result(step_ms, reaches, SERIES, (Aggregate.LAST,), times, np.array(values, dtype=np.float64)[:, None])


def reach(tier: Tier, start_ms: int, end_ms: int) -> Reach:
    return Reach(tier, T0 + start_ms, T0 + end_ms)


def test_steps_that_are_left_out_are_a_hole() -> None:
    window = window_then(answer([1000, 2000, 6000, 7000], [1, 2, 3, 4]), (0,), 1000)
    assert window.holes == ((T0 + 2000, T0 + 6000),)
    assert np.isnan(window.values[:, 0]).tolist() == [False, False, True, True, False, False]
    assert window.newest.tolist() == [4]


@pytest.mark.parametrize("interval_ms", [1000, 5000])
def test_steps_of_a_coarser_tier_or_of_slow_ticks_are_no_holes(interval_ms: int) -> None:
    times = [600_000, 1_200_000, 1_200_000 + interval_ms, 1_200_000 + 2 * interval_ms]
    result = answer(times, [1, 2, 3, 4], reach(Tier.TEN_MINUTES, 0, 1_200_000), reach(Tier.RAW, 1_200_000, 1_300_000))
    assert window_then(result, (0,), interval_ms).holes == ()
    late = answer([600_000, 2_400_000], [1, 2], reach(Tier.TEN_MINUTES, 0, 2_400_000))
    assert len(window_then(late, (0,), interval_ms).holes) == 1


def test_of_a_clock_that_was_set_back_the_later_history_is_drawn() -> None:
    window = window_then(answer([1000, 2000, 3000, 2000, 3000, 4000], [1, 2, 3, 20, 30, 40]), (0,), 1000)
    assert window.times_ms.tolist() == [T0 + at for at in (1000, 2000, 3000, 4000)]
    assert window.values[:, 0].tolist() == [1, 20, 30, 40]


def test_nothing_is_an_empty_window() -> None:
    window = window_then(answer([], []), (0,), 1000)
    assert (len(window.times_ms), window.holes) == (0, ())
    assert np.isnan(window.newest).all()


# --- a moment --------------------------------------------------------------------------------------------------------


def test_a_moment_has_the_value_of_just_before_and_none_after() -> None:
    result = answer([1000, 2000, 3000], [1, 2, 3])
    found = recent_then(result, T0 + 2500, 1000)
    assert found is not None
    assert (found.newest.tolist(), found.then, found.judged) == ([2], True, True)
    assert recent_then(result, T0 + 500, 1000) is None
    assert recent_then(result, T0 + 6500, 1000) is not None  # two and a half are missing, and a second for the way
    assert recent_then(result, T0 + 6501, 1000) is None


def test_a_moment_of_a_coarse_tier_is_within_its_steps_and_is_not_judged() -> None:
    result = answer([3_600_000, 7_200_000], [0.9, 0.95], reach(Tier.HOUR, 0, 7_200_000), step_ms=60_000)
    found = recent_then(result, T0 + 9_000_000, 1000)
    assert found is not None
    assert (found.newest.tolist(), found.judged) == ([0.95], False)
    assert recent_then(result, T0 + 7_200_000 + 10 * 3_600_000, 1000) is None


@pytest.mark.parametrize("asked", [BadgeQuery(), BadgeQuery(warning=0.1)])
def test_a_level_that_is_not_known_is_neither_good_nor_bad(asked: BadgeQuery) -> None:
    coarse = recent_then(answer([3_600_000], [0.95], reach(Tier.HOUR, 0, 3_600_000)), T0 + 3_700_000, 1000)
    fine = recent_then(answer([1000 * at for at in range(1, 31)], [0.95] * 30), T0 + 30_000, 1000)
    assert coarse is not None and fine is not None
    for recent, level in ((coarse, ""), (fine, "critical" if not asked.judges else "warning")):
        shown = shown_then(SWAP, SERIES, recent.rows)
        for badge in (
            panel_badge(shown, SERIES, recent, asked),
            metric_badge(SERIES[0].name, SWAP, SERIES, recent, asked),
        ):
            assert badge.level == level
            assert badge.words.startswith("95.0")
            assert ("level unknown" in badge.detail) is (level == "")


def test_a_panel_without_thresholds_says_nothing_of_a_level() -> None:
    coarse = recent_then(answer([3_600_000], [0.95], reach(Tier.HOUR, 0, 3_600_000)), T0 + 3_700_000, 1000)
    assert coarse is not None
    plain = SWAP.model_copy(update={"thresholds": None})
    badge = panel_badge(shown_then(plain, SERIES, coarse.rows), SERIES, coarse, BadgeQuery())
    assert (badge.level, "unknown" in badge.detail) == ("", False)
