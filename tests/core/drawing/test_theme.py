"""The style sheet's colours are those of the one table; `python -m tests.core.drawing.test_theme` writes them."""

from __future__ import annotations

from pathlib import Path

from vitalcast.core.drawing.theme import css_properties

SHEET = Path(__file__).parents[3] / "frontend" / "styles" / "base.css"
PROPERTIES = ("  /* From core/drawing/theme.py. */\n", "\n  --font: ")
REGISTERED = ("colour in force and not the text above. */\n", "\n*,\n")


def _written(text: str) -> str:
    """Return the sheet with its two generated parts as the table has them."""
    properties = "".join(f"  --{name}: {value};\n" for name, value in css_properties().items())
    registered = "".join(
        f'@property --{name} {{ syntax: "<color>"; inherits: true; initial-value: #808080; }}\n'
        for name in css_properties()
    )
    return _between(_between(text, PROPERTIES, properties), REGISTERED, registered)


def _between(text: str, marks: tuple[str, str], content: str) -> str:
    before, opening, rest = text.partition(marks[0])
    _, closing, after = rest.partition(marks[1])
    assert opening and closing
    return before + opening + content + closing + after


def test_the_style_sheet_has_the_colours_of_everything_that_is_drawn() -> None:
    text = SHEET.read_text(encoding="utf-8")
    assert text == _written(text), "run python -m tests.core.drawing.test_theme"


if __name__ == "__main__":
    SHEET.write_text(_written(SHEET.read_text(encoding="utf-8")), encoding="utf-8")
