"""What a panel's figure is before it has data: its layout, built and checked by Plotly's own library.

That library takes 0.4 s and 32 MB to import, so it is imported when the first figure is asked for, in a thread.
"""

from __future__ import annotations

from typing import Any

from vitalcast.core.drawing.format import is_binary, is_ratio
from vitalcast.core.drawing.theme import FONT, THEMES, Colors, Theme
from vitalcast.core.panels.schema import Panel

Json = dict[str, Any]


def build_layout(panel: Panel, unit: str, theme: Theme) -> Json:
    """Return the layout of a panel's figure as JSON. Blocks for the time of an import when called first."""
    import plotly.graph_objects as go

    colors = THEMES[theme]
    figure = go.Figure(
        layout=go.Layout(
            template=go.layout.Template(
                data={
                    "scatter": [go.Scatter(mode="lines", connectgaps=False, hovertemplate="%{text}")],
                    "heatmap": [go.Heatmap(hoverongaps=False, colorscale=_scale(colors))],
                    "bar": [go.Bar(orientation="h", hovertemplate="%{text}")],
                },
                layout=go.Layout(
                    colorway=colors.lines,
                    font={"family": FONT, "color": colors.ink},
                    paper_bgcolor=colors.surface,
                    plot_bgcolor=colors.surface,
                    hoverlabel={"bgcolor": colors.raised, "font": {"color": colors.ink}},
                    xaxis=_axis(colors, grid=panel.chart == "bar"),
                    yaxis=_axis(colors, grid=panel.chart == "line"),
                ),
            ),
            title={"text": plain(panel.title), "subtitle": {"text": "", "font": {"color": colors.soft}}},
            barmode="stack",
            hovermode="x unified" if panel.chart == "line" else "closest",
            legend={"orientation": "h", "y": -0.2, "traceorder": "normal"},
            margin={"l": 72, "r": 24, "t": 72, "b": 48},
            uirevision=panel.id,  # a reader's zoom outlives the next filling
            xaxis=_share_axis() if panel.chart == "bar" else {"type": "date", "title": {"text": "UTC"}},
            yaxis=_value_axis(panel, unit),
        )
    )
    layout: Json = figure.to_plotly_json()["layout"]
    return layout


def _axis(colors: Colors, *, grid: bool) -> Json:
    return {
        "gridcolor": colors.grid,
        "showgrid": grid,
        "linecolor": colors.axis,
        "zerolinecolor": colors.axis,
        "tickfont": {"color": colors.soft},
        "title": {"font": {"color": colors.soft, "size": 11}},
    }


def _share_axis() -> Json:
    return {"type": "linear", "range": [0, 1], "tickformat": ".0%"}


def _value_axis(panel: Panel, unit: str) -> Json:
    if panel.chart == "bar":
        return {"type": "category", "autorange": "reversed", "automargin": True}
    if panel.chart == "heatmap":
        return {"type": "category", "automargin": True}
    return {"type": "linear", "title": {"text": plain(unit_text(unit))}, **tick_format(unit)}


def plain(text: str) -> str:
    """Return a text as it is to be read: Plotly takes markup, even links, from titles, names and categories."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def tick_format(unit: str) -> Json:
    """Return how Plotly writes values of a unit, where it can: it has no prefixes for powers of 1024."""
    if is_ratio(unit):
        return {"tickformat": "~%"}
    return {"exponentformat": "SI", "ticksuffix": "\u00a0°C" if unit == "Cel" else ""}


def unit_text(unit: str) -> str:
    """Return a unit for an axis; nothing where each tick says it."""
    return (
        ""
        if is_ratio(unit) or is_binary(unit) or unit == "Cel"
        else unit.replace("{", "").replace("}", "").replace("_", " ")
    )


def _scale(colors: Colors) -> list[list[float | str]]:
    return [[at / (len(colors.heat) - 1), color] for at, color in enumerate(colors.heat)]
