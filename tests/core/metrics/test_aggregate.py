"""Aggregates against a plain walk over the numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.aggregate import Fold, aggregate_runs, aggregates_of_tick, boundaries, is_boundary
from vitalcast.core.query.partials import Partials
from vitalcast.core.vocabulary import PERCENTILES, Aggregate

PLAIN = (Aggregate.LAST, Aggregate.AVG, Aggregate.MIN, Aggregate.MAX, Aggregate.SUM, Aggregate.COUNT)
ALL = (*PLAIN, *map(Aggregate, PERCENTILES))
readings = st.one_of(st.just(math.nan), st.floats(-1e9, 1e9))


@st.composite
def blocks(draw: st.DrawFn) -> np.ndarray:
    ticks, series = draw(st.integers(1, 12)), draw(st.integers(0, 4))
    return np.array(
        draw(st.lists(st.lists(readings, min_size=series, max_size=series), min_size=ticks, max_size=ticks))
    )


def reference(column: list[float]) -> list[float]:
    seen = [value for value in column if not math.isnan(value)]
    if not seen:
        return [column[-1], *[math.nan] * (len(ALL) - 1)]
    percentiles = [float(np.percentile(seen, fraction * 100)) for fraction in PERCENTILES.values()]
    return [column[-1], sum(seen) / len(seen), min(seen), max(seen), sum(seen), len(seen), *percentiles]


def expected(block: np.ndarray) -> np.ndarray:
    return np.array([value for column in block.T.tolist() for value in reference(column)])


@given(blocks())
def test_runs_agree_with_a_walk_over_the_numbers(block: np.ndarray) -> None:
    got = aggregate_runs(block, np.array([0]), ALL)
    np.testing.assert_allclose(got[0], expected(block), rtol=1e-9, atol=1e-6)


@given(blocks(), st.data())
def test_cutting_into_runs_is_the_same_as_aggregating_each(block: np.ndarray, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(block) - 1))) if len(block) > 1 else set())
    starts = np.array([0, *cuts])
    got = aggregate_runs(block, starts, ALL)
    for row, (start, stop) in enumerate(zip(starts, [*cuts, len(block)], strict=True)):
        np.testing.assert_allclose(got[row], expected(block[start:stop]), rtol=1e-9, atol=1e-6)


@given(blocks(), st.data())
def test_a_fold_over_pieces_is_the_same_as_one_run(block: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(block)))
    fold = Fold(block.shape[1])
    fold.add(block[:cut])
    fold.add(block[cut:])
    np.testing.assert_allclose(fold.result(PLAIN), aggregate_runs(block, np.array([0]), PLAIN)[0], rtol=1e-9, atol=1e-6)


@given(st.floats(-1e9, 1e9), st.integers(2, 60), st.integers(0, 3))
def test_what_lies_between_extremes_is_never_outside_them_for_rounding(value: float, ticks: int, others: int) -> None:
    """Added up and divided, 0.1 thrice is 0.10000000000000002."""
    column = np.array([value] * ticks + [math.nextafter(value, math.inf)] * others)
    times_ms = np.arange(1, len(column) + 1)
    fold = Fold(1)
    for reading in column:
        fold.add(np.array([[reading]]))
    partials = Partials(ALL)
    partials.add_ticks(0, times_ms, column, 1000)
    run = aggregate_runs(column[:, None], np.array([0]), ALL)[0]
    assert fold.result((Aggregate.MIN, Aggregate.AVG, Aggregate.MAX)).tolist() == sorted(
        fold.result((Aggregate.MIN, Aggregate.AVG, Aggregate.MAX))
    )
    for values in (run, partials.steps().values[0]):
        found = dict(zip(ALL, values.tolist(), strict=True))
        for aggregate in (Aggregate.AVG, *map(Aggregate, PERCENTILES)):
            assert found[Aggregate.MIN] <= found[aggregate] <= found[Aggregate.MAX], aggregate


@given(st.lists(readings, max_size=5))
def test_one_tick_alone_is_all_of_its_aggregates(values: list[float]) -> None:
    row = np.array(values)
    np.testing.assert_array_equal(aggregates_of_tick(row, ALL), aggregate_runs(row[None], np.array([0]), ALL)[0])


def test_a_moved_fold_keeps_its_series_and_starts_new_ones_empty() -> None:
    fold = Fold(2)
    fold.add(np.array([[1.0, 10.0], [3.0, 30.0]]))
    moved = fold.moved(np.array([1, -1, 0]))
    np.testing.assert_array_equal(moved.result((Aggregate.AVG,)), [20.0, math.nan, 2.0])


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=50), st.sampled_from([100, 700, 1000]))
def test_an_interval_ends_past_its_multiple_or_where_the_clock_went_back(times: list[int], interval_ms: int) -> None:
    got = boundaries(np.array(times), interval_ms)
    pairs = list(itertools.pairwise(times))
    assert got.tolist() == [a // interval_ms != b // interval_ms or b < a for a, b in pairs]
    assert got.tolist() == [is_boundary(a, b, interval_ms) for a, b in pairs]


@pytest.mark.filterwarnings("error")
def test_what_is_too_large_to_add_up_has_no_average_and_is_no_fault() -> None:
    block = np.array([[1e308, math.inf], [1e308, -math.inf]])
    fold = Fold(2)
    fold.add(block)
    fold.add(block)
    for averages in (fold.result((Aggregate.AVG,)), aggregate_runs(block, np.array([0]), (Aggregate.AVG,))[0]):
        assert not np.isfinite(averages).any()


def test_several_aggregates_are_series_major() -> None:
    block = np.array([[1.0, 10.0], [3.0, 30.0]])
    assert aggregate_runs(block, np.array([0]), (Aggregate.MIN, Aggregate.MAX)).tolist() == [[1, 3, 10, 30]]


@pytest.mark.parametrize("aggregate", ALL)
def test_one_tick_is_its_own_aggregate(aggregate: Aggregate) -> None:
    expected = 1.0 if aggregate is Aggregate.COUNT else 4.5
    assert aggregate_runs(np.array([[4.5]]), np.array([0]), (aggregate,)).tolist() == [[expected]]
