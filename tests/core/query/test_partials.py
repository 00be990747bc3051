"""What parts of the past come to is within their extremes, as exact as they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.query.partials import Partials
from vitalcast.core.query.past import Rollup
from vitalcast.core.query.sketch import sketched
from vitalcast.core.vocabulary import Aggregate

EVERY = tuple(Aggregate)
BETWEEN = (Aggregate.AVG, Aggregate.P50, Aggregate.P90, Aggregate.P95, Aggregate.P99)


def rollup(readings: list[float], *, sketches: bool) -> Rollup:
    """Return one minute of one series."""
    values = np.array(readings)
    one = np.zeros(len(values), dtype=np.int64)
    columns = (min(readings), max(readings), sum(readings), float(len(readings)), readings[-1])
    return Rollup(
        0, 0, np.array([60_000]), *(np.array([each]) for each in columns), sketched(one, values) if sketches else None
    )


@pytest.mark.parametrize("twice", [False, True])
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=3).flatmap(lambda few: st.just(few * 9)))
def test_no_mean_and_no_percentile_of_a_sketch_is_outside_the_extremes(twice: bool, readings: list[float]) -> None:
    partials = Partials(EVERY)
    for _ in range(1 + twice):
        partials.add_rollup(rollup(readings, sketches=True), 60_000)
    steps = partials.steps()
    found = dict(zip(EVERY, steps.values[0].tolist(), strict=True))
    assert steps.approximate
    assert (found[Aggregate.MIN], found[Aggregate.MAX]) == (min(readings), max(readings))
    assert all(found[Aggregate.MIN] <= found[one] <= found[Aggregate.MAX] for one in BETWEEN)


def test_where_nothing_is_known_of_how_readings_spread_there_is_no_percentile() -> None:
    partials = Partials((Aggregate.P50, Aggregate.AVG))
    partials.add_rollup(rollup([1.0, 3.0], sketches=False), 60_000)
    percentile, mean = partials.steps().values[0].tolist()
    assert np.isnan(percentile)
    assert mean == 2.0
