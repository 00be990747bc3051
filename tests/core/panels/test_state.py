"""What is shown of a panel stays as it is, unless there is a reason."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.panel_machine import DESCRIPTORS, panel_of, series_for
from tests.core.panel_stand import Stand

from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Shown
from vitalcast.core.panels.state import CHOOSE_EVERY_MS, PanelState, rows_seen, seen_in

BUSY = DESCRIPTORS["system.disk.io_time.rate"]
RANGE_MS = 60_000


def disk(name: str) -> Series:
    return Series(BUSY, (name,))


def ticked(stand: Stand, values: dict[str, float], *, ticks: int = 1, step_ms: int = 1000) -> None:
    for _ in range(ticks):
        stand.tick({disk(name): value for name, value in values.items()}, step_ms=step_ms)


def state_of(stand: Stand, **changes: object) -> PanelState:
    return stand.state(Panel.model_validate(panel_of("disk-busy").model_dump() | changes))


def labels(shown: Shown) -> list[str]:
    return [line.label for line in shown.lines]


def test_what_is_shown_is_the_same_object_while_nothing_changes() -> None:
    stand = Stand()
    ticked(stand, {"sda": 0.5})
    over = state_of(stand).over(RANGE_MS)
    first = over.now()
    ticked(stand, {"sda": 0.9}, ticks=20)
    assert over.now() is first


def test_a_series_that_comes_or_goes_is_seen_at_once() -> None:
    stand = Stand()
    ticked(stand, {"sda": 0.5})
    over = state_of(stand).over(RANGE_MS)
    assert labels(over.now()) == ["sda"]
    ticked(stand, {"sda": 0.5, "sdb": 0.1})
    assert labels(over.now()) == ["sda", "sdb"]
    assert over.came_offset == stand.offset
    ticked(stand, {"sdb": 0.1})
    assert labels(over.now()) == ["sdb"]
    assert over.came_offset == stand.offset - 1


def test_lines_are_chosen_anew_every_few_seconds_and_not_with_every_tick() -> None:
    stand = Stand()
    names = [f"d{at}" for at in range(10)]
    ticked(stand, dict.fromkeys(names, 0.5))
    over = state_of(stand).over(RANGE_MS)
    assert labels(over.now()) == names[:8]
    ticked(stand, dict.fromkeys(names, 0.5) | {"d9": 0.9})
    assert labels(over.now()) == names[:8]
    ticked(stand, dict.fromkeys(names, 0.5), step_ms=CHOOSE_EVERY_MS)
    assert labels(over.now()) == [*names[:7], "d9"]


def test_of_two_about_as_high_the_one_that_is_shown_stays() -> None:
    stand = Stand()
    names = [f"d{at}" for at in range(9)]
    ticked(stand, dict.fromkeys(names, 0.5) | {"d8": 0.499})
    over = state_of(stand).over(RANGE_MS)
    over.now()
    ticked(stand, dict.fromkeys(names, 0.5) | {"d8": 0.505}, step_ms=CHOOSE_EVERY_MS)
    ticked(stand, dict.fromkeys(names, 0.506), step_ms=CHOOSE_EVERY_MS)
    assert labels(over.now()) == names[:8]
    ticked(stand, dict.fromkeys(names, 0.5) | {"d8": 0.9}, step_ms=CHOOSE_EVERY_MS)
    assert "d8" in labels(over.now())


def test_what_is_shown_keeps_its_colour_and_who_comes_gives_way() -> None:
    stand = Stand()
    names = [f"d{at}" for at in range(12)]
    ticked(stand, dict.fromkeys(names, 0.0) | dict.fromkeys(names[:4], 0.5))
    over = state_of(stand).over(RANGE_MS)
    before = {line.key: line.color for line in over.now().lines}
    ticked(stand, dict.fromkeys(names, 0.0) | dict.fromkeys(names[8:], 0.5), step_ms=CHOOSE_EVERY_MS)
    now = {line.key: line.color for line in over.now().lines}
    assert set(now) == {*names[:4], *names[8:]}
    assert {key: now[key] for key in before} == before
    assert len(set(now.values())) == 8


def test_ranges_share_colours_and_what_is_asked_for_again_is_what_it_was() -> None:
    stand = Stand()
    ticked(stand, {"sda": 0.5, "sdb": 0.1}, ticks=5)
    state = state_of(stand)
    assert state.over(RANGE_MS) is state.over(RANGE_MS)
    colors = [{line.key: line.color for line in state.over(range_ms).now().lines} for range_ms in (2000, RANGE_MS)]
    assert colors[0] == colors[1]


def test_ranges_that_nobody_watches_are_forgotten() -> None:
    stand = Stand()
    ticked(stand, {"sda": 0.5})
    state = state_of(stand)
    watched = state.over(1000)
    for at in range(2, 100):
        state.over(at * 1000)
    assert state.over(1000) is watched
    assert len(state._ranges) <= 20


def test_another_definition_is_shown_at_once_in_the_same_colours() -> None:
    stand = Stand()
    ticked(stand, {"sda": 0.5, "sdb": 0.1, "sdc": 0.2})
    state = state_of(stand)
    over = state.over(RANGE_MS)
    before = {line.key: line.color for line in over.now().lines}
    panel = Panel.model_validate(state.panel.model_dump() | {"where": {"system.device": ["sdc"]}})
    state.redefine(panel, stand.state(panel)._choice)
    assert {line.key: line.color for line in over.now().lines} == {"sdc": before["sdc"]}
    state.withdraw()
    assert over.now().lines == ()


def test_before_the_first_tick_there_is_nothing_to_show() -> None:
    assert state_of(Stand()).over(RANGE_MS).now().lines == ()


@pytest.mark.parametrize("range_ms", [0, 2500, 900_000])
def test_what_was_seen_is_the_lowest_and_the_highest_of_the_range(range_ms: int) -> None:
    stand = Stand()
    values = [0.9, 0.1, 0.5, 0.7]
    for value in values:
        ticked(stand, {"sda": value})
    seen = seen_in(stand.ring, np.array([0]), rows_seen(stand.ring, 1, range_ms))
    wanted = values[-1 - min(range_ms // 1000, 3) :]
    assert (seen.lowest[0], seen.highest[0], seen.newest[0]) == (min(wanted), max(wanted), 0.7)


def test_of_thousands_of_series_only_as_much_is_read_as_passes_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitalcast.core.panels.state.SEEN_VALUES_MAX", 6)
    stand = Stand()
    for at in range(5):
        ticked(stand, {"sda": float(at), "sdb": 0.0, "sdc": 0.0})
    over = state_of(stand).over(RANGE_MS)
    over.now()
    assert over.reads == 6
    assert seen_in(stand.ring, np.array([0, 1, 2]), rows_seen(stand.ring, 3, RANGE_MS)).lowest[0] == 3.0


def test_every_series_of_every_built_in_panel_is_read_by_its_column() -> None:
    panel = panel_of("memory")
    stand = Stand()
    stand.tick({one: float(at) for at, one in enumerate(reversed(series_for(panel)))})
    shown = stand.state(panel).over(RANGE_MS).now()
    assert stand.ring.newest is not None
    for line in shown.lines:
        assert stand.ring.newest.layout.series[line.column] is line.series
