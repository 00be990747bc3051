"""What a `result` of a server says, and that nothing else is taken for one."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.cli.history_lines import lines_of, squeezed
from vitalcast.client.result import Reach, library, read_result
from vitalcast.errors import AskError, MissingLibraryError


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
    assert [(line.key, line.unit, line.aggregate) for line in lines_of(answer)] == [
        ('a.b{device="x\\"y"}', "By", "avg"),
        ('a.b{device="x\\"y"}', "", "count"),
        ("c", "1", "avg"),
        ("c", "", "count"),
    ]
    assert lines_of(answer)[0].values == [1.0, None, 3.5]
    assert lines_of(answer)[0].known == [1.0, 3.5]
    assert answer.tiers == (Reach("raw", 1000, 31_000),)
    assert (answer.step, answer.expired_ms, answer.approximate) == (10.0, 2000, True)
    assert [one.key for one in answer.series][:2] == ['avg(a.b{device="x\\"y"})', 'count(a.b{device="x\\"y"})']
    assert read_result(result()).expired_ms is None


def test_what_is_divided_or_counted_has_the_unit_that_is_said_whatever_the_aggregate() -> None:
    series = [{"name": "a", "unit": "By"}, {"name": "b", "unit": "{series}"}]
    several = result(aggregate=["rate", "count"], series=series)
    assert [one.unit for one in read_result(several).series] == ["By/s", "", "{series}", ""]
    assert [one.unit for one in read_result(several, ratios=True).series] == ["By", "By", "{series}", "{series}"]


def test_a_rate_beside_others_is_a_second_but_a_ratio_of_rates_is_not() -> None:
    both = result(aggregate=["avg", "rate"])
    assert [one.unit for one in read_result(both).series] == ["By", "By/s", "1", "1/s"]
    assert [one.unit for one in read_result(both, ratios=True).series] == ["By", "By", "1", "1"]
    alone = result(aggregate=["rate"], values=both["values"][::2])
    assert [one.unit for one in read_result(alone).series] == ["By", "1"]  # which the server has said


def test_pandas_polars_and_arrow_are_told_the_same() -> None:
    answer = read_result(result(times=[11_001, 21_001, 31_001]))
    frame, polar, table = answer.to_pandas(), answer.to_polars(), answer.to_arrow()
    keys = [one.key for one in answer.series]
    assert list(frame.columns) == polar.columns[1:] == table.column_names[1:] == keys
    assert list(frame.index) == polar["time"].to_list() == table["time"].to_pylist() == answer.times
    assert answer.times[0] == datetime(1970, 1, 1, 0, 0, 11, 1000, tzinfo=UTC)
    for number, key in enumerate(keys):
        column = answer.columns[number]
        assert polar[key].to_list() == table[key].to_pylist() == column
        assert [None if math.isnan(one) else one for one in frame[key]] == column
        assert [None if math.isnan(one) else one for one in answer.values[:, number]] == column


def test_an_empty_result_is_an_empty_frame() -> None:
    answer = read_result(result(times=[], series=[], values=[], tiers=[]))
    assert answer.values.shape == (0, 0)
    assert len(answer.to_pandas()) == len(answer.to_polars()) == len(answer.to_arrow()) == 0


def test_a_library_that_is_not_there_is_said_with_what_to_do() -> None:
    with pytest.raises(MissingLibraryError, match="`pip install vitalcast_never`"):
        library("vitalcast_never")


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
    assert lines_of(answer)[0].values == [None, None, None]


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=200), st.integers(1, 50))
def test_squeezed_values_keep_the_peaks(values: list[float | None], width: int) -> None:
    few = squeezed(values, width)
    assert len(few) == min(len(values), width)
    known = [abs(value) for value in values if value is not None]
    assert max((abs(value) for value in few if value is not None), default=None) == max(known, default=None)
