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
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PANELS = ("cpu", "memory", "load", "pressure")
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
AGE_S = """() => { const text = document.querySelector("vital-status .data-age").textContent;
  return text.includes("<") ? 0 : Number(/(\\d+)\\ss old/.exec(text)?.[1] ?? NaN); }"""
ASKED = """[...document.querySelector("vital-dashboard").connection.session.streams]
  .filter(({ asked }) => asked).map(({ name }) => name)"""
COUNT_FRAMES = """() => { const { requestAnimationFrame } = window;
  window.framesAsked = 0;
  window.requestAnimationFrame = (draw) => { window.framesAsked += 1; return requestAnimationFrame(draw); }; }"""
DRAWN = "() => [...document.querySelectorAll('vital-plot')].map(({ counts: { full, live } }) => full + live)"
ROWS = """(id) => { const { ring } = document.querySelector(`#panel-${id}`).stream.store;
  return Array.from({ length: ring.length }, (_, row) => ring.time(row)); }"""


async def test_shows_live_values_of_every_kind(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    for panel in PANELS:
        headline = await page.inner_text(f"#panel-{panel} .headline")
        assert any(character.isdigit() for character in headline), (panel, headline)
    await page.wait_for_selector("vital-processes tbody tr >> nth=5")
    assert await page.inner_text("h1")
    vitals = await page.inner_text("vital-vitals")
    assert all(word in vitals for word in ("CPU", "Memory", "Load", "Pressure")), vitals
    assert re.match(r"up \d", await page.inner_text(".uptime"))
    before = await page.evaluate(ROWS, "cpu")
    await watched.until(f"() => ({ROWS})('cpu').at(-1) >= {before[-1] + 2000}")


async def test_fills_the_charts_at_once_from_what_the_server_remembers(
    page_server: Server, open_page: OpenPage
) -> None:
    first = await open_page(page_server.url)
    await first.state("live")
    await first.until(f"() => ({ROWS})('cpu').length >= 4")

    opened_ms = time.time() * 1000
    watched = await open_page(page_server.url)
    await watched.drawn()
    for panel in PANELS:
        times = await watched.page.evaluate(ROWS, panel)
        assert sum(at < opened_ms - 900 for at in times) >= 2, panel


async def test_asks_no_other_host_and_breaks_no_rule_of_its_policy(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    await watched.drawn()
    await watched.page.hover("#panel-cpu .canvas")
    await asyncio.sleep(1.5)
    asked = {urlsplit(url).netloc for url in watched.requests if urlsplit(url).scheme in {"http", "https", "ws"}}
    assert asked == {f"127.0.0.1:{page_server.port}"}
    assert [socket.url for socket in watched.sockets] == [page_server.ws_url]
    assert await watched.violations() == []
    assert watched.errors == []
    response = await watched.page.request.get(page_server.url)
    assert "script-src 'self'" in response.headers["content-security-policy"]
    # Plotly's rules went into the page's own sheet: a style element would have been refused.
    rules = "[...document.styleSheets].find((s) => s.ownerNode.id === 'plotly.js-style-global').cssRules.length"
    assert await watched.page.evaluate(rules) > 20
    assert await watched.page.locator("style").count() == 0


async def test_loads_all_its_modules_in_one_and_nothing_but_the_socket_afterwards(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(page_server.url)
    await watched.state("live")
    await watched.drawn()
    scripts = [url for url in watched.requests if url.endswith(".js")]
    assert [url.rpartition("/")[2].partition("-")[0] for url in scripts] == ["dashboard.js", "plotly"]
    assert sum("/api/" in url for url in watched.requests) == 1
    asked = len(watched.requests)
    await asyncio.sleep(1.5)
    assert len(watched.requests) == asked


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
    assert any("/vendor/plotly" in url for url in watched.requests)
    assert await page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "sticky"
    assert all(url.startswith(prefix) for url in watched.requests if url.startswith("http"))
    await page.unroute_all(behavior="ignoreErrors")


async def test_comes_back_after_the_server_did(own_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(own_server.url)
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    before = await page.evaluate(ROWS, "cpu")
    own_server.kill()
    await watched.state("reconnecting")
    assert "connection was lost" in await page.inner_text("vital-status .why")
    again = Server(env=SERVER_ENV, port=own_server.port)
    try:
        await asyncio.to_thread(again.start)
        await watched.state("live", within_ms=30_000)
        after = await page.evaluate(ROWS, "cpu")
    finally:
        again.close()
    # What was seen before stays on the screen: the restart is a gap in it, not its end.
    assert set(before) <= set(after)


async def test_says_why_when_the_server_says_goodbye(own_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(own_server.url)
    await watched.state("live")
    own_server.signal(signal.SIGTERM)
    await watched.state("reconnecting")
    assert "shutting down" in await watched.page.inner_text("vital-status .why")


async def test_a_silent_server_makes_it_stale_while_the_age_counts_on(own_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(own_server.url)
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    own_server.signal(signal.SIGSTOP)
    try:
        await watched.state("stale")
        first = await page.evaluate(AGE_S)
        assert first >= 3
        assert await page.locator("#panel-cpu.stale .age").inner_text()
        await watched.until(f"() => ({AGE_S})() >= {first + 3}")
        # The chart moves on too: its newest reading is no longer at the right edge.
        right = await page.evaluate(
            """() => { const area = document.querySelector("#panel-memory path.js-fill").getBBox();
                 return document.querySelector("#panel-memory vital-plot").area.width - area.x - area.width; }"""
        )
        assert right > 3
    finally:
        own_server.signal(signal.SIGCONT)
    await watched.state("live")


async def test_a_hidden_tab_pauses_and_misses_nothing(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    await page.evaluate(HIDE, True)
    await watched.until("() => document.querySelector('vital-status').getAttribute('state') === 'paused'")
    await asyncio.sleep(1)
    commands = [json.loads(text) for text in watched.sent]
    # Those that this machine does not have were refused, and are not asked for any more.
    asked = set(await page.evaluate(ASKED))
    paused = {command["stream"] for command in commands if command.get("paused")}
    assert {*PANELS, "@host", "@processes"} <= asked
    assert paused == asked
    count = sum('"type":"data"' in text or '"type":"rows"' in text for text in watched.received)
    drawn = await page.evaluate(DRAWN)
    await page.evaluate(COUNT_FRAMES)
    await asyncio.sleep(3)
    assert sum('"type":"data"' in text or '"type":"rows"' in text for text in watched.received) == count
    assert await page.evaluate(DRAWN) == drawn
    assert await page.evaluate("window.framesAsked") == 0

    await page.evaluate(HIDE, False)
    await watched.state("live")
    resumed = [json.loads(text) for text in watched.sent if '"paused":false' in text]
    assert all("since" in message for message in resumed if message["stream"] in PANELS)
    times = await page.evaluate(ROWS, "cpu")
    assert max(b - a for a, b in zip(times[-6:], times[-5:], strict=False)) < 1900


@pytest.mark.parametrize(("scheme", "width"), [("dark", 360), ("light", 1440)])
async def test_everyone_can_read_it(page_server: Server, open_page: OpenPage, scheme: str, width: int) -> None:
    watched = await open_page(
        page_server.url, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    await page.locator("vital-processes").scroll_into_view_if_needed()
    await page.wait_for_selector("vital-processes tbody tr")
    await nothing_is_wrong(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.keyboard.press(" ")
    await page.focus("#panel-cpu")
    await page.keyboard.press("v")
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-cpu.full .twin table")
    await nothing_is_wrong(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")
    await nothing_is_wrong(page)


async def nothing_is_wrong(page: Page) -> None:
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


async def test_every_chart_has_a_name_and_says_in_words_what_it_shows(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    assert await page.get_by_role("img", name="CPU, live chart").count() == 1
    for panel in PANELS:
        chart = page.locator(f"#panel-{panel} vital-plot")
        described = await chart.get_attribute("aria-describedby")
        words = await page.inner_text(f"#{described}")
        assert "the last 5" in words and "Now: " in words, words
    await page.keyboard.press("Space")
    await watched.until("() => /5.min up to .*Then: busy/.test(document.getElementById('summary-cpu').textContent)")


async def test_begins_anew_where_it_is_moved_to(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    await page.evaluate("document.body.append(document.querySelector('vital-dashboard'))")
    await watched.state("live")
    await watched.drawn()
    assert watched.sockets[0].is_closed()
    assert watched.errors == []


async def test_leaves_nothing_behind_when_it_is_removed(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url)
    page = watched.page
    await watched.drawn()
    await page.evaluate("document.querySelector('vital-dashboard').remove()")
    await asyncio.sleep(1.2)
    assert watched.sockets[0].is_closed()
    assert watched.errors == []
