"""Frames read back by an independent parser."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from vitalcast.core.wire.websocket import OPCODE_TEXT, FrameEnds, frame


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
    read = parse(frame(OPCODE_TEXT, text.encode()))
    assert (read.opcode, read.fin, bytes(read.data)) == (Opcode.TEXT, True, text.encode())


@pytest.mark.parametrize(("size", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (1_000_000, 10)])
def test_the_length_takes_the_fewest_bytes(size: int, head: int) -> None:
    data = frame(OPCODE_TEXT, b"x" * size)
    assert len(data) == head + size
    assert len(parse(data).data) == size


def masked(opcode: int, payload: bytes) -> bytes:
    data = frame(opcode, payload)
    head = len(data) - len(payload)
    return bytes((data[0], data[1] | 0x80)) + data[2:head] + b"\0\0\0\0" + payload


frames = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from([0, 1, 125, 126, 300, 65_535, 65_536]), st.booleans()), max_size=8
)


@settings(deadline=None)
@given(frames, st.data())
def test_frames_end_where_they_do_whatever_the_pieces(plan: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    sent = [masked(opcode, b"x" * size) if mask else frame(opcode, b"x" * size) for opcode, size, mask in plan]
    stream = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12)) + data.draw(
        st.lists(st.integers(0, min(len(stream), 40)), max_size=12)
    )
    bounds = sorted({0, len(stream), *cuts})
    ends, found, taken = FrameEnds(), [], b""
    for start, stop in pairwise(bounds):
        piece, at = stream[start:stop], 0
        while at < len(piece):
            before, at = at, ends.advance(piece, at)
            assert at > before
            taken += piece[before:at]
            if ends.whole:
                found.append((ends.opcode, ends.size, taken))
                taken = b""
    assert found == [(one[0] & 15, len(one), one) for one in sent]
