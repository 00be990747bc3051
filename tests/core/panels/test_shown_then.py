from __future__ import annotations

import numpy as np
import pytest
from tests.core.panel_machine import ODD, panel_of, series_for

from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown_then import newest_row, shown_then


@pytest.mark.parametrize("panel", [*BUILT_IN, *ODD], ids=lambda panel: panel.id)
def test_every_panel_is_drawn_from_the_series_and_values_of_that_time_alone(panel: Panel) -> None:
    series = series_for(panel)
    values = np.arange(5 * len(series), dtype=np.float64).reshape(5, len(series))
    shown = shown_then(panel, series, values)
    assert shown.lines
    assert all(series[line.column] is line.series for line in shown.lines)
    assert len({line.key for line in shown.lines}) <= panel.lines_max or panel.stack
    assert shown == shown_then(panel, series, values)


def test_lines_are_those_that_peaked_then() -> None:
    panel = Panel.model_validate({"id": "a", "title": "A", "metrics": ["system.disk.io.rate"], "lines_max": 1})
    series = series_for(panel)
    values = np.ones((3, len(series)))
    values[1, 2] = 50
    assert [line.column for line in shown_then(panel, series, values).lines] == [2]


def test_without_series_or_values_nothing_is_shown() -> None:
    panel = panel_of("cpu")
    assert shown_then(panel, [], np.zeros((0, 0))).lines == ()
    assert shown_then(panel, [], np.zeros((3, 0))).lines == ()
    series = series_for(panel)
    assert len(shown_then(panel, series, np.full((2, len(series)), np.nan)).resolved.lines) > 1


def test_the_newest_row_is_the_last_with_a_reading() -> None:
    nan = np.nan
    assert newest_row(np.array([[1.0, 2.0], [nan, 3.0], [nan, nan]])).tolist()[1] == 3
    assert np.isnan(newest_row(np.full((2, 2), nan))).all()
    assert newest_row(np.zeros((0, 2))).shape == (2,)
