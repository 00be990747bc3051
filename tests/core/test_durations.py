"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.durations import as_seconds, duration_of, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("30s", 30), ("1.5h", 5400), ("45m", 2700), ("90D", 7_776_000), ("2w", 1_209_600), ("0.25s", 0.25)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds == as_seconds(text)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "1e3s", "1 s", "1m30s", "1y", "1.s", "٣s", "1s\n", "9" * 10 + "s"]
)
def test_what_is_none_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; give 30s, 15m, 12h, 90d or the like"):
        seconds_of(text)


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_whole_seconds_are_written_as_they_are_read(seconds: int) -> None:
    assert seconds_of(duration_of(seconds)) == seconds


@pytest.mark.parametrize("value", [3, 3.5, None, [], {}, True])
def test_any_other_value_is_left_to_the_field(value: object) -> None:
    assert as_seconds(value) is value
