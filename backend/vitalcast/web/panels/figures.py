"""A panel's figure, filled: what Plotly's libraries in any language draw, as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import orjson

from vitalcast.core.drawing.axis import Scale, round_step, ticks_of
from vitalcast.core.drawing.decimate import extremes, peaks
from vitalcast.core.drawing.format import format_value, is_binary, is_ratio
from vitalcast.core.drawing.theme import THEMES, Colors, Theme
from vitalcast.core.drawing.window import Window, empty_text, possible
from vitalcast.core.panels.bars import bars_of
from vitalcast.core.panels.headline import HeadlineNow, headline_of
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import Resolved, metric_word, way_of, word_of
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Shown
from vitalcast.web.panels.figure_layouts import Json, build_layout, plain, tick_format

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

POINTS_MAX = 600  # of one line; two pixels each on a wide screen
POINTS_OF_ALL_MAX = 60_000  # of all lines together, each of which has a text
POINTS_MIN = 20
CELLS_MAX = 300  # of one row of a heatmap
TICKS = 5
LINE_WIDTH = 1.25
BAND_ALPHA = "bd"


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that a figure is drawn from."""

    shown: Shown
    window: Window
    colors: Colors

    @property
    def panel(self) -> Panel:
        return self.shown.panel

    @property
    def resolved(self) -> Resolved:
        return self.shown.resolved


Filled = tuple[list[Json], Json]  # the traces, and what the data change of the y axis


class Figures:
    """Draws figures. What does not change with the data is built once for each panel, unit and theme."""

    def __init__(self, *, build: Callable[[Panel, str, Theme], Json] = build_layout) -> None:
        self._build = build
        self._layouts: dict[tuple[str, str, Theme], tuple[Panel, Json]] = {}  # bounded by the panels there are

    def forget(self) -> None:
        """Forget what was built for panels, since these have changed."""
        self._layouts.clear()

    def draw(self, shown: Shown, window: Window, theme: Theme, meta: Json, *, past: bool = False) -> bytes:
        """Return a figure as JSON: `{"data": […], "layout": {…}}`; one of the `past` says so where it is empty."""
        panel, resolved, window = shown.panel, shown.resolved, possible(window)
        key = panel.id, resolved.unit, theme
        built = self._layouts.get(key)
        if built is None or built[0] is not panel:
            built = self._layouts[key] = panel, self._build(panel, resolved.unit, theme)
        layout = dict(built[1])
        fill = {"line": _lines, "heatmap": _heatmap, "bar": _bars}[panel.chart]
        traces, axis = fill(Drawing(shown, window, THEMES[theme]))
        layout["yaxis"] = layout["yaxis"] | axis
        now = headline_of(panel, resolved, window.newest)
        layout["meta"] = meta | {"panel": panel.id, "unit": resolved.unit, "level": shown.level}
        layout["title"] = layout["title"] | {"subtitle": layout["title"]["subtitle"] | {"text": _subtitle(now)}}
        if not traces:
            text = empty_text(past=past)
            layout["annotations"] = [{"text": text, "showarrow": False, "xref": "paper", "yref": "paper"}]
        return orjson.dumps({"data": traces, "layout": layout}, option=orjson.OPT_SERIALIZE_NUMPY)


def _subtitle(now: HeadlineNow) -> str:
    return plain(" · ".join(f"{format_value(one.value, one.unit)} {one.label}".strip() for one in now.numbers))


# --- lines ---------------------------------------------------------------------------------------------------------


def _lines(drawing: Drawing) -> Filled:
    panel, resolved, window = drawing.panel, drawing.resolved, drawing.window
    drawn = drawing.shown.lines
    most = max(min(POINTS_MAX, POINTS_OF_ALL_MAX // max(len(drawn), 1)), POINTS_MIN)
    together = _stack_rows(drawn, window, most) if panel.stack else None
    traces = []
    for line in drawn:
        rows = extremes(window.of(line.column), most) if together is None else together
        traces.append(_line(drawing, line, rows))
    low, high = _extent(panel, drawn, window)
    if drawn and resolved.reference >= 0:
        level = window.of(resolved.reference)
        traces.append(_level(drawing, level))
        low = float(np.fmin.reduce(level, initial=low))
        high = float(np.fmax.reduce(level, initial=high))
    return traces, _scale(drawing, low, high, mirrored=bool(panel.below) and _keeps_sides(drawn, window))


def _stack_rows(drawn: Sequence[Line], window: Window, most: int) -> npt.NDArray[np.intp]:
    """Return the rows that all bands are drawn at: they must be the same for all."""
    block = window.values[:, [window.columns.index(line.column) for line in drawn]]
    whole = np.where(np.isnan(block).all(axis=1), np.nan, np.nansum(block, axis=1))
    return extremes(whole, most)


def _line(drawing: Drawing, line: Line, rows: npt.NDArray[np.intp]) -> Json:
    panel, unit = drawing.panel, drawing.resolved.unit
    shown = drawing.window.of(line.column)[rows]
    color = drawing.colors.of(line.color, down=line.down)
    way = way_of(panel, drawing.resolved, down=line.down) if panel.below else ""
    trace: Json = {
        "type": "scatter",
        "name": plain(" ".join(dict.fromkeys(word for word in (line.label, way) if word))),
        "x": drawing.window.dates(rows),
        "y": -shown if line.down else shown,
        "text": [plain(format_value(value, unit)) for value in shown.tolist()],
        "line": {"color": color, "width": 0 if panel.stack else LINE_WIDTH},
        "legendgroup": line.key,
    }
    if panel.stack:  # only bands are filled: Plotly would fill below a line across its holes
        trace |= {"stackgroup": "down" if line.down else "up", "fillcolor": color + BAND_ALPHA}
    return trace


def _level(drawing: Drawing, level: Floats) -> Json:
    rows = extremes(level, POINTS_MAX)
    return {
        "type": "scatter",
        "name": plain(metric_word(drawing.panel, drawing.panel.reference)),
        "x": drawing.window.dates(rows),
        "y": level[rows],
        "text": [plain(format_value(value, drawing.resolved.unit)) for value in level[rows].tolist()],
        "line": {"color": drawing.colors.soft, "width": LINE_WIDTH, "dash": "dash"},
    }


def _extent(panel: Panel, drawn: Sequence[Line], window: Window) -> tuple[float, float]:
    """Return the lowest and the highest that is drawn, and 0."""
    low = high = 0.0
    for down in (False, True):
        columns = [window.columns.index(line.column) for line in drawn if line.down == down]
        block = window.values[:, columns] * (-1 if down else 1)
        if panel.stack:
            block = np.nansum(block, axis=1, keepdims=True)
        low = float(np.fmin.reduce(block, axis=None, initial=low))
        high = float(np.fmax.reduce(block, axis=None, initial=high))
    return low, high


def _keeps_sides(drawn: Sequence[Line], window: Window) -> bool:
    """Say whether nothing crosses the axis, whose labels need no sign then."""
    return not (window.values[:, [window.columns.index(line.column) for line in drawn]] < 0).any()


def _scale(drawing: Drawing, low: float, high: float, *, mirrored: bool) -> Json:
    panel, resolved, window = drawing.panel, drawing.resolved, drawing.window
    end = panel.max if isinstance(panel.max, float) else _newest(window, resolved.max)
    if end > 0 and high <= end * 1.02 and low >= 0:
        high = end
    else:
        lack = max(panel.span_min - (high - low), 0.0)
        low, high = (low - lack / 2, high + lack / 2) if panel.below else (low, high + lack)
        low, high = low * 1.05, (high or 1.0) * 1.05
    if not panel.below and not is_binary(resolved.unit):
        return {"range": [low, high]}
    scale = Scale(low, high, round_step((high - low) / TICKS, resolved.unit))
    ticks = ticks_of(scale, resolved.unit, mirrored=mirrored)
    places = {"tickvals": [tick.value for tick in ticks], "ticktext": [tick.text for tick in ticks]}
    return {"range": [low, high], "tickmode": "array"} | places


def _newest(window: Window, column: int) -> float:
    return float(window.newest[column]) if 0 <= column < len(window.newest) else math.nan


# --- heatmaps and bars ---------------------------------------------------------------------------------------------


def _heatmap(drawing: Drawing) -> Filled:
    panel, resolved, window = drawing.panel, drawing.resolved, drawing.window
    drawn = drawing.shown.lines
    if not drawn:
        return [], {}
    ends, cells = peaks(window.values[:, [window.columns.index(line.column) for line in drawn]], CELLS_MAX)
    end = panel.max if isinstance(panel.max, float) else _newest(window, resolved.max)
    top = end if end > 0 else max(float(np.fmax.reduce(cells, axis=None, initial=0.0)), panel.span_min)
    labels = [line.label for line in drawn]
    labels = labels if len(set(labels)) == len(labels) else [line.key for line in drawn]
    written = ".1%" if is_ratio(resolved.unit) else ".3~s"
    return [
        {
            "type": "heatmap",
            "x": window.dates(ends),
            "y": [plain(label) for label in labels],
            "z": np.ascontiguousarray(cells.T),
            "zmin": float(np.fmin.reduce(cells, axis=None, initial=0.0)),
            "zmax": top,
            "hovertemplate": f"%{{y}}: %{{z:{written}}}<br>%{{x}}<extra></extra>",
            "colorbar": {"thickness": 12, "outlinewidth": 0} | tick_format(resolved.unit),
        }
    ], {}


def _bars(drawing: Drawing) -> Filled:
    panel, unit = drawing.panel, drawing.resolved.unit
    bars = bars_of(drawing.resolved, drawing.shown.lines, drawing.window.newest)
    parts = dict.fromkeys(line.part for bar in bars for line, _ in bar.parts)
    traces = []
    for part in parts:
        cells = [(bar, line, value) for bar in bars for line, value in bar.parts if line.part == part]
        traces.append(
            {
                "type": "bar",
                "name": plain(word_of(panel, panel.parts, part)),
                "y": [plain(bar.label) for bar, _, _ in cells],
                "x": [value / bar.whole if bar.whole > 0 else None for bar, _, value in cells],
                "text": [
                    plain(f"{format_value(value, unit)} of {format_value(bar.whole, unit)}") for bar, _, value in cells
                ],
                "textposition": "none",
                "marker": {"color": drawing.colors.of(cells[0][1].color)},
            }
        )
    return traces, {}
