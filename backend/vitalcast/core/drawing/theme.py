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
    """A theme's colours: `lines` for lines 1 to 8, `lines_down` for those that go down, `heat` from low to high.

    `rest` is for line 0, which is one of many others.
    Red and amber are for levels alone, so no line has them. Lines can be told apart with each of the colour
    deficiencies, by how light they are where not by hue: a test measures it. The heat stays calm up to three quarters.
    """

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
    rest: str
    lines: tuple[str, ...]
    lines_down: tuple[str, ...]
    heat: tuple[str, ...]

    def of(self, number: int, *, down: bool = False) -> str:
        """Return the colour of line 0 to 8; one that goes down differs from the one of its device that goes up."""
        return (self.lines_down if down else self.lines)[number - 1] if number else self.rest


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
        rest="#a3adb6",
        lines=("#2f6fd0", "#425200", "#754ba3", "#366e6a", "#263541", "#1e9dc8", "#6d0f69", "#7a9978"),
        lines_down=("#103d80", "#6a7946", "#9a7cc0", "#6d9591", "#4e5a64", "#056482", "#8f4d89", "#4c624b"),
        heat=("#edf2f6", "#dae6ef", "#bcd5e8", "#7eb0d8", "#0c3a7a"),
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
        rest="#56626d",
        lines=("#6ea8fe", "#a4c13e", "#945bc4", "#2fd6c0", "#64747f", "#b9e2f7", "#c682b4", "#2a9f58"),
        lines_down=("#446ca7", "#6c8024", "#bf96e7", "#1b9081", "#97a3ac", "#84a0af", "#f1bbe2", "#80cc95"),
        heat=("#18222c", "#1b3044", "#21496a", "#2f74a8", "#cfeaff"),
    ),
}

# Fields whose custom property is called otherwise.
_CSS_NAMES: dict[str, str] = {"raised": "surface-raised", "soft": "ink-soft", "rest": "c0"}


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
    named |= {f"c{number}-down": color for number, color in enumerate(colors.lines_down, 1)}
    named["c0-down"] = colors.rest
    return named | {f"heat-{step}": color for step, color in enumerate(colors.heat)}
