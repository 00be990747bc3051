"""The range, the rate, the pause, the colours, the keys, and the address that says all of it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from playwright.async_api import Page
from tests.browser.conftest import OpenPage, RunJs, Watched
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WINDOW = """(id) => { const { window } = document.querySelector(`#panel-${id ?? "cpu"} vital-plot`);
  return window && [window.from, window.to]; }"""
VIEW = "document.querySelector('vital-dashboard').view"
NEWEST = "document.querySelector('#panel-cpu').stream.store.newest"
INTERVAL_S = "document.querySelector('#panel-cpu').stream.store.intervalS"
HEADLINE = "#panel-cpu .headline"
QUERY = """(expected) => { const said = Object.fromEntries(new URLSearchParams(location.search));
  return Object.keys({ ...said, ...expected }).every((key) => said[key] === expected[key]); }"""


async def says(watched: Watched, **query: str) -> None:
    """Wait until the page's address says this and nothing else."""
    await watched.until(QUERY, query)


async def spans(watched: Watched, seconds: int, *panels: str) -> None:
    """Wait until the charts of these panels show so much time."""
    for panel in panels:
        await watched.until(
            # As far back as there is anything at all: the server is young.
            f"""([panel, ms]) => {{ const [from, to] = ({WINDOW})(panel) ?? [];
                const begins = document.querySelector("#panel-cpu").past.reaches;
                return to - from === ms || (to - from < ms && from === begins); }}""",
            [panel, seconds * 1000],
        )


async def ready(open_page: OpenPage, url: str, *, charts: bool = False, **options: Any) -> tuple[Watched, Page]:
    """Open the page, and wait until it is live and its first panel has readings."""
    watched = await open_page(url, charts=charts, **options)
    await watched.state("live")
    await watched.until("() => document.querySelector('#panel-cpu')?.stream.store.ring.length > 0")
    if charts:
        await watched.drawn()
    return watched, watched.page


async def test_the_range_buttons_change_all_charts_and_the_address(dashboard: Watched) -> None:
    page = dashboard.page
    await spans(dashboard, 300, "cpu", "memory")
    await page.get_by_label("1 m", exact=True).check(force=True)
    await spans(dashboard, 60, "cpu", "memory")
    await says(dashboard, range="1m")
    await page.keyboard.press("3")
    await spans(dashboard, 900, "cpu")
    assert await page.get_by_label("15 m", exact=True).is_checked()
    # What was not there before is asked for.
    await dashboard.holds(lambda: any(json.loads(text).get("backfill") == 900 for text in dashboard.sent))
    await page.keyboard.press("2")
    await says(dashboard)


async def test_the_rate_buttons_change_how_often_readings_come(dashboard: Watched) -> None:
    page = dashboard.page
    await page.get_by_label("0.1 s", exact=True).check(force=True)
    await dashboard.until(f"() => {INTERVAL_S} === 0.1")
    # The past that came with it has the server's own pace: it reads no faster unless asked.
    await dashboard.until(
        """(from) => { const { ring } = document.querySelector("#panel-cpu").stream.store;
          const times = Array.from({ length: ring.length }, (_, row) => ring.time(row)).filter((time) => time >= from);
          return times.filter((time, i) => time - times[i - 1] === 100).length >= 9; }""",
        await page.evaluate(NEWEST),
    )
    await says(dashboard, interval="0.1")
    await page.keyboard.press("[")
    await says(dashboard, interval="0.5")
    await page.keyboard.press("[")
    await says(dashboard)
    await page.keyboard.press("]")
    await says(dashboard, interval="0.5")
    await page.get_by_label("5 s", exact=True).check(force=True)
    await dashboard.until(f"() => {INTERVAL_S} === 5")
    await dashboard.state("live")


async def test_a_rate_that_the_server_refuses_is_told_and_left(open_page: OpenPage) -> None:
    server = Server(env={"VITALCAST_SAMPLER__INTERVAL_MIN_S": "0.5"})
    try:
        await asyncio.to_thread(server.start)
        watched, page = await ready(open_page, f"{server.url}/?interval=0.1")
        await page.locator(".notice", has_text="interval on this server is 0.5 s").wait_for()
        await says(watched, interval="0.5")
        await watched.until("() => !document.querySelector('vital-panel .problem:not([hidden])')")
    finally:
        server.close()


async def test_a_server_slower_than_any_rate_is_shown_at_its_own_pace(open_page: OpenPage) -> None:
    slow = dict.fromkeys(("SAMPLER__INTERVAL_S", "SAMPLER__INTERVAL_MIN_S", "STREAM__INTERVAL_S"), "6")
    server = Server(env={f"VITALCAST_{key}": value for key, value in slow.items()})
    try:
        await asyncio.to_thread(server.start)
        watched, page = await ready(open_page, server.url)
        await page.locator("vital-vitals li:visible").first.wait_for()
        await says(watched, interval="5")
        await watched.until(f"() => {INTERVAL_S} === 6")
        asked = [json.loads(text)["stream"] for text in watched.sent if '"subscribe"' in text]
        assert len(asked) == len(set(asked))
    finally:
        server.close()


async def test_a_pause_keeps_what_is_seen_while_data_goes_on_arriving(dashboard: Watched) -> None:
    page = dashboard.page
    await page.get_by_role("button", name="Pause").click()
    await dashboard.state("frozen")
    await dashboard.settled()
    assert re.fullmatch(r"at \d\d:\d\d:\d\d", await page.inner_text("vital-status .since"))
    assert "Paused" in await page.title()
    window = await page.evaluate(f"{VIEW}.frozen")
    await says(dashboard, **{"from": str(window["from"]), "to": str(window["to"])})
    headline = await page.inner_text(HEADLINE)
    newest = await page.evaluate(NEWEST)
    await dashboard.until(f"(newest) => {NEWEST} >= newest + 2000", newest)
    await dashboard.settled()
    assert (await page.evaluate(WINDOW))[1] == window["to"]
    assert await page.inner_text(HEADLINE) == headline

    await page.get_by_role("button", name="Back to live").click()
    await dashboard.state("live")
    await dashboard.until(f"(newest) => ({WINDOW})()[1] >= newest + 2000", newest)
    await says(dashboard)


async def test_space_pauses_and_escape_goes_back_to_live(dashboard: Watched) -> None:
    page = dashboard.page
    await page.keyboard.press(" ")
    await dashboard.state("frozen")
    await page.keyboard.press("1")
    start, end = await page.evaluate(f"(() => {{ const {{ from, to }} = {VIEW}.frozen; return [from, to]; }})()")
    assert end - start == 60_000
    await page.keyboard.press("Escape")
    await dashboard.state("live")
    await page.keyboard.press(" ")
    await dashboard.state("frozen")
    await page.keyboard.press(" ")
    await dashboard.state("live")


async def test_a_link_shows_the_same_to_a_colleague(page_server: Server, open_page: OpenPage) -> None:
    first, page = await ready(open_page, page_server.url)
    await first.until("() => document.querySelector('#panel-cpu').stream.store.ring.length > 3")
    told = await page.evaluate(
        f"""() => {{ const {{ ring }} = document.querySelector("#panel-cpu").stream.store;
          const [from, to] = [ring.time(ring.length - 3) - 500, ring.time(ring.length - 2) + 500];
          {VIEW}.set({{ frozen: {{ from, to }}, range: 60, theme: "light" }});
          return [from, to]; }}"""
    )
    await first.state("frozen")
    await first.settled()
    words = await page.inner_text("vital-status .since")
    assert re.fullmatch(r"\d\d:\d\d:\d\d–\d\d:\d\d:\d\d", words)
    # Programs are named of a level as they come to be known, meanwhile too.
    headline = re.findall(r"\d.*", await page.inner_text(HEADLINE))
    assert headline

    second = await open_page(await page.evaluate("location.href"), color_scheme="dark")
    await second.state("frozen")
    await second.drawn()
    await second.settled()
    assert await second.page.evaluate(WINDOW) == told
    assert await second.page.inner_text("vital-status .since") == words
    assert re.findall(r"\d.*", await second.page.inner_text(HEADLINE)) == headline
    assert await second.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    # None of the ranges is what is shown, but the one that live goes on with.
    assert not await second.page.get_by_label("1 m", exact=True).is_checked()
    await second.page.get_by_role("button", name="Back to live").click()
    assert await second.page.get_by_label("1 m", exact=True).is_checked()


async def test_a_window_without_readings_says_so(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(f"{page_server.url}/?from=1000000000000&to=1000000060000", charts=False)
    await watched.state("frozen")
    problem = watched.page.locator("#panel-cpu .problem")
    # What there is, is offered once the server has said how far it reaches.
    await problem.filter(has_text=re.compile(r"^No data in this window\. Kept from .*\d\d:\d\d on\.$")).wait_for()


async def test_the_colours_are_the_systems_or_the_readers(dashboard: Watched) -> None:
    page = dashboard.page
    await page.emulate_media(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    system = await page.evaluate(ground)
    await page.keyboard.press("t")
    await says(dashboard, theme="dark")
    assert await page.evaluate(ground) == system
    await page.get_by_role("button", name="Theme: dark").click()
    await says(dashboard, theme="light")
    assert await page.evaluate(ground) != system
    # Tokens are colours to scripts, not the text of the style sheet.
    assert re.match(r"rgb\(", await page.evaluate("getComputedStyle(document.body).getPropertyValue('--c1')"))
    await page.keyboard.press("t")
    assert await page.evaluate(ground) == system


async def test_full_size_is_a_page_of_its_own_to_the_back_button(dashboard: Watched) -> None:
    page = dashboard.page
    await page.evaluate("scrollTo(0, 300)")
    await page.focus("#panel-load")
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-load.full")
    await says(dashboard, panel="load")
    assert await page.locator("vital-panel:visible").count() == 1
    await page.keyboard.press("1")
    await says(dashboard, panel="load", range="1m")
    await page.go_back()
    await says(dashboard, panel="load")
    await page.go_back()
    await dashboard.until("() => !document.querySelector('.full')")
    await says(dashboard)
    await dashboard.until("() => document.activeElement.id === 'panel-load'")
    await page.go_forward()
    await page.wait_for_selector("#panel-load.full")
    await page.keyboard.press("Escape")
    await dashboard.until("() => !document.querySelector('.full') && !location.search.includes('panel')")
    # The page that was left is not there twice.
    await page.focus("#panel-cpu")
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-cpu.full")
    await page.keyboard.press("f")
    await dashboard.until("() => !document.querySelector('.full') && !location.search.includes('panel')")


async def test_a_link_to_one_panel_opens_it_large_and_holds_the_others(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(f"{page_server.url}/?panel=memory", charts=False)
    await watched.state("live")
    await watched.until("() => document.querySelector('#panel-memory')?.stream.store.ring.length > 0")
    assert await watched.page.locator("vital-panel:visible").count() == 1
    asked = {json.loads(text)["stream"] for text in watched.sent if '"subscribe"' in text}
    assert not {"cpu", "load", "pressure"} & asked


async def test_a_link_to_a_panel_that_is_not_here_says_so(page_server: Server, open_page: OpenPage) -> None:
    _, page = await ready(open_page, f"{page_server.url}/?panel=no-such&range=never")
    notice = page.get_by_text("There is no panel “no-such” here.")
    await notice.wait_for()
    assert "range cannot be “never”" in await notice.inner_text()
    await page.locator("#panel-cpu").wait_for(state="visible")


async def test_the_help_lists_what_the_keys_do_and_gives_the_focus_back(dashboard: Watched, js: RunJs) -> None:
    page = dashboard.page
    await page.focus("#panel-cpu")
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")
    words = await page.locator("dialog dd").all_inner_texts()
    assert words == await js('return (await load("page/keys")).BINDINGS.map(({ words }) => words);')
    await page.keyboard.press("1")
    await page.keyboard.press("Escape")
    await dashboard.until("() => !document.querySelector('dialog[open]') && document.activeElement.id === 'panel-cpu'")
    await says(dashboard)
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await page.keyboard.press("?")
    await dashboard.until("() => !document.querySelector('dialog[open]')")


async def test_the_help_leads_to_the_manual(page_server: Server, open_page: OpenPage) -> None:
    page = (await open_page(page_server.url, charts=False)).page
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await page.get_by_role("dialog").get_by_role("link", name="manual").click()
    await page.get_by_role("heading", name="Reference manual").wait_for()


async def test_every_key_has_an_action_of_its_own(js: RunJs) -> None:
    wrong = await js(
        """const { BINDINGS, bindingOf } = await load("page/keys");
        const keys = BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding]));
        const event = (key) => key.startsWith("Shift+") ? { key: key.slice(6), shiftKey: true } : { key };
        return [...keys.filter(([key, binding]) => bindingOf(event(key)) !== binding).map(([key]) => key),
          ...["ctrlKey", "metaKey", "altKey"].filter((held) => bindingOf({ key: "f", [held]: true })),
          ...["x", "Enter", "Tab", "F5", "Shift"].filter((key) => bindingOf({ key }))];"""
    )
    assert wrong == []


async def test_keys_are_text_while_typing(dashboard: Watched) -> None:
    page = dashboard.page
    await page.keyboard.press("/")
    assert await page.evaluate("document.activeElement.closest('vital-processes') !== null")
    await page.keyboard.type("1f t?")
    assert await page.evaluate("document.activeElement.value") == "1f t?"
    await dashboard.until("() => location.search === '?filter=1f+t%3F'")
    assert await page.locator("dialog[open]").count() == 0
    await dashboard.state("live")


async def test_keys_go_through_the_panels_and_their_moments(dashboard: Watched) -> None:
    page = dashboard.page
    await dashboard.until("() => document.querySelector('#panel-cpu').stream.store.ring.length > 3")
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.id") == "panel-cpu"
    await page.keyboard.press("j")
    second = await page.evaluate("document.activeElement.id")
    assert second != "panel-cpu"
    await page.keyboard.press("ArrowUp")
    assert await page.evaluate("document.activeElement.id") == "panel-cpu"
    await page.keyboard.press("ArrowLeft")
    first = await page.evaluate(f"{VIEW}.at")
    await page.keyboard.press("ArrowLeft")
    assert await page.evaluate(f"{VIEW}.at") < first
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate(f"{VIEW}.at") == first
    # The same moment is told by all panels.
    await dashboard.until(
        """() => { const moments = [...document.querySelectorAll("#panel-cpu .moment, #panel-memory .moment")]
             .filter((one) => one.matches("header > *")).map((one) => one.textContent);
             return moments.length === 2 && /\\d:\\d\\d:\\d\\d/.test(moments[0]) && moments[0] === moments[1]; }"""
    )
    await says(dashboard, at=str(first))
    await page.keyboard.press("Escape")
    assert await page.evaluate(f"{VIEW}.at") is None
