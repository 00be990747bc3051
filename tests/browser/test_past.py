"""Charts of a machine with a month of past: any range, as held and then sharper, on to the present; and compared."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import OpenPage, Watched
from tests.browser.past import PastServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_MS = 3_600_000
# What is drawn of a panel, once all of it has come.
WHOLE = """(id) => { const panel = document.querySelector(`#panel-${id}`), plot = panel?.querySelector("vital-plot");
  return plot && panel.past.state === "" && panel.past.said !== "" && plot.counts.full > 0 && !plot.busy
    && framesDue.size === 0; }"""
SEEN = """(id) => { const panel = document.querySelector(`#panel-${id}`), plot = panel.querySelector("vital-plot");
  const { from, to } = plot.window, live = panel.view.frozen === null;
  const store = panel.past.store({ from, to, live }), { ring } = store;
  const rows = Array.from({ length: ring.length }, (_, row) => row);
  const column = store.panel.headline.column, { high } = store.bands.get(column) ?? { high: column };
  const drawn = (paths) => [...plot.querySelectorAll(paths)].filter((one) => one.getAttribute("d")?.length > 20).length;
  return { from, to, times: rows.map((row) => ring.time(row)), newest: panel.stream.store.newest,
    means: rows.map((row) => ring.value(column, row)), highs: rows.map((row) => ring.value(high, row)),
    said: panel.querySelector(".step").textContent, full: plot.counts.full,
    bands: drawn(".extra.band"), peaks: drawn(".extra.peak"), ghosts: drawn(".extra.ghost"),
    lines: drawn(".js-line, .js-fill") }; }"""


async def seen(watched: Watched, panel: str) -> dict[str, Any]:
    await watched.until(WHOLE, panel)
    found: dict[str, Any] = await watched.page.evaluate(SEEN, panel)
    return found


async def test_a_day_goes_on_live_and_keeps_the_peak_of_a_few_seconds(
    past_server: PastServer, open_page: OpenPage
) -> None:
    watched = await open_page(f"{past_server.url}/?range=24h&show=cpu&compare=24h")
    day = await seen(watched, "cpu")
    assert day["to"] - day["from"] == 24 * HOUR_MS
    assert day["said"].replace("\u00a0", " ") in {"by 2 min", "by 5 min"}
    times, spike = day["times"], past_server.happened.spike_ms
    assert times == sorted(set(times))
    # All CPUs were taken for 25 seconds: a mean of minutes knows little of it, and the peak all.
    during = [row for row, time in enumerate(times) if spike < time <= spike + 10 * 60_000]
    assert max(day["highs"][row] for row in during) > 0.97
    assert min(day["means"][row] for row in during) < 0.6
    assert day["peaks"] == 1
    # The newest step ends with what has just come, and goes on with it.
    assert times[-1] == day["newest"]
    await watched.until("(to) => document.querySelector('#panel-cpu vital-plot').window.to >= to + 2000", day["to"])
    await watched.until(
        """() => /(more|less) than yesterday|as (much as )?yesterday/.test(
             document.querySelector('#panel-cpu .difference').textContent)"""
    )
    assert (await seen(watched, "cpu"))["ghosts"] == 1
    assert watched.errors == []


async def test_a_window_in_the_past_is_drawn_at_once_of_what_is_held_and_then_sharper(
    past_server: PastServer, open_page: OpenPage, tmp_path: Path
) -> None:
    watched = await open_page(f"{past_server.url}/?range=7d")
    page, spike = watched.page, past_server.happened.spike_ms
    week = await seen(watched, "load")
    assert (week["bands"], week["lines"] > 0) == (3, True)
    # Held data, with the library asked for nothing: the frame after the gesture has lines in it.
    told = await page.evaluate(
        f"""async ([from, to]) => {{
          const seen = {SEEN};
          document.querySelector("vital-dashboard").view.set({{ frozen: {{ from, to }} }});
          const plot = document.querySelector("#panel-load vital-plot");
          while (plot.window.from !== from) await new Promise(requestAnimationFrame);
          return seen("load");
        }}""",
        [spike - HOUR_MS, spike + HOUR_MS // 2],
    )
    assert (told["from"], told["to"]) == (spike - HOUR_MS, spike + HOUR_MS // 2)
    assert told["lines"] > 0
    assert told["full"] == week["full"]
    sharp = await seen(watched, "load")
    inside = [time for time in sharp["times"] if sharp["from"] <= time <= sharp["to"]]
    steps = [later - time for time, later in pairwise(inside)]
    # The server was away for some minutes, which is a hole and no step.
    assert sum(step > 60_000 for step in steps) <= 1
    assert min(later - time for time, later in pairwise(week["times"][1:-1])) > 10 * 60_000
    # Numbers of a moment are those of its step, and say so; the file has the steps that are drawn.
    await page.evaluate("(at) => document.querySelector('vital-dashboard').view.set({ at })", spike)
    moment = page.locator("#panel-load header .moment")
    await moment.filter(has_text=re.compile(r"^\d+\s\w+ to .*\d\d:\d\d")).wait_for(state="attached")
    await page.focus("#panel-load")
    async with page.expect_download() as download:
        await page.keyboard.press("c")
    path = tmp_path / "load.csv"
    await (await download.value).save_as(path)
    header, *rows = path.read_text().splitlines()
    assert "1 min" in header
    assert abs(len(rows) - len(inside)) <= 2
    # Of a time of which nothing is kept, nothing is drawn: no line of before, and its own axis.
    dead = {"from": spike - 90 * 24 * HOUR_MS, "to": spike - 89 * 24 * HOUR_MS}
    await page.evaluate("(frozen) => document.querySelector('vital-dashboard').view.set({ frozen, at: null })", dead)
    await watched.until(
        """({ from, to }) => { const plot = document.querySelector("#panel-load vital-plot");
          return plot.window.from === from && plot.window.to === to
            && document.querySelector("#panel-load .problem").textContent.includes("Kept from")
            && !document.querySelector("#panel-load .zeros").textContent.includes("at 0")
            && [...plot.querySelectorAll(".js-line, .js-fill")].every((one) => one.getAttribute("d").length < 25); }""",
        dead,
    )
    assert watched.errors == []
