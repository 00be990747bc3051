"""Words come back as they went in, and what was cut or changed is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.history.words import (
    WORD_BITS_MAX,
    pack_bodies,
    pack_varint,
    unpack_bodies,
    unpack_varint,
    unzigzag,
    zigzag,
)

words = st.integers(0, WORD_BITS_MAX).flatmap(lambda size: st.integers(0, 2**size - 1))


@st.composite
def tables(draw: st.DrawFn) -> tuple[npt.NDArray[np.uint64], list[int]]:
    length = draw(st.integers(1, 40))
    rows = draw(st.lists(st.lists(words, min_size=length, max_size=length), min_size=1, max_size=6))
    owners = sorted(draw(st.integers(0, 3)) for _ in rows)
    return np.array(rows, dtype=np.uint64), owners


@given(tables())
def test_rows_come_back(table: tuple[npt.NDArray[np.uint64], list[int]]) -> None:
    rows, owners = table
    bodies = pack_bodies(rows, owners, 4)
    assert unpack_bodies(bodies, [owners.count(owner) for owner in range(4)], rows.shape[1]).tolist() == rows.tolist()


def test_long_rows_come_back() -> None:
    generator = np.random.default_rng(5)
    rows = generator.integers(0, 2**WORD_BITS_MAX, (4, 2000), dtype=np.uint64) >> generator.integers(
        0, WORD_BITS_MAX, (4, 2000), dtype=np.uint64
    )
    rows[1] = 7  # runs
    assert (unpack_bodies(pack_bodies(rows, [0, 0, 1, 1], 2), [2, 2], 2000) == rows).all()


def test_words_that_repeat_cost_next_to_nothing() -> None:
    assert len(pack_bodies(np.full((1, 3600), 3, dtype=np.uint64), [0], 1)[0]) < 30


@given(tables(), st.data())
def test_what_was_cut_off_is_refused(table: tuple[npt.NDArray[np.uint64], list[int]], data: st.DataObject) -> None:
    rows, _ = table
    body = pack_bodies(rows, [0] * len(rows), 1)[0]
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(ValueError, match=r"symbols|bits|varint"):
        unpack_bodies([body[:cut]], [len(rows)], rows.shape[1])


@given(st.integers(0, 2**64 - 1))
def test_varints_come_back(number: int) -> None:
    packed = pack_varint(number)
    assert unpack_varint(b"x" + packed + b"y", 1) == (number, 1 + len(packed))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80" * 11])
def test_a_varint_without_end_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="varint"):
        unpack_varint(data, 0)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_zigzag_comes_back(numbers: list[int]) -> None:
    assert unzigzag(zigzag(np.array(numbers, dtype=np.int64))).tolist() == numbers
