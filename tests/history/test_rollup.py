"""Steps of ticks are what plain numpy says of each step's readings, whichever way they were rolled up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.query.steps import ends_of
from vitalcast.history.rollup import Steps, coarser, joined, steps_of_ticks

MINUTE, TEN_MINUTES, HOUR = 60_000, 600_000, 3_600_000
START = 1_790_000_000_000
FRACTIONS = (0.5, 0.9, 0.99)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
values = st.one_of(st.just(float("nan")), st.floats(-1e12, 1e12), st.integers(0, 5).map(float))
gaps = st.sampled_from([100, 999, 1000, 1001, 29_500, MINUTE, TEN_MINUTES, 3 * HOUR])


@st.composite
def tables(draw: st.DrawFn) -> tuple[Integers, Floats]:
    """Irregular ticks, some at the very end of a step, of two series with holes."""
    first = START + draw(st.sampled_from([0, 1, MINUTE - 1, 12_345]))
    steps = draw(st.lists(gaps, max_size=60))
    times = np.cumsum([first, *steps]).astype(np.int64)
    block = draw(st.lists(st.tuples(values, values), min_size=len(times), max_size=len(times)))
    return times, np.array(block, dtype=np.float64).reshape(len(times), 2)


def reference(times: Integers, column: Floats, end: int, step: int) -> tuple[float, ...]:
    inside = column[(times > end - step) & (times <= end)]
    read = inside[~np.isnan(inside)]
    if not len(read):
        return (np.nan, np.nan, 0.0, 0.0, np.nan)
    return (read.min(), read.max(), read.sum(), float(len(read)), read[-1])


def check(steps: Steps, times: Integers, block: Floats, step: int) -> None:
    assert steps.times_ms.tolist() == sorted({-(-int(time) // step) * step for time in times})
    for column in range(block.shape[1]):
        found = np.column_stack(
            [getattr(steps, name)[:, column] for name in ("minimum", "maximum", "total", "count", "last")]
        )
        for row, end in zip(found, steps.times_ms.tolist(), strict=True):
            true = reference(times, block[:, column], end, step)
            assert row == pytest.approx(true, rel=1e-9, abs=1e-3, nan_ok=True)  # sums may differ by their order
            assert row[[0, 1, 3, 4]] == pytest.approx(np.array(true)[[0, 1, 3, 4]], rel=0, abs=0, nan_ok=True)


def check_percentiles(steps: Steps, times: Integers, block: Floats, step: int) -> None:
    assert steps.sketches is not None
    for column, sketches in enumerate(steps.sketches):
        found = sketches.percentiles(FRACTIONS, len(steps.times_ms))
        for row, end in zip(found, steps.times_ms.tolist(), strict=True):
            inside = block[(times > end - step) & (times <= end), column]
            read = inside[~np.isnan(inside)]
            for fraction, value in zip(FRACTIONS, row, strict=True):
                if not len(read):
                    assert np.isnan(value)
                    continue
                size = max(
                    abs(np.percentile(read, 100 * fraction, method="lower")),
                    abs(np.percentile(read, 100 * fraction, method="higher")),
                )
                assert abs(value - np.percentile(read, 100 * fraction)) <= 0.02 * size


def test_a_step_has_the_ticks_up_to_its_end_and_is_called_by_it() -> None:
    times = np.array([60_000, 60_001, 120_000, 120_001])
    assert ends_of(times, MINUTE).tolist() == [60_000, 120_000, 120_000, 180_000]


@given(tables(), st.sampled_from([MINUTE, TEN_MINUTES, HOUR]))
def test_steps_of_ticks_are_as_numpy_says(table: tuple[Integers, Floats], step: int) -> None:
    steps = steps_of_ticks(*table, step, histogram=True)
    check(steps, *table, step)
    check_percentiles(steps, *table, step)


@given(tables())
def test_steps_of_steps_are_as_those_of_the_ticks(table: tuple[Integers, Floats]) -> None:
    check(coarser(steps_of_ticks(*table, MINUTE, histogram=False), TEN_MINUTES), *table, TEN_MINUTES)
    hours = coarser(steps_of_ticks(*table, TEN_MINUTES, histogram=True), HOUR)
    check(hours, *table, HOUR)
    check_percentiles(hours, *table, HOUR)


@given(tables(), st.integers(1, 60))
def test_halves_of_a_step_become_one(table: tuple[Integers, Floats], cut: int) -> None:
    times, block = table
    pieces = [(times[:cut], block[:cut]), (times[cut:], block[cut:])]
    parts = [steps_of_ticks(*piece, TEN_MINUTES, histogram=True) for piece in pieces if len(piece[0])]
    whole = coarser(joined(parts), TEN_MINUTES)
    check(whole, times, block, TEN_MINUTES)
    check_percentiles(whole, times, block, TEN_MINUTES)


def test_a_sum_that_is_too_large_is_infinite_and_no_peak_is_lost() -> None:
    steps = steps_of_ticks(np.array([1, 2]), np.array([[1.7e308], [1.7e308]]), MINUTE, histogram=True)
    assert (steps.total[0, 0], steps.maximum[0, 0], steps.count[0, 0]) == (np.inf, 1.7e308, 2.0)
