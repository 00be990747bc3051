"""Which programs have a colour in a long past, and which colour that is from range to range."""

from __future__ import annotations

import numpy as np
from tests.core.panel_machine import panel_of, series_for
from tests.core.panel_stand import Stand

from vitalcast.core.panels.panel_over_past import PanelOverPast
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.state import PanelState
from vitalcast.core.vocabulary import Aggregate

HOURS = 24
BY = (Aggregate.AVG, Aggregate.MIN, Aggregate.MAX)


def colours(state: PanelState, means: dict[str, float], peaks: dict[str, float]) -> dict[str, int]:
    """Return the colours of a day in which programs had these means in every hour, and these peaks in the last."""
    panel = panel_of("cpu-programs")
    series = series_for(panel)
    over = PanelOverPast(panel, request_selection(panel), bool, colors=state.colors, remember=state.remember)
    asked = over.to_ask(BY)
    values = np.zeros((HOURS, len(series), len(asked)))
    values[:, :, asked.index(Aggregate.COUNT)] = 3600
    for at, one in enumerate(series):
        values[:, at, 0] = values[:, at, 2] = means.get(one.values[0], 0.0)
        values[-1, at, 2] = peaks.get(one.values[0], values[-1, at, 2])
    times_ms = np.arange(HOURS) * 3_600_000 + 1_790_000_000_000
    _, _, head = over.shown(series, times_ms, values.reshape(HOURS, -1), 3_600_000, BY)
    return {line["key"]: line["color"] for line in head["lines"] if line["color"]}


def test_neither_what_went_on_all_the_time_nor_a_short_peak_is_grey() -> None:
    state = Stand().state(panel_of("cpu-programs"))
    steady = {f"program-{at}": 0.05 + at / 1000 for at in range(4)}
    peaks = {f"program-{at}": 0.5 for at in range(4, 9)} | {"gzip": 0.98}
    coloured = colours(state, steady | {"gzip": 0.001}, peaks)
    assert {*steady, "gzip"} <= coloured.keys(), "a peak within an hour that its mean does not show counts too"


def test_a_program_has_its_colour_in_other_ranges_too() -> None:
    state = Stand().state(panel_of("cpu-programs"))
    first = colours(state, {"program-7": 0.3, "program-8": 0.2, "gzip": 0.1}, {})
    second = colours(state, {f"program-{at}": 0.2 for at in (0, 1, 2, 8)} | {"gzip": 0.4}, {})
    assert {key: second[key] for key in ("program-8", "gzip")} == {key: first[key] for key in ("program-8", "gzip")}
    assert len(set(second.values())) == len(second)
