"""Lines and bands over time, as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.axis import Scale, ticks_of
from vitalcast.core.drawing.decimate import extremes
from vitalcast.core.drawing.scene import (
    LABEL,
    STALE,
    Box,
    Scene,
    clipped,
    crisp,
    hairs,
    holes,
    label,
    newest_of,
    scale_of,
    time_axis,
)
from vitalcast.core.drawing.stack import stacked
from vitalcast.core.drawing.svg import element, number, shortened, width_of
from vitalcast.core.panels.line import Line

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

POINTS_OF_ALL_MAX = 40_000
POINTS_MIN = 20
LINE_WIDTH = 1.25
LINE_FILL, BAND_FILL = 0.16, 0.74


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line or a band at its own times: `top` is drawn, and what is between it and `base` is filled."""

    line: Line
    times_ms: npt.NDArray[np.int64]
    top: Floats
    base: Floats


def draw_lines(scene: Scene, box: Box) -> str:
    """Return the lines of a panel with their axes, drawn into the box."""
    rem, unit = scene.rem, scene.resolved.unit
    height = box.height - 2.1 * rem
    wide = max(box.width - 4 * rem, 1)
    shapes = _bands(scene, wide) if scene.panel.stack else _plain(scene, wide)
    level = newest_of(scene, scene.resolved.reference)
    tops = [shape.top for shape in shapes] + [np.array([level])]
    low = min(float(np.fmin.reduce(top, initial=0.0)) for top in tops)
    high = max(float(np.fmax.reduce(top, initial=0.0)) for top in tops)
    scale = scale_of(scene, low, high, max(2, min(6, math.floor(height / (2.5 * rem)))))
    ticks = ticks_of(scale, unit, mirrored=bool(scene.panel.below) and all(map(_goes_its_way, shapes)))
    texts = [shortened(tick.text, 0.4 * box.width, LABEL * rem) for tick in ticks]
    left = max([2.0 * rem, *(width_of(text, LABEL * rem) for text in texts)]) + 0.5 * rem
    area = Box(box.left + left, box.top + 0.5 * rem, max(box.width - left, 1), max(height, 1))
    span = scale.high - scale.low

    def y(value: float) -> float:
        return (scale.high - value) / span * area.height

    across = f"h{number(area.width)}"
    start = number(area.left)
    grid = "".join(f"M{start},{crisp(area.top + y(tick.value))}{across}" for tick in ticks if tick.value)
    labels = [
        label(scene, text, area.left - 0.4 * rem, area.top + y(tick.value), "end")
        for tick, text in zip(ticks, texts, strict=True)
    ]
    drawn = "".join(_shape(scene, area, scale, shape) for shape in shapes)
    if not math.isnan(level):
        drawn += element(
            "path", d=f"M0,{number(y(level))}{across}", stroke=scene.colors.soft, stroke_width=1.5,
            stroke_dasharray="6,4", fill="none",
        )  # fmt: skip
    return (
        hairs(grid, scene.colors.grid)
        + time_axis(scene, area)
        + "".join(labels)
        + clipped(area, holes(scene, area))
        + clipped(area, drawn, opacity=STALE if scene.stale else None)
        + hairs(f"M{start},{crisp(area.top + y(0))}{across}", scene.colors.axis)
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
    bands = stacked([*block[rows].T], [line.down for line in scene.lines])
    times_ms = scene.window.times_ms[rows]
    return [_Shape(line, times_ms, band.top, band.base) for line, band in zip(scene.lines, bands, strict=True)]


def _most(scene: Scene, width: float) -> int:
    return max(min(round(width), POINTS_OF_ALL_MAX // max(len(scene.lines), 1)), POINTS_MIN)


def _shape(scene: Scene, area: Box, scale: Scale, shape: _Shape) -> str:
    color = scene.colors.of(shape.line.color, down=shape.line.down)
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
