"""The end of a request's head is found wherever the bytes happen to be cut."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.wire.blank_lines import TAIL_BYTES, after_blank_line


def whole(data: bytes) -> list[int]:
    """The same by the definition: after each line feed that stands behind another, with or without a CR between."""
    ends = (index + 1 for index, byte in enumerate(data) if byte == 0x0A)
    return [end for end in ends if data[:end].endswith((b"\n\n", b"\n\r\n"))]


def test_a_head_ends_behind_its_blank_line() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert after_blank_line(request + b"GET") == len(request)
    assert after_blank_line(request * 2, len(request)) == 2 * len(request)
    assert after_blank_line(request[:-1]) == len(request) - 1
    for cut in (1, 2):
        assert after_blank_line(request[-cut:] + b"GET / HTTP/1.1\r\n\r\n", tail=request[:-cut][-TAIL_BYTES:]) == cut


@given(st.lists(st.text(alphabet="\r\nab", max_size=12).map(str.encode), max_size=6))
def test_no_blank_line_is_missed_however_the_bytes_come(chunks: list[bytes]) -> None:
    data, found, tail, before = b"".join(chunks), [], b"", 0
    for chunk in chunks:
        begin = 0
        while begin < len(chunk):
            end = after_blank_line(chunk, begin, tail=tail)
            assert begin < end <= len(chunk)
            found.append(before + end)
            tail, begin = (tail + chunk[begin:end])[-TAIL_BYTES:], end
        before += len(chunk)
    ends = set(accumulate(map(len, chunks)))  # where the data end one is told so too
    assert set(found) - ends == set(whole(data)) - ends
    assert set(whole(data)) <= set(found)
