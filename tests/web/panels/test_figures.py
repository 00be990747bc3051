"""A panel's figure over HTTP: Plotly's own library reads it back, and its traces are what the ring holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from tests.core.machine import START_MS, Machine
from tests.core.panel_machine import DESCRIPTORS, panel_of, series_for
from tests.web.conftest import World, make_world
from tests.web.panel_world import TICKS, world_of

from vitalcast.core.drawing.theme import THEMES
from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Panel
from vitalcast.core.wire.limits import Limits
from vitalcast.web.panels.figure_layouts import build_layout
from vitalcast.web.panels.figures import CELLS_MAX, POINTS_MAX, Figures

ROOT = Path(__file__).resolve().parents[3]


def figure_of(world: World, id_: str, **params: Any) -> go.Figure:
    response = world.client.get(f"/api/v1/panels/{id_}/figure", params=params)
    assert response.status_code == 200, response.text
    return plotly.io.from_json(response.text)


def ring_of(world: World, **attributes: str) -> np.ndarray:
    """Return what the ring holds of the one series with these attribute values."""
    timeline = world.machine.timeline
    found = [
        column
        for column, one in enumerate(timeline.newest.layout.series)
        if one is not None and attributes.items() <= {**one.attributes, "name": one.name}.items()
    ]
    assert len(found) == 1
    ring = timeline.ring
    return ring.read(np.array(found), ring.first_row, ring.end_row)[:, 0]


def numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("wish", [{}, {"start": "-30s"}], ids=str)
def test_values_that_no_machine_has_are_left_out(odd: float, wish: dict[str, str]) -> None:
    world = world_of(*BUILT_IN, value=lambda tick, at: odd if tick % 7 == 3 or tick == TICKS - 1 else 0.5)
    for panel in BUILT_IN:
        figure = world.client.get(f"/api/v1/panels/{panel.id}/figure", params=wish)
        assert figure.status_code == 200, panel.id
        assert "308" not in figure.text


# --- what is drawn -------------------------------------------------------------------------------------------------


def test_a_stack_has_a_band_for_each_line_with_the_values_of_the_ring() -> None:
    world = world_of(panel_of("cpu"))
    figure = figure_of(world, "cpu")
    assert [trace.name for trace in figure.data] == ["system", "user", "nice", "I/O wait", "interrupt", "steal"]
    for trace, mode in zip(figure.data, ("system", "user", "nice", "iowait"), strict=False):
        assert np.array_equal(numbers(trace.y), ring_of(world, **{"cpu.mode": mode}))
        assert (trace.stackgroup, trace.line.width) == ("up", 0)
    assert np.array_equal(np.array(figure.data[0].x, dtype="datetime64[ms]").astype(int), world.machine.ring.times())
    assert figure.data[1].text[0] == "12.0\u00a0%"


@pytest.mark.parametrize("set_ms", [-3_600_000, -7_000, 7_000, 3_600_000])
@pytest.mark.parametrize("interval", [0, 5])
def test_times_go_on_even_where_the_clock_was_set(set_ms: int, interval: int) -> None:
    world = world_of(panel_of("load").model_copy(update={"interval": interval}), set_ms=set_ms)
    for trace in figure_of(world, "load").data:
        x = np.array(trace.x, dtype="datetime64[ms]").astype(int)
        assert (np.diff(x) > 0).all()
        newest = world.machine.time_ms
        assert newest - 1000 * max(interval, 1) <= x[-1] <= newest
        assert len(x) >= (TICKS // 2 - 7) // max(interval, 1)
    still = world.client.get("/api/v1/panels/load.svg")
    assert still.status_code == 200
    assert "stale" not in still.text


def test_a_mirror_goes_down_as_negative_values_that_are_read_as_positive_ones() -> None:
    world = world_of(panel_of("network"), value=lambda tick, at: 2048.0 * (tick + at))
    figure = figure_of(world, "network")
    received = next(trace for trace in figure.data if trace.name == "eth0 received")
    held = ring_of(world, **{"network.interface.name": "eth0", "network.io.direction": "receive"})
    assert np.array_equal(numbers(received.y), -held)
    assert received.text[-1] == "78.0\u00a0KiB/s"
    sent = next(trace for trace in figure.data if trace.name == "eth0 sent")
    assert received.line.color != sent.line.color
    assert min(sent.y) >= 0
    low, high = figure.layout.yaxis.range
    assert low < -held.max()
    assert high > 0
    assert not any("\u2212" in text for text in figure.layout.yaxis.ticktext)
    assert "0" in figure.layout.yaxis.ticktext


def test_what_is_below_zero_keeps_its_sign_on_the_axis() -> None:
    panel = panel_of("memory").model_copy(update={"stack": False, "max": None})
    figure = figure_of(world_of(panel, value=lambda tick, at: -2048.0 * (tick + at)), "memory")
    assert figure.layout.yaxis.ticktext[0].startswith("\u2212")
    heat = panel_of("cpus").model_copy(update={"max": None})
    assert figure_of(world_of(heat, value=lambda tick, at: -1.0 - at), "cpus").data[0].zmin == -12


def test_a_heatmap_has_a_row_for_each_line() -> None:
    world = world_of(panel_of("cpus"))
    (trace,) = figure_of(world, "cpus").data
    assert list(trace.y) == [f"CPU {number}" for number in range(12)]
    assert np.array_equal(numbers(trace.z[7]), ring_of(world, **{"cpu.logical_number": "7"}))
    assert (trace.zmin, trace.zmax) == (0, 1)


def test_bars_are_shares_of_the_whole_as_of_now() -> None:
    states = {"free": 90.0, "reserved": 10.0, "used": 30.0}
    panel = panel_of("filesystems")
    by_position = [states[one.attributes["system.filesystem.state"]] for one in series_for(panel)]
    world = world_of(panel, value=lambda tick, at: by_position[at])
    figure = figure_of(world, "filesystems")
    assert [(trace.name, list(trace.y), list(trace.x)) for trace in figure.data] == [
        ("used", ["/", "/home", "/srv/data"], [0.25] * 3),
    ]
    assert figure.data[0].text[0] == "30\u00a0B of 120\u00a0B"
    assert figure.layout.barmode == "stack"


@pytest.mark.parametrize(
    ("id_", "value"), [("cpu", "user"), ("cpus", "1"), ("filesystems", "/home"), ("filesystems", "used")]
)
def test_what_a_device_is_called_is_no_markup(id_: str, value: str) -> None:
    told = '<a href="https://example.org">&lt;'
    meant = '&lt;a href="https://example.org">&amp;lt;'
    panel = panel_of(id_)
    headline = panel.headline.model_copy(update={"label": told})
    labels = {**panel.labels, value: told}
    changes = {"title": told, "labels": labels, "headline": headline, "unit": "<b>"}
    figure = figure_of(world_of(panel.model_copy(update=changes)), panel.id)
    assert figure.layout.title.text == meant
    assert meant in figure.layout.title.subtitle.text
    words = [trace.name for trace in figure.data]
    words += [word for trace in figure.data if trace.type != "scatter" for word in trace.y]
    words += [word for trace in figure.data if trace.type != "heatmap" for word in trace.text]
    assert meant in words
    assert not any("<" in word for word in words if word)


def test_a_reference_is_a_dashed_level() -> None:
    world = world_of(panel_of("load"), value=lambda tick, at: at + 1.0)
    level = figure_of(world, "load").data[-1]
    assert (level.name, level.line.dash) == ("CPUs", "dash")
    assert np.array_equal(numbers(level.y), ring_of(world, name="system.cpu.logical.count"))


def test_a_metric_ends_the_axis_until_the_lines_go_beyond() -> None:
    panel = panel_of("memory")
    names = [one.name for one in series_for(panel)]
    for limit, end in ((100.0, 100.0), (20.0, 30 * 1.05)):
        world = world_of(panel, value=lambda _, at, limit=limit: limit if names[at].endswith("limit") else 10.0)
        assert figure_of(world, "memory").layout.yaxis.range == pytest.approx((0.0, end))


def test_a_hole_is_a_hole_of_its_length() -> None:
    world = world_of(panel_of("swap"), skip_at=20)
    figure = figure_of(world, "swap")
    (trace,) = figure.data
    y = numbers(trace.y)
    times = np.array(trace.x, dtype="datetime64[ms]").astype(np.int64) - START_MS
    assert np.flatnonzero(np.isnan(y)).tolist() == [20, 21]
    assert times[19:23].tolist() == [20_000, 21_000, 24_000, 25_000]
    assert figure.layout.template.data.scatter[0].connectgaps is False


def test_no_reading_is_null() -> None:
    world = world_of(panel_of("swap"), value=lambda tick, at: None if tick == 5 else 0.5)
    (trace,) = world.client.get("/api/v1/panels/swap/figure").json()["data"]
    assert trace["y"][4:7] == [0.5, None, 0.5]


def test_the_headline_is_the_subtitle_and_the_level_is_said() -> None:
    figure = figure_of(world_of(panel_of("swap"), value=lambda tick, at: 0.6), "swap")
    assert figure.layout.title.text == "Swap"
    assert figure.layout.title.subtitle.text == "60.0\u00a0% used"
    assert figure.layout.meta == {
        "host": "web-1",
        "time": START_MS + TICKS * 1000,
        "panel": "swap",
        "unit": "1",
        "level": "warning",
    }


def test_a_panel_without_series_says_so(world: World) -> None:
    figure = figure_of(world, "temperatures")
    assert figure.data == ()
    assert figure.layout.annotations[0].text == "No data for this panel."


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_built_in_panel_is_a_figure_that_plotly_accepts(theme: str) -> None:
    world = world_of(*BUILT_IN, ticks=3)
    for panel in BUILT_IN:
        figure = figure_of(world, panel.id, theme=theme)
        assert figure.data, panel.id
        assert figure.layout.template.layout.paper_bgcolor == THEMES[theme].surface
        assert figure.layout.uirevision == panel.id


def test_an_interval_joins_ticks() -> None:
    panel = Panel.model_validate(panel_of("swap").model_dump() | {"interval": 5.0, "aggregate": "max"})
    world = world_of(panel, skip_at=25)
    (trace,) = figure_of(world, "swap").data
    held = ring_of(world, **{"system.paging.state": "used"})
    assert numbers(trace.y)[:3].tolist() == [held[:5].max(), held[5:10].max(), held[10:15].max()]


# --- how much ------------------------------------------------------------------------------------------------------


def test_of_many_readings_the_extremes_stay() -> None:
    spiky = panel_of("swap"), panel_of("cpus")
    world = world_of(*spiky, ticks=890, value=lambda tick, at: 0.9 if tick == 333 else 0.0 if tick == 555 else 0.5)
    (trace,) = figure_of(world, "swap", range=900).data
    assert len(trace.y) <= POINTS_MAX
    assert (min(trace.y), max(trace.y)) == (0.0, 0.9)
    (heat,) = figure_of(world, "cpus", range=900).data
    assert len(heat.x) <= CELLS_MAX
    assert max(heat.z[0]) == 0.9


def test_many_lines_have_fewer_points_each() -> None:
    panel = Panel(id="many", title="Many", metrics=("hw.fan.speed",), stack=True)
    world = world_of(panel, ticks=0)
    fans = [Series(DESCRIPTORS["hw.fan.speed"], (f"fan/{number}", "Fan")) for number in range(600)]
    for tick in range(400):
        world.machine.take(world.machine.frame(dict.fromkeys(fans, float(tick % 13))))
    figure = world.client.get("/api/v1/panels/many/figure", params={"range": 900}).json()
    assert len(figure["data"]) == 600
    assert {len(trace["y"]) for trace in figure["data"]} <= set(range(20, 101))


def test_the_bands_of_a_stack_keep_the_same_times() -> None:
    world = world_of(panel_of("cpu"), ticks=890, value=lambda tick, at: (tick * 7919 % 101) / 1000 * (at + 1))
    figure = figure_of(world, "cpu", range=900)
    assert len({tuple(trace.x) for trace in figure.data}) == 1
    assert len(figure.data[0].x) <= POINTS_MAX


def test_a_range_is_how_far_back_it_reaches() -> None:
    world = world_of(panel_of("swap"))
    assert len(figure_of(world, "swap", range=10).data[0].y) == 11
    assert len(figure_of(world, "swap").data[0].y) == TICKS


def test_a_figure_of_too_many_values_is_refused() -> None:
    world = world_of(panel_of("cpu"), limits=Limits(snapshot_values=100))
    answer = world.client.get("/api/v1/panels/cpu/figure")
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": 106,
        "message": "range: 40 ticks of 6 series are more than 100 values; give less",
    }


@pytest.mark.parametrize("id_", ["cpus", "disk-busy", "network", "filesystems"])
def test_of_more_lines_than_can_be_read_those_are_that_are_drawn(id_: str) -> None:
    panel = panel_of(id_).model_copy(update={"lines_max": 2})
    all_read, few_read = (
        figure_of(world_of(panel, limits=Limits(snapshot_values=values)), id_) for values in (10_000, 170)
    )
    assert few_read.data == all_read.data
    assert few_read.layout.title == all_read.layout.title


def test_a_figure_is_drawn_once_a_tick_and_its_template_once() -> None:
    world = world_of(panel_of("swap"))
    first, second = (world.client.get("/api/v1/panels/swap/figure").content for _ in range(2))
    assert first == second
    used = next(one for one in world.machine.timeline.series() if one.attributes == {"system.paging.state": "used"})
    world.machine.take(world.machine.frame({used: 0.25}))
    assert figure_of(world, "swap").data[0].y[-1] == 0.25
    built: list[str] = []
    figures = Figures(build=lambda panel, unit, theme: built.append(theme) or build_layout(panel, unit, theme))
    world = make_world(world.machine, panels=(panel_of("swap"),), figures=figures)
    for theme in ("dark", "dark", "light"):
        world.machine.take(world.machine.frame({used: 0.25}))
        figure_of(world, "swap", theme=theme)
    assert built == ["dark", "light"]


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("swap/figure?range=0", 400, "range: '0' is not valid; give seconds from 1 to 900; start reaches further"),
        ("swap/figure?range=901", 400, "range: '901' is not valid; give seconds from 1 to 900; start reaches further"),
        ("swap/figure?range=nan", 400, "range: 'nan' is not valid; give seconds from 1 to 900; start reaches further"),
        ("swap/figure?range=x", 400, "range: 'x' is not valid; give seconds from 1 to 900; start reaches further"),
        ("swap/figure?theme=pink", 400, "theme: 'pink' is not valid; give dark or light"),
        ("swap/figure?colour=red", 400, "unknown parameter 'colour'; this address takes range, start, end, at, theme"),
        ("zzz/figure", 404, "no panel is called 'zzz'; there are cpu, swap"),
    ],
)
def test_what_cannot_be_answered_says_what_would_be_right(query: str, status: int, message: str) -> None:
    world = world_of(panel_of("cpu"), panel_of("swap"), ticks=1)
    answer = world.client.get(f"/api/v1/panels/{query}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_before_the_first_tick_there_is_no_figure() -> None:
    answer = make_world(Machine()).client.get("/api/v1/panels/cpu/figure")
    assert answer.status_code == 503


# --- the list ------------------------------------------------------------------------------------------------------


def test_the_list_has_every_key_and_counts_the_series_there_are() -> None:
    world = world_of(panel_of("cpu"), panel_of("swap"), ticks=1)
    listed = world.get("/api/v1/panels")["panels"]
    assert [(panel["id"], panel["series"]) for panel in listed] == [("cpu", 7), ("swap", 1)]
    assert set(listed[0]) == {*Panel.model_fields, "series"}
    assert listed[0]["thresholds"] == {"warning": 0.85, "critical": 0.95, "for": 20.0, "keep": 20.0}
    assert listed[1]["where"] == {"system.paging.state": ["used"]}


def test_the_list_follows_series_that_come_and_go() -> None:
    world = world_of(panel_of("disk-busy"), ticks=1)
    assert world.get("/api/v1/panels")["panels"][0]["series"] == 4
    world.machine.take(world.machine.frame({Series(DESCRIPTORS["system.disk.io_time.rate"], ("sdz",)): 1.0}))
    assert world.get("/api/v1/panels")["panels"][0]["series"] == 1


def test_without_panels_the_list_is_empty(world: World) -> None:
    bare = make_world(world.machine, panels=())
    assert bare.get("/api/v1/panels")["panels"] == []
    assert bare.client.get("/api/v1/panels/cpu/figure").json()["error"]["message"].endswith("there are no panels")


# --- what it is made of --------------------------------------------------------------------------------------------


def test_nothing_imports_the_library_before_a_figure_is_asked_for() -> None:
    code = "import sys, vitalcast.web.serve; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
