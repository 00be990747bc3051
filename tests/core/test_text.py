from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.text import from_system, printable

NAMES = st.binary(max_size=12) | st.text(
    st.sampled_from(["\\", "x", "u", "U", "0", "1", "b", "f", "5", "c", "\x1b", "é"]), max_size=12
).map(str.encode)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"eth0", "eth0"),
        ("Größe".encode(), "Größe"),
        (b"a\xff", r"a\xff"),
        (b"a\xfe", r"a\xfe"),
        ("a\udcff", r"a\xff"),  # as os.fsdecode gives it
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("br\x1b[2J", r"br\x1b[2J"),
        ("two\nlines", r"two\x0alines"),
        ("\x80", r"\u0080"),  # a character, not the byte
        ("\U000e0001", r"\U000e0001"),
        (r"dev-disk\x2duuid", r"dev-disk\x2duuid"),  # as systemd writes it
        (r"a\xff", r"a\x5cxff"),
        ("C:\\", "C:\\"),
    ],
)
def test_a_name_is_printable_and_says_what_it_was(raw: bytes | str, text: str) -> None:
    assert from_system(raw) == text


@given(NAMES)
def test_every_name_becomes_printable_utf8(raw: bytes) -> None:
    text = from_system(raw)
    assert text.isprintable()
    assert text.encode().decode() == text


@given(NAMES, NAMES)
def test_different_names_stay_different(one: bytes, other: bytes) -> None:
    assert (from_system(one) == from_system(other)) == (one == other)


@given(st.text(max_size=12))
def test_what_prints_goes_out_as_it_is_and_the_rest_escaped(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
