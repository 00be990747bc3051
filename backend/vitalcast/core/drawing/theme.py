"""The colours of everything that is drawn, by the page or without it: the one table of them.

The style sheet's part of it is `css_properties`, which a test holds to be what `styles/base.css` has.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Theme = Literal["light", "dark"]

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, sans-serif"


@dataclass(frozen=True, slots=True)
class Colors:
    """A theme's colours: `lines` for lines 1 to 8, `heat` from low to high."""

    ground: str
    surface: str
    raised: str
    edge: str
    ink: str
    soft: str
    grid: str
    axis: str
    focus: str
    good: str
    warn: str
    bad: str
    bar: str
    lines: tuple[str, ...]
    heat: tuple[str, ...]


THEMES: dict[Theme, Colors] = {
    "light": Colors(
        ground="#f2f4f6",
        surface="#ffffff",
        raised="#ffffff",
        edge="#d9dfe5",
        ink="#16202a",
        soft="#55636f",
        grid="#e8ecef",
        axis="#b9c3cc",
        focus="#1f6feb",
        good="#17784f",
        warn="#96560a",
        bad="#bf2c3b",
        bar="#2f6fd01f",
        lines=("#2f6fd0", "#c8621b", "#1a8a68", "#8449b8", "#c73a4f", "#9a7400", "#66788a", "#0f86a3"),
        heat=("#edf2f6", "#bcd9ea", "#6faed6", "#2a6fb0", "#123a73"),
    ),
    "dark": Colors(
        ground="#0d1115",
        surface="#141a20",
        raised="#1c242c",
        edge="#232c35",
        ink="#e4eaf0",
        soft="#98a6b3",
        grid="#1f2830",
        axis="#3a4753",
        focus="#8ab8ff",
        good="#5fd3a0",
        warn="#efb45b",
        bad="#ff8087",
        bar="#6ea8fe24",
        lines=("#6ea8fe", "#f0a060", "#58c7a2", "#c095ee", "#f27b86", "#dcc158", "#8d9fb0", "#62c6de"),
        heat=("#18222c", "#1f4a6e", "#2e86ab", "#8cc9a1", "#f6e58d"),
    ),
}

# Fields whose custom property is called otherwise.
_CSS_NAMES: dict[str, str] = {"raised": "surface-raised", "soft": "ink-soft"}


def css_properties() -> dict[str, str]:
    """Return the style sheet's custom properties, without their dashes: `{"ink": "light-dark(#16202a, #e4eaf0)"}`."""
    light, dark = (_named(THEMES[theme]) for theme in ("light", "dark"))
    return {name: f"light-dark({light[name]}, {dark[name]})" for name in light}


def _named(colors: Colors) -> dict[str, str]:
    named = {}
    for one in fields(colors):
        value: str | tuple[str, ...] = getattr(colors, one.name)
        if isinstance(value, str):
            named[_CSS_NAMES.get(one.name, one.name)] = value
    named |= {f"c{number}": color for number, color in enumerate(colors.lines, 1)}
    return named | {f"heat-{step}": color for step, color in enumerate(colors.heat)}
