"""What an event may hold."""

from __future__ import annotations

import pytest

from vitalcast.core.events.checked import (
    ATTRIBUTES_MAX,
    NAMES_MAX,
    VALUE_CHARS_MAX,
    checked_attributes,
    checked_title,
    fitted,
    fitted_attributes,
    fitted_names,
)


def test_texts_of_a_system_print_and_are_cut() -> None:
    assert fitted("a\x1b[31mb\u202ec", 100) == "a\\x1b[31mb\\u202ec"
    assert fitted("x" * 300, 200) == "x" * 199 + "…"
    names = fitted_names(["gzip", "gzip", "\n", *map(str, range(20))])
    assert names[:3] == ("gzip", "\\x0a", "0")
    assert len(names) == NAMES_MAX


def test_the_title_of_a_mark_is_one_line_that_prints() -> None:
    assert checked_title(" deploy\u00a01.4\n\nby ann ") == "deploy 1.4 by ann"
    for wrong in ("", " \n", "x" * 201, "a\x1b[2J", "a\u202eb", "\udcff"):
        with pytest.raises(ValueError, match="1 to 200 printable characters"):
            checked_title(wrong)


def test_attributes_of_ours_are_made_to_fit() -> None:
    assert fitted_attributes({"a": float("nan"), "b": "\x00", "c": 1}) == {"b": "\\x00", "c": 1}
    assert len(fitted_attributes({str(number): number for number in range(100)})) < 20


def test_attributes_of_clients_are_taken_as_they_are() -> None:
    given = {"version": "1.4", "service.name": "web", "count": 3, "share": 0.5, "empty": ""}
    assert checked_attributes(given) == given


@pytest.mark.parametrize(
    "wrong",
    [
        {"": 1},
        {"a b": 1},
        {"1a": 1},
        {"a" * 65: 1},
        {"ongoing": 1},
        {"names": "gzip"},
        {"a": None},
        {"a": True},
        {"a": [1]},
        {"a": "x" * (VALUE_CHARS_MAX + 1)},
        {"a": "\x1b"},
        {"a": float("inf")},
        {"a": 2**60},
        {f"a{number}": 1 for number in range(ATTRIBUTES_MAX + 1)},
    ],
)
def test_attributes_that_would_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"give|set by"):
        checked_attributes(wrong)
