"""Numbers as people read them, as the page writes them too."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.drawing.format import format_duration, format_tick, format_value

UNITS = ("1", "s/s", "By", "By/s", "s", "Hz", "V", "rpm", "Cel", "{thread}", "{operation}/s", "lx", "kg.m-2", "")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.123, "1", "12.3 %"),
        (0.0, "By", "0 B"),
        (1023.0, "By", "1.00 KiB"),
        (1536.0, "By", "1.50 KiB"),
        (12.5 * 2**30, "By/s", "12.5 GiB/s"),
        (-2048.0, "By/s", "\u22122.00 KiB/s"),
        (1234.0, "{thread}", "1.23 k"),
        (3.0, "{thread}", "3"),
        (999.6, "{operation}/s", "1.00 k/s"),
        (2.4e9, "Hz", "2.40 GHz"),
        (48.24, "Cel", "48.2 °C"),
        (190.0, "s", "3 min 10 s"),
        (12.0, "V", "12 V"),
        (12.0, "lx", "12.0 lx"),
        (-0.0001, "1", "0.0 %"),
        (-18.04, "Cel", "\u221218.0 °C"),
        (-90.0, "s", "\u22121 min 30 s"),
        (5.0, "kg.m-2", "5.00 kg.m-2"),
        (math.nan, "1", "–"),
        (math.inf, "By", "–"),
    ],
)
def test_a_value_has_three_digits_and_its_unit(value: float, unit: str, text: str) -> None:
    assert format_value(value, unit).replace("\u00a0", " ") == text


@given(st.floats(1e-9, 1e15), st.sampled_from(UNITS))
def test_what_is_below_zero_reads_as_what_is_above_it_behind_a_minus(size: float, unit: str) -> None:
    for write in (format_value, format_tick):
        text = write(size, unit)
        zero = not any(digit in text.split("\u00a0")[0] for digit in "123456789")
        assert write(-size, unit) == (text if zero else f"\u2212{text}")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (0.0042, "4.2 ms"),
        (1.5, "1.5 s"),
        (42, "42 s"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (532_800, "6 d 4 h"),
        (-90, "-1 min 30 s"),
    ],
)
def test_a_span_of_time_has_at_most_two_steps(seconds: float, text: str) -> None:
    assert format_duration(seconds).replace("\u00a0", " ") == text
