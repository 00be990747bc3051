"""What is computed of several lines over steps of the past has bounds."""

from __future__ import annotations

import numpy as np
from tests.core.panel_machine import panel_of, series_for

from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.panel_over_past import PanelOverPast
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.vocabulary import Aggregate

BY = (Aggregate.AVG, Aggregate.MIN, Aggregate.MAX)


def shown(panel_id: str, values: dict[str, tuple[float, float, float]]) -> dict[str, list[float]]:
    """Return the mean, the least and the greatest of what is computed, of lines by one of their attributes."""
    panel = panel_of(panel_id)
    series = series_for(panel)
    row = [number for one in series for number in values.get(next(iter(one.values), ""), (0.0, 0.0, 0.0))]
    over = PanelOverPast(panel, request_selection(panel), lambda state: None)
    columns, found, _ = over.shown(series, np.array([1_790_000_000_000]), np.array([row]), 600_000, BY)
    return {one.name: found[0, 3 * at : 3 * at + 3].tolist() for at, one in enumerate(columns)}


def test_a_sum_is_no_more_than_its_rest_has_left() -> None:
    modes = {"user": (0.3, 0.0, 0.8), "system": (0.2, 0.1, 0.7), "idle": (0.5, 0.1, 0.9)}
    assert np.allclose(shown("cpu", modes)["@value"], [0.5, 0.1, 0.9])


def test_the_greatest_share_is_of_the_least_whole() -> None:
    memory = {"used": (40.0, 20.0, 60.0), "free": (60.0, 40.0, 80.0), "": (100.0, 100.0, 100.0)}
    found = shown("memory", memory)
    assert np.allclose(found["@value"], [0.4, 0.2, 0.6])
    assert np.allclose(found["@number"], [40.0, 20.0, 60.0])


def test_a_program_that_was_there_for_a_moment_counts_for_no_more() -> None:
    panel = panel_of("cpu-programs")
    [one] = series_for(panel)[:1]
    descriptor = one.descriptor
    names = ("gzip", "postgres", "(others)")
    series = [Series(descriptor, (name,)) for name in names]
    over = PanelOverPast(panel, request_selection(panel), lambda state: None)
    asked = over.to_ask(BY)
    assert asked == (*BY, Aggregate.COUNT)
    row = [0.9, 0.8, 1.0, 25.0, 0.2, 0.1, 0.3, 600.0, 0.1, 0.0, 0.2, 600.0]
    columns, found, _ = over.shown(series, np.array([1_790_000_000_000]), np.array([row]), 600_000, BY)
    values = {one.values[0]: found[0, 3 * at : 3 * at + 3].tolist() for at, one in enumerate(columns) if one.values}
    assert np.allclose(values["gzip"], [0.9 * 25 / 600, 0.0, 1.0])
    assert np.allclose(values["postgres"], [0.2, 0.1, 0.3])
