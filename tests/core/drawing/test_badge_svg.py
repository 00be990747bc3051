"""A badge: which number it shows, how alarming that is, and that anything can be written on it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.drawn import check, overflowing, texts_of
from tests.core.panel_machine import panel_of, series_for, series_of

from vitalcast.core.alerts.levels import replayed
from vitalcast.core.alerts.panel_levels import NAMES
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.drawing.badge_svg import Badge, draw_badge
from vitalcast.core.drawing.badge_value import BadgeQuery, metric_badge, owner_of, panel_badge, stale_badge
from vitalcast.core.drawing.window import Recent
from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.headline import HeadlineRule
from vitalcast.core.panels.resolve import resolve
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Shown
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

LEVELS = ["", "good", "warning", "critical", "unknown"]


def rows_of(series: list[Series], values: dict[str, float], usual: float = 0.01) -> np.ndarray:
    """Return one tick with a value of each series: that of the attribute value, or the name, which is given."""
    found = [next((value for key, value in values.items() if key in (one.name, *one.values)), usual) for one in series]
    return np.array([found])


def recent_of(*rows: np.ndarray) -> Recent:
    """Return the last ticks, as long apart as a level has to last; one alone has been there as long."""
    block = np.concatenate(rows if len(rows) > 1 else rows * 2)
    return Recent(block, np.arange(len(block)) * LASTS_MS)


LASTS_MS = 20_000  # as long as any of the built-in levels takes


def shown_of(panel: Panel, series: list[Any], recent: Recent) -> Shown:
    """Return a panel as it is shown where nothing was before these ticks."""
    headline, rule = HeadlineRule(panel, resolve(panel, series)), panel_rule(panel)
    judged = headline.judged(headline.over(recent.rows)).tolist()
    level = None if rule is None else replayed(rule, judged, recent.times_ms.tolist())
    return Shown(panel, headline.resolved, headline.resolved.lines, NAMES[level])


def of_panel(id_: str, values: dict[str, float], usual: float = 0.01, **asked: Any) -> Badge:
    panel = panel_of(id_)
    series = series_for(panel)
    recent = recent_of(rows_of(series, values, usual))
    return panel_badge(shown_of(panel, series, recent), series, recent, BadgeQuery(**asked))


def of_metric(name: str, values: dict[str, float], usual: float = 0.01, **asked: Any) -> Badge:
    owner = owner_of(name, BUILT_IN)
    series = [*series_of(name), *(one for one in (series_for(owner) if owner else []) if one.name != name)]
    return metric_badge(name, owner, series, recent_of(rows_of(series, values, usual)), BadgeQuery(**asked))


def words(badge: Badge) -> tuple[str, str, str]:
    return badge.label, badge.words.replace("\u00a0", " "), badge.level


# --- which number --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "values", "expected"),
    [
        ("cpu", {"user": 0.3, "idle": 0.6}, ("CPU", "35.0 %", "good")),
        ("cpu", {"user": 0.9}, ("CPU", "95.0 % critical", "critical")),
        ("memory", {"used": 9e9, "system.memory.limit": 1e10}, ("Memory", "90.0 % warning", "warning")),
        ("load", {"1m": 3.25, "system.cpu.logical.count": 4.0}, ("Load", "3.25", "good")),
        ("disk-busy", {"sda": 0.42}, ("Disk busy", "42.0 %", "good")),
        ("filesystems", {"used": 96.0, "free": 4.0, "reserved": 5.0}, ("Filesystems", "96.0 % critical", "critical")),
        ("network", {"receive": 1024.0, "transmit": 0.0}, ("Network", "3.00 KiB/s", "")),
    ],
)
def test_a_panel_shows_the_number_of_the_strip_of_vitals(
    id_: str, values: dict[str, float], expected: tuple[str, str, str]
) -> None:
    assert words(of_panel(id_, values)) == expected


def test_what_points_at_it_is_told_the_words_beside_the_number() -> None:
    assert of_panel("disk-busy", {"sda": 0.42}).detail == "Disk busy: 42.0\u00a0% busiest sda"
    assert of_panel("cpu", {"user": 0.9}).detail.endswith("busy, critical")
    assert of_panel("network", {"receive": 1024.0}, 0.0).detail == "Network: 0\u00a0B/s sent, 3.00\u00a0KiB/s received"


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("system.cpu.utilization", {"user": 0.3, "idle": 0.6}, ("CPU", "35.0 %", "good")),
        ("system.memory.usage", {"used": 99.0, "system.memory.limit": 100.0}, ("Memory", "99 B critical", "critical")),
        ("system.load.average", {"1m": 4.25, "system.cpu.logical.count": 2.0}, ("Load", "4.25 warning", "warning")),
        ("system.uptime", {"system.uptime": 90.0}, ("system.uptime", "1 min 30 s", "")),
    ],
)  # fmt: skip
def test_a_metric_is_reduced_by_the_rule_of_the_panel_that_is_about_it(
    name: str, values: dict[str, float], expected: tuple[str, str, str]
) -> None:
    assert words(of_metric(name, values)) == expected


def test_one_series_is_its_reading() -> None:
    where = (("cpu.mode", ("user",)),)
    assert words(of_metric("system.cpu.utilization", {"user": 0.3}, where=where)) == ("CPU user", "30.0 %", "good")
    where = (("cpu.mode", ("idle",)),)
    found = of_metric("system.cpu.utilization", {"idle": 0.6}, where=where)
    assert words(found) == ("system.cpu.utilization idle", "60.0 %", "")
    where = (("system.memory.state", ("cached",)),)
    found = of_metric("system.memory.usage", {"cached": 2048.0}, where=where)
    assert words(found)[1:] == ("2.00 KiB", "")


def test_a_panel_is_narrowed_to_some_of_its_series() -> None:
    where = (("network.interface.name", ("eth0",)),)
    assert words(of_panel("network", {"receive": 1024.0}, 0.0, where=where)) == ("Network eth0", "1.00 KiB/s", "")
    where = (("system.filesystem.mountpoint", ("/home",)),)
    found = of_panel("filesystems", {"used": 50.0, "free": 50.0, "reserved": 0.0}, where=where)
    assert words(found) == ("Filesystems /home", "50.0 %", "good")


def test_what_a_number_leaves_out_can_be_asked_for_alone() -> None:
    panel = panel_of("network")
    layer = (("network.interface.layer", "loopback"),)
    series = [replace(one, labels=layer if "lo" in one.values else ()) for one in series_for(panel)]
    recent = recent_of(rows_of(series, {"receive": 1024.0}, 0.0))
    for values, text in ((("lo",), "1.00 KiB/s"), (("lo", "eth0"), "1.00 KiB/s"), (("eth0", "wlan0"), "2.00 KiB/s")):
        badge = panel_badge(shown_of(panel, series, recent), series, recent, asked(values))
        assert words(badge)[1] == text
        assert words(metric_badge("system.network.io.rate", panel, series, recent, asked(values)))[1] == text


def asked(interfaces: tuple[str, ...]) -> BadgeQuery:
    return BadgeQuery(where=(("network.interface.name", interfaces),))


@pytest.mark.parametrize(("how", "text"), [("sum", "66"), ("max", "30"), ("min", "1"), ("avg", "13.2")])
def test_several_series_are_reduced_as_asked(how: Any, text: str) -> None:
    values = {"running": 30.0, "sleeping": 30.0, "blocked": 1.0, "defunct": 4.0, "stopped": 1.0}
    assert words(of_metric("system.process.count", values, reduce=how))[1] == text


def test_several_series_and_no_rule_are_refused_with_what_tells_them_apart() -> None:
    with pytest.raises(ProtocolError) as refused:
        of_metric("system.disk.io", {})
    assert refused.value.code == ErrorCode.BAD_REQUEST
    assert refused.value.message == (
        "8 series have this name; give reduce=sum, max, avg or min, or one of "
        "disk.io.direction: read, write; system.device: nvme0n1, sda, sda10, sda2"
    )


@pytest.mark.parametrize(
    ("where", "code", "message"),
    [
        ((("cpu.mod", ("user",)),), ErrorCode.BAD_REQUEST, "no attribute is called 'cpu.mod'; there are cpu.mode"),
        (
            (("cpu.mode", ("usr",)),),
            ErrorCode.UNKNOWN_METRIC,
            "no series here matches; there are idle, interrupt, iowait, nice, steal, system, user",
        ),
    ],
)
def test_what_no_series_has_is_refused_with_what_they_have(where: Any, code: ErrorCode, message: str) -> None:
    for ask in (of_panel, of_metric):
        with pytest.raises(ProtocolError) as refused:
            ask("cpu" if ask is of_panel else "system.cpu.utilization", {}, where=where)
        assert (refused.value.code, refused.value.message) == (code, message)


def test_what_the_number_of_a_panel_does_not_count_is_refused() -> None:
    with pytest.raises(ProtocolError, match="counts no such series; ask for the metric itself"):
        of_panel("memory", {}, where=(("system.memory.state", ("cached",)),))


def test_thresholds_that_are_given_judge_the_number_that_is_shown() -> None:
    limits = {"warning": 2.0, "critical": 4.0}
    for value, level in ((1.9, "good"), (2.0, "warning"), (4.0, "critical")):
        load = {"1m": value, "system.cpu.logical.count": 1.0}
        assert words(of_panel("load", load, **limits))[2] == level
    assert of_metric("system.uptime", {"system.uptime": 5.0}, critical=4.0).level == "critical"
    assert of_metric("system.uptime", {"system.uptime": 5.0}, warning=4.0).level == "warning"


def test_what_lasts_for_a_moment_only_is_not_alarming() -> None:
    panel = panel_of("cpu")
    series = series_for(panel)
    calm, high = (rows_of(series, {"user": user}) for user in (0.2, 0.9))
    for rows, level in (((calm, high), "good"), ((high, high), "critical"), ((high, calm), "good")):
        recent = recent_of(*rows)
        shown = shown_of(panel, series, recent)
        assert panel_badge(shown, series, recent, BadgeQuery()).level == level
        assert panel_badge(shown, series, recent, BadgeQuery(critical=0.5)).level == level
        where = (("cpu.mode", ("user",)),)
        assert panel_badge(shown, series, recent, BadgeQuery(where=where)).level == level.replace("critical", "warning")


def test_no_reading_is_said() -> None:
    assert words(of_panel("cpu", {}, math.nan)) == ("CPU", "no value", "unknown")
    assert metric_badge("hw.fan.speed", None, [], recent_of(np.zeros((1, 0))), BadgeQuery()).words == "no value"
    panel = Panel(id="a", title="A", metrics=("hw.fan.speed",))
    recent = recent_of(np.zeros((1, 1)))
    assert panel_badge(shown_of(panel, [None], recent), [None], recent, BadgeQuery()).words == "no value"


def test_a_label_is_what_is_given() -> None:
    assert of_panel("cpu", {"user": 0.3}, label="web-1", where=(("cpu.mode", ("user",)),)).label == "web-1"


def test_old_readings_are_told_by_their_age() -> None:
    assert words(stale_badge("CPU", 185.0)) == ("CPU", "stale, 3 min 5 s old", "unknown")


# --- how it is drawn -----------------------------------------------------------------------------------------------


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(LEVELS), st.sampled_from(["flat", "flat-square"]))
def test_anything_can_be_written_on_a_badge(label: str, said: str, level: Any, style: Any) -> None:
    tree = check(draw_badge(Badge(label, f"{said}.", level), style))
    assert overflowing(tree) == []
    assert float(tree.get("width") or "nan") < 720


def test_a_badge_says_its_label_and_its_words() -> None:
    tree = check(draw_badge(Badge("<b>&amp;", "no access", "unknown")))
    assert texts_of(tree) == ["<b>&amp;", "no access"]
    assert tree.get("aria-label") == "<b>&amp;: no access"


def test_every_level_has_a_colour_on_which_its_words_can_be_read() -> None:
    for level in LEVELS:
        tree = check(draw_badge(Badge("label", "words", level)))  # type: ignore[arg-type]
        rect, path, *texts = (one for one in tree.iter() if one.get("fill"))
        for ground, text in ((path, texts[0]), (rect, texts[1])):
            assert contrast(ground.get("fill") or "", text.get("fill") or "") >= 4.5, level


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
