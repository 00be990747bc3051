"""An image of a panel: what is in it, that its words stay in it, and that any readings can be drawn."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.core.drawn import check, overflowing, texts_of
from tests.core.panel_machine import ODD, busiest, columns_of, panel_of, series_for

from vitalcast.core.alerts.panel_levels import NAMES
from vitalcast.core.alerts.panel_rule import panel_rule
from vitalcast.core.drawing.panel_svg import Look, Span, draw_message, draw_panel
from vitalcast.core.drawing.svg import NAMESPACE
from vitalcast.core.drawing.theme import THEMES
from vitalcast.core.drawing.window import Window
from vitalcast.core.panels.bars import bars_of
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.headline import headline_of
from vitalcast.core.panels.resolve import Resolved, resolve
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import Shown

TO_MS = 1_790_000_000_000  # 14:13:20 UTC
TICKS = 60
SPAN = Span("web-1", TO_MS - 300_000, TO_MS, TO_MS, 1.0, UTC)
PAST = replace(SPAN, from_ms=TO_MS - 86_400_000, interval_s=600.0, past=True)
STALE = replace(SPAN, newest_ms=TO_MS - 95_000, age_s=95.4)


def image(
    panel: Panel,
    values: Any = None,
    look: Look | None = None,
    span: Span = SPAN,
    *,
    bar_levels: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Draw a panel of a whole machine, by its readings of shape (ticks, series), the last of which is the newest.

    Levels are those that the readings have had for long, unless `bar_levels` says otherwise.
    """
    panel = panel.model_copy(update=changes)
    series = series_for(panel)
    if values is None:
        values = (np.arange(TICKS)[:, None] % 10 / 100 + np.arange(len(series)) / 50).round(3)
    if values.shape[1] == 1:
        values = np.repeat(values, len(series), axis=1)
    ticks = len(values)
    resolved = resolve(panel, series)
    times = np.arange(span.newest_ms - (ticks - 1) * 1000, span.newest_ms + 1, 1000, dtype=np.int64)
    newest = values[-1] if ticks else np.full(len(series), math.nan)
    window = Window(times, values[:, list(columns_of(resolved))], columns_of(resolved), newest)
    shown = shown_of(panel, resolved, window)
    if bar_levels is not None:
        shown = replace(shown, bar_levels=bar_levels)
    return draw_panel(shown, window, look or Look(), span)


def shown_of(panel: Panel, resolved: Resolved, window: Window) -> Shown:
    """Return the panel as it is shown where all ticks of its window are as long as a level has to last."""
    rule, judged = panel_rule(panel), headline_of(panel, resolved, window.newest).judged
    lines = busiest(panel, resolved, window.seen)
    if rule is None:
        return Shown(panel, resolved, lines)
    bars = bars_of(resolved, lines, window.newest) if panel.chart == "bar" else []
    return Shown(
        panel, resolved, lines, NAMES[rule.judge(judged)], {bar.key: NAMES[rule.judge(bar.share)] for bar in bars}
    )


def words_of(svg: str) -> list[str]:
    return [re.sub("[ \u00a0]+", " ", text) for text in texts_of(check(svg))]


def paths_of(svg: str, **attributes: str) -> list[str]:
    """Return the paths that are drawn with these attributes."""
    found = (one for one in check(svg).iter(f"{{{NAMESPACE}}}path") if attributes.items() <= one.attrib.items())
    return [one.get("d") or "" for one in found]


# --- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(640, 320), (320, 240), (200, 120), (1200, 120), (240, 900)])
@pytest.mark.parametrize("span", [SPAN, STALE], ids=["live", "stale"])
def test_every_built_in_panel_is_drawn_with_its_words_within_it(width: int, height: int, span: Span) -> None:
    for panel in BUILT_IN:
        tree = check(image(panel, look=Look(width, height), span=span))
        assert overflowing(tree) == [], panel.id
        texts = [text.replace("\u00a0", " ") for text in texts_of(tree)]
        assert texts[0] == panel.title or (texts[0].endswith("…") and width < 320), panel.id
        assert any(text.startswith("as of") and "14:13:20 UTC" in text for text in texts), panel.id
        assert (not {"stale", "stale, 1 min 35 s old"}.isdisjoint(texts)) == span.stale, panel.id


@pytest.mark.parametrize(("width", "height"), [(640, 320), (320, 240), (200, 120), (240, 900)])
def test_a_picture_of_the_past_names_its_beginning_and_its_end(width: int, height: int) -> None:
    for panel in BUILT_IN:
        tree = check(image(panel, look=Look(width, height), span=PAST))
        assert overflowing(tree) == [], panel.id
        texts = [text.replace("\u00a0", " ") for text in texts_of(tree)]
        if panel.chart == "bar":  # which shows a moment
            assert any(text.startswith("as of") and "14:13:20 UTC" in text for text in texts), panel.id
        else:
            assert not any(text.startswith(("as of", "Last")) for text in texts), panel.id
            assert width < 640 or "2026-09-20 14:13:20 to 2026-09-21 14:13:20 UTC" in texts


@pytest.mark.parametrize(("days", "label"), [(1, "09-21"), (3, "09-20"), (30, "09-12"), (400, "05-27")])
@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Kathmandu")], ids=str)
def test_an_axis_of_several_days_names_them(days: int, label: str, zone: Any) -> None:
    words = words_of(image(panel_of("load"), span=replace(PAST, from_ms=TO_MS - days * 86_400_000, zone=zone)))
    assert label in words


def test_days_are_named_though_summer_time_ends_within_the_axis() -> None:
    november_ms = 1_793_800_000_000  # in 2026 it ends on October 25
    berlin = replace(PAST, from_ms=november_ms - 30 * 86_400_000, to_ms=november_ms, zone=ZoneInfo("Europe/Berlin"))
    words = words_of(image(panel_of("load"), span=berlin))
    assert not any(re.fullmatch(r"\d\d:\d\d", word) for word in words)
    assert {"10-06", "10-26"} <= set(words)


def test_an_axis_of_less_than_a_day_names_none() -> None:
    span = replace(PAST, from_ms=TO_MS - 82_800_000)
    assert not any(re.fullmatch(r"\d\d-\d\d", word) for word in words_of(image(panel_of("load"), span=span)))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_are_of_the_theme_alone(theme: Any) -> None:
    colors = THEMES[theme]
    own = {colors.surface, colors.edge, colors.ink, colors.soft, colors.grid, colors.axis, colors.warn, colors.bad}
    for panel in BUILT_IN:
        if panel.chart != "heatmap":  # whose colours are between those of the ramp
            used = set(re.findall(r"#[0-9a-f]{6}", image(panel, look=Look(theme=theme), span=STALE)))
            assert used <= own | {colors.rest, *colors.lines, *colors.lines_down}, panel.id


EXTREME = [math.nan, math.inf, -math.inf, 0.0, 1e18, 3e307, -3e307, 1e308, -1e308, 1.7976931348623157e308, 5e-324]
READINGS = st.one_of(st.floats(0, 1), st.floats(), st.sampled_from(EXTREME))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from((*BUILT_IN, *ODD)), st.integers(0, 12), st.booleans(), st.booleans())
def test_any_readings_can_be_drawn(data: st.DataObject, panel: Panel, ticks: int, stale: bool, dark: bool) -> None:
    values = data.draw(hnp.arrays(np.float64, (ticks, len(series_for(panel))), elements=READINGS))
    title = data.draw(st.text(max_size=200))
    look = Look(data.draw(st.integers(200, 900)), data.draw(st.integers(120, 700)), "dark" if dark else "light", title)
    span = replace(STALE if stale else SPAN, host=data.draw(st.text(max_size=80)))
    assert overflowing(check(image(panel, values, look, span))) == []


@given(st.text(max_size=300), st.integers(200, 900), st.integers(120, 400))
def test_any_words_can_stand_in_the_place_of_a_picture(said: str, width: int, height: int) -> None:
    assert overflowing(check(draw_message(f"{said}.", Look(width, height)))) == []


def test_labels_have_a_sign_unless_all_below_the_axis_is_drawn_downwards() -> None:
    frost = np.linspace(-18, 12, 60)[:, None]
    assert {"\u221220 °C", "\u221210 °C", "0", "10 °C"} <= set(words_of(image(panel_of("temperatures"), frost)))
    assert "\u221220 °C" in words_of(image(panel_of("temperatures"), frost, chart="heatmap"))
    network = words_of(image(panel_of("network"), 2048.0 + np.zeros((9, 1))))
    assert network.count("2 KiB/s") == 2
    assert "\u22122 KiB/s" in words_of(image(panel_of("network"), -2048.0 + np.zeros((9, 1))))


# --- what is in it -------------------------------------------------------------------------------------------------


def test_the_head_has_the_number_and_says_when_it_is_alarming() -> None:
    swap = panel_of("swap")
    assert words_of(image(swap, np.full((3, 1), 0.2)))[:2] == ["Swap", "20.0 % used"]
    alarming = image(swap, np.full((3, 1), 0.95))
    assert words_of(alarming)[:2] == ["Swap", "critical 95.0 % used"]
    assert THEMES["light"].bad in alarming
    assert check(alarming).get("aria-label") == "Swap on web-1: 95.0\u00a0% used, critical"


def test_old_readings_are_not_alarming_but_stale() -> None:
    old = image(panel_of("swap"), np.full((3, 1), 0.95), span=STALE)
    assert words_of(old)[:3] == ["Swap", "stale, 1 min 35 s old", "95.0 % used"]
    assert THEMES["light"].bad not in old
    assert words_of(old)[-1] == "as of 2026-09-21 14:13:20 UTC, newest value 14:11:45"
    assert 'opacity="0.5"' in old  # 0.45, to a tenth


def test_the_legend_has_the_newest_reading_of_each_line() -> None:
    values = np.tile(np.linspace(0.01, 0.07, 7), (3, 1))  # of the modes by name: idle, interrupt, iowait, …
    texts = words_of(image(panel_of("cpu"), values))
    assert [texts[texts.index(label) - 1] for label in ("steal", "I/O wait", "system")] == ["5.0 %", "3.0 %", "6.0 %"]
    assert "idle" not in texts


def test_the_legend_is_by_value_without_those_at_0_and_cuts_nothing_while_there_is_room() -> None:
    values = np.tile(np.array([0.9, 0.0, 0.02, 0.0, 0.0, 0.07, 0.05]), (3, 1))
    texts = words_of(image(panel_of("cpu"), values))
    assert [text for text in texts if text in {"system", "user", "I/O wait", "steal", "nice", "interrupt"}] == [
        label for _, label in sorted([(-0.02, "I/O wait"), (-0.07, "system"), (-0.05, "user")])
    ]
    assert "3 more at 0" in texts
    # Columns of two values are as wide as the longer one needs.
    panel = panel_of("disk")
    values = np.tile(np.arange(len(series_for(panel))) * 29_900.0, (3, 1))
    assert not [text for text in words_of(image(panel, values)) if "…" in text]
    # What bars of one part show needs no name.
    assert "used" not in words_of(image(panel_of("filesystems")))


def test_what_goes_down_is_below_the_axis_and_marked() -> None:
    panel = panel_of("network")
    values = np.full((5, len(series_for(panel))), 1024.0)
    svg = image(panel, values)
    assert {*words_of(svg)[1:3]} == {"3.00 KiB/s received", "3.00 KiB/s sent"}
    lines = paths_of(svg, **{"stroke-linecap": "round"})
    assert len(lines) == 6
    heights = [float(path.split(",")[1].split("L")[0]) for path in lines]
    assert len({*heights}) == 2


def test_bands_lie_on_each_other() -> None:
    values = np.full((4, 7), 0.1)
    bands = paths_of(image(panel_of("cpu"), values), **{"fill-opacity": "0.7"})
    edges = [re.findall(r",([\d.]+)", band) for band in bands]
    assert len(bands) == 6
    for lower, upper in itertools.pairwise(edges):
        assert upper[-1] == lower[0]  # the base of one is the top of the one below


def test_a_gap_is_a_gap() -> None:
    values = np.full((20, 1), 0.5)
    values[8:12] = np.nan
    (line,) = paths_of(image(panel_of("swap"), values), **{"stroke-linecap": "round"})
    assert line.count("M") == 2


def test_a_lone_reading_can_be_seen() -> None:
    (line,) = paths_of(image(panel_of("swap"), np.full((1, 1), 0.5)), **{"stroke-linecap": "round"})
    first, last = (float(point.split(",")[0]) for point in line.removeprefix("M").split("L"))
    assert last - first == pytest.approx(1)


def test_missing_ticks_and_the_time_since_the_last_are_hatched() -> None:
    panel = panel_of("swap")
    series = series_for(panel)
    resolved = resolve(panel, series)
    times = np.array([TO_MS - 20_000, TO_MS - 10_000], dtype=np.int64)
    window = Window(
        times, np.full((2, 1), 0.5), columns_of(resolved), np.full(2, 0.5), ((TO_MS - 20_000, TO_MS - 10_000),)
    )
    shown = shown_of(panel, resolved, window)
    for span, hatched in ((SPAN, 1), (replace(SPAN, age_s=10.0), 2)):
        assert draw_panel(shown, window, Look(), span).count('preserveAspectRatio="none"') == hatched


def test_a_level_is_a_dashed_line_across() -> None:
    panel = panel_of("load")
    values = np.full((3, len(series_for(panel))), 2.0)
    assert len(paths_of(image(panel, values), **{"stroke-dasharray": "6,4"})) == 1


def test_a_heatmap_has_a_row_of_cells_for_each_line_and_says_what_colours_mean() -> None:
    panel = panel_of("cpus")
    values = np.tile(np.linspace(0, 1, 12), (30, 1))
    svg = image(panel, values)
    cells = "".join(path for path in paths_of(svg) if "v1h" in path)
    assert {int(row) for row in re.findall(r"M\d+,(\d+)h", cells)} == set(range(12))
    assert len({*re.findall(r"h(\d+)v1", cells)}) == 1  # of one shade in each row
    texts = words_of(svg)
    assert "CPU 0" in texts
    assert {"0 %", "100 %"} <= {*texts}


def test_a_heatmap_of_many_rows_stays_small() -> None:
    panel = panel_of("cpus")
    series = [replace_number(series_for(panel)[0], number) for number in range(256)]
    values = np.random.default_rng(1).random((300, 256))
    resolved = resolve(panel, series)
    times = np.arange(TO_MS - 299_000, TO_MS + 1, 1000, dtype=np.int64)
    window = Window(times, values, tuple(range(256)), values[-1])
    assert len(draw_panel(shown_of(panel, resolved, window), window, Look(2000, 800), SPAN)) < 400_000


def replace_number(series: Any, number: int) -> Any:
    return type(series)(series.descriptor, (str(number),))


def test_bars_are_shares_of_the_whole_and_alarm_each_by_itself() -> None:
    panel = panel_of("filesystems")
    series = series_for(panel)
    parts = {"free": 4.0, "reserved": 5.0, "used": 96.0}
    home = {"free": 60.0, "reserved": 5.0, "used": 40.0}
    row = [(home if "/home" in one.values else parts)[one.attributes["system.filesystem.state"]] for one in series]
    svg = image(panel, np.array([row]))
    texts = words_of(svg)
    assert "60 B free of 100 B" in texts
    assert texts.index("/") < texts.index("/home") < texts.index("60 B free of 100 B")
    widths = [
        float(one.get("width") or 0)
        for one in check(svg).iter(f"{{{NAMESPACE}}}rect")
        if one.get("fill") in (THEMES["light"].bad, THEMES["light"].lines[0]) and float(one.get("width") or 0) > 20
    ]
    whole = 640 - 2 * 0.75 * 14
    assert [width / whole for width in widths] == pytest.approx([0.96, 0.96, 0.4], abs=0.001)


def test_a_bar_has_the_level_that_it_is_given_however_full_it_is() -> None:
    svg = image(panel_of("filesystems"), np.full((1, 1), 0.5), bar_levels={"/": "critical", "/home": "warning"})
    fills = [one.get("fill") for one in check(svg).iter(f"{{{NAMESPACE}}}rect") if float(one.get("width") or 0) > 20]
    colors = THEMES["light"]
    alarming = {color: fills.count(color) for color in (colors.bad, colors.warn, colors.lines[0])}
    assert alarming == {colors.bad: 1, colors.warn: 1, colors.lines[0]: 1}


def test_bars_that_find_no_room_are_counted_and_the_fullest_stay() -> None:
    panel = panel_of("filesystems")
    texts = words_of(image(panel, look=Look(240, 120)))
    assert any(text.endswith(" more") for text in texts)


def test_a_panel_without_series_or_readings_says_so() -> None:
    panel = panel_of("swap")
    assert "No data in this window." in words_of(image(panel, np.zeros((0, 1))))
    empty = Window(np.zeros(0, dtype=np.int64), np.zeros((0, 0)), (), np.zeros(0))
    shown = Shown(panel, resolve(panel, []), ())
    assert "No data for this panel." in words_of(draw_panel(shown, empty, Look(), SPAN))


def test_times_are_those_of_the_zone() -> None:
    texts = words_of(image(panel_of("swap"), span=replace(SPAN, zone=ZoneInfo("Europe/Berlin"))))
    assert "16:10" in texts
    assert texts[-1] == "as of 2026-09-21 16:13:20 CEST"


def test_a_title_may_be_another_and_is_cut_where_it_finds_no_room() -> None:
    assert words_of(image(panel_of("swap"), look=Look(title="Swap of <b>web-1</b>")))[0] == "Swap of <b>web-1</b>"
    assert words_of(image(panel_of("swap"), look=Look(title="W" * 120)))[0].endswith("…")


def test_no_more_points_are_drawn_than_pixels() -> None:
    values = np.random.default_rng(1).random((5000, 1))
    (line,) = paths_of(image(panel_of("swap"), values), **{"stroke-linecap": "round"})
    assert line.count("L") <= 640
