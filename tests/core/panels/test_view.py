"""A panel as columns: what is computed has a past and a present as what is measured has."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest
from tests.core.panel_machine import DESCRIPTORS, ODD, panel_of, series_for
from tests.core.panel_stand import Stand

from vitalcast.core.alerts.panel_levels import PanelLevels
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.drawing.rule_words import rule_words
from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.headline import HeadlineRule, headline_of
from vitalcast.core.panels.resolve import resolve
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.state import PanelState
from vitalcast.core.panels.view import PanelView

RANGE_MS = 300_000


def value_of(tick: int, at: int) -> float:
    return math.nan if (tick + at) % 11 == 5 else round((at * 37 % 101) / 100 + tick / 50, 3)


def watched(panel: Panel, *, ticks: int = 8, all_lines: bool = False) -> tuple[Stand, PanelState, PanelView]:
    """Return a view of a panel on a source that has ticked with all its series."""
    stand = Stand()
    series = series_for(panel)
    for tick in range(ticks):
        stand.tick({one: value_of(tick, at) for at, one in enumerate(series)})
    state = stand.state(panel)
    if rule := panel_rule(panel):
        levels = state.levels = PanelLevels(state, rule)
        levels.catch_up()
        state.rule = partial(rule_words, state.headline)
    return stand, state, PanelView(state.over(RANGE_MS, all_lines=all_lines))


def sent(stand: Stand, view: PanelView) -> np.ndarray:
    """Return all that was ever sent of a view, of the shape (ticks, columns)."""
    return view.project(stand.ring.read(view.columns, 0, stand.ring.end_row), stand.ring.offsets())


def head(stand: Stand, view: PanelView) -> dict[str, Any]:
    said = view.head(sent(stand, view)[-1])
    return dict(json.loads(orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY)))


@pytest.mark.parametrize("all_lines", [False, True])
@pytest.mark.parametrize("panel", (*BUILT_IN, *ODD), ids=lambda panel: panel.id)
def test_every_column_has_a_description_and_every_mention_a_column(panel: Panel, *, all_lines: bool) -> None:
    stand, state, view = watched(panel, all_lines=all_lines)
    values = sent(stand, view)
    assert values.shape == (8, len(view.series))
    for at, offset in enumerate(stand.ring.offsets().tolist()):
        row = stand.ring.read(view.columns, at, at + 1)[0]
        assert np.array_equal(view.project_row(row, offset), values[at], equal_nan=True)
    assert len({one.key for one in view.series}) == len(view.series)
    said = head(stand, view)
    shown = state.over(RANGE_MS, all_lines=all_lines).now()
    newest = stand.ring.newest
    assert newest is not None
    assert not all_lines or len(said["lines"]) == len(state.resolved.lines) + len(state.resolved.remainder)
    assert all(line["id"] >= 1 and 0 <= line["color"] <= 8 for line in said["lines"])
    assert {line["color"] for line in said["lines"]}.isdisjoint({0}) or panel.others
    assert [(line["key"], line["color"]) for line in said["lines"]] == [(line.key, line.color) for line in shown.lines]
    for line, own in zip(said["lines"], shown.lines, strict=True):
        assert view.series[line["column"]] is own.series
        column = values[:, line["column"]]
        assert np.array_equal(column, stand.ring.read(np.array([own.column]), 0, 8)[:, 0], equal_nan=True)
    now = headline_of(panel, state.resolved, newest.values)
    headline = said["headline"]
    assert values[-1, headline["column"]] == pytest.approx(now.main.value, nan_ok=True)
    assert [one["value"] for one in headline["numbers"]] == pytest.approx([one.value for one in now.numbers])
    for one, own_number in zip(headline["numbers"], now.numbers, strict=True):
        which = {line["id"]: line["label"] for line in said["lines"]}.get(
            None if headline["which"] is None else values[-1, headline["which"]]
        )
        whose = which if one is headline["numbers"][0] else None
        assert " ".join(word for word in (one["label"], whose) if word) == own_number.label
        assert values[-1, one["column"]] == one["value"]
        assert one["unit"] == own_number.unit


def test_the_rest_is_read_for_the_whole_and_not_sent() -> None:
    stand, _, view = watched(panel_of("filesystems"))
    said = head(stand, view)
    assert {line["part"] for line in said["lines"]} == {"used"}
    assert not any("free" in one.key for one in view.series)
    values = sent(stand, view)
    by_key: dict[str, list[dict[str, Any]]] = {}
    for line in said["lines"]:
        by_key.setdefault(line["key"], []).append(line)
    newest = stand.ring.newest
    assert newest is not None
    for key, parts in by_key.items():
        of_key = ((at, one) for at, one in enumerate(newest.layout.series) if one is not None and key in one.values)
        own = [at for at, one in of_key if "reserved" not in one.values]
        assert len({line["whole"] for line in parts}) == 1
        whole = np.nansum(stand.ring.read(np.array(own), 7, 8))
        assert values[-1, parts[0]["whole"]] == pytest.approx(whole)


def test_only_what_is_drawn_is_sent_of_many_and_the_number_is_that_of_all() -> None:
    busy = DESCRIPTORS["system.disk.io_time.rate"]
    stand = Stand()
    many = {Series(busy, (f"d{at}",)): at / 20_000 for at in range(12_000)}
    for _ in range(3):
        stand.tick(many)
    view = PanelView(stand.state(panel_of("disk-busy")).over(RANGE_MS))
    assert len(view.series) == 8 + 2
    said = head(stand, view)
    assert said["more"] == 11_992
    assert said["headline"]["value"] == 11_999 / 20_000
    assert {line["id"]: line["label"] for line in said["lines"]}[
        sent(stand, view)[-1][view_place(view, "@which")]
    ] == "d11999"


def view_place(view: PanelView, name: str) -> int:
    return next(at for at, one in enumerate(view.series) if one.name == name)


def test_the_level_of_each_moment_is_a_column() -> None:
    panel = panel_of("swap")
    stand = Stand()
    (series,) = series_for(panel)[-1:]
    state = stand.state(panel)
    levels = state.levels = PanelLevels(state, panel_rule(panel))  # type: ignore[arg-type]  # which it has
    for value in (0.1, *[0.6] * 7, *[0.95] * 7, math.nan, *[0.1] * 20):
        stand.tick({one: value if one == series else 0.0 for one in series_for(panel)})
        levels.catch_up()
    view = PanelView(state.over(RANGE_MS))
    column = sent(stand, view)[:, view_place(view, "@level")]
    assert column.tolist()[:15] == [0.0] * 6 + [1.0] * 7 + [2.0] * 2
    assert math.isnan(column[15])
    assert column.tolist()[16:] == [2.0] * 18 + [0.0] * 2


def test_each_bar_has_the_level_of_each_moment() -> None:
    panel = panel_of("filesystems")
    assert panel.thresholds is not None
    stand, full = Stand(), {"/": 0.1, "/home": 0.99, "/srv/data": 0.2}
    state = stand.state(panel)
    rule = panel_rule(panel)
    assert rule is not None
    levels = state.levels = PanelLevels(state, rule)
    for tick in range(8):
        full["/"] = 0.99 if tick == 7 else panel.thresholds.warning  # the fullest only in the end, and alarming before
        stand.tick({one: bar_value(one, full) for one in series_for(panel)})
    view = PanelView(state.over(RANGE_MS))
    said, values = head(stand, view), sent(stand, view)
    columns = {line["key"]: line["levels"] for line in said["lines"]}
    assert {line["key"]: len({one["levels"] for one in said["lines"] if one["key"] == line["key"]}) for line in
            said["lines"]} == dict.fromkeys(full, 1)  # fmt: skip
    assert {key: values[:, at].tolist() for key, at in columns.items()} == {
        "/": [0.0] * 5 + [1.0] * 3,
        "/home": [0.0] * 5 + [2.0] * 3,
        "/srv/data": [0.0] * 8,
    }
    assert values[:, said["headline"]["levels"]].tolist() == [0.0] * 5 + [2.0] * 3
    assert said["headline"]["level"] == "critical"
    assert levels.bar_levels(full) == {"/": "warning", "/home": "critical", "/srv/data": ""}


def bar_value(series: Series, full: dict[str, float]) -> float:
    share = full[series.attributes["system.filesystem.mountpoint"]]
    return {"used": share, "free": 1 - share}.get(series.attributes["system.filesystem.state"], 0.0)


def test_bars_without_thresholds_have_no_levels() -> None:
    stand, _, view = watched(next(one for one in ODD if one.chart == "bar"))
    assert not any("levels" in line for line in head(stand, view)["lines"])
    assert not any(one.name == "@level" for one in view.series)


def test_a_panel_of_what_is_not_there_has_no_columns() -> None:
    stand = Stand()
    stand.tick({})
    view = PanelView(stand.state(panel_of("cpu")).over(RANGE_MS))
    assert view.series == ()
    assert (head(stand, view)["lines"], head(stand, view)["headline"]) == ([], None)
    assert sent(stand, view).shape == (1, 0)


def test_a_view_changes_when_what_is_shown_does() -> None:
    stand, state, view = watched(panel_of("disk-busy"))
    assert not view.refresh()
    new = Series(DESCRIPTORS["system.disk.io_time.rate"], ("sdz",))
    stand.tick(dict.fromkeys(series_for(state.panel), 0.5) | {new: 0.9})
    assert view.refresh()
    assert new in view.series
    assert view.came_offset == stand.offset


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("cpu", "warning from 85 % for 20 s, critical from 95 % for 20 s; over after 20 s below"),
        ("memory", "warning from 85 % for 5 s, critical from 95 % for 5 s; over after 20 s below"),
        ("load", "warning from 4 for 20 s, critical from 8 for 20 s; over after 20 s below"),
        ("temperatures", "warning from 80 °C for 5 s, critical from 95 °C for 5 s; over after 20 s below"),
        ("network", ""),
    ],
)
def test_the_rule_of_a_level_is_said_in_words(id_: str, words: str) -> None:
    stand, panel = Stand(), panel_of(id_)
    stand.tick(dict.fromkeys(series_for(panel), 2.0))
    state = stand.state(panel)
    state.rule = partial(rule_words, state.headline)
    view = PanelView(state.over(RANGE_MS))
    assert head(stand, view)["headline"]["rule"].replace("\u00a0", " ") == words


def test_the_rule_of_a_share_of_what_is_not_known_says_of_what() -> None:
    headline = HeadlineRule(panel_of("load"), resolve(panel_of("load"), series_for(panel_of("load"))))
    assert rule_words(headline).replace("\u00a0", " ").startswith("warning from 200 % of CPUs for 20 s, critical")
