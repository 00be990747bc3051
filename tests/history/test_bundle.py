"""Bundles give back each block by its series, and refuse bytes that were changed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitalcast.errors import CodecError
from vitalcast.history.bundle import Bundle, pack_bundle

blocks = st.dictionaries(st.integers(1, 2**32 - 1), st.binary(max_size=50), min_size=1)


@given(blocks)
def test_each_block_comes_back_by_its_series(parts: dict[int, bytes]) -> None:
    ids = sorted(parts)
    bundle = Bundle(pack_bundle(ids, [parts[one] for one in ids]))
    assert bundle.ids == ids
    assert {one: bundle.get(one) for one in ids} == parts
    assert bundle.get(0) is None


@example({1: b"", 2: bytes(8)})
@example({1: b""})
@given(blocks)
def test_another_count_is_noticed(parts: dict[int, bytes]) -> None:
    ids = sorted(parts)
    packed = bytearray(pack_bundle(ids, [parts[one] for one in ids]))
    for bit in range(32):
        packed[4 + bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            Bundle(bytes(packed))
        packed[4 + bit // 8] ^= 1 << bit % 8


@given(blocks, st.data())
def test_a_changed_byte_or_a_missing_end_is_noticed(parts: dict[int, bytes], data: st.DataObject) -> None:
    ids = sorted(parts)
    packed = bytearray(pack_bundle(ids, [parts[one] for one in ids]))
    at = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(CodecError):
        Bundle(bytes(packed[:at]))
    packed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CodecError):
        Bundle(bytes(packed))
