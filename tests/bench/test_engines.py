"""What other engines are sent: remote write as they read it, taken apart here by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bench.engines import VICTORIA, Engine, fetch, labels_of, snappy, write_request


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a protobuf message: number, and content."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        match key & 7:
            case 0:
                number, at = read_varint(data, at)
                yield key >> 3, number
            case 1:
                yield key >> 3, data[at : at + 8]
                at += 8
            case 2:
                size, at = read_varint(data, at)
                yield key >> 3, data[at : at + size]
                at += size
            case wire:
                raise AssertionError(f"wire type {wire}")


def unpacked(data: bytes) -> bytes:
    """Return what a block of snappy holds that has literals alone."""
    size, at = read_varint(data, 0)
    found = bytearray()
    while at < len(data):
        assert data[at] == 61 << 2  # a literal whose length stands in two bytes
        length = int.from_bytes(data[at + 1 : at + 3], "little") + 1
        found += data[at + 3 : at + 3 + length]
        at += 3 + length
    assert len(found) == size
    return bytes(found)


def as_bytes(value: bytes | int) -> bytes:
    assert isinstance(value, bytes)
    return value


@given(st.lists(st.tuples(st.integers(2**36, 2**41), st.floats(allow_nan=False)), min_size=1, max_size=50))
def test_samples_arrive_as_they_are(samples: list[tuple[int, float]]) -> None:
    times = np.array([time for time, _ in samples], dtype=np.int64)
    values = np.array([[value, np.nan] for _, value in samples])
    labels = [labels_of("k", "a.b", {"c.d": 'x"y'}), labels_of("k", "none", {})]
    ((number, series),) = fields(unpacked(snappy(write_request(labels, times, values))))
    assert number == 1
    parts = list(fields(as_bytes(series)))
    named = [dict(fields(as_bytes(part))) for number, part in parts if number == 1]
    assert named == [{1: b"__name__", 2: b"a_b"}, {1: b"c_d", 2: b'x"y'}]
    found = [dict(fields(as_bytes(part))) for number, part in parts if number == 2]
    assert [one[2] for one in found] == times.tolist()
    assert [struct.unpack("<d", as_bytes(one[1]))[0] for one in found] == [value for _, value in samples]


def test_a_long_request_is_many_literals() -> None:
    data = bytes(range(256)) * 1000
    assert unpacked(snappy(data)) == data


def test_what_is_not_to_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="VictoriaMetrics is not to be had here: this is no Debian"):
        fetch(tmp_path / "packages", VICTORIA)


def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    engine = Engine("Test", "test", "usr/bin/test", (), "", "")
    program = tmp_path / "test" / "usr" / "bin" / "test"
    program.parent.mkdir(parents=True)
    program.touch()
    assert fetch(tmp_path, engine) == program
