"""Words in a picture are only words, and as wide as the room they are given."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.drawing.svg import clean, element, number, shortened, width_of, words


@given(st.text())
def test_any_text_is_read_back_as_one_line_of_what_can_be_seen(text: str) -> None:
    found = ElementTree.fromstring(element("text", words(text), aria_label=clean(text)))
    assert (found.text or "") == found.get("aria-label") == clean(text)
    assert not any(unicodedata.category(one).startswith(("C", "Zl", "Zp")) for one in clean(text))


def test_what_turns_text_around_or_hides_in_it_is_left_out() -> None:
    assert clean("a\u202eb\u200bc\x00d\ufffe e\n\tf") == "abcd e  f"
    assert clean("x" * 300) == "x" * 199 + "…"


@given(st.text(max_size=60), st.floats(0, 300), st.booleans())
def test_a_shortened_text_fits(text: str, room: float, end: bool) -> None:
    shorter = shortened(text, room, 11, end=end)
    assert width_of(shorter, 11) <= room or shorter == "…"
    assert shorter in (text, "…", "") or shorter.strip("…") in text


def test_a_path_keeps_its_end() -> None:
    assert shortened("/var/lib/data", 60, 11, end=True).endswith("data")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-0.01, "0"), (3, "3"), (2.04, "2"), (2.06, "2.1"), (-1.5, "-1.5")]
)
def test_a_number_has_a_tenth_of_a_pixel(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_none_is_no_attribute() -> None:
    assert element("rect", rx=None, fill_opacity=0.5) == '<rect fill-opacity="0.5"/>'
