"""The dashboard as people meet it: a real server, a real browser."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from tests.browser.conftest import OpenPage, Watched
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PANELS = ("cpu", "memory", "load", "pressure")
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
AGE_S = """() => { const text = document.querySelector("vital-status .data-age").textContent;
  return text.includes("<") ? 0 : Number(/(\\d+)\\ss old/.exec(text)?.[1] ?? NaN); }"""
ASKED = """[...document.querySelector("vital-dashboard").client.streams]
  .filter(({ asked }) => asked).map(({ name }) => name)"""
COUNT_FRAMES = """() => { const { requestAnimationFrame } = window;
  window.framesAsked = 0;
  window.requestAnimationFrame = (draw) => { window.framesAsked += 1; return requestAnimationFrame(draw); }; }"""
COUNT_READINGS = """() => { window.readings = 0;
  document.querySelector("vital-dashboard").client.addEventListener("message", ({ detail }) => {
    if (detail.type === "data" || detail.type === "rows") window.readings += 1; }); }"""
# A paused stream has no group any more once the server has said so: what was under way has come then.
NONE_COMES = """() => [...document.querySelector("vital-dashboard").client.streams]
  .filter(({ asked, awake }) => asked && !awake).every(({ group }) => group === null)"""
DRAWN = "() => [...document.querySelectorAll('vital-plot')].map(({ counts: { full, live } }) => full + live)"
ROWS = """(id) => { const { ring } = document.querySelector(`#panel-${id}`).stream.store;
  return Array.from({ length: ring.length }, (_, row) => ring.time(row)); }"""


async def ticks(watched: Watched, count: int) -> None:
    """Wait for so many readings more."""
    newest = (await watched.page.evaluate(ROWS, "cpu"))[-1]
    await watched.until(f"(time) => ({ROWS})('cpu').filter((at) => at > time).length >= {count}", newest)


async def test_shows_live_values_of_every_kind(dashboard: Watched) -> None:
    page = dashboard.page
    for panel in PANELS:
        await dashboard.until(f"() => /\\d/.test(document.querySelector('#panel-{panel} .headline').innerText)")
    await page.wait_for_selector("vital-processes tbody tr >> nth=5")
    assert await page.inner_text("h1")
    await dashboard.until(
        """() => ["CPU", "Memory", "Load", "Pressure"].every((word) =>
             document.querySelector("vital-vitals").innerText.includes(word))"""
    )
    await dashboard.until("() => /^up \\d/.test(document.querySelector('.uptime').innerText)")
    # Which machine it is: at least how many CPUs and how much memory, with the kernel for whoever points at it.
    what = "document.querySelector('.facts .what').textContent"
    await dashboard.until(f"() => /\\d ([\u00d7]|CPU).* \u00b7 [\\d.]+\u00a0.iB$/.test({what})")
    assert re.search(r"^Linux \d", await page.get_attribute(".facts", "title") or "", re.MULTILINE)
    await ticks(dashboard, 2)


async def test_fills_the_charts_at_once_from_what_the_server_remembers(
    dashboard: Watched, page_server: Server, open_page: OpenPage
) -> None:
    await dashboard.until(f"() => ({ROWS})('cpu').length >= 4")
    opened_ms = time.time() * 1000
    watched = await open_page(page_server.url, charts=False)
    for panel in PANELS:
        await watched.until(f"() => document.querySelector('#panel-{panel}')?.stream.store.ring.length > 0")
        times = await watched.page.evaluate(ROWS, panel)
        assert sum(at < opened_ms - 900 for at in times) >= 2, panel


async def test_asks_no_other_host_and_breaks_no_rule_of_its_policy(dashboard: Watched, page_server: Server) -> None:
    page = dashboard.page
    await page.hover("#panel-cpu .canvas")
    await ticks(dashboard, 1)
    asked = {urlsplit(url).netloc for url in dashboard.requests if urlsplit(url).scheme in {"http", "https", "ws"}}
    assert asked == {f"127.0.0.1:{page_server.port}"}
    assert [socket.url for socket in dashboard.sockets] == [page_server.ws_url]
    assert await dashboard.violations() == []
    assert dashboard.errors == []
    response = await page.request.get(page_server.url)
    assert "script-src 'self'" in response.headers["content-security-policy"]
    # Plotly's rules went into the page's own sheet: a style element would have been refused.
    rules = "[...document.styleSheets].find((s) => s.ownerNode.id === 'plotly.js-style-global').cssRules.length"
    assert await page.evaluate(rules) > 20
    assert await page.locator("style").count() == 0


async def test_loads_all_its_modules_in_one_and_nothing_but_the_socket_afterwards(dashboard: Watched) -> None:
    scripts = [url for url in dashboard.requests if url.endswith(".js")]
    assert [url.rpartition("/")[2].partition("-")[0] for url in scripts] == ["dashboard.js", "plotly"]
    assert sum("/api/" in url for url in dashboard.requests) == 1, "what is older than a day is asked for later"
    asked = len(dashboard.requests)
    await ticks(dashboard, 1)
    assert len(dashboard.requests) == asked


async def test_every_chart_has_a_name_and_says_in_words_what_it_shows(dashboard: Watched) -> None:
    page = dashboard.page
    assert await page.get_by_role("img", name="CPU, live chart").count() == 1
    for panel in PANELS:
        chart = page.locator(f"#panel-{panel} :is(vital-plot, vital-bars)")
        described = await chart.get_attribute("aria-describedby")
        words = await page.inner_text(f"#{described}")
        assert "the last 5" in words and "Now: " in words, words
    await page.keyboard.press("Space")
    await dashboard.until("() => /5.min up to .*Then: busy/.test(document.getElementById('summary-cpu').textContent)")


async def test_a_hidden_tab_pauses_and_misses_nothing(dashboard: Watched) -> None:
    page = dashboard.page
    newest = (await page.evaluate(ROWS, "cpu"))[-1]
    try:
        await page.evaluate(HIDE, True)
        await dashboard.state("paused")
        # Those that this machine does not have were refused, and are not asked for any more.
        asked = set(await page.evaluate(ASKED))
        assert {*PANELS, "@host", "@processes"} <= asked
        # Events go on, for the title: nothing is sent of them unless something happens.
        await dashboard.holds(
            lambda: (
                {one["stream"] for one in map(json.loads, dashboard.sent) if one.get("paused")} == asked - {"@events"}
            )
        )
        await dashboard.until(NONE_COMES)
        await dashboard.settled()
        drawn = await page.evaluate(DRAWN)
        await page.evaluate(COUNT_FRAMES)
        await page.evaluate(COUNT_READINGS)
        await asyncio.sleep(2.2)
        assert await page.evaluate("[readings, framesAsked]") == [0, 0]
        assert await page.evaluate(DRAWN) == drawn
    finally:
        await page.evaluate(HIDE, False)
    await dashboard.state("live")
    await dashboard.until(f"(newest) => ({ROWS})('cpu').at(-1) > newest", newest)
    await dashboard.holds(lambda: sum('"paused":false' in text for text in dashboard.sent) >= len(PANELS))
    resumed = [json.loads(text) for text in dashboard.sent if '"paused":false' in text]
    assert all("since" in message for message in resumed if message["stream"] in PANELS)
    breaks = "document.querySelector('#panel-cpu').stream.store.breaks.map(({ why }) => why)"
    assert set(await page.evaluate(breaks)) <= {"sampler"}, "but for what the server itself has missed"


async def test_finds_everything_below_a_prefix(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank")
    page = watched.page
    prefix = f"{page_server.url}/some/prefix/"

    async def forward(route, request) -> None:  # type: ignore[no-untyped-def]
        await route.fulfill(response=await route.fetch(url=request.url.replace("/some/prefix/", "/")))

    await page.route(f"{prefix}**", forward)
    async with page.expect_websocket() as opened:
        await page.goto(prefix)
    assert (await opened.value).url == f"ws://127.0.0.1:{page_server.port}/some/prefix/ws"
    await page.wait_for_load_state()
    await watched.holds(lambda: any("/vendor/plotly" in url for url in watched.requests))
    assert await page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "sticky"
    assert all(url.startswith(prefix) for url in watched.requests if url.startswith("http"))
    await page.unroute_all(behavior="ignoreErrors")


async def test_of_a_silent_server_all_that_is_shown_says_how_old_it_is(own_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(own_server.url)
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    await page.wait_for_selector("vital-processes tbody tr")
    own_server.signal(signal.SIGSTOP)
    try:
        await watched.state("stale")
        first = await page.evaluate(AGE_S)
        assert first >= 3
        await page.wait_for_selector("#panel-cpu.stale .age:not([hidden])")
        await watched.until(f"(first) => ({AGE_S})() >= first + 2", first)
        # The chart moves on too: its newest reading is no longer at the right edge.
        await watched.until(
            """() => { const area = document.querySelector("#panel-memory path.js-fill").getBBox();
                 return document.querySelector("#panel-memory vital-plot").area.width - area.x - area.width > 3; }"""
        )
        await page.locator("vital-processes.stale .age", has_text="old").wait_for()
    finally:
        own_server.signal(signal.SIGCONT)
    await watched.state("live")
    await page.wait_for_selector("vital-processes:not(.stale)")


async def test_comes_back_after_the_server_did_and_says_why_when_that_says_goodbye(
    own_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(own_server.url, charts=False)
    page = watched.page
    await watched.state("live")
    await watched.until(f"() => ({ROWS})('cpu').length > 0")
    before = await page.evaluate(ROWS, "cpu")
    own_server.kill()
    await watched.state("reconnecting")
    why = await page.inner_text("vital-status .why")
    assert any(words in why for words in ("connection was lost", "no connection could be made"))  # a try comes soon
    await asyncio.to_thread(own_server.start)
    await watched.state("live")
    # What was seen before stays on the screen: the restart is a gap in it, not its end.
    assert set(before) <= set(await page.evaluate(ROWS, "cpu"))
    own_server.signal(signal.SIGTERM)
    await watched.state("reconnecting")
    assert "shutting down" in await page.inner_text("vital-status .why")
    await own_server.wait_async()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 360), ("light", 1440)])
async def test_everyone_can_read_it(page_server: Server, open_page: OpenPage, scheme: str, width: int) -> None:
    watched = await open_page(
        page_server.url, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    page = watched.page
    await watched.state("live")
    # On a phone the charts come after the processes.
    await page.locator("vital-panel:visible").first.scroll_into_view_if_needed()
    await watched.drawn()
    await page.locator("vital-processes").scroll_into_view_if_needed()
    await page.wait_for_selector("vital-processes tbody tr")
    await nothing_is_wrong(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.keyboard.press(" ")
    await page.focus("#panel-cpu")
    await page.keyboard.press("v")
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-cpu.full .data-table table")
    await nothing_is_wrong(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")
    await nothing_is_wrong(page)


async def nothing_is_wrong(page: Page) -> None:
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


async def test_begins_anew_where_it_is_moved_to_and_leaves_nothing_behind_when_it_is_removed(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    await page.evaluate("document.body.append(document.querySelector('vital-dashboard'))")
    await watched.state("live")
    await watched.drawn()
    first, second = watched.sockets
    await watched.holds(first.is_closed)
    await page.evaluate("document.querySelector('vital-dashboard').remove()")
    await watched.holds(second.is_closed)
    await asyncio.sleep(0.6)  # longer than from beat to beat
    assert watched.errors == []
