"""A heatmap over time, as SVG: a row of cells for each line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.axis import Scale
from vitalcast.core.drawing.format import format_tick
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
    scale_of,
    time_axis,
)
from vitalcast.core.drawing.svg import clean, element, number, shortened, width_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.drawing.theme import Colors

    Floats = npt.NDArray[np.float64]

CELLS_OF_ALL_MAX = 12_000
CELL_WIDTH = 3  # narrower ones nobody tells apart
SHADES = 24


def draw_heatmap(scene: Scene, box: Box) -> str:
    """Return the heatmap of a panel with its scale, drawn into the box."""
    rem, colors, rows = scene.rem, scene.colors, len(scene.lines)
    size = LABEL * rem
    room = 0.35 * box.width
    labels = [shortened(clean(line.label), room, size) for line in scene.lines]
    left = max((width_of(text, size) for text in labels), default=0.0) + 0.5 * rem
    head = 1.4 * rem
    area = Box(box.left + left, box.top + head, max(box.width - left, 1), max(box.height - head - 1.6 * rem, 1))
    values = scene.window.values[:, [scene.window.columns.index(line.column) for line in scene.lines]]
    low, high = (float(end.reduce(values, axis=None, initial=0.0)) for end in (np.fmin, np.fmax))
    scale = scale_of(scene, low, high, 4)
    every = max(1, math.ceil(rows / max(1, math.floor(area.height / (1.1 * rem)))))
    named = [
        label(scene, text, area.left - 0.4 * rem, area.top + (at + 0.5) * area.height / rows, "end")
        for at, text in enumerate(labels)
        if at % every == 0
    ]
    return (
        time_axis(scene, area)
        + "".join(named)
        + clipped(area, holes(scene, area))
        + clipped(area, _cells(scene, area, values, scale), opacity=STALE if scene.stale else None)
        + hairs(f"M{number(area.left)},{crisp(area.bottom)}h{number(area.width)}", colors.axis)
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
    ends = label(scene, least, start - 0.4 * rem, middle, "end")
    return "".join(steps) + ends + label(scene, text, right, middle, "end")
