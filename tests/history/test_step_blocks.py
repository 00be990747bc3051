"""Blocks of steps come back: all but the sum bit by bit, the sum within its bound, sketches whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitalcast
from vitalcast.errors import CodecError
from vitalcast.history.rollup import Steps, coarser, steps_of_ticks
from vitalcast.history.step_blocks import SUM_ERROR, pack_steps, unpack_steps, unpack_tables

Floats = npt.NDArray[np.float64]
MINUTE = 60_000
MANUAL = Path(vitalcast.__file__).parent / "reference" / "wire.md"

kinds = st.sampled_from(
    [
        st.floats(allow_nan=True, allow_infinity=True),
        st.floats(-1e9, 1e9),
        st.one_of(st.just(math.nan), st.integers(-(10**6), 10**6).map(lambda n: n / 1000)),
        st.integers(0, 2**53).map(float),
        st.floats(1e-9, 1e6).map(lambda value: float(f"{value:.3e}")),
        st.just(12.5),
        st.just(math.nan),
    ]
)


@st.composite
def steps(draw: st.DrawFn) -> Steps:
    ticks = draw(st.integers(1, 80))
    times = np.cumsum(draw(st.lists(st.sampled_from([1000, 20_000, 300_000]), min_size=ticks, max_size=ticks)))
    columns = [draw(st.lists(draw(kinds), min_size=ticks, max_size=ticks)) for _ in range(draw(st.integers(1, 4)))]
    table = np.array(columns, dtype=np.float64).T
    if draw(st.booleans()):
        with np.errstate(all="ignore"):
            table = np.cumsum(table, axis=0)
    return steps_of_ticks(times, table, MINUTE, histogram=draw(st.booleans()))


def check(found: Steps, true: Steps) -> None:
    for name in ("minimum", "maximum", "count", "last"):
        assert np.array_equal(getattr(found, name), getattr(true, name), equal_nan=True)
    with np.errstate(all="ignore"):
        least = true.minimum * true.count
        bound = SUM_ERROR * np.abs(true.total - least) + 1e-12 * (np.abs(true.total) + np.abs(least)) + 1e-300
        close = (np.abs(found.total - true.total) <= bound) | (found.total == true.total)
    assert (close | (np.isnan(found.total) & np.isnan(true.total)) | (true.count == 0)).all()
    assert (found.total[true.count == 0] == 0).all()
    if true.sketches is not None:
        assert found.sketches is not None
        for one, other in zip(found.sketches, true.sketches, strict=True):
            assert (one.steps.tolist(), one.buckets.tolist(), one.counts.tolist()) == (
                other.steps.tolist(),
                other.buckets.tolist(),
                other.counts.tolist(),
            )


@given(steps())
def test_steps_come_back(true: Steps) -> None:
    blocks = pack_steps(true)
    check(unpack_steps(blocks, true.times_ms, histogram=true.sketches is not None), true)
    check(unpack_steps(blocks[-1:], true.times_ms, histogram=False), only(true, -1))


@given(st.lists(steps(), min_size=2, max_size=4))
def test_tables_that_are_alike_come_back_as_one(parts: list[Steps]) -> None:
    length, width = (min(part.count.shape[axis] for part in parts) for axis in (0, 1))
    histogram = all(part.sketches is not None for part in parts)
    alike = [only_rows(part, length, width) for part in parts]
    tables = [pack_steps(part) for part in alike]
    whole = unpack_tables(tables, [part.times_ms for part in alike], histogram=histogram)
    assert whole.times_ms.tolist() == [time for part in alike for time in part.times_ms.tolist()]
    for number, part in enumerate(alike):
        rows = np.zeros(len(whole.times_ms), dtype=np.bool_)
        rows[number * length : (number + 1) * length] = True
        columns = (whole.minimum, whole.maximum, whole.total, whole.count, whole.last)
        sketches = None if whole.sketches is None else tuple(one.only(rows) for one in whole.sketches)
        own = part if histogram else replace(part, sketches=None)
        check(Steps(whole.times_ms[rows], *(column[rows] for column in columns), sketches=sketches), own)


def only_rows(steps: Steps, length: int, width: int) -> Steps:
    """Return the first steps of the first series."""
    rows = np.arange(len(steps.times_ms)) < length
    columns = (steps.minimum, steps.maximum, steps.total, steps.count, steps.last)
    sketches = None if steps.sketches is None else tuple(one.only(rows) for one in steps.sketches[:width])
    return Steps(steps.times_ms[:length], *(column[:length, :width] for column in columns), sketches=sketches)


def only(steps: Steps, series: int) -> Steps:
    columns = (steps.minimum, steps.maximum, steps.total, steps.count, steps.last)
    return Steps(steps.times_ms, *(column[:, series][:, None] for column in columns))


def busy() -> Steps:
    generator = np.random.default_rng(4)
    rates = np.array([float(f"{value:.3e}") for value in generator.lognormal(5, 2, 7200)])
    counter = np.cumsum(generator.integers(0, 10**6, 7200)).astype(np.float64)
    times = np.arange(1, 7201) * 1000
    return steps_of_ticks(times, np.column_stack([rates, counter, generator.random(7200)]), MINUTE, histogram=True)


def test_packing_again_changes_nothing() -> None:
    """As when the steps of an hour become part of a day's."""
    once = unpack_steps(pack_steps(busy()), busy().times_ms, histogram=True)
    twice = unpack_steps(pack_steps(once), once.times_ms, histogram=True)
    assert np.array_equal(once.total, twice.total)
    check(coarser(once, 600_000), coarser(busy(), 600_000))


@pytest.mark.parametrize("histogram", [False, True])
def test_damage_is_found(histogram: bool) -> None:
    true = busy()
    blocks = pack_steps(true)
    for at in range(0, len(blocks[0]), 97):
        bent = bytearray(blocks[0])
        bent[at] ^= 0x55
        with pytest.raises(CodecError):
            unpack_steps([bytes(bent)], true.times_ms, histogram=histogram)
    with pytest.raises(CodecError):
        unpack_steps(blocks, true.times_ms[1:], histogram=histogram)


def test_a_block_that_is_not_there_has_nothing() -> None:
    found = unpack_steps([b""], np.array([MINUTE]), histogram=True)
    assert (found.count[0, 0], found.total[0, 0]) == (0, 0)
    assert np.isnan([found.minimum, found.maximum, found.last]).all()


def test_the_manual_states_the_bound() -> None:
    text = " ".join(MANUAL.read_text().split())
    assert f"exact to {100 * SUM_ERROR:g} % of how far it lies above the least" in text


def test_sketches_that_were_never_made_are_missed() -> None:
    steps = steps_of_ticks(np.array([1000]), np.array([[1.0]]), MINUTE, histogram=False)
    with pytest.raises(CodecError, match="sketches are missing"):
        unpack_steps(pack_steps(steps), steps.times_ms, histogram=True)
