"""A rounded value is near, is the decimal that is written, and stays as it is when it is rounded again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitalcast
from vitalcast.core.metrics.precision import DIGITS, ERROR, EXACT_FROM, PLACES_MAX, significant

MANUAL = Path(vitalcast.__file__).parent / "reference" / "metrics.md"


@given(st.floats(0, EXACT_FROM))
def test_the_error_is_within_its_bound(value: float) -> None:
    assert significant(value) == pytest.approx(value, rel=ERROR * (1 + 1e-9), abs=0.5 / 10**PLACES_MAX)


@given(st.floats(0, EXACT_FROM))
def test_what_is_left_is_the_float_of_a_short_decimal(value: float) -> None:
    rounded = significant(value)
    assert rounded == float(f"{rounded:.{DIGITS - 1}e}")
    assert significant(rounded) == rounded


@given(st.floats(0, 1e300), st.floats(0, 1e300))
def test_order_is_kept(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert significant(low) <= significant(high)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.0, 0.0), (9.9996, 10.0), (12345.0, 12350.0), (0.000012345, 0.000012345), (4e-10, 0.0), (3e15 + 1, 3e15 + 1)],
)
def test_values_at_the_edges(value: float, rounded: float) -> None:
    assert significant(value) == pytest.approx(rounded, rel=1e-3)
    assert significant(value) == significant(rounded)


def test_the_manual_states_the_bound() -> None:
    text = " ".join(MANUAL.read_text().split())
    assert f"{DIGITS} significant digits: at most {100 * ERROR:g} % from" in text
