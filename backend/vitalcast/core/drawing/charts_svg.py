"""The chart of a panel, as SVG, whatever kind it is of."""

from __future__ import annotations

from vitalcast.core.drawing.bars_svg import draw_bars
from vitalcast.core.drawing.heatmap_svg import draw_heatmap
from vitalcast.core.drawing.lines_svg import draw_lines
from vitalcast.core.drawing.scene import Box, Scene


def chart_of(scene: Scene, box: Box) -> str:
    """Return the chart of a panel, drawn into the box."""
    return {"line": draw_lines, "heatmap": draw_heatmap, "bar": draw_bars}[scene.panel.chart](scene, box)
