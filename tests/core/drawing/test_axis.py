"""Axes have round ticks, in the steps of their unit and of the clock. That the page has the same is tested there."""

from __future__ import annotations

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.drawing.axis import fixed_scale, round_scale, ticks_of, time_ticks

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("low", "high", "unit", "texts"),
    [
        (0, 0.37, "1", ["0 %", "10 %", "20 %", "30 %", "40 %"]),
        (0, 3000, "By", ["0", "1 KiB", "2 KiB", "3 KiB"]),
        (-1500, 3000, "By/s", ["\u22122 KiB/s", "0", "2 KiB/s", "4 KiB/s"]),
        (-18, 12, "Cel", ["\u221220 °C", "\u221210 °C", "0", "10 °C", "20 °C"]),
        (-0.3, 0.1, "1", ["\u221230 %", "\u221220 %", "\u221210 %", "0 %", "10 %"]),
        (0, 0, "{thread}", ["0", "0.5", "1"]),
    ],
)
def test_a_scale_holds_the_data_and_ends_on_ticks(low: float, high: float, unit: str, texts: list[str]) -> None:
    ticks = ticks_of(round_scale(low, high, unit, least=1.0 if high == 0 else 0.0), unit)
    assert [tick.text.replace("\u00a0", " ") for tick in ticks] == texts


def test_only_what_is_drawn_downwards_has_labels_without_a_sign() -> None:
    ticks = ticks_of(round_scale(-1500, 3000, "By/s"), "By/s", mirrored=True)
    assert [tick.text.replace("\u00a0", " ") for tick in ticks] == ["2 KiB/s", "0", "2 KiB/s", "4 KiB/s"]


def test_a_whole_is_told_in_quarters_or_halves() -> None:
    assert [tick.value for tick in ticks_of(fixed_scale(1.0, "1", ticks=5), "1")] == [0, 0.25, 0.5, 0.75, 1]
    assert [tick.value for tick in ticks_of(fixed_scale(1.0, "1", ticks=2), "1")] == [0, 0.5, 1]


@given(
    st.floats(0, 1e15, allow_subnormal=False).map(lambda value: value if value > 1e-12 else 0.0),
    st.floats(-1e15, 0, allow_subnormal=False).map(lambda value: value if value < -1e-12 else 0.0),
    st.sampled_from(["1", "By", "By/s", "s", "{thread}", "Cel"]),
    st.integers(2, 6),
)
def test_any_data_get_a_few_ticks(high: float, low: float, unit: str, ticks: int) -> None:
    scale = round_scale(low, high, unit, ticks=ticks)
    slack = (scale.high - scale.low) * 1e-6
    assert scale.low <= low + slack
    assert scale.high >= high - slack
    assert 2 <= len(ticks_of(scale, unit)) <= 2 * ticks + 2


def test_time_has_whole_steps_of_the_clock_of_its_zone() -> None:
    from_ms = 1_790_000_000_000
    ticks = time_ticks(from_ms, from_ms + 5 * MINUTE_MS, 6, UTC)
    assert [tick.text for tick in ticks] == ["14:14", "14:15", "14:16", "14:17", "14:18"]
    hours = time_ticks(from_ms, from_ms + 240 * MINUTE_MS, 5, ZoneInfo("Asia/Kathmandu"))
    assert [tick.text for tick in hours] == ["20:00", "21:00", "22:00", "23:00"]
    seconds = time_ticks(from_ms, from_ms + 10_000, 5, UTC)
    assert [tick.text for tick in seconds] == ["14:13:20", "14:13:22", "14:13:24", "14:13:26", "14:13:28", "14:13:30"]


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE, st.sampled_from(["1", "By", "s", "Cel", ""]), st.floats(0, 1e18), st.integers(2, 6))
def test_an_axis_of_any_numbers_ends_and_has_few_ticks(
    low: float, high: float, unit: str, least: float, ticks: int
) -> None:
    low, high = sorted((low, high))
    for scale in (round_scale(low, high, unit, least=least, ticks=ticks), fixed_scale(abs(high), unit, ticks=ticks)):
        assert all(map(math.isfinite, (scale.low, scale.high, scale.step)))
        texts = [tick.text for tick in ticks_of(scale, unit)]
        assert len(texts) <= ticks + 3
        assert max(map(len, texts)) <= 40
