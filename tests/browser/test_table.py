"""The table's parts: what is written of it, in which order, and which rows stay while they are held."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROWS = """const { Rows } = await load("page/live_rows");
  const { arranged, ShownRows } = await load("page/process_table");
  const table = new Rows("test"); const columns = ["pid", "name", "cpu"];
  document.body.append(table.element); table.build(columns, "cpu");
  const shown = (rows) => rows.map((values) => ({ key: values[0], values, ended: false }));
  const watch = new MutationObserver(() => {});
  watch.observe(table.element, { subtree: true, childList: true, characterData: true, attributes: true });
  const pids = () => [...table.body.children].map((row) => Number(row.dataset.pid));
  const writes = (rows) => { table.draw(shown(rows), { cpu: 1 }); return watch.takeRecords().map(({ type }) => type); };
"""


async def test_writes_only_what_differs_and_moves_as_few_rows_as_can_be(js: RunJs) -> None:
    answers = await js(
        ROWS
        + """
        const rows = Array.from({ length: 50 }, (_, i) => [i + 1, `name${i}`, (50 - i) / 100]);
        writes(rows);
        const same = writes(rows);
        const one = writes([[1, "name0", 0.501], ...rows.slice(1)]);
        const moved = writes([...rows.slice(1), [1, "name0", 0.501]]);
        const last = pids().at(-1);
        const gone = writes(rows.slice(1));
        table.element.remove();
        return { same, one, moved, last, gone };"""
    )
    assert answers["same"] == []
    assert answers["one"] == ["characterData"]
    assert answers["moved"] == ["childList", "childList"], "one row out and in again"
    assert answers["last"] == 1
    assert answers["gone"] == ["childList", "attributes"], "the next row is the one that Tab comes to"


async def test_any_order_is_reached(js: RunJs) -> None:
    assert (
        await js(
            ROWS
            + """
        let seed = 7; const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
        for (let round = 0; round < 200; round += 1) {
          const keys = Array.from({ length: 12 }, (_, i) => i + 1).filter(() => random() < 0.7)
            .sort(() => random() - 0.5);
          writes(keys.map((key) => [key, "x", 0]));
          if (pids().join() !== keys.join()) return [pids(), keys];
        }
        table.element.remove();
        return "as asked";"""
        )
        == "as asked"
    )


async def test_rows_at_hand_are_sorted_and_filtered_until_the_server_has(js: RunJs) -> None:
    assert await js(
        """const { arranged, clicked, orderOf } = await load("page/process_table");
           const rows = [[1, "init", null], [2, "Web", 0.5], [3, "db", 0.7]];
           const columns = ["pid", "name", "cpu"];
           const by = (sort, filter = "") => arranged(columns, rows, { sort, filter }).map(([pid]) => pid);
           return [by("cpu"), by("-cpu"), by("pid"), by("-pid"), by("nothing"), by("cpu", " wEB "), by("cpu", "3"),
                   clicked("cpu", "cpu"), clicked("-cpu", "cpu"), clicked("cpu", "name"),
                   orderOf("-name").descending, orderOf("age").descending];"""
    ) == [
        [3, 2, 1], [2, 3, 1], [3, 2, 1], [1, 2, 3], [1, 2, 3], [2], [3],
        "-cpu", "cpu", "name", True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "matches", "total", "text", "words"),
    [
        (50, 212, 212, "", "50 of 212"),
        (12, 12, 12, " ", "12"),
        (7, 7, 212, "web", "7 of 212 processes match"),
        (1, 1, 212, "web", "1 of 212 processes matches"),
        (50, 120, 212, "a", "120 of 212 processes match, 50 shown"),
        (0, 0, 1, "a", "0 of 1 process match"),
    ],
)
async def test_says_how_many_there_are(js: RunJs, rows: int, matches: int, total: int, text: str, words: str) -> None:
    given = {"rows": rows, "matches": matches, "total": total, "filter": text}
    assert await js("return (await load('page/process_table')).countWords(given);", given) == words
    if text == "" and rows < total:
        given["summed"] = True
        summed = await js("return (await load('page/process_table')).countWords(given);", given)
        assert summed == f"sums of {words}", "of some it is no sum of all"


async def test_held_rows_end_only_where_that_is_known(js: RunJs) -> None:
    answers = await js(
        """const { ShownRows, isYounger } = await load("page/process_table");
           const rows = new ShownRows();
           const young = (now, before) => isYounger([7, now], [7, before], 1);
           if ([young(2, 99), young(99.2, 99), young(98.5, 99), young(null, 99), young(2, null)].join() !==
               "true,false,false,false,false" || isYounger([7, 2], [7, 99], -1)) return "who is younger";
           const tell = (shown) => [...shown.map(({ key, values, ended }) => `${key}:${values[1]}${ended ? "+" : ""}`),
                                    rows.missing].join(" ");
           return [
             tell(rows.follow([[1, 10], [2, 10]])),
             tell(rows.hold([[2, 11], [1, 11]], null, 1)),
             tell(rows.hold([[3, 1], [2, 12], [1, 12]], null, 1)),
             tell(rows.hold([[3, 2], [1, 13]], null, 1)),
             tell(rows.hold([[3, 2], [1, 14]], [[2, 14], [1, 14]], 1)),
             tell(rows.hold([[3, 2], [1, 15]], [[1, 15]], 1)),
             tell(rows.hold([[1, 2], [2, 1]], [[1, 2]], 1)),
             tell(rows.follow([[1, 2], [2, 1]])),
           ];"""
    )
    assert answers == [
        "1:10 2:10 false",
        "2:11 1:11 false",
        "2:12 1:12 false",
        "2:12 1:13 true",  # 2 is not among the first any more, or has ended
        "2:14 1:14 false",
        "2:14+ 1:15 false",
        "2:14+ 1:15+ false",  # 1 is another process now
        "1:2 2:1 false",
    ]


async def test_rows_that_change_places_slide_there_unless_somebody_holds_them(js: RunJs) -> None:
    assert await js(
        ROWS
        + """
        const sliding = () => [...table.body.children].map((row) => row.getAnimations().length);
        writes([[1, "a", 3], [2, "b", 2], [3, "c", 1]]);
        const atFirst = sliding();
        writes([[3, "c", 4], [1, "a", 3], [2, "b", 2]]);
        const held = sliding();
        table.slides = 2;
        writes([[2, "b", 5], [3, "c", 4], [1, "a", 3]]);
        const many = sliding();
        table.slides = 3;
        writes([[1, "a", 6], [2, "b", 5], [3, "c", 4]]);
        const moved = sliding();
        writes([[1, "a", 6], [2, "b", 5], [3, "c", 4], [4, "d", 0]]);
        const added = sliding().at(-1);
        table.element.remove();
        return [atFirst, held, many, moved, added];"""
    ) == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1], 0]
