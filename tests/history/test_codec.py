"""The codec: whatever goes in comes out bit by bit, and what machines read takes few bytes."""

from __future__ import annotations

import math
import struct
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vitalcast.errors import CodecError
from vitalcast.history.codec import decode, encode, pack_integers, pack_parts, unpack_integers, unpack_parts

Block = npt.NDArray[np.float64]

NAN = math.nan
any_float = st.floats(width=64)
decimal = st.builds(lambda digits, places: digits / 10**places, st.integers(-(10**9), 10**9), st.integers(0, 9))
rate = st.one_of(st.just(0.0), st.integers(0, 10**9).map(lambda digits: digits / 10**6), st.floats(0, 1e7))
microseconds = st.integers(0, 10**12).map(lambda number: number // 10**6 + number % 10**6 * 1e-6)
odd = st.sampled_from([0.0, -0.0, NAN, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 2.0**53, -(2.0**53) + 1])
readings = st.one_of(any_float, decimal, rate, microseconds, odd)


def column_of(elements: st.SearchStrategy[float], rows: int) -> st.SearchStrategy[list[float]]:
    with_holes = st.one_of(elements, st.just(NAN))
    return st.one_of(
        st.lists(elements, min_size=rows, max_size=rows),
        st.lists(with_holes, min_size=rows, max_size=rows),
        elements.map(lambda value: [value] * rows),
    )


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    rows = draw(st.integers(1, 40))
    kinds = st.sampled_from([any_float, decimal, rate, microseconds, odd, readings])
    columns = [draw(column_of(draw(kinds), rows)) for _ in range(draw(st.integers(0, 6)))]
    return np.array(columns, dtype=np.float64).reshape(len(columns), rows).T


def assert_same(got: Block, want: Block) -> None:
    """Hold two blocks equal bit by bit, except that every nan is the same."""
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    bits = [np.where(np.isnan(one), 0.0, one).view(np.int64) for one in (got, want)]
    np.testing.assert_array_equal(*bits)


@given(blocks())
def test_every_block_comes_back_bit_by_bit(block: Block) -> None:
    assert_same(decode(encode(block), len(block)), block)


@given(hnp.arrays(np.uint64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_any_bits_at_all_come_back(bits: npt.NDArray[np.uint64]) -> None:
    block = bits.view(np.float64)
    assert_same(decode(encode(block), len(block)), block)


@given(blocks())
def test_a_column_is_packed_without_regard_to_its_neighbours(block: Block) -> None:
    columns = encode(block)
    for position in range(block.shape[1]):
        assert encode(block[:, position : position + 1]) == [columns[position]]


@given(blocks(), st.data())
def test_columns_can_be_unpacked_one_by_one(block: Block, data: st.DataObject) -> None:
    columns = encode(block)
    some = data.draw(st.lists(st.integers(0, max(0, len(columns) - 1)), max_size=3 if columns else 0))
    assert_same(decode([columns[position] for position in some], len(block)), block[:, some])


def test_a_block_is_only_read() -> None:
    block = np.array([[1.0, NAN], [2.0, 3.0]])
    block.flags.writeable = False
    encode(block)
    np.testing.assert_array_equal(block, [[1.0, NAN], [2.0, 3.0]])


# --- size --------------------------------------------------------------------------------------------------------


def size(values: list[float] | Block) -> int:
    return len(encode(np.array(values, dtype=np.float64)[:, None])[0])


@pytest.mark.parametrize(
    ("value", "bytes_max"), [(0.0, 1), (1.0, 3), (-0.0, 2), (0.5, 3), (8_589_934_592.0, 3), (NAN, 1), (math.pi, 9)]
)
@pytest.mark.parametrize("rows", [1, 600])
def test_a_constant_column_takes_a_few_bytes(value: float, bytes_max: int, rows: int) -> None:
    assert size([value] * rows) <= bytes_max


def test_a_steady_clock_takes_next_to_nothing() -> None:
    times_ms = np.arange(600) * 1000.0 + 1_790_000_000_000
    assert size(times_ms) < 40
    offsets = np.arange(600) + 8123.0
    offsets[300:] += 17
    assert size(offsets) < 40


def test_decimals_take_the_bytes_of_their_digits_and_not_of_floats() -> None:
    random = np.random.default_rng(1)
    shares = np.round(random.uniform(0.2, 0.3, 600), 5)
    assert size(shares) < 2.2 * 600
    counter = np.cumsum(random.integers(900, 1100, 600)) + 4e9
    assert size(counter) < 1.6 * 600
    seconds = np.array([number // 10**6 + number % 10**6 * 1e-6 for number in range(10**8, 10**8 + 600 * 1234, 1234)])
    assert size(seconds) < 0.6 * 600, "neighbours of decimals count as decimals"


def test_rates_take_the_bytes_of_their_six_digits_whatever_their_size() -> None:
    random = np.random.default_rng(1)
    rates = np.round(random.uniform(10_000, 12_000, 600), 3)
    rates[::50] = 98.765432
    assert size(rates) < 3.6 * 600


def test_a_few_holes_cost_a_few_bytes() -> None:
    values = np.arange(600.0)
    whole = size(values)
    values[[3, 4, 5, 400]] = NAN
    assert size(values) < whole + 40


@given(st.lists(any_float, min_size=1, max_size=200))
def test_nothing_takes_more_than_a_float_and_its_bit_for_nan(values: list[float]) -> None:
    assert size(values) <= 3 + 10 * len(values)


# --- what is broken ----------------------------------------------------------------------------------------------


@given(blocks(), st.data())
def test_what_is_broken_is_an_error_or_other_values_and_never_another_exception(
    block: Block, data: st.DataObject
) -> None:
    columns = [bytearray(column) for column in encode(block)]
    for column in columns:
        if data.draw(st.booleans()):
            column[data.draw(st.integers(0, len(column) - 1))] ^= data.draw(st.integers(1, 255))
        del column[data.draw(st.integers(0, len(column))) :]
    try:
        assert decode([bytes(column) for column in columns], len(block)).shape == block.shape
    except CodecError as error:
        assert "cannot be read" in str(error)


@given(st.lists(st.binary(max_size=30), max_size=4), st.integers(1, 50))
def test_noise_is_an_error_or_values_and_never_another_exception(columns: list[bytes], rows: int) -> None:
    with suppress(CodecError):
        assert decode(columns, rows).shape == (rows, len(columns))


# --- lists of integers -------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-(2**61), 2**61)))
def test_integers_come_back(numbers: list[int]) -> None:
    assert unpack_integers(pack_integers(numbers)) == numbers


def test_consecutive_integers_take_a_few_bytes() -> None:
    assert len(pack_integers(range(1, 2001))) < 30


@given(st.binary(max_size=40))
def test_noise_is_no_list_of_integers(data: bytes) -> None:
    with suppress(CodecError):
        unpack_integers(data)


def test_the_layout_of_the_bytes_is_what_files_already_hold() -> None:
    rows = [[7.0, 0.25, NAN, 1.0, math.pi], [7.0, 0.5, NAN, NAN, math.e]]
    packed = [column.hex() for column in encode(np.array(rows))]
    pi_and_e = bytes(
        byte for pair in zip(struct.pack("<d", math.pi), struct.pack("<d", math.e), strict=True) for byte in pair
    )
    assert packed == ["01401c", "0208" + "3232", "00", "0600" + "40" + "0200", "03" + pi_and_e.hex()]


# --- parts joined ------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_parts_come_apart_as_they_were_joined(parts: list[bytes]) -> None:
    assert unpack_parts(pack_parts(parts)) == parts


def test_equal_parts_are_stored_once() -> None:
    assert len(pack_parts([b"x" * 1000] * 10)) < 1100


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.data())
def test_any_change_to_joined_parts_is_noticed(parts: list[bytes], data: st.DataObject) -> None:
    joined = bytearray(pack_parts(parts))
    joined[data.draw(st.integers(0, len(joined) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CodecError):
        unpack_parts(bytes(joined))
    with pytest.raises(CodecError):
        unpack_parts(pack_parts(parts)[: data.draw(st.integers(0, len(joined) - 1))])
