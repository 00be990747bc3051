"""Percentiles of sketches are those of the readings, within the promise, however they came together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.query.sketch import BASE, ERROR, INFINITE, Sketches, buckets_of, empty, merged, sketched, values_of

PROMISE = 0.02
FRACTIONS = (0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 1.0)
TINIEST = float(np.finfo(np.float64).tiny)
HUGEST = float(np.finfo(np.float64).max)

sizes = st.one_of(
    st.just(0.0),
    st.floats(TINIEST, HUGEST),
    st.floats(0.001, 1000.0),
    st.sampled_from([1.0, BASE, 1 / BASE, BASE**7, TINIEST, HUGEST]),
)
readings = st.one_of(sizes, sizes.map(lambda size: -size))


def of_one_step(values: npt.NDArray[np.float64]) -> Sketches:
    return sketched(np.zeros(len(values), dtype=np.int64), values)


def entries(sketches: Sketches) -> list[tuple[int, int, int]]:
    columns = (sketches.steps.tolist(), sketches.buckets.tolist(), sketches.counts.tolist())
    return list(zip(*columns, strict=True))


@given(readings)
def test_the_value_of_a_bucket_is_near_all_that_are_in_it(value: float) -> None:
    bucket = buckets_of(np.array([value]))
    assert values_of(bucket)[0] == pytest.approx(value, rel=ERROR * (1 + 1e-9), abs=0)


@given(readings, readings)
def test_buckets_are_in_the_order_of_values(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert np.diff(buckets_of(np.array([low, high])))[0] >= 0


@given(st.lists(sizes, min_size=1, max_size=200), st.sampled_from([1.0, -1.0]))
def test_percentiles_are_those_of_numpy_within_the_promise(values: list[float], sign: float) -> None:
    array = np.array(values) / 2 * sign  # numpy's interpolation itself overflows at the largest float
    true = np.percentile(array, [100 * fraction for fraction in FRACTIONS])
    assert of_one_step(array).percentiles(FRACTIONS, 1)[0] == pytest.approx(true, rel=PROMISE, abs=0)


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=200))
def test_percentiles_between_signs_err_no_more_than_their_neighbours_do(values: list[float]) -> None:
    array = np.array(values)
    for fraction, found in zip(FRACTIONS, of_one_step(array).percentiles(FRACTIONS, 1)[0], strict=True):
        below = np.percentile(array, 100 * fraction, method="lower")
        above = np.percentile(array, 100 * fraction, method="higher")
        bound = PROMISE * max(abs(below), abs(above)) + 1e-300
        assert abs(found - np.percentile(array, 100 * fraction)) <= bound


@given(st.lists(st.tuples(st.integers(0, 5), readings), max_size=100), st.integers(0, 100))
def test_merged_parts_are_the_sketch_of_the_whole(rows: list[tuple[int, float]], cut: int) -> None:
    steps = np.array([step for step, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows])
    parts = [sketched(steps[:cut], values[:cut]), sketched(steps[cut:], values[cut:])]
    assert entries(merged(parts)) == entries(sketched(steps, values))


@given(st.lists(st.tuples(st.integers(0, 9), readings), max_size=100))
def test_steps_that_become_one_have_the_readings_of_all(rows: list[tuple[int, float]]) -> None:
    steps = np.array([step for step, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows])
    assert entries(sketched(steps, values).placed(np.arange(10) // 5)) == entries(sketched(steps // 5, values))


def test_each_step_has_its_own_percentiles_and_one_without_readings_has_none() -> None:
    sketches = sketched(np.array([3, 0, 3, 1]), np.array([10.0, 5.0, 30.0, np.nan]))
    found = sketches.percentiles([0.5], 5)[:, 0]
    assert found == pytest.approx([5.0, np.nan, np.nan, 20.0, np.nan], rel=PROMISE, nan_ok=True)


def test_what_is_infinite_stays_so() -> None:
    values = np.array([-np.inf, 1.0, np.inf])
    assert buckets_of(values).tolist()[::2] == [-INFINITE, INFINITE]
    assert of_one_step(values).percentiles([0.0, 1.0], 1).tolist() == [[-np.inf, np.inf]]


def test_nothing_has_no_percentile() -> None:
    assert np.isnan(empty().percentiles([0.5], 2)).all()
    assert entries(merged([])) == []
    assert entries(empty().placed(np.zeros(0, dtype=np.int64))) == []
