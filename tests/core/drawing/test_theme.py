"""The style sheet's colours are those of the one table; `python -m tests.core.drawing.test_theme` writes them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vitalcast.core.drawing.theme import THEMES, Theme, css_properties

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


# How each kind of eye that lacks a sort of cone sees linear red, green and blue (Machado, Oliveira, Fernandes 2009).
EYES = {
    "all": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_CONES = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
TO_OKLAB = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
APART = 0.07  # in Oklab, where black and white are 1 apart


def linear(color: str) -> Any:
    shares = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def seen(color: str, eye: str = "all") -> Any:
    return TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(EYES[eye] @ linear(color), 0, 1))


def contrast(color: str, ground: str) -> float:
    bright, dark = sorted((float(linear(one) @ (0.2126, 0.7152, 0.0722)) for one in (color, ground)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_can_be_told_apart_by_all_eyes(theme: Theme) -> None:
    colors = THEMES[theme]
    assert all(contrast(one, colors.surface) >= 3 for one in (*colors.lines, *colors.lines_down))
    for eye in EYES:
        for one, other in (*combinations(colors.lines, 2), *zip(colors.lines, colors.lines_down, strict=True)):
            assert np.linalg.norm(seen(one, eye) - seen(other, eye)) >= APART, (eye, one, other)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_line_is_red_or_amber_as_levels_are(theme: Theme) -> None:
    for color in (*THEMES[theme].lines, *THEMES[theme].lines_down):
        _, a, b = seen(color)
        assert not -20 <= np.degrees(np.arctan2(b, a)) <= 105 or np.hypot(a, b) < 0.03, color


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_half_a_load_is_calm_in_a_heatmap_and_a_full_one_is_not(theme: Theme) -> None:
    rest, _, half, _, full = (seen(color)[0] for color in THEMES[theme].heat)
    assert abs(full - rest) > 2 * abs(half - rest)


if __name__ == "__main__":
    SHEET.write_text(_written(SHEET.read_text(encoding="utf-8")), encoding="utf-8")
