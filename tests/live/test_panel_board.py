"""Every viewer of a panel is told the same, and each source's panels are judged by themselves."""

from __future__ import annotations

import gc

import pytest
from tests.core.panel_machine import panel_of, series_for
from tests.core.panel_stand import Stand

from vitalcast.core.metrics.ring import Ring
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Panel
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import UnknownIdError
from vitalcast.live.panel_board import PanelBoard

RANGE_MS = 60_000
SWAP = panel_of("swap")


def tick(stand: Stand, used: float, *boards: PanelBoard, times: int = 1) -> None:
    for _ in range(times):
        frame = stand.tick({one: used if "used" in one.values else 0.0 for one in series_for(SWAP)})
        for board in boards:  # which judge it from its first tick
            board.judge(stand.timeline)
            board.advance(stand.timeline, frame)


def with_thresholds(**changes: float) -> Panel:
    thresholds = {"warning": 0.5, "critical": 0.9} | changes
    return Panel.model_validate(SWAP.model_dump() | {"thresholds": thresholds})


def test_a_level_lasts_before_it_is_shown() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.95, board, times=5)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == ""
    tick(stand, 0.95, board)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"
    tick(stand, 0.1, board, times=19)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"
    tick(stand, 0.1, board)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == ""


def test_how_long_it_lasts_is_the_panels_to_say() -> None:
    panel = with_thresholds(**{"for": 2.0})
    stand, board = Stand(), PanelBoard(DashboardStore((panel,)))
    tick(stand, 0.6, board, times=3)
    assert board.shown(stand.timeline, panel, RANGE_MS).level == "warning"


def test_a_source_that_nobody_has_judged_costs_nothing_until_somebody_looks() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.95, times=20)
    board.advance(stand.timeline, stand.timeline.newest)
    assert len(board._posted) == 0
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"


def test_what_is_judged_at_every_tick_knows_more_than_the_ring() -> None:
    panel = with_thresholds(**{"for": 30.0})
    stand, board = Stand(ring=Ring(window_ms=10_000)), PanelBoard(DashboardStore((panel,), ()))
    tick(stand, 0.95, board, times=700)
    assert stand.ring.first_row > 0
    assert board.shown(stand.timeline, panel, RANGE_MS).level == "critical"


def test_who_asks_late_is_told_what_the_ring_knows() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.95, times=20)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"


def test_a_number_that_is_gone_says_nothing_and_one_that_returns_goes_on_firing() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.95, board, times=6)
    board.advance(stand.timeline, stand.tick({}))
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == ""
    tick(stand, 0.95, board)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"


def test_sources_are_judged_and_coloured_each_by_itself() -> None:
    one, other, board = Stand(), Stand(), PanelBoard(DashboardStore())
    tick(one, 0.95, board, times=6)
    tick(other, 0.1, board, times=6)
    levels = [board.shown(stand.timeline, SWAP, RANGE_MS).level for stand in (one, other)]
    assert levels == ["critical", ""]
    assert board.state(one.timeline, SWAP) is not board.state(other.timeline, SWAP)


def test_a_source_that_is_gone_leaves_nothing_behind() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.1, board)
    assert len(board._posted) == 1
    del stand
    gc.collect()
    assert len(board._posted) == 0


def test_a_source_that_begins_anew_is_judged_anew() -> None:
    stand, board = Stand(), PanelBoard(DashboardStore())
    tick(stand, 0.95, board, times=6)
    stand.restart()
    tick(stand, 0.95, board)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == ""
    tick(stand, 0.95, board, times=5)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "critical"


def test_a_panel_that_is_changed_is_judged_and_shown_by_its_new_rule() -> None:
    store = DashboardStore((SWAP,), ())
    stand, board = Stand(), PanelBoard(store)
    tick(stand, 0.6, board, times=9)
    view = board.columns(stand.timeline, "swap", RANGE_MS)
    assert board.shown(stand.timeline, SWAP, RANGE_MS).level == "warning"
    store.replace((with_thresholds(warning=0.7),), ())
    assert board.shown(stand.timeline, store.panel("swap"), RANGE_MS).level == ""
    assert view.refresh()
    store.replace((), ())
    assert view.refresh()
    assert view.series == ()
    store.replace((SWAP,), ())
    board.shown(stand.timeline, SWAP, RANGE_MS)
    assert view.refresh()
    assert view.series != ()


def test_of_bars_each_has_its_own_level_and_the_panel_that_of_the_worst() -> None:
    panel, stand = panel_of("filesystems"), Stand()
    board = PanelBoard(DashboardStore())

    def level(**full: float) -> tuple[str, dict[str, str]]:
        for _ in range(26):
            stand.tick(
                {
                    one: {"used": share, "free": 1 - share}.get(one.attributes["system.filesystem.state"], 0.0)
                    for one in series_for(panel)
                    for share in (full.get(one.attributes["system.filesystem.mountpoint"].strip("/") or "root", 0.1),)
                }
            )
        shown = board.shown(stand.timeline, panel, RANGE_MS)
        return shown.level, dict(shown.bar_levels)

    assert level(home=0.99, root=0.9) == ("critical", {"/home": "critical", "/": "warning", "/srv/data": ""})
    assert level(root=0.9) == ("warning", {"/home": "", "/": "warning", "/srv/data": ""})


def test_an_unknown_panel_is_refused_with_the_nearest() -> None:
    board = PanelBoard(DashboardStore(BUILT_IN))
    with pytest.raises(UnknownIdError, match="no panel is called 'cpuu'; did you mean cpu"):
        board.columns(Stand().timeline, "cpuu", RANGE_MS)


def test_the_level_is_the_same_however_rarely_it_is_asked_for() -> None:
    stand, often, rarely = Stand(), PanelBoard(DashboardStore()), PanelBoard(DashboardStore())
    for used in (0.1, 0.6, 0.6, 0.1, *[0.6] * 7, *[0.95] * 3, 0.6, *[0.95] * 6, 0.2):
        tick(stand, used, often)
        board_level = often.shown(stand.timeline, SWAP, RANGE_MS).level
    assert board_level == rarely.shown(stand.timeline, SWAP, RANGE_MS).level
    offsets = stand.ring.offsets()
    states = [board.state(stand.timeline, SWAP).levels for board in (often, rarely)]
    assert states[0] is not None
    assert states[1] is not None
    assert states[0].at(offsets).tolist() == states[1].at(offsets).tolist()
