"""What a `result` of a server says, and that nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.client.past import PastReach, read_result, squeezed
from vitalcast.errors import AskError


def result(**fields: Any) -> dict[str, Any]:
    whole = {
        "start": 1000,
        "end": 31_000,
        "step": 10,
        "tiers": [{"tier": "raw", "start": 1000, "end": 31_000}],
        "aggregate": ["avg", "count"],
        "series": [{"name": "a.b", "unit": "By", "attributes": {"device": 'x"y'}}, {"name": "c", "unit": "1"}],
        "times": [11_000, 21_000, 31_000],
        "values": [[1, None, 3.5], [10, 0, 10], [0.1, 0.2, 0.3], [1, 1, 1]],
    }
    return whole | fields


def test_a_result_is_lines_of_each_aggregate_of_each_series() -> None:
    answer = read_result(result(expired=2000, approximate=True))
    assert [(line.key, line.unit, line.aggregate) for line in answer.lines] == [
        ('a.b{device="x\\"y"}', "By", "avg"),
        ('a.b{device="x\\"y"}', "", "count"),
        ("c", "1", "avg"),
        ("c", "", "count"),
    ]
    assert answer.lines[0].values == [1.0, None, 3.5]
    assert answer.lines[0].known == [1.0, 3.5]
    assert answer.reaches == [PastReach("raw", 1000, 31_000)]
    assert (answer.step_s, answer.expired_ms, answer.approximate) == (10.0, 2000, True)
    assert read_result(result()).expired_ms is None


@pytest.mark.parametrize(
    "fields",
    [
        {"values": [[1, 2, 3]]},
        {"values": [[1, 2]] * 4},
        {"values": None},
        {"times": ["x"]},
        {"times": [1e400]},
        {"tiers": [{}]},
        {"series": [1, 2]},
        {"step": "x"},
        {"aggregate": None},
    ],
)
def test_what_is_no_result_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(AskError, match="makes no sense"):
        read_result(result(**fields))


def test_values_that_are_none_are_no_readings() -> None:
    answer = read_result(result(values=[["x", True, 1e400], [1, 1, 1], [1, 1, 1], [1, 1, 1]]))
    assert answer.lines[0].values == [None, None, None]


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=200), st.integers(1, 50))
def test_squeezed_values_keep_the_peaks(values: list[float | None], width: int) -> None:
    few = squeezed(values, width)
    assert len(few) == min(len(values), width)
    known = [abs(value) for value in values if value is not None]
    assert max((abs(value) for value in few if value is not None), default=None) == max(known, default=None)
