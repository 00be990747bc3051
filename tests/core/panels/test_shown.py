"""Which lines are drawn of many: those that the panel's number is about, never others in their place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.panel_machine import DESCRIPTORS, busiest, columns_of, panel_of, series_for

from vitalcast.core.drawing.theme import THEMES, Colors
from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.bars import bars_of
from vitalcast.core.panels.headline import headline_of
from vitalcast.core.panels.palette import COLORS, GREYISH, OTHERS_COLOR
from vitalcast.core.panels.resolve import Resolved, resolve
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Seen, coloured

NAN = math.nan
GIB = 2.0**30


def read(id_: str, series: list[Series] | None = None, **changes: Any) -> tuple[Panel, Resolved]:
    panel = Panel.model_validate(panel_of(id_).model_dump() | changes)
    return panel, resolve(panel, series if series is not None else series_for(panel))


def seen(reading: Resolved, highest: dict[int, float], newest: dict[int, float] | None = None) -> Seen:
    """Return what was seen of the lines by their places: their highest, and their newest where that is another."""
    width = max(columns_of(reading)) + 1
    peaks, now = np.zeros(width), np.zeros(width)
    for places, values in ((peaks, highest), (now, highest if newest is None else newest)):
        for at, value in values.items():
            places[reading.lines[at].column] = value
    return Seen(np.fmin(peaks, now), np.fmax(peaks, now), now)


def labels(panel: Panel, reading: Resolved, *values: Any) -> list[str]:
    return [line.label for line in busiest(panel, reading, seen(reading, *values))]


def test_of_many_programs_the_greatest_come_first_and_all_others_last() -> None:
    panel, reading = read("cpu-programs", lines_max=2)
    by_label = {line.label: at for at, line in enumerate(reading.lines)}
    drawn = busiest(
        panel, reading, seen(reading, {by_label["program-7"]: 0.9, by_label["gzip"]: 0.5, by_label["others"]: 1.0})
    )
    assert len(drawn) == len(reading.lines), "half a stack is no whole"
    assert [line.label for line in drawn[:2]] == ["gzip", "program-7"]
    assert {line.label for line in drawn[-2:]} == {"others", "short-lived"}
    assert [bool(line.color) for line in drawn] == [True, True] + [False] * (len(drawn) - 2)
    newest = np.zeros(len(reading.lines))
    newest[reading.lines[by_label["others"]].column], newest[reading.lines[by_label["gzip"]].column] = 0.9, 0.4
    assert headline_of(panel, reading, newest).main.label == "gzip"


def mounts(count: int) -> list[Series]:
    usage = DESCRIPTORS["system.filesystem.usage"]
    values = {"system.device": "/dev/x", "system.filesystem.type": "ext4", "system.filesystem.mode": "rw"}
    return [
        Series(
            usage,
            tuple(
                {"system.filesystem.mountpoint": f"/m{at}", "system.filesystem.state": state}.get(
                    key, values.get(key, "")
                )
                for key in usage.attributes
            ),
        )
        for at in range(count)
        for state in ("free", "reserved", "used")
    ]


def filled(reading: Resolved, used: list[tuple[float, float]]) -> np.ndarray:
    """Return a row of readings, of each mount its size and the share of it that is used."""
    row = np.zeros(max(columns_of(reading)) + 1)
    for line in (*reading.lines, *reading.remainder):
        size, share = used[int(line.key.removeprefix("/m"))]
        row[line.column] = {"used": size * share, "free": size * (1 - share)}.get(line.part, 0.0)
    return row


def test_the_fullest_bars_are_drawn_however_small_they_are() -> None:
    panel, reading = read("filesystems", mounts(12))
    row = filled(reading, [(900 * GIB, 0.1 + at / 100) for at in range(11)] + [(GIB / 1024, 0.99)])
    drawn = {line.key for line in busiest(panel, reading, Seen(row, row, row))}
    assert drawn == {f"/m{at}" for at in range(4, 12)}
    assert headline_of(panel, reading, row).numbers[0].label == "fullest /m11"


@given(st.lists(st.tuples(st.floats(0, 1e15), st.floats(0, 1)), min_size=9, max_size=20))
def test_no_bar_that_is_left_out_is_fuller_than_one_that_is_drawn(used: list[tuple[float, float]]) -> None:
    panel, reading = read("filesystems", mounts(len(used)))
    row = filled(reading, used)
    drawn = {line.key for line in busiest(panel, reading, Seen(row, row, row))}
    shares = {bar.key: 0.0 if math.isnan(bar.share) else bar.share for bar in bars_of(reading, reading.lines, row)}
    assert len(drawn) == panel.lines_max
    assert min(shares[key] for key in drawn) >= max(share for key, share in shares.items() if key not in drawn)


def test_the_busiest_keys_are_drawn_and_both_ways_of_them() -> None:
    panel, reading = read("network", lines_max=1)
    assert labels(panel, reading, dict.fromkeys(range(len(reading.lines)), 1.0) | {3: 9.0}) == ["lo", "lo"]


def test_of_many_lines_those_at_rest_are_not_drawn_unless_all_are() -> None:
    panel, reading = read("disk-busy")
    assert labels(panel, reading, {2: 0.5}) == ["sda2"]
    assert len(labels(panel, reading, {})) == 3


def test_few_lines_are_all_drawn() -> None:
    assert len(labels(*read("load"), {0: 1.0})) == 3


def test_the_line_that_the_number_is_now_is_drawn_though_others_were_higher() -> None:
    panel, reading = read("cpus", lines_max=3)
    peaks = dict.fromkeys(range(11), 0.9) | {11: 0.3}
    assert "CPU 11" in labels(panel, reading, peaks, {11: 0.3})
    assert headline_of(panel, reading, seen(reading, peaks, {11: 0.3}).newest).numbers[0].label == "busiest CPU 11"


def test_the_hottest_is_the_highest_and_not_what_is_farthest_from_zero() -> None:
    series = [Series(DESCRIPTORS["hw.temperature"], (str(at), f"T{at}")) for at in range(12)]
    panel, reading = read("temperatures", series)
    drawn = labels(panel, reading, {at: -40.0 + at for at in range(12)} | {11: 0.0})
    assert len(drawn) == 8
    assert drawn[-1] == reading.lines[11].label
    assert drawn[0] == reading.lines[4].label


def test_what_is_far_below_zero_counts_where_lines_are_added_up() -> None:
    panel, reading = read("cpus", lines_max=1, headline={})
    assert labels(panel, reading, {2: -5.0, 3: 4.0}) == ["CPU 2"]


def test_drawn_lines_that_would_share_a_colour_are_told_apart() -> None:
    panel = Panel(id="a", title="A", metrics=("system.cpu.logical.utilization",))
    reading = resolve(panel, series_for(panel))
    assert (reading.lines[0].color, reading.lines[8].color) == (1, 1)
    drawn = busiest(panel, reading, seen(reading, {0: 1.0, 8: 1.0}))
    assert [line.color for line in drawn] == [1, 2]


@pytest.mark.parametrize("id_", ["cpu", "cpus"])
def test_a_stack_is_drawn_whole_and_a_heatmap_with_its_cold_rows(id_: str) -> None:
    panel, reading = read(id_)
    assert len(busiest(panel, reading, seen(reading, {0: 1.0}))) == len(reading.lines)


def test_a_peak_that_is_no_number_counts_as_none() -> None:
    panel, reading = read("disk-busy")
    assert labels(panel, reading, {0: NAN, 1: 1.0, 2: NAN, 3: NAN}) == ["sda"]


def test_thousands_of_lines_are_read_and_chosen_from() -> None:
    panel, reading = read("filesystems", mounts(5000))
    row = filled(reading, [(GIB, at / 5000) for at in range(5000)])
    assert {line.key for line in busiest(panel, reading, Seen(row, row, row))} == {
        f"/m{at}" for at in range(4992, 5000)
    }


def test_beside_grey_others_no_program_has_the_colour_that_is_nearly_grey() -> None:
    descriptor = DESCRIPTORS["process.cpu.utilization"]
    series = [Series(descriptor, (name,)) for name in (*(f"program-{at}" for at in range(9)), "(others)")]
    panel, reading = read("cpu-programs", series)
    kept = {line.key: GREYISH for line in reading.lines[:1]}
    lines = {line.label: line.color for line in coloured(panel, reading.lines, kept)}
    own = [color for color in lines.values() if color != OTHERS_COLOR]
    assert lines["others"] == OTHERS_COLOR
    assert sorted(own) == [color for color in range(1, COLORS + 1) if color != GREYISH]


@pytest.mark.parametrize("colors", THEMES.values(), ids=THEMES.keys())
def test_the_colour_that_is_nearly_grey_is_the_one_of_the_least_colour(colors: Colors) -> None:
    def chroma(color: str) -> int:
        parts = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
        return max(parts) - min(parts)

    assert min(colors.lines, key=chroma) == colors.of(GREYISH)
