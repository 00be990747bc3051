"""What charts are drawn from, and what those over time have in common: the axes, and the holes where nothing is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.drawing.axis import Scale, Tick, fixed_scale, round_scale, time_ticks
from vitalcast.core.drawing.clock import begins_day, day_text, offset_ms
from vitalcast.core.drawing.format import is_ratio
from vitalcast.core.drawing.svg import element, number, width_of, words
from vitalcast.core.panels.line import Line

if TYPE_CHECKING:
    from datetime import tzinfo

    from vitalcast.core.drawing.theme import Colors
    from vitalcast.core.drawing.window import Window
    from vitalcast.core.panels.resolve import Resolved
    from vitalcast.core.panels.schema import Panel
    from vitalcast.core.panels.shown import Level

STALE = 0.45  # the opacity of what is old
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
OVER_ALL = 1.1  # as much as shares that were read one after the other may add up to
LABEL = 0.78  # the size of an axis's labels in rem


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the picture, in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a chart is drawn from: `lines` are those of `resolved` that are drawn, `rem` is the size of type.

    The window is free of numbers that no machine has, which no axis could show.
    """

    panel: Panel
    resolved: Resolved
    window: Window
    lines: tuple[Line, ...]
    colors: Colors
    from_ms: float
    to_ms: float
    interval_ms: float
    zone: tzinfo
    rem: float
    stale: bool
    bar_levels: Mapping[str, Level]


def label(scene: Scene, text: str, x: float, y: float, anchor: str) -> str:
    """Return a label of an axis, whose middle is at this height."""
    return element(
        "text", words(text), x=x, y=y + 0.28 * scene.rem, text_anchor=anchor, font_size=LABEL * scene.rem,
        fill=scene.colors.soft,
    )  # fmt: skip


def time_axis(scene: Scene, area: Box) -> str:
    """The grid of the time axis and its labels, as many as do not touch."""
    most = max(2, math.floor(area.width / (5 * scene.rem)))
    ticks = _dated(scene, time_ticks(scene.from_ms, scene.to_ms, most, scene.zone))
    size = LABEL * scene.rem
    each = (
        area.width * (ticks[1].value - ticks[0].value) / (scene.to_ms - scene.from_ms) if len(ticks) > 1 else math.inf
    )
    every = max(1, math.ceil((max((width_of(tick.text, size) for tick in ticks), default=0) + scene.rem) / each))
    shift = offset_ms(scene.to_ms, scene.zone)  # by which the steps are those of the zone's own clock
    grid, labels = "", []
    for tick in ticks:
        x = x_of(scene, area, tick.value)
        grid += f"M{crisp(x)},{number(area.top)}v{number(area.height)}"
        half = width_of(tick.text, size) / 2
        if (
            round((tick.value + shift) / 1000) % (every * _step_s(ticks)) == 0
            and x + half <= area.left + area.width + scene.rem / 2
        ):
            labels.append(label(scene, tick.text, x, area.bottom + scene.rem, "middle"))
    return hairs(grid, scene.colors.grid) + "".join(labels)


def _dated(scene: Scene, ticks: Sequence[Tick]) -> list[Tick]:
    """Name the days where they begin, on an axis that has several.

    Where summer time ends within it, days before begin an hour beside their ticks.
    """
    if scene.to_ms - scene.from_ms < DAY_MS:
        return list(ticks)
    by_day = _step_s(ticks) * 1000 >= DAY_MS
    return [
        Tick(tick.value, day_text(tick.value + 2 * HOUR_MS, scene.zone))
        if by_day or begins_day(tick.value, scene.zone)
        else tick
        for tick in ticks
    ]


def _step_s(ticks: Sequence[Tick]) -> int:
    return max(1, round((ticks[1].value - ticks[0].value) / 1000)) if len(ticks) > 1 else 1


def x_of(scene: Scene, area: Box, time_ms: float) -> float:
    """Return where a time is in the area."""
    return area.left + (time_ms - scene.from_ms) / (scene.to_ms - scene.from_ms) * area.width


def crisp(pixels: float) -> str:
    """A hairline that is not smeared over two rows of pixels."""
    return number(round(pixels - 0.5) + 0.5)


def hairs(path: str, color: str) -> str:
    """Return hairlines along a path."""
    return element("path", d=path, stroke=color, fill="none") if path else ""


def clipped(area: Box, *children: str, opacity: float | None = None) -> str:
    """Show children, in the area's own coordinates, as far as they are within it. A clip path would need an id."""
    shown = "".join(children)
    if not shown:
        return ""
    return element(
        "svg", shown, x=area.left, y=area.top, width=area.width, height=area.height, overflow="hidden", opacity=opacity
    )


def holes(scene: Scene, area: Box) -> str:
    """Hatch the time in which nothing was read, and that since the newest reading where it is old."""
    spans = [*scene.window.holes]
    if scene.stale and len(scene.window.times_ms):
        spans.append((int(scene.window.times_ms[-1]), int(scene.to_ms)))
    apart, path = 0.7 * scene.rem, ""
    for start, end in spans:
        left, right = (max(0.0, x_of(scene, area, time) - area.left) for time in (start, end))
        if right <= 0 or right - left < 1:
            continue
        path += element(
            "svg",
            hairs("".join(f"M{number(x)},0l{number(-area.height)},{number(area.height)}" for x in _range(
                left, right + area.height, apart)), scene.colors.axis),
            x=left, width=right - left, height=area.height, viewBox=f"{number(left)} 0 {number(right - left)} "
            f"{number(area.height)}", preserveAspectRatio="none", overflow="hidden", opacity=0.55,
        )  # fmt: skip
    return path


def _range(start: float, end: float, step: float) -> Iterator[float]:
    for at in range(math.ceil(start / step), math.floor(end / step) + 1):
        yield at * step


def scale_of(scene: Scene, low: float, high: float, ticks: int) -> Scale:
    """Return the scale of the values: up to where the panel says, else as far as they reach."""
    panel, unit = scene.panel, scene.resolved.unit
    end = panel.max if isinstance(panel.max, float) else newest_of(scene, scene.resolved.max)
    over = OVER_ALL if is_ratio(unit) else 1.02
    if end > 0 and high <= end * over and low >= 0:
        return fixed_scale(end, unit, ticks=ticks)
    return round_scale(low, high, unit, least=panel.span_min, ticks=ticks)


def newest_of(scene: Scene, column: int) -> float:
    """Return the newest value of a column, `nan` where there is none."""
    newest = scene.window.newest
    return float(newest[column]) if 0 <= column < len(newest) else math.nan
