"""The ring against a plain list of frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.model import Frame, Layout
from vitalcast.core.metrics.ring import BLOCK_ROWS, Ring

LAYOUT = Layout(())


def frame(offset: int, time_ms: int, values: list[float]) -> Frame:
    return Frame(offset, time_ms, LAYOUT, np.array(values))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), min_size=1, max_size=300), st.data())
def test_what_was_put_in_comes_out(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    ring = Ring(window_ms=10**9)
    kept: list[tuple[int, list[float]]] = []
    offset = width = 0
    for step, wider in steps:
        offset += step
        width = max(width, wider)
        values = [offset * 10.0 + column for column in range(width)]
        ring.append(frame(offset, offset * 1000, values))
        kept.append((offset, values))
    assert ring.offsets().tolist() == [offset for offset, _ in kept]
    assert ring.times().tolist() == [offset * 1000 for offset, _ in kept]
    assert (ring.first_row, ring.end_row) == (0, len(kept))
    start = data.draw(st.integers(0, len(kept)))
    stop = data.draw(st.integers(start, len(kept)))
    columns = data.draw(st.permutations(range(width)))
    got = ring.read(np.array(columns, dtype=np.intp), start, stop)
    want = [
        [values[column] if column < len(values) else math.nan for column in columns] for _, values in kept[start:stop]
    ]
    np.testing.assert_array_equal(got, np.array(want).reshape(stop - start, width))
    rows = sorted(data.draw(st.sets(st.integers(0, len(kept) - 1), max_size=20)))
    picked = ring.pick(np.array(columns, dtype=np.intp), np.array(rows, dtype=np.intp))
    whole = ring.read(np.array(columns, dtype=np.intp), 0, len(kept))
    np.testing.assert_array_equal(picked, whole[rows])


def test_it_forgets_what_is_older_than_its_window() -> None:
    ring = Ring(window_ms=100_000)
    for offset in range(1, 1001):
        ring.append(frame(offset, offset * 1000, [1.0]))
    assert 100 <= ring.end_row - ring.first_row <= 100 + 2 * BLOCK_ROWS
    assert ring.oldest_offset == ring.offsets()[0] == ring.first_row + 1


def test_a_clock_that_jumps_makes_it_forget_nothing() -> None:
    ring = Ring(window_ms=100_000)
    hour_ms = 3_600_000
    for offset in range(1, 1000):
        ahead_ms = 100 * hour_ms if offset % 90 < 6 else -hour_ms if offset % 90 > 80 else 0
        ring.append(frame(offset, offset * 1000 + ahead_ms, [1.0]))
        assert ring.end_row - ring.first_row >= min(offset, 100)
        ages = ring.ages()
        assert ages[-1] == 0
        assert (np.diff(ages) <= 0).all()
    assert ring.end_row - ring.first_row <= 200 + 2 * BLOCK_ROWS, "and no more than its window"


def test_it_stays_within_its_memory_while_ticks_are_fast() -> None:
    limit = 2**20
    ring = Ring(window_ms=900_000, memory_max_bytes=limit)
    for offset in range(1, 3000):
        ring.append(frame(offset, offset * 100, [0.0] * 100))
    assert ring.nbytes <= limit + BLOCK_ROWS * 102 * 8
    assert ring.newest is not None
    assert ring.newest.offset == 2999


def test_an_offset_that_does_not_grow_is_refused() -> None:
    ring = Ring()
    ring.append(frame(5, 5000, [1.0]))
    with pytest.raises(ValueError, match="offset 5 does not follow 5"):
        ring.append(frame(5, 6000, [1.0]))


def test_an_empty_ring_answers_with_nothing() -> None:
    ring = Ring()
    assert ring.newest is None
    assert ring.oldest_offset == 0
    assert ring.offsets().size == ring.times().size == 0
    assert ring.read(np.array([0, 1]), 0, 10).shape == (0, 2)


def test_fifteen_minutes_of_four_hundred_series_take_three_megabytes() -> None:
    ring = Ring()
    for offset in range(1, 1000):
        ring.append(frame(offset, offset * 1000, [0.5] * 400))
    assert ring.nbytes < 3.5e6
