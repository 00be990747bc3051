"""What is reduced across series is what a plain walk over them gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.query.reduction import Grouping, top_of
from vitalcast.core.vocabulary import PERCENTILES, Reduce

CPU = Descriptor("process.cpu", "1", Kind.GAUGE, "CPU.", ("program", "user"))
LOAD = Descriptor("system.load", "1", Kind.GAUGE, "Load.")
SERIES = [Series(CPU, (program, user)) for program in "abc" for user in "xy"] + [Series(LOAD)]
readings = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))


def plain(values: list[float], reduce: Reduce) -> float:
    seen = [value for value in values if not math.isnan(value)]
    if not seen:
        return math.nan
    if reduce in PERCENTILES:
        return float(np.percentile(seen, PERCENTILES[reduce] * 100))
    return float(
        {
            Reduce.SUM: sum(seen),
            Reduce.AVG: sum(seen) / len(seen),
            Reduce.MIN: min(seen),
            Reduce.MAX: max(seen),
            Reduce.COUNT: len(seen),
        }[reduce]
    )


@given(
    st.lists(st.lists(readings, min_size=14, max_size=14), max_size=4),
    st.sampled_from(list(Reduce)),
    st.sampled_from([(), ("program",), ("user",), ("user", "program"), ("nothing",)]),
)
def test_each_group_is_reduced_at_each_step(rows: list[list[float]], reduce: Reduce, group_by: tuple[str, ...]) -> None:
    block = np.array(rows, dtype=np.float64).reshape(len(rows), 7, 2)
    grouping = Grouping.of(SERIES, group_by, reduce)
    got = grouping.apply(block)
    assert got.shape == (len(rows), len(grouping.series), 2)
    for place, group in enumerate(grouping.series):
        key = (group.name, *(group.attributes[name] for name in group_by))
        members = [
            at for at, one in enumerate(SERIES) if (one.name, *(one.value_of(name) or "" for name in group_by)) == key
        ]
        assert members
        for step in range(len(rows)):
            for aggregate in range(2):
                wanted = plain(block[step, members, aggregate].tolist(), reduce)
                assert got[step, place, aggregate] == pytest.approx(wanted, rel=1e-9, abs=1e-6, nan_ok=True)


def test_units_are_never_mixed_and_what_is_counted_are_series() -> None:
    other = Series(Descriptor("system.load", "By", Kind.GAUGE, "Load."))
    assert [one.descriptor.unit for one in Grouping.of([Series(LOAD), other], (), Reduce.SUM).series] == ["1", "By"]
    assert {one.descriptor.unit for one in Grouping.of(SERIES, (), Reduce.COUNT).series} == {"{series}"}


def test_labels_group_as_attributes_do() -> None:
    labelled = [Series(LOAD, (), (("image", name),)) for name in ("one",)]
    assert Grouping.of(labelled, ("image",), Reduce.MAX).series[0].attributes == {"image": "one"}


def test_only_some_groups_can_be_kept() -> None:
    grouping = Grouping.of(SERIES, ("program",), Reduce.SUM)
    kept = grouping.only({grouping.series[1]})
    assert kept.series == (grouping.series[1],)
    values = np.arange(7.0).reshape(1, 7, 1)
    assert kept.apply(values).tolist() == [[[2.0 + 3.0]]]


def test_the_highest_are_returned_by_place_and_missing_values_are_the_lowest() -> None:
    assert top_of(np.array([3.0, math.nan, 9.0, 5.0]), 2).tolist() == [2, 3]
    assert top_of(np.array([math.nan, 1.0, 1.0]), 2).tolist() == [1, 2]
    assert top_of(np.array([1.0]), 5).tolist() == [0]
