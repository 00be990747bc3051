"""The charts of a panel, as SVG: lines and bands, a heatmap, bars, with their axes, and gaps where nothing is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.alerts.rule import Severity
from vitalcast.core.drawing.axis import Scale, Tick, fixed_scale, round_scale, ticks_of, time_ticks
from vitalcast.core.drawing.decimate import extremes
from vitalcast.core.drawing.format import format_tick, format_value
from vitalcast.core.drawing.svg import clean, element, number, shortened, width_of, words
from vitalcast.core.panels.bars import Bar, bars_of
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import word_of

if TYPE_CHECKING:
    from datetime import tzinfo

    import numpy.typing as npt

    from vitalcast.core.drawing.theme import Colors
    from vitalcast.core.drawing.window import Window
    from vitalcast.core.panels.resolve import Resolved
    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]

POINTS_OF_ALL_MAX = 40_000
POINTS_MIN = 20
CELLS_OF_ALL_MAX = 12_000
CELL_WIDTH = 3  # narrower ones nobody tells apart
SHADES = 24
LINE_WIDTH = 1.25
LINE_FILL, BAND_FILL, STALE, LATER_PART = 0.16, 0.74, 0.45, 0.45
LABEL, WORD = 0.78, 0.82  # sizes in rem
BAR_WORDS, BAR_THICK, BAR_SPACE, BAR_GROWTH = 1.3, 0.55, 0.85, 1.5  # of one bar in rem


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


def chart_of(scene: Scene, box: Box) -> str:
    """Return the chart of a panel, drawn into the box."""
    return {"line": _lines, "heatmap": _heatmap, "bar": _bars}[scene.panel.chart](scene, box)


# --- axes ----------------------------------------------------------------------------------------------------------


def _label(scene: Scene, text: str, x: float, y: float, anchor: str) -> str:
    return element(
        "text", words(text), x=x, y=y + 0.28 * scene.rem, text_anchor=anchor, font_size=LABEL * scene.rem,
        fill=scene.colors.soft,
    )  # fmt: skip


def _times(scene: Scene, area: Box) -> str:
    """The grid of the time axis and its labels, as many as do not touch."""
    most = max(2, math.floor(area.width / (5 * scene.rem)))
    ticks = time_ticks(scene.from_ms, scene.to_ms, most, scene.zone)
    size = LABEL * scene.rem
    each = (
        area.width * (ticks[1].value - ticks[0].value) / (scene.to_ms - scene.from_ms) if len(ticks) > 1 else math.inf
    )
    every = max(1, math.ceil((max((width_of(tick.text, size) for tick in ticks), default=0) + scene.rem) / each))
    grid, labels = "", []
    for tick in ticks:
        x = _x(scene, area, tick.value)
        grid += f"M{_crisp(x)},{number(area.top)}v{number(area.height)}"
        half = width_of(tick.text, size) / 2
        if (
            round(tick.value / 1000) % (every * _step_s(ticks)) == 0
            and x + half <= area.left + area.width + scene.rem / 2
        ):
            labels.append(_label(scene, tick.text, x, area.bottom + scene.rem, "middle"))
    return _hairs(grid, scene.colors.grid) + "".join(labels)


def _step_s(ticks: Sequence[Tick]) -> int:
    return max(1, round((ticks[1].value - ticks[0].value) / 1000)) if len(ticks) > 1 else 1


def _x(scene: Scene, area: Box, time_ms: float) -> float:
    return area.left + (time_ms - scene.from_ms) / (scene.to_ms - scene.from_ms) * area.width


def _crisp(pixels: float) -> str:
    """A hairline that is not smeared over two rows of pixels."""
    return number(round(pixels - 0.5) + 0.5)


def _hairs(path: str, color: str) -> str:
    return element("path", d=path, stroke=color, fill="none") if path else ""


def _clipped(area: Box, *children: str, opacity: float | None = None) -> str:
    """Show children, in the area's own coordinates, as far as they are within it. A clip path would need an id."""
    shown = "".join(children)
    if not shown:
        return ""
    return element(
        "svg", shown, x=area.left, y=area.top, width=area.width, height=area.height, overflow="hidden", opacity=opacity
    )


def _holes(scene: Scene, area: Box) -> str:
    """Hatch the time in which nothing was read, and that since the newest reading where it is old."""
    spans = [*scene.window.holes]
    if scene.stale and len(scene.window.times_ms):
        spans.append((int(scene.window.times_ms[-1]), int(scene.to_ms)))
    apart, path = 0.7 * scene.rem, ""
    for start, end in spans:
        left, right = (max(0.0, _x(scene, area, time) - area.left) for time in (start, end))
        if right <= 0 or right - left < 1:
            continue
        path += element(
            "svg",
            _hairs("".join(f"M{number(x)},0l{number(-area.height)},{number(area.height)}" for x in _range(
                left, right + area.height, apart)), scene.colors.axis),
            x=left, width=right - left, height=area.height, viewBox=f"{number(left)} 0 {number(right - left)} "
            f"{number(area.height)}", preserveAspectRatio="none", overflow="hidden", opacity=0.55,
        )  # fmt: skip
    return path


def _range(start: float, end: float, step: float) -> Iterator[float]:
    for at in range(math.ceil(start / step), math.floor(end / step) + 1):
        yield at * step


# --- lines ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line or a band at its own times: `top` is drawn, and what is between it and `base` is filled."""

    line: Line
    times_ms: npt.NDArray[np.int64]
    top: Floats
    base: Floats


def _lines(scene: Scene, box: Box) -> str:
    rem, unit = scene.rem, scene.resolved.unit
    height = box.height - 2.1 * rem
    wide = max(box.width - 4 * rem, 1)
    shapes = _bands(scene, wide) if scene.panel.stack else _plain(scene, wide)
    level = _newest(scene, scene.resolved.reference)
    tops = [shape.top for shape in shapes] + [np.array([level])]
    low = min(float(np.fmin.reduce(top, initial=0.0)) for top in tops)
    high = max(float(np.fmax.reduce(top, initial=0.0)) for top in tops)
    scale = _scale(scene, low, high, max(2, min(6, math.floor(height / (2.5 * rem)))))
    ticks = ticks_of(scale, unit, mirrored=bool(scene.panel.below) and all(map(_goes_its_way, shapes)))
    texts = [shortened(tick.text, 0.4 * box.width, LABEL * rem) for tick in ticks]
    left = max([2.0 * rem, *(width_of(text, LABEL * rem) for text in texts)]) + 0.5 * rem
    area = Box(box.left + left, box.top + 0.5 * rem, max(box.width - left, 1), max(height, 1))
    span = scale.high - scale.low

    def y(value: float) -> float:
        return (scale.high - value) / span * area.height

    across = f"h{number(area.width)}"
    start = number(area.left)
    grid = "".join(f"M{start},{_crisp(area.top + y(tick.value))}{across}" for tick in ticks if tick.value)
    labels = [
        _label(scene, text, area.left - 0.4 * rem, area.top + y(tick.value), "end")
        for tick, text in zip(ticks, texts, strict=True)
    ]
    drawn = "".join(_shape(scene, area, scale, shape) for shape in shapes)
    if not math.isnan(level):
        drawn += element(
            "path", d=f"M0,{number(y(level))}{across}", stroke=scene.colors.soft, stroke_width=1.5,
            stroke_dasharray="6,4", fill="none",
        )  # fmt: skip
    return (
        _hairs(grid, scene.colors.grid)
        + _times(scene, area)
        + "".join(labels)
        + _clipped(area, _holes(scene, area))
        + _clipped(area, drawn, opacity=STALE if scene.stale else None)
        + _hairs(f"M{start},{_crisp(area.top + y(0))}{across}", scene.colors.axis)
    )


def _goes_its_way(shape: _Shape) -> bool:
    """Say whether it keeps to its side of the axis, whose labels need no sign then."""
    return not ((shape.top > 0) if shape.line.down else (shape.top < 0)).any()


def _plain(scene: Scene, width: float) -> list[_Shape]:
    most = _most(scene, width)
    shapes = []
    for line in scene.lines:
        values = scene.window.of(line.column)
        rows = extremes(values, most)
        top = -values[rows] if line.down else values[rows]
        shapes.append(_Shape(line, scene.window.times_ms[rows], top, np.zeros(len(rows))))
    return shapes


def _bands(scene: Scene, width: float) -> list[_Shape]:
    """Put each line on the one below it. All are drawn at the same times, or they would cross."""
    block = scene.window.values[:, [scene.window.columns.index(line.column) for line in scene.lines]]
    whole = np.where(np.isnan(block).all(axis=1), np.nan, np.nansum(block, axis=1))
    rows = extremes(whole, _most(scene, width))
    reached = {False: np.zeros(len(rows)), True: np.zeros(len(rows))}
    shapes = []
    for at, line in enumerate(scene.lines):
        base = reached[line.down]
        top = base + (-block[rows, at] if line.down else block[rows, at])
        reached[line.down] = np.where(np.isnan(top), base, top)  # without a reading it is no reason to lose the others
        shapes.append(_Shape(line, scene.window.times_ms[rows], top, base))
    return shapes


def _most(scene: Scene, width: float) -> int:
    return max(min(round(width), POINTS_OF_ALL_MAX // max(len(scene.lines), 1)), POINTS_MIN)


def _scale(scene: Scene, low: float, high: float, ticks: int) -> Scale:
    panel, unit = scene.panel, scene.resolved.unit
    end = panel.max if isinstance(panel.max, float) else _newest(scene, scene.resolved.max)
    if end > 0 and high <= end * 1.02 and low >= 0:
        return fixed_scale(end, unit, ticks=ticks)
    return round_scale(low, high, unit, least=panel.span_min, ticks=ticks)


def _newest(scene: Scene, column: int) -> float:
    newest = scene.window.newest
    return float(newest[column]) if 0 <= column < len(newest) else math.nan


def _shape(scene: Scene, area: Box, scale: Scale, shape: _Shape) -> str:
    color = scene.colors.lines[shape.line.color - 1]
    span = scale.high - scale.low
    x: Floats = (shape.times_ms.astype(np.float64) - scene.from_ms) * (area.width / (scene.to_ms - scene.from_ms))
    top: Floats = (scale.high - shape.top) / span * area.height
    base: Floats = (scale.high - shape.base) / span * area.height
    lines, fills = [], []
    for start, end in _stretches(shape.top):
        rows, wide = np.arange(start, end), np.zeros(end - start)
        if end - start == 1:  # a lone reading is a pixel wide
            rows, wide = np.array([start, start]), np.array([-0.5, 0.5])
        edge = _points(x[rows] + wide, top[rows])
        lines.append(f"M{edge}")
        if not np.array_equal(top[rows], base[rows]):
            fills.append(f"M{edge}L{_points((x[rows] + wide)[::-1], base[rows][::-1])}Z")
    filled = BAND_FILL if scene.panel.stack else LINE_FILL
    drawn = element("path", d="".join(fills), fill=color, fill_opacity=filled) if fills else ""
    if lines and not scene.panel.stack:
        drawn += element(
            "path", d="".join(lines), stroke=color, stroke_width=LINE_WIDTH, stroke_linejoin="round",
            stroke_linecap="round", fill="none",
        )  # fmt: skip
    return drawn


def _stretches(values: Floats) -> list[tuple[int, int]]:
    """Return the runs of readings without a hole, each as its first row and the one past its last."""
    known = np.concatenate(([False], ~np.isnan(values), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _points(x: Floats, y: Floats) -> str:
    """Write points; of a run at one level, which many lines are most of the time, only the ends."""
    places, levels = np.round(x, 1), np.round(y, 1)
    same = levels[1:] == levels[:-1]
    kept = np.ones(len(levels), dtype=np.bool_)
    kept[1:-1] = ~(same[:-1] & same[1:])
    return "L".join(f"{a:g},{b:g}" for a, b in zip(places[kept].tolist(), levels[kept].tolist(), strict=True))


# --- heatmaps ------------------------------------------------------------------------------------------------------


def _heatmap(scene: Scene, box: Box) -> str:
    rem, colors, rows = scene.rem, scene.colors, len(scene.lines)
    size = LABEL * rem
    room = 0.35 * box.width
    labels = [shortened(clean(line.label), room, size) for line in scene.lines]
    left = max((width_of(label, size) for label in labels), default=0.0) + 0.5 * rem
    head = 1.4 * rem
    area = Box(box.left + left, box.top + head, max(box.width - left, 1), max(box.height - head - 1.6 * rem, 1))
    values = scene.window.values[:, [scene.window.columns.index(line.column) for line in scene.lines]]
    low, high = (float(end.reduce(values, axis=None, initial=0.0)) for end in (np.fmin, np.fmax))
    scale = _scale(scene, low, high, 4)
    every = max(1, math.ceil(rows / max(1, math.floor(area.height / (1.1 * rem)))))
    named = [
        _label(scene, label, area.left - 0.4 * rem, area.top + (at + 0.5) * area.height / rows, "end")
        for at, label in enumerate(labels)
        if at % every == 0
    ]
    return (
        _times(scene, area)
        + "".join(named)
        + _clipped(area, _holes(scene, area))
        + _clipped(area, _cells(scene, area, values, scale), opacity=STALE if scene.stale else None)
        + _hairs(f"M{number(area.left)},{_crisp(area.bottom)}h{number(area.width)}", colors.axis)
        + _ramp(scene, box, scale)
    )


def _cells(scene: Scene, area: Box, values: Floats, scale: Scale) -> str:
    """Draw the cells of each shade as one path, in a grid of which one unit is a cell."""
    times, rows = scene.window.times_ms, values.shape[1]
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        return ""
    times, values = times[known], values[known]
    bin_ms = _bin_ms(scene, area, times, rows)
    first = math.floor(scene.from_ms / bin_ms)
    bins = np.ceil(times / bin_ms).astype(np.int64) - 1 - first  # a reading is about the time since the one before
    starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    joined = np.fmax.reduceat(values, starts, axis=0)
    shades = np.clip(np.nan_to_num((joined - scale.low) / ((scale.high - scale.low) or 1)) * SHADES, 0, SHADES - 1)
    shades = np.where(np.isnan(joined), -1, shades).astype(np.int64)
    paths: dict[int, list[str]] = {}
    for row in range(rows):
        for start, end, shade in _runs(bins[starts].tolist(), shades[:, row].tolist()):
            paths.setdefault(shade, []).append(f"M{start},{row}h{end - start}v1h{start - end}z")
    width = bin_ms / (scene.to_ms - scene.from_ms) * area.width
    left = (first * bin_ms - scene.from_ms) / (scene.to_ms - scene.from_ms) * area.width
    moved = f"translate({left:.2f},0) scale({width:.5f},{area.height / rows:.5f})"
    cells = (element("path", d="".join(path), fill=_shade(scene.colors, shade)) for shade, path in paths.items())
    return element("g", *cells, transform=moved, shape_rendering="crispEdges")


def _bin_ms(scene: Scene, area: Box, times: npt.NDArray[np.int64], rows: int) -> float:
    """Return a cell's length: whole intervals, so that no pattern arises from its edges."""
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    interval = max(scene.interval_ms, spacing, 1.0)
    most = max(16, min(round(area.width / CELL_WIDTH), CELLS_OF_ALL_MAX // rows))
    return math.ceil((scene.to_ms - scene.from_ms) / most / interval) * interval


def _runs(bins: list[int], shades: list[int]) -> Iterator[tuple[int, int, int]]:
    """Join neighbouring cells of one shade; yields the first, the one past the last, and the shade."""
    start = end = 0
    current = -1
    for at, shade in zip(bins, shades, strict=True):
        if shade != current or at != end:
            if current >= 0:
                yield start, end, current
            start, current = at, shade
        end = at + 1
    if current >= 0:
        yield start, end, current


def _shade(colors: Colors, shade: int) -> str:
    """Return a colour of the ramp, whose steps are equal."""
    place = shade / (SHADES - 1) * (len(colors.heat) - 1)
    step = min(len(colors.heat) - 2, math.floor(place))
    pair = [[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in colors.heat[step : step + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (place - step)):02x}" for a, b in zip(*pair, strict=True))


def _ramp(scene: Scene, box: Box, scale: Scale) -> str:
    """Say what the colours mean, above the chart at its right."""
    rem, unit = scene.rem, scene.resolved.unit
    size, wide, high = LABEL * rem, 6 * rem, 0.55 * rem
    right, middle = box.left + box.width, box.top + 0.6 * rem
    text = shortened(format_tick(scale.high, unit), 0.3 * box.width, size)
    start = right - width_of(text, size) - 0.4 * rem - wide
    steps = [
        element(
            "rect", x=start + wide * at / SHADES, y=middle - high / 2, width=wide / SHADES + 0.3, height=high,
            fill=_shade(scene.colors, at),
        )
        for at in range(SHADES)
    ]  # fmt: skip
    least = shortened(format_tick(scale.low, unit), start - 0.4 * rem - box.left, size)
    ends = _label(scene, least, start - 0.4 * rem, middle, "end")
    return "".join(steps) + ends + _label(scene, text, right, middle, "end")


# --- bars ----------------------------------------------------------------------------------------------------------


def _bars(scene: Scene, box: Box) -> str:
    rem = scene.rem
    each = (BAR_WORDS + BAR_THICK + BAR_SPACE) * rem
    bars = bars_of(scene.resolved, scene.lines, scene.window.newest)
    fits = max(1, math.floor((box.height + BAR_SPACE * rem) / each))
    all_bars = len({line.key for line in scene.resolved.lines})
    left_out = all_bars - min(fits, len(bars))
    if left_out > 0:
        fits = max(1, math.floor((box.height - 1.2 * rem + BAR_SPACE * rem) / each))
        fullest = sorted(bars, key=lambda bar: -bar.share if bar.share == bar.share else math.inf)[:fits]
        bars = [bar for bar in bars if bar in fullest]
        left_out = all_bars - len(bars)
    growth = min(BAR_GROWTH, max(1.0, box.height / max(len(bars) * each, 1)))
    step = (BAR_WORDS + (BAR_THICK + BAR_SPACE) * growth) * rem
    drawn = [
        _bar(scene, bar, Box(box.left, box.top + at * step, box.width, BAR_THICK * growth * rem))
        for at, bar in enumerate(bars)
    ]
    more = _label(scene, f"{left_out} more", box.left, box.bottom - 0.5 * rem, "start") if left_out > 0 else ""
    return "".join(drawn) + more


def _bar(scene: Scene, bar: Bar, place: Box) -> str:
    """Draw a bar and the words above it. `place` is where both are; its height is the bar's own."""
    rem, colors = scene.rem, scene.colors
    rule = panel_rule(scene.panel)
    reached = None if rule is None else rule.judge(bar.share)
    alarm = {None: None, Severity.WARNING: colors.warn, Severity.CRITICAL: colors.bad}[reached]
    size, middle, top = WORD * rem, place.top + (BAR_WORDS / 2) * rem, place.top + BAR_WORDS * rem
    text = shortened(_bar_text(scene, bar), 0.85 * place.width, size)
    label = shortened(clean(bar.label), place.width - width_of(text, size) - rem, size, end=True)
    right = place.left + place.width
    at, parts = place.left, []
    for order, (line, value) in enumerate(bar.parts):
        share = value / bar.whole if bar.whole > 0 and value > 0 else 0.0
        width = min(share * place.width, right - at)
        color, strength = (alarm, LATER_PART if order else None) if alarm else (colors.lines[line.color - 1], None)
        parts.append(element("rect", x=at, y=top, width=width, height=place.height, fill=color, fill_opacity=strength))
        at += width
    return (
        element("text", words(label), x=place.left, y=middle + 0.3 * size, font_size=size, fill=colors.ink)
        + element(
            "text", words(text), x=right, y=middle + 0.3 * size, text_anchor="end", font_size=size,
            fill=alarm or colors.soft,
        )
        + element("rect", x=place.left, y=top, width=place.width, height=place.height, fill=colors.grid)
        + element("g", *parts, opacity=STALE if scene.stale else None)
    )  # fmt: skip


def _bar_text(scene: Scene, bar: Bar) -> str:
    unit = scene.resolved.unit
    left = next((line for line in scene.resolved.remainder if line.key == bar.key), None)
    if left is None:
        return format_value(bar.used, unit)
    word = word_of(scene.panel, scene.panel.parts, left.part)
    return f"{format_value(bar.rest, unit)} {word} of {format_value(bar.whole, unit)}"
