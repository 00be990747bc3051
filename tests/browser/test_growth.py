"""A page that is left open: what it holds does not grow with the readings that it has seen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.conftest import Watched
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Five minutes are kept at the least: the first hundred readings after these come to a page that holds all it ever will.
TICKS_BEFORE = 302 + 100
TICKS = 5_000
GROWTH_MAX = 0.05
HELD = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
# V8 goes on compiling what runs often, and counts the code as heap: by and by a megabyte that is not the page's doing.
INTERPRET = "--js-flags=--no-opt --no-maglev --no-sparkplug"

# The page and its socket are the real ones. Once `run` is called, it hears no more of the server, but frames like those
# that it had: every group's, a second later with each tick, of other values; and a table's whose rows come and go.
FASTER = """
(() => {
  const whole = new Map(), tables = new Map();
  let line, driven = false, tick = 0;
  // A tick of all values, as `vitalcast.v1.bin` has it; what it says of a part of them says nothing new here.
  const keepBinary = (buffer) => {
    const view = new DataView(buffer);
    if (view.getUint8(5) === 0) whole.set(view.getUint32(0, true), { buffer });
  };
  const laterBinary = (buffer) => {
    const copy = buffer.slice(0), view = new DataView(copy);
    view.setBigUint64(8, view.getBigUint64(8, true) + BigInt(tick), true);
    view.setBigInt64(16, view.getBigInt64(16, true) + BigInt(1000 * tick), true);
    for (let at = 32; at < copy.byteLength; at += 8)
      view.setFloat64(at, other(view.getFloat64(at, true), at / 8), true);
    return copy;
  };
  const keep = (frame) => {
    const { type, group, values } = frame;
    if (type === "snapshot") whole.set(group, { ...frame, values: values.map((column) => column.at(-1)) });
    if (type === "data" && values) whole.set(group, frame);
    if (type === "series") whole.delete(group);
    if (type === "rows") tables.set(group, frame);
  };
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      line = this;
      this.addEventListener("message", (event) => {
        if (!event.isTrusted) return;
        if (driven) event.stopImmediatePropagation();
        else if (typeof event.data === "string") keep(JSON.parse(event.data));
        else keepBinary(event.data);
      });
    }
  };
  const sayData = (data) => line.dispatchEvent(new MessageEvent("message", { data }));
  const say = (frame) => sayData(JSON.stringify(frame));
  const other = (value, at) => value === null ? null : value * (0.5 + ((tick * 7919 + at * 31) % 100) / 100);
  const one = () => {
    tick += 1;
    for (const { buffer, group, time, offset, values } of whole.values()) {
      if (buffer) sayData(laterBinary(buffer));
      else say({ type: "data", group, time: time + 1000 * tick, offset: offset + tick, values: values.map(other) });
    }
    for (const frame of tables.values()) {
      const rows = frame.rows.filter((_, at) => (at + tick) % 3).map(([pid, ...rest], at) =>
        at % 2 ? [pid, ...rest] : [pid + 10 * (tick % 1000), ...rest]);
      say({ ...frame, time: frame.time + 1000 * tick, rows });
    }
  };
  window.faster = {
    knows: (group) => whole.has(group) || tables.has(group),
    // All that 50 ms take, and a frame for the charts.
    run: (ticks) => new Promise((done) => {
      driven = true;
      const last = tick + ticks;
      const some = () => {
        for (let until = performance.now() + 50; tick < last && performance.now() < until; ) one();
        if (tick < last) requestAnimationFrame(some); else setTimeout(() => done(tick), 500);
      };
      some();
    }),
  };
})();
"""
DRAWN_LEAST = 20
# Zero times anything is zero: where nothing moves a panel folds, and draws no more.
DRAWN = """() => [...document.querySelectorAll('vital-plot')].map((plot) =>
  plot.closest(".quiet") ? 0 : plot.counts.full + plot.counts.live)"""
# Of events there may be none.
ALL_KNOWN = """() => {
  const { streams } = document.querySelector("vital-dashboard").client;
  const asked = [...streams].filter(({ asked, awake }) => asked && !awake);
  return asked.length > 10 && asked.every(({ group }) => faster.knows(group)); }"""


@pytest_asyncio.fixture(loop_scope="session")
async def interpreting_browser(browser: Browser) -> AsyncIterator[Browser]:
    chromium = await asyncio.to_thread(find_chromium)
    own = await browser.browser_type.launch(
        executable_path=chromium.executable, args=[*ARGUMENTS, INTERPRET], env={**os.environ, **chromium.env}
    )
    yield own
    await own.close()


async def held(cdp: CDPSession) -> dict[str, float]:
    for _ in range(3):
        await cdp.send("HeapProfiler.collectGarbage")
    metrics = {metric["name"]: metric["value"] for metric in (await cdp.send("Performance.getMetrics"))["metrics"]}
    return {name: metrics[name] for name in HELD}


async def test_ten_thousand_ticks_leave_the_page_as_large_as_it_was(
    page_server: Server, interpreting_browser: Browser
) -> None:
    # Tall enough for every panel to be in view. No `Watched.watch`: the browser would keep every frame for it.
    page = await interpreting_browser.new_page(viewport={"width": 1440, "height": 2600})
    await page.add_init_script(FASTER)
    watched = Watched(page)
    page.on("pageerror", lambda error: watched.errors.append(f"uncaught: {error}"))
    await page.goto(f"{page_server.url}/?range=1m", wait_until="commit")
    await watched.state("live")
    await watched.drawn()
    await watched.until(ALL_KNOWN)
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Performance.enable")

    await page.evaluate("(ticks) => faster.run(ticks)", TICKS_BEFORE)
    before, drawn_before = await held(cdp), await page.evaluate(DRAWN)
    await page.evaluate("(ticks) => faster.run(ticks)", TICKS)
    after, drawn_after = await held(cdp), await page.evaluate(DRAWN)

    drawn = [b - a for a, b in zip(drawn_before, drawn_after, strict=True) if b]
    assert len(drawn) > 10, drawn
    assert min(drawn) >= DRAWN_LEAST, drawn
    growth = {name: after[name] / before[name] - 1 for name in HELD}
    # Less is no leak: what was asked of the past at first is let go of by and by.
    assert max(growth.values()) <= GROWTH_MAX, (growth, before, after)
    await watched.state("live")
    assert watched.errors == []
