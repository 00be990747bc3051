"""The page's colours, for pictures that are drawn without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark"]

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, sans-serif"


@dataclass(frozen=True, slots=True)
class Colors:
    """A theme's colours as the style sheet has them: `lines` for lines 1 to 8, `heat` from low to high."""

    surface: str
    raised: str
    edge: str
    ink: str
    soft: str
    grid: str
    axis: str
    good: str
    warn: str
    bad: str
    lines: tuple[str, ...]
    heat: tuple[str, ...]


THEMES: dict[Theme, Colors] = {
    "light": Colors(
        surface="#ffffff",
        raised="#ffffff",
        edge="#d9dfe5",
        ink="#16202a",
        soft="#55636f",
        grid="#e8ecef",
        axis="#b9c3cc",
        good="#17784f",
        warn="#96560a",
        bad="#bf2c3b",
        lines=("#2f6fd0", "#c8621b", "#1a8a68", "#8449b8", "#c73a4f", "#9a7400", "#66788a", "#0f86a3"),
        heat=("#edf2f6", "#bcd9ea", "#6faed6", "#2a6fb0", "#123a73"),
    ),
    "dark": Colors(
        surface="#141a20",
        raised="#1c242c",
        edge="#232c35",
        ink="#e4eaf0",
        soft="#98a6b3",
        grid="#1f2830",
        axis="#3a4753",
        good="#5fd3a0",
        warn="#efb45b",
        bad="#ff8087",
        lines=("#6ea8fe", "#f0a060", "#58c7a2", "#c095ee", "#f27b86", "#dcc158", "#8d9fb0", "#62c6de"),
        heat=("#18222c", "#1f4a6e", "#2e86ab", "#8cc9a1", "#f6e58d"),
    ),
}
