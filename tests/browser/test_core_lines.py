"""Which lines a panel has, what they are called, and what is said of them in numbers and words."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

NBSP = "\u00a0"

LINES = """
const { readingOf, newestOf } = await load('charts/model/lines'); const { busiest } = await load('charts/model/shown');
const { requestOf, vitalRequestOf, matchesPattern, matchesWhere, linesMaxOf } = await load('charts/model/panel');
const { headlineOf, summaryOf } = await load('charts/model/headline');
const { StreamStore } = await load('client/store');
const { chartModelOf } = await load('charts/model/chart_model'); const { CalmRange } = await load('charts/model/axis');
const one = (name, attributes = {}, unit = "1") => ({ name, unit, attributes });
const each = (name, key, values, unit) => values.map((value) => one(name, { [key]: value }, unit));
const filled = (series, ...rows) => {
  const store = new StreamStore({ windowS: 300 });
  store.ack({ epoch: "e", interval: 1 });
  store.snapshot({ offset: rows.length, series, times: rows.map((_, i) => (i + 1) * 1000),
    values: series.map((_, column) => rows.map((row) => row[column])) });
  return store;
};
const read = (panel, store) => readingOf(panel, store.series, new Map());
const draw = (panel, store, reading, options) => chartModelOf({ panel, store, reading, lines: reading.lines,
  range: new CalmRange(), width: 400, height: 200, ...options });
"""

CPU = {"id": "cpu", "title": "CPU", "metrics": ["cpu"], "by": ["mode"], "stack": True, "rest": ["idle"]}
MEMORY = {
    "id": "memory",
    "title": "Memory",
    "metrics": ["memory"],
    "by": ["state"],
    "stack": True,
    "order": ["used", "cached"],
    "rest": ["free"],
    "max": "limit",
    "headline": {"where": {"state": ["used"]}, "per": "limit", "show": "share", "label": "used"},
    "thresholds": {"warning": 0.5, "critical": 0.9},
    "vital": "Memory",
}


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("system.cpu.*", "system.cpu.time", True),
        ("system.cpu.*", "system.cpu.logical.count", False),
        ("system.>", "system.cpu.logical.count", True),
        ("system.>", "system", False),
        (">", "system", True),
        ("*.cpu", "system.cpu", True),
        ("system.cpu", "system.cpu.time", False),
        ("system.cp", "system.cpu", False),
    ],
)
async def test_patterns_match_as_the_servers_do(js: RunJs, pattern: str, name: str, fits: bool) -> None:
    given = {"pattern": pattern, "name": name}
    assert (
        await js("return (await load('charts/model/panel')).matchesPattern(given.pattern, given.name)", given) is fits
    )


async def test_a_panel_asks_for_what_it_shows(js: RunJs) -> None:
    plain, yardsticks, slow, vital = await js(
        LINES
        + """const view = { rateS: 0.5, windowS: 300 };
             return [requestOf({ metrics: ["a.>"], where: { x: ["1"] } }, view),
                     requestOf({ metrics: ["a"], where: { x: ["1"] }, max: "top", reference: "level",
                       headline: { per: "top" }, aggregate: "max" }, view),
                     requestOf({ metrics: ["a"], interval: 5, max: 1, headline: { per: "rest" } }, view),
                     vitalRequestOf({ metrics: ["a"] }, { windowS: 60 })];"""
    )
    assert plain == {
        "metrics": ["a.>"],
        "where": {"x": ["1"]},
        "interval": 0.5,
        "aggregate": ["avg"],
        "backfill": 300,
    }
    assert yardsticks == {
        "metrics": ["a", "top", "level"],
        "interval": 0.5,
        "aggregate": ["max"],
        "backfill": 300,
    }
    assert slow["interval"] == 5
    assert slow["metrics"] == ["a"]
    assert vital["interval"] == 1


@pytest.mark.parametrize(
    ("panel", "series", "labels"),
    [
        pytest.param({"metrics": ["m"]}, [("m", {})], ["m"], id="alone"),
        pytest.param({"metrics": ["m"], "labels": {"m": "all"}}, [("m", {})], ["all"], id="alone-named"),
        pytest.param({"metrics": ["m"]}, [("m", {"a": "x", "b": "y"})], ["x y"], id="nothing-differs"),
        pytest.param(
            {"metrics": ["m"]},
            [("m", {"a": "x", "b": "y"}), ("m", {"a": "x", "b": "z"})],
            ["y", "z"],
            id="only-what-differs",
        ),
        pytest.param(
            {"metrics": ["m"], "by": ["cpu.logical_number"]},
            [("m", {"cpu.logical_number": str(i)}) for i in (10, 2, 0)],
            ["CPU 0", "CPU 2", "CPU 10"],
            id="numbers-by-size",
        ),
        pytest.param(
            {"metrics": ["e.errors.rate", "e.drops.rate"], "labels": {"e.drops.rate": "dropped"}},
            [("e.drops.rate", {"d": "a"}), ("e.errors.rate", {"d": "b"}), ("e.errors.rate", {"d": "a"})],
            ["a errors", "b errors", "a dropped"],
            id="several-metrics-in-their-order",
        ),
        pytest.param(
            {"metrics": ["m"], "by": ["d"], "order": ["z"], "labels": {"z": "Z!"}},
            [("m", {"d": "a"}), ("m", {"d": "z"})],
            ["Z!", "a"],
            id="order-first",
        ),
        pytest.param(
            {"metrics": ["m"], "by": ["d"]},
            [("m", {"d": "a", "e": "1"}), ("m", {"d": "a", "e": "2"})],
            ["a", "a 2"],
            id="by-tells-too-little",
        ),
        pytest.param(
            {"metrics": ["m"], "where": {"s": ["some"]}, "max": "top"},
            [("m", {"s": "some"}), ("m", {"s": "full"}), ("top", {})],
            ["some"],
            id="where-and-yardstick",
        ),
        pytest.param({"metrics": ["top"], "max": "top"}, [("top", {})], ["top"], id="nothing-but-the-yardstick"),
    ],
)
async def test_lines_are_named_by_what_tells_them_apart(
    js: RunJs, panel: dict[str, Any], series: list[tuple[str, dict[str, str]]], labels: list[str]
) -> None:
    given = {"panel": panel, "series": [{"name": name, "unit": "1", "attributes": attrs} for name, attrs in series]}
    code = "return readingOf(given.panel, given.series, new Map()).lines.map(({ label }) => label);"
    assert await js(LINES + code, given) == labels


async def test_a_reading_tells_lines_from_remainder_and_yardsticks(js: RunJs) -> None:
    assert await js(
        LINES
        + """const series = [one("limit", {}, "By"),
               ...each("memory", "state", ["free", "used", "slab", "cached"], "By")];
             const { lines, rest, max, per, reference, unit } = readingOf(given, series, new Map());
             const shown = lines.map(({ key, column, color }) => [key, column, color]);
             return { lines: shown, rest, max, per, reference, unit };""",
        MEMORY,
    ) == {
        "lines": [["used", 2, 1], ["cached", 4, 2], ["slab", 3, 3]],
        "rest": [1],
        "max": 0,
        "per": 0,
        "reference": -1,
        "unit": "By",
    }


async def test_what_goes_down_is_paired_with_what_goes_up(js: RunJs) -> None:
    found = await js(
        LINES
        + """const panel = { id: "n", title: "N", metrics: ["io"], by: ["d"], below: { way: ["out"] },
               labels: { in: "received", out: "sent" }, vital: "Net" };
             const store = filled(["b", "a"].flatMap((d) => ["out", "in"].map((way) => one("io", { d, way }, "By/s"))),
               [1, 2, 3, 4], [10, 20, 30, null]);
             const reading = read(panel, store);
             const { numbers, value, vital } = headlineOf(panel, reading, store.ring);
             return { lines: reading.lines.map(({ key, down, color }) => [key, down, color]), numbers, value, vital,
                      summary: summaryOf(panel, reading, reading.lines, { ring: store.ring, spanS: 300 }),
                      then: summaryOf(panel, reading, reading.lines, { ring: store.ring, spanS: 90, frozen: true }),
                      none: summaryOf(panel, reading, reading.lines,
                        { ring: store.ring, spanS: 90, frozen: true, row: -1 }) };"""
    )
    assert found["lines"] == [["a", False, 1], ["a", True, 1], ["b", False, 2], ["b", True, 2]]
    assert found["numbers"] == [
        {"text": f"20{NBSP}B/s", "label": "received", "down": False},
        {"text": f"40{NBSP}B/s", "label": "sent", "down": True},
    ]
    assert found["value"] == 60
    assert found["vital"] == {"text": f"60{NBSP}B/s", "label": "Net"}
    assert found["summary"].replace(NBSP, " ") == (
        "N, the last 5 min. Now: received 20 B/s, sent 40 B/s. "
        "Of these: a sent 30 B/s, b received 20 B/s, b sent 10 B/s."
    )
    assert re.match(r"N, 1 min 30 s up to \d\d:\d\d:\d\d\. Then: received 20 B/s", found["then"].replace(NBSP, " "))
    assert found["none"] == "N: no data in this window."


@pytest.mark.parametrize(
    ("headline", "thresholds", "expected"),
    [
        ({"label": "busy"}, None, ("90.0 %", "busy", 0.9, None, "", "90.0 %")),
        ({"label": "busy"}, {"warning": 0.8, "critical": 0.95}, ("90.0 %", "busy", 0.9, None, "warning", "90.0 %")),
        ({"label": "busy"}, {"warning": 0.8, "critical": 0.9}, ("90.0 %", "busy", 0.9, None, "critical", "90.0 %")),
        ({"reduce": "max"}, None, ("60.0 %", "user", 0.6, None, "", "60.0 %")),
        ({"reduce": "max", "label": "most"}, None, ("60.0 %", "most user", 0.6, None, "", "60.0 %")),
        ({"where": {"mode": ["system"]}}, None, ("30.0 %", "system", 0.3, None, "", "30.0 %")),
        ({"per": "rest", "show": "share"}, {"warning": 0.4}, ("90.0 %", "", 0.9, 0.45, "warning", "45.0 %")),
        ({"metric": "other"}, {"warning": 0}, ("–", "", None, None, "", "–")),
    ],
)
async def test_a_headline_stands_for_its_panel(
    js: RunJs, headline: dict[str, Any], thresholds: dict[str, float] | None, expected: tuple[Any, ...]
) -> None:
    found = await js(
        LINES
        + """const store = filled(each("cpu", "mode", ["user", "system", "idle"]), [0, 0, 0], [0.6, 0.3, 1.1]);
             const { numbers, value, share, level, vital } =
               headlineOf(given, read(given, store), store.ring);
             const known = (number) => Number.isNaN(number) ? null : Math.round(number * 1e6) / 1e6;
             return [numbers[0].text, numbers[0].label, known(value), known(share), level, vital.text];""",
        {**CPU, "headline": headline, "thresholds": thresholds},
    )
    assert tuple(value.replace(NBSP, " ") if isinstance(value, str) else value for value in found) == expected


async def test_a_headline_says_of_how_much_and_at_any_moment(js: RunJs) -> None:
    found = await js(
        LINES
        + """const GiB = 2 ** 30;
             const store = filled([one("limit", {}, "By"), ...each("memory", "state", ["used", "free"], "By")],
               [4 * GiB, 3.8 * GiB, 0.2 * GiB], [4 * GiB, 1 * GiB, 3 * GiB], [null, null, null]);
             const reading = read(given, store);
             return [0, 1, 2].map((row) => {
               const { numbers, level, vital } = headlineOf(given, reading, store.ring, row);
               return [...numbers.map(({ text, label }) => `${text} ${label}`), level, vital.text]; });""",
        MEMORY,
    )
    assert [[text.replace(NBSP, " ") for text in row] for row in found] == [
        ["3.80 GiB used", "4.00 GiB total", "critical", "95.0 %"],
        ["1.00 GiB used", "4.00 GiB total", "", "25.0 %"],
        ["– used", "– total", "", "–"],
    ]


async def test_bars_are_judged_each_for_itself_and_the_fullest_comes_first(js: RunJs) -> None:
    found = await js(
        LINES
        + """const panel = { id: "fs", title: "Filesystems", metrics: ["fs"], chart: "bar", by: ["mount"],
               parts: "state", order: ["used", "reserved"], rest: ["free"],
               headline: { reduce: "max", per: "rest", show: "share", label: "fullest" },
               thresholds: { warning: 0.85, critical: 0.95 } };
             const of = (mount) => ["free", "reserved", "used"].map((state) => one("fs", { mount, state }, "By"));
             const store = filled(["/", "/home"].flatMap(of),
               [100, 0, 0, 1000, 0, 24], [100, 0, 100, 40, 60, 900]);
             const reading = read(panel, store);
             const bars = (to) => draw(panel, store, reading, { from: 0, to })
               .bars.map(({ key, label, parts, share, level, text }) =>
                 [key, label, parts.map((part) => [part.key, part.color, part.share]), share, level, text]);
             const { numbers, share, level } = headlineOf(panel, reading, store.ring);
             return { now: bars(2000), then: bars(1500).map(([, , , share]) => share), numbers, share, level };"""
    )
    assert [[*bar[:5], bar[5].replace(NBSP, " ")] for bar in found["now"]] == [
        ["/home", "/home", [["used", 1, 0.9], ["reserved", 2, 0.06]], 0.96, "critical", "40 B free of 0.98 KiB"],
        ["/", "/", [["used", 1, 0.5], ["reserved", 2, 0]], 0.5, "", "100 B free of 200 B"],
    ]
    assert found["then"] == [24 / 1024, 0]
    assert found["numbers"] == [{"text": f"96.0{NBSP}%", "label": "fullest /home"}]
    assert found["level"] == "critical"


async def test_the_busiest_lines_are_drawn_in_their_order(js: RunJs) -> None:
    assert await js(
        LINES
        + """const panel = { metrics: ["m"], by: ["d"] };
             const keys = (panel, store, options) =>
               busiest(panel, read(panel, store), store.ring, options).map(({ key }) => key);
             const store = filled(each("m", "d", ["a", "b", "c", "d", "e"]), [0, 5, 0, 1, 9], [0, 0, 0, 1, 0]);
             const few = filled(each("m", "d", ["a", "b", "c"]), [0, 5, 0]);
             const still = filled(each("m", "d", ["a", "b", "c", "d"]), [0, 0, 0, 0]);
             const none = new StreamStore({ windowS: 1 }).ring;
             return [keys({ ...panel, lines_max: 2 }, store), keys(panel, store),
                     keys({ ...panel, stack: true }, store),
                     keys({ ...panel, chart: "heatmap" }, still).length, keys(panel, few), keys(panel, still).length,
                     keys(panel, store, { from: 2000 }), keys(panel, store, { to: 1000 }),
                     newestOf(store.ring, read(panel, store).lines), newestOf(none, []).length,
                     linesMaxOf({ stack: true }), linesMaxOf({}),
                     linesMaxOf({ stack: true, below: { d: ["a"] }, lines_max: 3 })];"""
    ) == [
        ["b", "e"],
        ["b", "d", "e"],
        ["a", "b", "c", "d", "e"],
        4,
        ["a", "b", "c"],
        3,
        ["d"],
        ["b", "d", "e"],
        [0, 0, 0, 1, 0],
        0,
        float("inf"),
        8,
        3,
    ]


async def test_what_the_number_is_about_is_drawn_and_what_is_as_high_stays(js: RunJs) -> None:
    assert await js(
        LINES
        + """const keys = (panel, store, shown = []) =>
               busiest(panel, read(panel, store), store.ring, { shown: shown.map((key) => ({ key })) })
                 .map(({ key }) => key);
             const panel = { metrics: ["m"], by: ["d"], lines_max: 2, headline: { reduce: "max" } };
             const d = (...values) => each("m", "d", values);
             const was = filled(d("a", "b", "c", "e"), [9, 8, 1, 1], [1, 1, 2, 1]);
             const frost = filled(d("a", "b", "c", "e"), [-40, -3, 0, -2]);
             const even = filled(d("a", "b", "c", "e"), [100, 50, 50.5, 1]);
             const bar = { metrics: ["m"], by: ["d"], chart: "bar", parts: "s", rest: ["free"], lines_max: 2 };
             const mounts = ["a", "b", "c"].flatMap((d) => ["free", "used"].map((s) => one("m", { d, s }, "By")));
             const full = filled(mounts, [900, 100, 1, 99, 800, 200], [900, 100, 1, 99, 799, 201]);
             const close = filled(mounts, [50, 50, 50.5, 49.5, 0, 100]);
             return [keys(panel, was), keys(panel, frost), keys(panel, even), keys(panel, even, ["b"]),
                     [...new Set(keys(bar, full))], [...new Set(keys(bar, close, ["b"]))]];"""
    ) == [["a", "c"], ["c", "e"], ["a", "c"], ["a", "b"], ["b", "c"], ["b", "c"]]


async def test_colours_stick_and_do_not_meet(js: RunJs) -> None:
    """Devices come and go at random: one that is drawn keeps its colour, and of eight drawn no two share one."""
    assert (
        await js(
            LINES
            + """let seed = 7; const random = () => (seed = (seed * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
             const panel = { metrics: ["m"], by: ["d"], order: ["d3", "d5"] };
             const colors = new Map(); const wrong = [];
             for (let round = 0; round < 300; round += 1) {
               const names = Array.from({ length: 14 }, (_, i) => `d${i}`).filter(() => random() < 0.7);
               const store = filled(each("m", "d", names), names.map(() => 1 + Math.floor(random() * 100)));
               const lines = busiest(panel, readingOf(panel, store.series, colors), store.ring, { colors });
               const drawn = new Map(lines.map(({ key, color }) => [key, color]));
               if (new Set(drawn.values()).size !== drawn.size) wrong.push(`shared in round ${round}`);
               if ([...drawn.values()].some((color) => !(color >= 1 && color <= 8))) wrong.push("not a colour");
               const again = busiest(panel, readingOf(panel, store.series, colors), store.ring, { colors });
               if (again.some(({ key, color }) => drawn.get(key) !== color)) wrong.push(`changed in round ${round}`);
             }
             return wrong;"""
        )
        == []
    )


async def test_all_built_in_panels_can_be_read_and_drawn(js: RunJs) -> None:
    """Against the very panels and series of a real server."""
    found = await js(
        LINES
        + """const { panels } = await (await fetch("/api/v1/panels")).json();
             const { metrics: catalogue } = await (await fetch("/api/v1/metrics")).json();
             const series = catalogue.flatMap(({ name, unit, series }) =>
               series.map((attributes) => one(name, attributes, unit)));
             const { dataTableOf } = await load('charts/model/data_table_model');
             const { csvOf } = await load('charts/model/csv');
             return panels.map((panel) => {
               const { metrics, where = {} } = requestOf(panel, { rateS: 1, windowS: 60 });
               const own = series.filter(({ name, attributes }) => matchesWhere(where, attributes)
                 && metrics.some((pattern) => matchesPattern(pattern, name)));
               if (!own.length) return [panel.id, "absent"];
               const store = filled(own, own.map(() => 1), own.map((_, i) => i / 10));
               const reading = read(panel, store);
               const lines = busiest(panel, reading, store.ring);
               const shown = { panel, reading, lines, store, from: 0, to: 2000 };
               const { kind } = draw(panel, store, reading, shown);
               const labels = lines.map(({ label, part, down }) => `${label} ${part} ${down}`);
               const { numbers } = headlineOf(panel, reading, store.ring);
               const told = new Set(labels.filter((label) => label.trim())).size;
               return [panel.id, kind, told > 0 && told === lines.length,
                       numbers.every(({ text }) => !text.includes("NaN")),
                       dataTableOf(shown).rows.length === lines.length, csvOf(shown).split("\\r\\n").length];
             });"""
    )
    assert len(found) >= 10
    assert [panel for panel in found if panel[1] != "absent" and panel[2:] != [True, True, True, 4]] == []
    assert ["cpu", "lines", True, True, True, 4] in found
    assert ["cpus", "heatmap", True, True, True, 4] in found
    assert ["filesystems", "bars", True, True, True, 4] in found


WINDOW = """
const panel = { id: "n", title: "N", metrics: ["m"], by: ["d"], rest: ["free"] };
const store = filled(each("m", "d", ["a", 'b "c", d', "free"], "By"), [1, 0.1, 5], [2, null, 5], [4.5, 1 / 3, 5]);
const reading = read(panel, store); const { lines } = reading;
"""


async def test_a_file_holds_every_reading_exactly(js: RunJs) -> None:
    assert await js(
        LINES
        + WINDOW
        + "return (await load('charts/model/csv')).csvOf({ panel, reading, lines, store, from: 2000, to: 3000 });"
    ) == (
        'time,a (By),"b ""c"", d (By)",free (By)\r\n'
        "1970-01-01T00:00:02.000Z,2,,5\r\n"
        "1970-01-01T00:00:03.000Z,4.5,0.3333333333333333,5\r\n"
    )


async def test_a_file_has_no_formulas(js: RunJs) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x","y")', "a=1", "\uff1d1", "a\nb"]
    header = await js(
        LINES
        + """const panel = { id: "n", title: "N", metrics: ["m"], by: ["d"] };
             const store = filled(each("m", "d", given, "By"), given.map(() => -1));
             const reading = read(panel, store);
             const lines = given.map((name) => reading.lines.find(({ label }) => label === name));
             return (await load('charts/model/csv')).csvOf({ panel, reading, lines, store, from: 0, to: 9000 });""",
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
             const { columns, rows } = dataTableOf({ panel, reading, lines, store, from: 1000, to: 2500 });
             return [columns, rows, dataTableOf({ panel, reading, lines, store, from: 5000, to: 6000 }).rows[0]];"""
    )
    assert columns == ["Series", "Now", "Lowest", "Average", "Highest"]
    assert [[text.replace(NBSP, " ") for text in row] for row in rows] == [
        ["a", "2 B", "1 B", "2 B", "2 B"],
        ['b "c", d', "–", "0 B", "0 B", "0 B"],
    ]
    assert none == ["a", "–", "–", "–", "–"]


async def test_a_moment_has_the_nearest_reading_or_a_reason(js: RunJs) -> None:
    found = await js(
        LINES
        + """const { valuesAt } = await load('charts/model/values_at');
             const store = filled([one("m", { d: "a" }), one("m", { d: "b" })], [1, 10], [2, null]);
             const lines = readingOf({ metrics: ["m"] }, store.series, new Map()).lines;
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
        "no data yet",
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


async def test_a_device_named_as_what_all_objects_have_keeps_its_name(js: RunJs) -> None:
    panel = {
        "id": "net",
        "title": "Net",
        "metrics": ["net"],
        "by": ["name"],
        "below": {"way": ["toString"]},
        "labels": {},
    }
    assert await js(
        LINES
        + f"""const panel = {panel!r};
             const {{ nameOf }} = await load('charts/model/headline');
             const store = filled([one("net", {{ name: "constructor", way: "toString" }})], [1]);
             const reading = readingOf(panel, store.series, new Map());
             return reading.lines.map((line) => nameOf(panel, reading, line));"""
    ) == ["constructor toString"]
