"""What the page makes of what the server says of a panel: its numbers, its levels, its words, its files and tables."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from tests.browser.conftest import RunJs
from tests.browser.panel_heads import HEADS

pytestmark = pytest.mark.asyncio(loop_scope="session")

NBSP = "\u00a0"

LINES = (
    HEADS
    + """
const { headlineAt, summaryOf, wayOf } = await load('charts/model/headline');
const { StreamStore } = await load('client/store');
const { chartModelOf } = await load('charts/model/chart_model'); const { CalmRange } = await load('charts/model/axis');
const one = (name, attributes = {}, unit = "1") => ({ name, unit, attributes });
const each = (name, key, values, unit) => values.map((value) => one(name, { [key]: value }, unit));
const filled = (head, series, ...rows) => {
  const store = new StreamStore({ windowS: 300 });
  store.ack({ epoch: "e", interval: 1 });
  store.snapshot({ ...head, offset: rows.length, series, times: rows.map((_, i) => (i + 1) * 1000),
    values: series.map((_, column) => rows.map((row) => row[column])) });
  return store;
};
const number = (label, unit, column, more = {}) => ({ label, value: null, unit, column, ...more });
const headline = (label, unit, column, more = {}) => ({ ...number(label, unit, column), level: "", which: null,
  levels: null, end: 0, rule: "", numbers: [number(label, unit, column)], ...more });
const made = (name, unit = "") => one(name, {}, unit);
"""
)

NETWORK = """
const both = ["a", "b"].flatMap((d) => ["in", "out"].map((way) => one("io", { d, way }, "By/s")));
const network = headOf(
  both.map(({ attributes: { d, way } }, i) => line(i, d, { name: `${d} ${way === "in" ? "received" : "sent"}`,
    direction: way === "in" ? "up" : "down" })),
  { unit: "By/s", more: 2, headline: headline("", "By/s", 4, { numbers: [
    number("received", "By/s", 5, { direction: "up", mark: "down" }),
    number("sent", "By/s", 6, { direction: "down", mark: "up" })] }) });
const columns = [...both, made("@value", "By/s"), made("@up", "By/s"), made("@down", "By/s")];
const net = { id: "n", title: "N" };
"""


async def test_a_panel_is_asked_for_by_its_name(js: RunJs) -> None:
    assert await js(
        """const { requestOf } = await load('charts/model/panel');
           return [requestOf({ id: "cpu" }, { intervalS: 0.5, windowS: 900, rangeS: 300 }),
                   requestOf({ id: "disk", interval: 5 }, { intervalS: 1, windowS: 60 }).interval];"""
    ) == [{"panel": "cpu", "range": 300, "interval": 0.5, "backfill": 900}, 5]


async def test_a_layout_is_made_once_for_each_message(js: RunJs) -> None:
    assert await js(
        LINES
        + NETWORK
        + """const store = filled(network, columns, [1, 2, 3, 4, 10, 4, 6]); const layout = layoutOf(store);
             const same = layout === layoutOf(store) && layout === layoutOf(store.copy());
             store.arrange({ ...network, series: columns, more: 3 }); const other = layoutOf(store);
             const { unit, more, mirrored, max, maxColumn, reference } = layout;
             return { same, other: [other === layout, other.more], unit, more, mirrored, max: Number.isNaN(max),
               maxColumn, reference, down: layout.lines.map(({ down }) => down),
                 none: layoutOf(new StreamStore({ windowS: 1 })) };"""
    ) == {
        "same": True,
        "other": [False, 3],
        "unit": "By/s",
        "more": 2,
        "mirrored": True,
        "max": True,
        "maxColumn": -1,
        "reference": -1,
        "down": [False, True, False, True],
        "none": None,
    }


async def test_what_goes_down_is_said_beside_what_goes_up(js: RunJs) -> None:
    found = await js(
        LINES
        + NETWORK
        + """const store = filled(network, columns, [1, 2, 3, 4, 10, 4, 6], [10, 20, 30, null, 60, 40, 20]);
             const layout = layoutOf(store); const { ring } = store;
             return { ...headlineAt(layout, ring), ways: [wayOf(layout, false), wayOf(layout, true)],
                      now: summaryOf(net, layout, { ring, spanS: 300 }),
                      then: summaryOf(net, layout, { ring, spanS: 90, frozen: true }),
                      none: summaryOf(net, layout, { ring, spanS: 90, frozen: true, row: -1 }) };"""
    )
    assert found["numbers"] == [
        {"text": f"40{NBSP}B/s", "label": "received", "down": False, "mark": "down"},
        {"text": f"20{NBSP}B/s", "label": "sent", "down": True, "mark": "up"},
    ]
    assert found["value"] == 60
    assert found["vital"] == {"text": f"60{NBSP}B/s", "label": ""}
    assert found["ways"] == [{"word": "received", "mark": "down"}, {"word": "sent", "mark": "up"}]
    assert found["now"].replace(NBSP, " ") == (
        "N, the last 5 min. Now: received 40 B/s, sent 20 B/s. "
        "Of these: b received 30 B/s, a sent 20 B/s, a received 10 B/s."
    )
    assert re.match(r"N, 1 min 30 s up to \d\d:\d\d:\d\d\. Then: received 40 B/s", found["then"].replace(NBSP, " "))
    assert found["none"] == "N: no data in this window."


async def test_a_number_and_its_level_are_those_of_their_moment(js: RunJs) -> None:
    """With the line whose number it is, which may be drawn no more, and with the rule that makes it alarming."""
    found = await js(
        LINES
        + """const head = headOf([line(0, "eth0", { id: 3 }), line(1, "wg0", { id: 8 })], { headline:
               headline("busiest", "1", 2, { which: 3, levels: 4, rule: "warning from 90 %",
                 numbers: [number("busiest", "1", 2),
                 number("links", "{link}", 5)] }) });
             const series = [...each("m", "d", ["eth0", "wg0"]), made("@value", "1"), made("@which"),
               made("@level"), made("links", "{link}")];
             const store = filled({ ...head, lines: [...head.lines, line(1, "old", { id: 7 })] }, series,
               [0.1, 0.2, 0.5, 7, 0, 2], [0.9, 0.2, 0.9, 3, 1, 2], [0.1, 1, 1, 8, 2, 3], [null, null, null,
                 null, null, null]);
             store.arrange({ ...head, series }); const layout = layoutOf(store);
             return [0, 1, 2, 3].map((row) => { const { numbers, level, rule, vital } = headlineAt(layout,
               store.ring, row);
               return [...numbers.map(({ text, label }) => `${text} ${label}`), level, rule,
                 `${vital.text} ${vital.label}`]; });"""
    )
    assert [[text.replace(NBSP, " ") for text in row] for row in found] == [
        ["50.0 % busiest old", "2 links", "", "warning from 90 %", "50.0 % busiest old"],
        ["90.0 % busiest eth0", "2 links", "warning", "warning from 90 %", "90.0 % busiest eth0"],
        ["100.0 % busiest wg0", "3 links", "critical", "warning from 90 %", "100.0 % busiest wg0"],
        ["– busiest", "– links", "", "warning from 90 %", "– busiest"],
    ]


async def test_an_alarm_says_why_to_those_who_do_not_see_it(js: RunJs) -> None:
    assert (
        await js(
            LINES
            + """const head = headOf([line(0, "a")], { headline: headline("busy", "1", 1, { levels: 2,
                   rule: "warning from 90 %" }) });
             const store = filled(head, [one("m"), made("@value", "1"), made("@level")], [0.9, 0.9, 1]);
             return summaryOf({ title: "CPU" }, layoutOf(store), { ring: store.ring,
               spanS: 60 }).replaceAll("\u00a0", " ");"""
        )
        == "CPU, the last 1 min. Now: busy 90.0 %. This is a warning (warning from 90 %)."
    )


BARS = """
const panel = { id: "fs", title: "Filesystems", chart: "bar" };
const bar = (id, label, column, whole, more = {}) => ["used", "reserved"].map((part, i) => line(column + i, label,
  { id, part, part_label: `${part}!`, name: `${label} ${part}`, color: i + 1, whole, ...more }));
const named = (more) => headOf([...bar(2, "/home", 2, 5, more[0]), ...bar(1, "/", 0, 4, more[1])], { unit: "By",
  headline: headline("fullest", "1", 6, { which: 7, levels: 8 }) });
const series = [...["/", "/home"].flatMap((d) => ["used", "reserved"].map((s) => one("fs", { d, s }, "By"))),
  made("@whole", "By"), one("@whole", { line: "/home" }, "By"), made("@value", "1"), made("@which"),
    made("@level"), made("@level /")];
const rows = [[0, 0, 24, 0, 100, 1024, 24 / 1024, 2, 0, 0], [100, 0, 900, 60, 200, 1000, 0.96, 2, 2, 1]];
"""


async def test_each_bar_has_the_level_of_its_own_column_whatever_the_panels_is(js: RunJs) -> None:
    assert await js(
        LINES
        + BARS
        + """const head = named([{ levels: 8 }, { levels: 9 }]);
             const levels = (home, root) => {
               const store = filled(head, series, [960, 0, 960, 0, 1000, 1000, 0.96, 2, home, root]);
               return chartModelOf({ panel: { ...panel, thresholds: given }, store, layout: layoutOf(store), from: 0,
                 to: 2000 }).bars.map(({ level }) => level); };
             return [levels(2, 1), levels(0, 2), levels(null, 0), levels(1, null)];""",
        {"warning": 0.85, "critical": 0.95},
    ) == [["critical", "warning"], ["", "critical"], ["", ""], ["warning", ""]]


async def test_bars_are_what_is_used_of_a_whole(js: RunJs) -> None:
    found = await js(
        LINES
        + BARS
        + """const store = filled(named([{}, {}]), series, ...rows); const layout = layoutOf(store);
             const bars = (layout, to) => chartModelOf({ panel, store, layout, from: 0, to })
               .bars.map(({ key, label, parts, share, level, text }) =>
                 [key, label, parts.map((part) => [part.label, part.color, part.share]), share, level, text]);
             const own = filled(named([{ levels: 8 }, { levels: 9, rest_label: "left" }]), series, ...rows);
             return { now: bars(layout, 2000), then: bars(layout, 1500).map(([, , , share]) => share),
                      own: bars(layoutOf(own), 2000).map(([, , , , level, text]) => [level, text]) };"""
    )
    assert [[*bar[:5], bar[5].replace(NBSP, " ")] for bar in found["now"]] == [
        ["/home", "/home", [["used!", 1, 0.9], ["reserved!", 2, 0.06]], 0.96, "", "40 B free of 0.98 KiB"],
        ["/", "/", [["used!", 1, 0.5], ["reserved!", 2, 0]], 0.5, "", "100 B free of 200 B"],
    ]
    assert found["then"] == [24 / 1024, 0]
    assert [level for level, _ in found["own"]] == ["critical", "warning"]
    assert found["own"][1][1].replace(NBSP, " ") == "100 B left of 200 B"


WINDOW = """
const head = headOf([line(0, "a"), line(1, 'b "c", d')], { unit: "By" });
const store = filled(head, each("m", "d", ["a", 'b "c", d'], "By"), [1, 0.1], [2, null], [4.5, 1 / 3]);
const layout = layoutOf(store);
"""


async def test_a_file_holds_every_value_exactly(js: RunJs) -> None:
    assert await js(
        LINES
        + WINDOW
        + """const { csvOf, drawnColumns } = await load('charts/model/csv');
             return csvOf({ columns: drawnColumns(layout), store, from: 2000, to: 3000 });"""
    ) == (
        'time,a (By),"b ""c"", d (By)"\r\n'
        "1970-01-01T00:00:02.000Z,2,\r\n"
        "1970-01-01T00:00:03.000Z,4.5,0.3333333333333333\r\n"
    )


async def test_a_file_of_bars_has_their_wholes(js: RunJs) -> None:
    text = await js(
        LINES
        + BARS
        + """const store = filled(named([{}, {}]), series, ...rows);
             const { csvOf, drawnColumns } = await load('charts/model/csv');
             return csvOf({ columns: drawnColumns(layoutOf(store)), store, from: 2000, to: 3000 });"""
    )
    head, row = list(csv.reader(io.StringIO(text)))
    assert head == [
        "time",
        *("/home used (By)", "/home reserved (By)", "/ used (By)", "/ reserved (By)"),
        *("/home in all (By)", "/ in all (By)"),
    ]
    assert row[1:] == ["900", "60", "100", "0", "1000", "200"]


@pytest.mark.parametrize(
    ("names", "ends"),
    [
        (["context switches", "interrupts"], [None, None]),
        (["nvme0n1", "nvme0n2"], [None, None]),
        (["chip-isa-0000-Core-1", "chip-isa-0000-Core-12"], ["-Core-1", "Core-12"]),
        (["vlan13 received errors", "vlan13 sent errors", "vlan13 received drops"], ["errors", None, "drops"]),
        (["Temperature sensor 1", "Temperature sensor 2"], ["1", "2"]),
        (["a longer name of a device", "a longer name"], [" device", "name"]),
        (["\U0001f5b4 of the cellar, left", "\U0001f5b4 of the cellar, right"], ["left", "right"]),
        (["the same name twice", "the same name twice"], [None, None]),
    ],
)
async def test_names_that_begin_alike_keep_the_ends_that_tell_them_apart(
    names: list[str], ends: list[str | None], js: RunJs
) -> None:
    found = await js(
        """const ends = (await load('charts/model/short_names')).telltaleEnds(given);
           return given.map((name) => ends.get(name) ?? null);""",
        names,
    )
    assert found == ends


async def test_a_file_has_no_formulas(js: RunJs) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x","y")', "a=1", "\uff1d1", "a\nb"]
    header = await js(
        LINES
        + """const store = filled(headOf(given.map((name, i) => line(i, name))), each("m", "d", given, "By"),
               given.map(() => -1));
             const { csvOf, drawnColumns } = await load('charts/model/csv');
             return csvOf({ columns: drawnColumns(layoutOf(store)), store, from: 0, to: 9000 });""",
        names,
    )
    first, row = list(csv.reader(io.StringIO(header, newline="")))
    assert first == ["time", *(f"{name} (By)" if name[0] == "a" else f"'{name} (By)" for name in names)]
    assert row[1:] == ["-1"] * len(names)


async def test_a_table_tells_what_the_chart_shows(js: RunJs) -> None:
    columns, rows, none = await js(
        LINES
        + WINDOW
        + """const { dataTableOf } = await load('charts/model/data_table_model');
             const { columns, rows } = dataTableOf({ layout, store, from: 1000, to: 2500 });
             return [columns, rows, dataTableOf({ layout, store, from: 5000, to: 6000 }).rows[0]];"""
    )
    assert columns == ["Series", "Now", "Lowest", "Average", "Highest"]
    assert [[text.replace(NBSP, " ") for text in row] for row in rows] == [
        ["a", "2 B", "1 B", "2 B", "2 B"],
        ['b "c", d', "–", "0 B", "0 B", "0 B"],
    ]
    assert none == ["a", "–", "–", "–", "–"]


async def test_a_moment_has_the_nearest_value_or_a_reason(js: RunJs) -> None:
    found = await js(
        LINES
        + """const { valuesAt } = await load('charts/model/values_at');
             const store = filled({}, [one("m", { d: "a" }), one("m", { d: "b" })], [1, 10], [2, null]);
             const lines = [{ column: 0 }, { column: 1 }];
             const row = (offset, s) => store.data({ offset, time: s * 1000, values: [s, s] });
             store.gap({ from: 3, to: 5, why: "slow" }); row(6, 6);
             store.gap({ from: 7, to: 8, why: "sampler" }); row(9, 9);
             const empty = valuesAt({ store: new StreamStore({ windowS: 9 }), lines, time: 5 });
             const at = (s) => { const { time, values, why } = valuesAt({ store, lines, time: s * 1000 });
               return why || [time / 1000, values.map((value) => Number.isNaN(value) ? null : value)]; };
             const found = [empty.why, ...[-60, 0.4, 1.4, 1.6, 2.4, 4, 5.6, 7.5, 9.4, 11].map(at)];
             store.interrupted("disconnected"); return [...found, at(300)];"""
    )
    assert found == [
        "no data",
        "before the first sample kept here, at 01:00:01",
        [1, [1, 10]],
        [1, [1, 10]],
        [2, [2, None]],
        [2, [2, None]],
        "no data from 01:00:02 to 01:00:06: this page was too slow",
        [6, [6, 6]],
        "no data from 01:00:06 to 01:00:09: the server missed ticks: its machine was busy",
        [9, [9, 9]],
        [9, [9, 9]],
        "no data since 01:00:09: not connected",
    ]


async def test_lines_that_come_and_go_keep_the_past_of_those_that_stay(js: RunJs) -> None:
    assert await js(
        LINES
        + """const store = filled(headOf([line(0, "a"), line(1, "b")]), each("m", "d", ["a", "b"]), [1, 2], [3, 4]);
             store.arrange({ ...headOf([line(0, "b", { id: 2 }), line(1, "c", { id: 3 })]), series: each("m",
               "d", ["b", "c"]) });
             const { lines } = layoutOf(store); const { ring } = store;
             return [lines.map(({ key, column }) => [key, [0, 1].map((row) => ring.value(column,
               row)).map((x) => x || null)]),
               [...store.labels]];"""
    ) == [[["b", [2, 4]], ["c", [None, None]]], [[1, "a"], [2, "b"], [3, "c"]]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 5),
        ({"reduce": "avg"}, 2.5),
        ({"reduce": "min"}, 1),
        ({"reduce": "max"}, 4),
    ],
)
async def test_a_metric_of_several_series_becomes_one_number(
    js: RunJs, options: dict[str, Any], expected: float
) -> None:
    assert (
        await js(
            LINES
            + """const { ofAll } = await load('charts/model/metric_value');
                 const store = filled({}, each("m", "d", ["a", "b", "c"]), [1, 4, null], [null, null, null]);
                 const none = ofAll(given.reduce)(store.ring, 1);
                 return Number.isNaN(none) && Number.isNaN(ofAll(given.reduce)(store.ring,
                   -1)) && ofAll(given.reduce)(store.ring, 0);""",
            options,
        )
        == expected
    )


async def test_a_spike_past_a_limit_is_no_alarm_and_what_lasts_is_for_a_while(js: RunJs) -> None:
    levels, words = await js(
        """const { lastingLevel, limitWords } = await load('charts/model/metric_value');
           const { Ring } = await load('client/ring'); const ring = new Ring(60, 1); let time = 0;
           const limits = { warning: 10, critical: 20 };
           const level = (value) => { ring.push((time += 1000), [value]);
             return lastingLevel(ring, (ring, row) => ring.value(0, row), limits); };
           const values = [25, 1, 25, 25, 25, 15, 25, 25, 25, 25, 25, 25, 15, ...Array(20).fill(1)];
           return [values.map(level), limitWords(limits, "By")];"""
    )
    assert levels == [*[""] * 7, *["warning"] * 4, *["critical"] * 20, "warning", ""]
    assert words.replace(NBSP, " ") == "warning from 10 B, critical from 20 B"
