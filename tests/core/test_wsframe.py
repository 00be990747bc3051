"""Frames read back by an independent parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from vitalcast.core.wsframe import text_frame


def parse(data: bytes) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame: Frame = done.value.value
    return frame


@given(st.text(max_size=300))
def test_a_text_frame_is_read_back(text: str) -> None:
    frame = parse(text_frame(text.encode()))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text.encode())


@pytest.mark.parametrize(("size", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (1_000_000, 10)])
def test_the_length_takes_the_fewest_bytes(size: int, head: int) -> None:
    data = text_frame(b"x" * size)
    assert len(data) == head + size
    assert len(parse(data).data) == size
