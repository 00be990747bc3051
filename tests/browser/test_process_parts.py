"""The parts of the table of processes, and of panels that share a place."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROWS = """const columns = ["pid", "name", "user", "unit", "parent", "cpu", "memory"];
  const told = [[1, "init", "root", null, 0, 0.1, 10], [7, "sh", "ann", "a.scope", 1, null, 5],
                [8, "gzip", "ann", "a.scope", 7, 0.9, 20], [9, "gzip", "bob", "b.scope", 7, 0.5, 20]];
  const rows = told.map((values) => ({ key: values[0], values, ended: false }));
"""


async def test_groups_have_sums_and_what_all_have_in_common(js: RunJs) -> None:
    closed, opened, units, held = await js(
        ROWS
        + """const { grouped } = await load("page/process_groups");
             const tell = (shown) => shown.map(({ values, members = 0, depth = 0 }) =>
               [values[1], values[2], values[5], values[6], members, depth]);
             const by = (group, toggled = [], rank = null) =>
               tell(grouped(rows, group, { columns, sort: "cpu", toggled: new Set(toggled), rank }));
             return [by("program"), by("program", ["group gzip"]), by("unit"),
                     by("program", [], new Map([[1, 0], ["group gzip", 1], [7, 2]]))];"""
    )
    assert closed == [
        ["gzip", None, 1.4, 40, 2, 0],
        ["init", "root", 0.1, 10, 0, 0],
        ["sh", "ann", None, 5, 0, 0],
    ]
    assert [(row[0], row[1], row[5]) for row in opened[:3]] == [
        ("gzip", None, 0),
        ("gzip", "ann", 1),
        ("gzip", "bob", 1),
    ]
    assert [(row[0], row[2], row[4]) for row in units] == [
        ("a.scope", 0.9, 2),
        ("b.scope", 0.5, 1),
        ("no unit", 0.1, 1),
    ]
    assert [row[0] for row in held] == ["init", "gzip", "sh"], "held, groups stay where they were"


async def test_a_tree_sums_up_what_is_closed_and_ends_where_parents_go_in_circles(js: RunJs) -> None:
    opened, closed, circle = await js(
        ROWS
        + """const { grouped } = await load("page/process_groups");
             const tell = ({ key, values, members = 0, depth }) => [key, depth, members, values[5]];
             const by = (some, toggled = []) =>
               grouped(some, "tree", { columns, sort: "cpu", toggled: new Set(toggled) }).map(tell);
             const round = [[1, "a", "x", null, 2, 0.1, 1], [2, "b", "x", null, 1, 0.2, 1]]
               .map((values) => ({ key: values[0], values, ended: false }));
             return [by(rows), by(rows, [7]), by(round)];"""
    )
    assert opened == [[1, 0, 4, 0.1], [7, 1, 3, None], [8, 2, 0, 0.9], [9, 2, 0, 0.5]]
    assert closed == [[1, 0, 4, 0.1], [7, 1, 3, 1.4]]
    assert sorted(row[0] for row in circle) == [1, 2]


async def test_idle_threads_are_one_row_and_the_columns_those_of_the_time(js: RunJs) -> None:
    answers = await js(
        ROWS
        + """const { tableOf, processOf } = await load("page/process_rows");
             const shape = { columns, rows, group: "", sort: "cpu", toggled: new Set() };
             const live = tableOf({ kind: "live", ...shape, folded: 84, trend: (pids) => pids.join() });
             const window = tableOf({ kind: "window", ...shape, columns: [...columns, "read", "first", "last"] });
             const known = processOf(shape, live.rows[2] && { ...live.rows[2] }, 5000);
             const { placeOf, arranged } = await load("page/process_table");
             const unsorted = arranged(columns, [[1]], { sort: "__proto__", filter: "" });
             const odd = placeOf(columns, "constructor") + unsorted.length;
             return { odd, columns: live.columns, last: live.rows.at(-1).values[1], trend: live.rows[0].values[4],
                      window: window.columns, parent: known.parentName, started: known.started };"""
    )
    assert answers == {
        "odd": 0,
        "columns": ["pid", "name", "user", "cpu", "trend", "memory", "unit"],
        "last": "84 idle kernel threads",
        "trend": "1",
        "window": ["pid", "name", "user", "cpu", "cpu_peak", "trend", "memory_peak", "read_sum", "span", "unit"],
        "parent": "sh",
        "started": None,
    }


async def test_a_trend_is_what_the_table_brought_and_ends_with_its_process(js: RunJs) -> None:
    paths = await js(
        """const { Trends, trendPath } = await load("page/process_trends");
           const trends = new Trends();
           const take = (time, ...rows) => trends.take(time, ["pid", "cpu", "age"], rows);
           take(1, [7, 0.5, 60], [8, 0.2, 60]);
           const first = trends.path([7]);
           take(2, [7, 1, 62], [8, 0.2, 62]);
           take(2, [7, 9, 62]);
           const [one, both] = [trends.path([7]), trends.path([7, 8])];
           take(3, [7, 0.1, 0.5]);
           return [first, one, both !== one, trends.path([7]), trendPath([0.1, NaN, 0.1, 0.1]).match(/M/g).length];"""
    )
    assert paths[0] == ""
    assert paths[1].endswith("58.0 1.0")
    assert paths[2:] == [True, "", 2]


async def test_the_past_is_asked_for_what_the_view_is_of(js: RunJs) -> None:
    answers = await js(
        """const { subjectOf, questionOf, orderThen, subjectWords, emptyWords } = await load("page/process_past");
           const at = subjectOf({ at: 5, frozen: { from: 1, to: 9 } });
           const window = subjectOf({ at: null, frozen: { from: 1.4, to: 9 } });
           const noon = new Date(2026, 10, 28, 12).getTime();
           return [at.kind, window.kind, subjectOf({ at: null, frozen: null }).kind,
             questionOf(window, { sort: "-memory", filter: "x" }),
             orderThen("age", "moment"), orderThen("threads", "window"), orderThen("constructor", "window"),
             subjectWords({ kind: "moment", at: noon }, { end: noon + 2000, interval: 5 }, noon),
             subjectWords({ kind: "window", from: noon, to: noon + 3_600_000 }, null, noon),
             emptyWords(at, ""), emptyWords(at, "gzip")];"""
    )
    assert answers[:3] == ["moment", "window", "live"]
    assert answers[3] == {
        "table": "processes", "start": 1, "end": 9, "sort": "memory", "order": "ascending", "filter": "x", "limit": 200,
        "stream": "@processes-past",
    }  # fmt: skip
    assert answers[4:7] == [
        {"sort": "started", "order": "ascending"},
        {"sort": "cpu", "order": "descending"},
        {"sort": "constructor", "order": "ascending"},
    ]
    assert answers[7:9] == ["at 12:00:02, the 5\u00a0s before", "12:00\u201313:00, means and sums"]
    assert "No processes were recorded at this moment" in answers[9]
    assert "gzip" in answers[10]


async def test_a_course_is_of_the_process_that_was_meant_and_has_its_gaps(js: RunJs) -> None:
    times, values, peak, steps, none = await js(
        """const { courseOf } = await load("page/process_course");
           const columns = ["time", "cpu", "cpu_peak", "started"].map((name) => ({ name }));
           const rows = [[1000, 0.1, 0.4, 50], [6000, 0.2, 0.3, 60], [90_000, 0.3, 0.3, 50],
                         [95_000, 0.9, 0.9, 80_000]];
           const answer = { columns, rows, start: 0, end: 100_000, interval: 5 };
           const { lines, steps } = courseOf(answer, 50);
           const { times, values, peak } = lines.cpu;
           const told = values.map((value) => (Number.isNaN(value) ? null : value));
           return [times, told, peak, steps, courseOf(answer, 7e6).steps];"""
    )
    assert times == [1000, 6000, 6001, 90_000]
    assert values == [0.1, 0.2, None, 0.3]
    assert (peak, steps, none) == (0.4, 3, 0)


async def test_trends_of_then_are_one_question_for_all_rows(js: RunJs) -> None:
    asked, found, path = await js(
        """const { trendsQuestion, trendsOf } = await load("page/past_trends");
           const { trendPath } = await load("page/process_trends");
           const table = { columns: ["pid", "started"], rows: [[7, 50], [8, 60], [7, 9000]], end: 300_000 };
           const questions = [trendsQuestion({ kind: "moment", at: 299_000 }, table),
             trendsQuestion({ kind: "window", from: 0, to: 60_000 }, table),
             trendsQuestion({ kind: "window", from: 0, to: 7 * 86_400_000 }, table),
             trendsQuestion({ kind: "moment", at: 1 }, { ...table, rows: [] })];
           const columns = ["pid", "time", "cpu", "started"].map((name) => ({ name }));
           const rows = [[7, 5000, 0.1, 50], [8, 150_000, 0.5, 60], [7, 150_000, 0.2, 50], [7, 300_000, 1, 9000]];
           const trends = trendsOf({ columns, rows, start: 0, end: 300_000 }, [7, 8]);
           const found = [...trends].map(([key, values]) => [key, values.length,
             values.flatMap((value, i) => (Number.isNaN(value) ? [] : [[i, value]]))]);
           return [questions.map((one) => one && [one.keys, one.start, one.end]), found,
             trendPath(trends.get("8 60"))];"""
    )
    # Of a moment the minutes up to it; of a week there would be too much to read.
    assert asked == [[[7, 8], 150_000, 300_000], [[7, 8], 0, 60_000], None, None]
    assert found == [["7 50", 30, [[0, 0.1], [14, 0.2]]], ["8 60", 30, [[14, 0.5]]], ["7 9000", 30, [[29, 1]]]]
    assert path.count("M") == path.count("h") == 1


async def test_the_greatest_are_named_and_the_band_under_the_pointer_is_found(js: RunJs) -> None:
    named, bands = await js(
        """const { greatest, bandAt } = await load("charts/model/culprits");
           const line = (key) => ({ key, label: key, color: 1 });
           const named = greatest(["a", "b", "a", "c"].map(line), [1, 3, 4, 0]).map(({ key, value }) => [key, value]);
           const shape = (key, base, top) => ({ key, base: Float64Array.of(0, base), top: Float64Array.of(0, top) });
           const shapes = [shape("a", 0, 0.5), shape("b", 0.5, 0.6)];
           const at = (time, share) => bandAt({ times: Float64Array.of(0, 10), low: 0, high: 1, shapes }, time, share);
           return [named, [at(9, 0.9), at(9, 0.45), at(9, 0.1), at(1, 0.9)]];"""
    )
    assert named == [["a", 5], ["b", 3]]
    assert bands == ["a", "b", "", ""]


async def test_of_panels_that_share_a_place_one_is_shown(js: RunJs) -> None:
    answers = await js(
        """const { choosing, oneOfEach, shownOf, titleBeside } = await load("page/panel_places");
           const program = { id: "p", title: "CPU by program", place: "cpu", variant: "by program", series: 3 };
           const mode = { id: "m", title: "CPU", place: "cpu", variant: "by mode", series: 2 };
           const alone = { id: "x", title: "X", place: "", series: 0 };
           const shown = (show, absent = []) =>
             shownOf([program, mode], { show, absent: ({ id }) => absent.includes(id) }).id;
           return [shown(""), shown("m"), shown("", ["p"]), shown("m", ["m"]), shown("", ["p", "m"]),
             choosing([program, mode], "m", "z"), choosing([program, mode], "p", "z,m"),
             oneOfEach([program, mode, alone]).map(({ id }) => id).join(),
             oneOfEach([{ ...program, series: 0 }, mode]).map(({ id }) => id).join(),
             titleBeside(program), titleBeside(mode)];"""
    )
    assert answers == ["p", "m", "m", "p", "p", "z,m", "z", "p,x", "m", "CPU", "CPU"]
