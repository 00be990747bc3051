"""The number that stands for a panel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.core.panel_machine import panel_of, series_for

from vitalcast.core.panels.bars import bars_of
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.headline import HeadlineNow, HeadlineRule, headline_of
from vitalcast.core.panels.resolve import resolve
from vitalcast.core.panels.schema import Panel

NAN = math.nan


def headline(id_: str, readings: dict[str, float], **changes: Any) -> HeadlineNow:
    """Return a panel's headline where the series whose keys hold these texts have these readings, all others 0."""
    panel = Panel.model_validate(panel_of(id_).model_dump() | changes)
    series = series_for(panel)
    row = [next((value for text, value in readings.items() if text in one.key), 0.0) for one in series]
    return headline_of(panel, resolve(panel, series), np.array(row))


def test_a_sum_leaves_out_the_rest() -> None:
    now = headline("cpu", {'"idle"': 0.1, '"user"': 0.6, '"system"': 0.3})
    (number,) = now.numbers
    assert (round(number.value, 9), number.unit, number.label) == (0.9, "1", "busy")


def test_the_highest_says_which_it_is() -> None:
    now = headline("cpus", {'"7"': 0.8})
    assert (now.value, now.numbers[0].label) == (0.8, "busiest CPU 7")


def test_a_share_of_a_metric_is_what_thresholds_judge() -> None:
    now = headline("memory", {"used": 90.0, "cached": 5.0, "limit": 100.0})
    assert (now.value, now.share, now.judged) == (90.0, 0.9, 0.9)
    assert [(one.value, one.label) for one in now.numbers] == [(90.0, "used"), (100.0, "total")]
    now = headline("load", {"1m": 4.0, "count": 2.0})
    assert (now.value, now.share, now.judged) == (4.0, 2.0, 2.0)
    assert now.numbers[1].label == "CPUs"


def test_a_share_of_all_is_of_what_is_drawn_and_the_rest() -> None:
    now = headline("cpu", {"idle": 0.75, "user": 0.25}, headline={"per": "rest"})
    assert (now.value, now.share) == (0.25, 0.25)


def test_both_ways_have_a_number_each() -> None:
    now = headline("network", {"receive": 2.0, "transmit": 1.0})
    assert [(one.value, one.label, one.mark) for one in now.numbers] == [(3.0, "sent", "up"), (6.0, "received", "down")]
    disk = headline("disk", {"read": 2.0, "write": 1.0})
    assert [(one.label, one.mark) for one in disk.numbers] == [("read", ""), ("written", "")]


def test_a_metric_narrows_what_is_counted() -> None:
    assert headline("context-switches", {"switches": 5.0, "interrupts": 7.0}).value == 5.0


def test_what_another_counts_too_is_drawn_but_not_added_up_and_what_says_nothing_counts() -> None:
    panel = panel_of("network")
    layers = {"eth0": (("network.interface.layer", "physical"),), "lo": (("network.interface.layer", "loopback"),)}
    series = [replace(one, labels=layers.get(one.values[0], ())) for one in series_for(panel)]
    reading = resolve(panel, series)
    now = headline_of(panel, reading, np.ones(len(series)))
    assert len(reading.lines) == 6
    assert [number.value for number in now.numbers] == [2.0, 2.0]  # of eth0, and of wlan0, whose layer is not known


def test_the_fullest_bar_stands_for_all() -> None:
    readings = {'point="/home",system.filesystem.state="free': 1.0, 'point="/home",system.filesystem.state="used': 9.0}
    now = headline("filesystems", readings)
    assert (now.value, now.share, now.judged) == (9.0, 0.9, 0.9)
    assert (now.numbers[0].value, now.numbers[0].unit, now.numbers[0].label) == (0.9, "1", "fullest /home")


def test_a_bar_is_made_of_its_parts_and_what_is_left() -> None:
    panel = panel_of("filesystems")
    series = series_for(panel)
    values = {"free": 6.0, "used": 3.0, "reserved": NAN}
    row = np.array([values[one.attributes["system.filesystem.state"]] for one in series])
    bars = bars_of(reading := resolve(panel, series), reading.lines, row)
    assert [(bar.label, bar.used, bar.rest, bar.whole, round(bar.share, 6)) for bar in bars] == [
        (label, 3.0, 6.0, 9.0, 0.333333) for label in ("/", "/home", "/srv/data")
    ]


def test_what_is_not_known_is_left_out_and_where_nothing_is_there_is_no_number() -> None:
    assert headline("cpu", {'"user"': NAN, '"system"': 0.2}).value == 0.2
    for id_ in ("cpu", "cpus", "memory", "network", "filesystems"):
        now = headline(id_, {"": NAN})
        assert math.isnan(now.numbers[0].value)
        assert math.isnan(now.judged)


VALUES = st.floats(-1e6, 1e6, width=32) | st.sampled_from([NAN, 0.0, math.inf, -math.inf, 1e308])


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(BUILT_IN), st.integers(0, 3))
def test_one_row_has_the_numbers_that_it_has_among_many(data: st.DataObject, panel: Panel, short: int) -> None:
    series = series_for(panel)
    rule = HeadlineRule(panel, resolve(panel, series))
    rows = data.draw(arrays(np.float64, (3, len(series) - min(short, len(series) - 1)), elements=VALUES))
    over = rule.over(rows)
    for at, row in enumerate(rows):
        one = rule.at(row)
        assert list(one[:6]) == pytest.approx([float(column[at]) for column in over[:6]], nan_ok=True)
        assert list(one.wholes) == pytest.approx(over.wholes[at].tolist(), nan_ok=True)
        assert rule.judged_at(rule.at(row)) == pytest.approx(float(rule.judged(over)[at]), nan_ok=True)
