"""The words of errors."""

from __future__ import annotations

from vitalcast.web.edge.errors import shown


def test_a_strangers_text_is_shown_quoted_escaped_and_cut() -> None:
    assert shown("evil.example") == "'evil.example'"
    assert shown("a\r\nb\x1b[31m\xff") == r"'a\r\nb\x1b[31m\xff'"
    assert len(shown("x" * 10_000)) == 100
