"""Fewer points with the same picture: what must not get lost, for any readings."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vitalcast.core.drawing.decimate import extremes, peaks, with_holes

NAN = np.nan
READINGS = st.floats(-1e6, 1e6, width=32) | st.just(NAN)
SERIES = st.integers(0, 400).flatmap(lambda length: arrays(np.float64, length, elements=READINGS))


@given(SERIES, st.integers(12, 100))
def test_the_extremes_stay_and_nothing_is_made_up(values: np.ndarray, most: int) -> None:
    rows = extremes(values, most)
    assert len(rows) <= most
    assert np.array_equal(rows, np.unique(rows))
    kept = values[rows]
    assert bool(np.isnan(kept).any()) == bool(np.isnan(values).any())
    known = values[~np.isnan(values)]
    if len(known):
        assert np.nanmin(kept) == known.min()
        assert np.nanmax(kept) == known.max()
    if len(values):
        assert (rows[0], rows[-1]) == (0, len(values) - 1)


def test_few_readings_all_stay() -> None:
    assert extremes(np.arange(12.0), 12).tolist() == list(range(12))


def test_a_hole_and_a_spike_survive_among_many() -> None:
    values = np.zeros(10_000)
    values[[1234, 5678]] = NAN, 9.0
    rows = extremes(values, 60).tolist()
    assert {1234, 5678} <= set(rows)


@given(st.integers(1, 300).flatmap(lambda length: arrays(np.float64, (length, 2), elements=READINGS)))
def test_joined_rows_hold_the_highest_of_each(values: np.ndarray) -> None:
    ends, joined = peaks(values, 20)
    start = 0
    for end, row in zip(ends.tolist(), joined, strict=True):
        block = values[start : end + 1]
        assert np.array_equal(row, np.fmax.reduce(block, axis=0), equal_nan=True)
        start = end + 1
    assert start == len(values)


def test_a_hole_in_a_heatmap_stays_apart() -> None:
    values = np.ones((1000, 3))
    values[500] = NAN
    ends, joined = peaks(values, 20)
    assert np.isnan(joined[ends.tolist().index(500)]).all()
    assert len(ends) <= 20 + 2


def test_missing_ticks_become_a_hole_as_long_as_they_were() -> None:
    times, values = with_holes(
        np.array([1000, 2000, 5000, 6000]), np.array([[1.0], [2.0], [5.0], [6.0]]), np.array([False, True, False])
    )
    assert times.tolist() == [1000, 2000, 3000, 4000, 5000, 6000]
    assert np.isnan(values[2:4]).all()
    assert values[[0, 1, 4, 5], 0].tolist() == [1, 2, 5, 6]


def test_where_no_tick_is_missing_nothing_changes() -> None:
    times, values = np.array([1000, 2000]), np.ones((2, 1))
    assert with_holes(times, values, np.array([False])) == (times, values)
