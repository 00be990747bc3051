"""Blocks of values come back bit by bit, whatever values are, and damage is found."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.errors import CodecError
from vitalcast.history.blocks import pack_values, unpack_values

Floats = npt.NDArray[np.float64]
ROWS = 60

anything = st.floats(allow_nan=True, allow_infinity=True)
kinds = st.sampled_from(
    [
        anything,
        st.one_of(st.just(math.nan), st.integers(-(10**6), 10**6).map(lambda n: n / 1000)),
        st.integers(0, 2**53).map(float),
        st.integers(-(2**63), 2**63).map(float),
        st.integers(0, 10**5).map(lambda pages: 7.0 + 4096.0 * pages),
        st.floats(1e-9, 1e9).map(lambda value: float(f"{value:.3e}")),
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: pair[0] + pair[1] / 10**6),
        st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, math.inf, -math.inf]),
        st.just(12.5),
        st.just(math.nan),
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> Floats:
    rows = draw(st.integers(1, ROWS))
    columns = draw(st.lists(kinds, min_size=1, max_size=5))
    drawn = [draw(st.lists(kind, min_size=rows, max_size=rows)) for kind in columns]
    table = np.array(drawn, dtype=np.float64).T
    if draw(st.booleans()):  # as counters are
        with np.errstate(all="ignore"):
            table = np.cumsum(table, axis=0)
    return table


def same(one: Floats, other: Floats) -> bool:
    """Compare bit by bit, but for which `nan` it is."""
    absent = np.isnan(one)
    return bool(
        (absent == np.isnan(other)).all()
        and (np.where(absent, 0, one).view(np.int64) == np.where(absent, 0, other).view(np.int64)).all()
    )


@given(tables())
def test_values_come_back_bit_by_bit(table: Floats) -> None:
    assert same(unpack_values(pack_values(table), len(table)), table)


def test_an_hour_of_what_machines_have_comes_back() -> None:
    generator = np.random.default_rng(3)
    counter = np.cumsum(generator.integers(0, 10**7, 3600)).astype(np.float64) + 1e13
    seconds = np.cumsum(generator.integers(0, 10**6, 3600)) / 10**6
    away = np.nextafter(seconds, np.inf)
    rate = np.array([float(f"{value:.3e}") for value in generator.lognormal(5, 3, 3600)])
    holes = np.where(generator.random(3600) < 0.1, np.nan, rate)
    doubles = generator.random(3600)
    table = np.column_stack([counter, seconds, away, rate, holes, doubles, np.where(holes > 1, doubles, np.nan)])
    assert same(unpack_values(pack_values(table), 3600), table)


def test_each_block_stands_alone() -> None:
    table = np.random.default_rng(1).normal(0, 1, (50, 4)).round(3)
    blocks = pack_values(table)
    assert same(unpack_values(blocks[2:3], 50), table[:, 2:3])
    assert pack_values(table[:, 2:3]) == blocks[2:3]
    assert unpack_values([], 50).shape == (50, 0)


def test_a_block_that_is_not_there_has_nothing() -> None:
    table = np.column_stack([np.arange(9) / 8, np.full(9, np.nan)])
    assert same(unpack_values([pack_values(table)[0], b""], 9), table)


def test_what_stands_still_takes_next_to_nothing() -> None:
    table = np.column_stack([np.full(3600, 8.0), np.full(3600, np.nan), np.repeat(np.arange(36) / 100, 100)])
    constant, nothing, seldom = map(len, pack_values(table))
    assert (constant, nothing) < (9, 9)
    assert seldom < 100


def test_counts_of_pages_cost_no_more_than_their_number() -> None:
    pages = np.random.default_rng(1).integers(0, 1000, 3600).astype(np.float64)
    plain, scaled = map(len, pack_values(np.column_stack([pages, 4096.0 * pages + 512])))
    assert abs(scaled - plain) < 10


def test_a_rate_costs_as_much_when_it_is_a_thousand_times_as_great() -> None:
    rates = np.array([float(f"{value:.3e}") for value in np.random.default_rng(1).lognormal(3, 2, 3600)])
    small, great = map(len, pack_values(np.column_stack([rates, np.array([float(f"{v:.3e}") for v in rates * 1000])])))
    assert great < 1.02 * small


@given(st.data())
def test_damage_is_found(data: st.DataObject) -> None:
    table = np.random.default_rng(2).normal(0, 1, (50, 3)).round(2)
    blocks = pack_values(table)
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(blocks[which]) - 1))
    bent = bytearray(blocks[which])
    bent[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CodecError, match="3 blocks of 50 rows cannot be read"):
        unpack_values([*blocks[:which], bytes(bent), *blocks[which + 1 :]], 50)


@pytest.mark.parametrize("rows", [49, 51])
def test_another_number_of_rows_is_refused(rows: int) -> None:
    with pytest.raises(CodecError):
        unpack_values(pack_values(np.random.default_rng(2).normal(0, 1, (50, 1)).round(2)), rows)
