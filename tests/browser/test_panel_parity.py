"""The page and the server read a panel alike: the same lines, words, colours, numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from tests.browser.conftest import RunJs
from tests.core.panel_machine import series_for

from vitalcast.core.drawing.format import format_value
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.headline import headline_of
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import resolve
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.shown import Seen, busiest

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Panels as people may write them, beside the built-in ones: nothing said, wildcards, both at once.
ODD = tuple(
    Panel.model_validate({"id": f"odd-{at}", "title": "Odd"} | keys)
    for at, keys in enumerate(
        (
            {"metrics": ["system.disk.io.rate"]},
            {"metrics": ["system.disk.operations.rate"], "below": {"disk.io.direction": ["write"]}, "stack": True},
            {"metrics": ["hw.temperature"], "by": ["hw.name"]},
            {"metrics": ["hw.temperature"], "headline": {"reduce": "max"}, "lines_max": 2},
            {"metrics": ["system.cpu.logical.utilization"], "headline": {"reduce": "max"}, "lines_max": 3},
            {"metrics": ["system.network.io.rate"], "below": {"network.io.direction": ["transmit"]}, "lines_max": 1},
            {
                "metrics": ["system.filesystem.usage"],
                "chart": "bar",
                "by": ["system.filesystem.mountpoint"],
                "parts": "system.filesystem.state",
                "rest": ["free"],
                "lines_max": 2,
            },
            {"metrics": ["system.memory.limit"], "max": "system.memory.limit"},
            {"metrics": ["system.memory.usage"], "rest": ["free"], "headline": {"per": "rest"}},
            {"metrics": ["system.cpu.logical.utilization"]},
            {"metrics": ["system.load.average"], "order": ["5m"], "headline": {"reduce": "max"}, "lines_max": 1},
            {"metrics": ["system.cpu.utilization"], "where": {"cpu.mode": ["user", "iowait"]}},
            {
                "metrics": ["system.cpu.utilization"],
                "where": {"cpu.mode": ["user"]},
                "reference": "system.load.average",
            },
        )
    )
)

READ = """
const { readingOf } = await load("charts/model/lines");
const { busiest } = await load("charts/model/shown");
const { Ring } = await load("client/ring");
const { headlineOf } = await load("charts/model/headline");
const { formatValue } = await load("charts/model/format");
return given.map(({ panel, series, rows }) => {
  const ring = new Ring(rows.length, series.length);
  rows.forEach((row, i) => ring.push(i, row));
  const colors = new Map();
  const reading = readingOf(panel, series, colors);
  const line = ({ key, label, column, down, part, color }) => ({ key, label, column, down, part, color });
  const lines = reading.lines.map(line);
  const now = headlineOf(panel, reading, ring);
  const chosen = busiest(panel, reading, ring);
  const { max, reference, per, unit } = reading;
  const columns = (lines) => lines.map(({ column }) => column);
  return { lines, counted: columns(reading.counted), remainder: columns(reading.remainder), max, reference, per, unit,
           drawn: chosen.map(({ column, color }) => [column, color]).sort(([a], [b]) => a - b),
           numbers: now.numbers.map(({ text, label }) => [text, label]) };
});
"""


def _line(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("key", "label", "column", "down", "part", "color")}


def _case(panel: Panel) -> dict[str, Any]:
    series = series_for(panel)
    columns = range(len(series))
    rows = [
        [None if (at + tick) % 7 == 3 else round((at * 37 % 101) / 100 - below, 2) for at in columns]
        for tick, below in enumerate((0.3, 0.0, 0.3 if panel.id.startswith("odd") else 0.0))
    ]
    return {"panel": panel, "series": series, "rows": rows}


def _python(panel: Panel, series: list[Any], rows: list[list[float | None]]) -> dict[str, Any]:
    values = np.array([[math.nan if value is None else value for value in row] for row in rows])
    reading = resolve(panel, series)
    now = headline_of(panel, reading, values[-1])
    seen = Seen(np.fmin.reduce(values), np.fmax.reduce(values), values[-1])
    drawn = busiest(panel, reading, seen)
    return {
        "counted": [line.column for line in reading.counted],
        "lines": [_line(line) for line in reading.lines],
        "remainder": [line.column for line in reading.remainder],
        "max": reading.max,
        "reference": reading.reference,
        "per": reading.per,
        "unit": reading.unit,
        "drawn": sorted([line.column, line.color] for line in drawn),
        "numbers": [[format_value(one.value, one.unit), one.label] for one in now.numbers],
    }


async def test_the_page_reads_every_panel_as_the_server_does(js: RunJs) -> None:
    cases = [_case(panel) for panel in (*BUILT_IN, *ODD)]
    given = [
        {
            "panel": json.loads(json.dumps(case["panel"].public())),
            "series": [
                {"name": one.name, "unit": one.descriptor.unit, "attributes": one.attributes} for one in case["series"]
            ],
            "rows": case["rows"],
        }
        for case in cases
    ]
    answers = await js(READ, given)
    for case, answer in zip(cases, answers, strict=True):
        assert answer == _python(**case), case["panel"].id


async def test_a_token_for_a_panel_covers_just_what_the_page_asks_for(js: RunJs) -> None:
    panels = (*BUILT_IN, *ODD)
    asked = await js(
        """const { requestOf, vitalRequestOf } = await load("charts/model/panel");
        const view = { rateS: 1, windowS: 60 };
        return given.map((panel) => [requestOf(panel, view), vitalRequestOf(panel, view)]
          .map(({ metrics, where }) => [metrics, where ?? {}]));""",
        [json.loads(json.dumps(panel.public())) for panel in panels],
    )
    for panel, requests in zip(panels, asked, strict=True):
        granted = request_selection(panel)
        assert [Selection.of(metrics, where) for metrics, where in requests] == [granted, granted], panel.id
