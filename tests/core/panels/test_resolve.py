"""How series are read as a panel, for every built-in panel over the series of a whole machine."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.panel_machine import DESCRIPTORS, columns_of, panel_of, series_for, series_of

from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.resolve import Resolved, natural, resolve, way_of
from vitalcast.core.panels.schema import Panel


def read(id_: str, **changes: Any) -> tuple[Panel, Resolved]:
    panel = Panel.model_validate(panel_of(id_).model_dump() | changes)
    return panel, resolve(panel, series_for(panel))


def labels(reading: Resolved) -> list[str]:
    return [line.label for line in reading.lines]


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("cpu", ["system", "user", "nice", "I/O wait", "interrupt", "steal"]),
        ("cpus", [f"CPU {number}" for number in range(12)]),
        ("memory", ["used", "buffers", "cached"]),
        ("swap", ["used"]),
        ("load", ["1 min", "5 min", "15 min"]),
        ("pressure", ["CPU", "memory", "I/O"]),
        ("disk-busy", ["nvme0n1", "sda", "sda2", "sda10"]),
        ("sockets", ["TCP IPv4", "TCP IPv6", "UDP IPv4", "UDP IPv6"]),
        ("context-switches", ["context switches", "interrupts"]),
        ("process-states", ["running", "blocked", "stopped", "defunct", "sleeping"]),
        ("temperatures", ["Core 0 coretemp/0", "Core 0 coretemp/1", "Core 0 nvme/0"]),
        ("self-memory", ["resident"]),
    ],
)
def test_lines_have_their_order_and_their_words(id_: str, expected: list[str]) -> None:
    assert labels(read(id_)[1]) == expected


@pytest.mark.parametrize("panel", BUILT_IN, ids=lambda panel: panel.id)
def test_every_built_in_panel_reads_each_series_once_and_in_one_unit(panel: Panel) -> None:
    series = series_for(panel)
    reading = resolve(panel, series)
    assert reading.lines
    columns = [line.column for line in (*reading.lines, *reading.remainder)]
    assert len(set(columns)) == len(columns)
    assert all(series[line.column] is line.series for line in reading.lines)
    assert all(1 <= line.color <= 8 for line in reading.lines)
    assert len({one.series.descriptor.unit for one in reading.lines}) == 1 or len(panel.metrics) > 1
    assert len({(line.key, line.down, line.part) for line in reading.lines}) == len(reading.lines)


def test_the_rest_is_counted_and_not_drawn() -> None:
    _, reading = read("cpu")
    assert [line.label for line in reading.remainder] == ["idle"]


def test_metrics_beside_the_lines_have_columns_and_no_lines() -> None:
    panel, reading = read("memory")
    series = series_for(panel)
    assert series[reading.max].name == series[reading.per].name == "system.memory.limit"
    assert reading.reference == -1
    assert set(columns_of(reading)) == set(range(len(series)))
    _, reading = read("load")
    assert reading.reference == reading.per >= 0


def test_a_panel_about_nothing_else_draws_the_metric_that_it_names() -> None:
    panel = Panel(id="a", title="A", metrics=("system.memory.limit",), max="system.memory.limit")
    assert labels(resolve(panel, series_for(panel))) == ["limit"]


def test_what_goes_down_has_the_key_and_colour_of_what_goes_up() -> None:
    panel, reading = read("network")
    assert [(line.label, line.down) for line in reading.lines] == [
        ("eth0", False), ("eth0", True), ("lo", False), ("lo", True), ("wlan0", False), ("wlan0", True)
    ]  # fmt: skip
    assert len({line.key for line in reading.lines}) == len({line.color for line in reading.lines}) == 3
    assert (way_of(panel, reading, down=False), way_of(panel, reading, down=True)) == ("sent", "received")


def test_bars_are_one_key_each_and_their_parts_have_the_colours() -> None:
    _, reading = read("filesystems")
    assert [line.key for line in reading.lines] == ["/", "/home", "/srv/data"]
    assert {(line.part, line.color) for line in reading.lines} == {("used", 1)}
    assert [line.key for line in reading.remainder] == ["/", "/home", "/srv/data"]


def test_without_by_the_attributes_that_differ_make_the_words() -> None:
    panel = Panel(id="a", title="A", metrics=("system.filesystem.limit",))
    assert labels(resolve(panel, series_of("system.filesystem.limit"))) == ["/", "/home", "/srv/data"]


def test_what_by_does_not_tell_apart_says_all_it_has() -> None:
    panel = Panel(id="a", title="A", metrics=("hw.temperature",), by=("hw.name",))
    reading = resolve(panel, series_of("hw.temperature"))
    assert labels(reading) == ["Core 0", "coretemp/1 Core 0", "nvme/0 Core 0"]
    assert len({line.key for line in reading.lines}) == 3


def test_several_metrics_are_told_apart_by_their_names() -> None:
    panel = Panel(id="a", title="A", metrics=("system.network.*.rate",), by=("network.interface.name",))
    series = [
        Series(DESCRIPTORS[name], ("eth0", "receive"))
        for name in ("system.network.errors.rate", "system.network.io.rate")
    ]
    assert labels(resolve(panel, series)) == ["eth0 errors", "eth0 io"]


def test_a_free_column_is_nobodys() -> None:
    panel = panel_of("load")
    series = series_for(panel)
    reading = resolve(panel, [None, *series, None])
    assert {line.column for line in reading.lines} <= set(range(1, len(series) + 1))


def test_numbers_in_names_are_in_order() -> None:
    assert sorted(["sda10", "sda2", "SDB", "sda"], key=natural) == ["sda", "sda2", "sda10", "SDB"]
