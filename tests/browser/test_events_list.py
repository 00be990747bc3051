"""The list of events: what it holds, how it is filtered, where its rows lead, and marks that are made in the page."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from urllib.request import Request, urlopen

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser
from tests.browser.conftest import OpenPage, Watched, opening
from tests.browser.past import PastServer
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEW = "document.querySelector('vital-dashboard').view"
ROW = "vital-events li"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _page(browser: Browser, past_server: PastServer) -> AsyncIterator[Watched]:
    async with opening(browser) as open_page:
        watched = await open_page(past_server.url, charts=False)
        await watched.state("live")
        await watched.page.locator("vital-events").scroll_into_view_if_needed()
        await watched.page.wait_for_selector(ROW)
        yield watched


@pytest_asyncio.fixture(loop_scope="session")
async def events(_page: Watched) -> Watched:
    page = _page.page
    await page.evaluate(f"{VIEW}.set({{ range: 300, frozen: null, at: null, filter: '' }})")
    for name in ("Kind of events", "Least severity"):
        await page.get_by_label(name).select_option(index=0)
    await page.get_by_label("Filter events by their text").fill("")
    await _page.settled()
    return _page


async def test_an_event_leads_to_its_moment_and_a_cause_to_its_processes(
    events: Watched, past_server: PastServer
) -> None:
    page, happened = events.page, past_server.happened
    await page.get_by_label("Filter events by their text").fill("gzip")
    row = page.locator(ROW).filter(has_text="CPU 98 % for 25 s")
    assert "critical" in await row.inner_text()
    assert "25" in await row.locator(".length").inner_text()
    found = await Axe().run(page, {"include": [["vital-events"]]})
    assert found.violations_count == 0, found.generate_report()

    await row.get_by_role("button", name="gzip").click()
    at, frozen, filtered = await page.evaluate(f"(({{ at, frozen, filter }}) => [at, frozen, filter])({VIEW})")
    assert happened.spike_ms <= at <= happened.spike_end_ms
    assert frozen["from"] < happened.spike_ms < happened.spike_end_ms < frozen["to"]
    assert filtered == '"gzip"'
    # The list is of that window now, and says which of its rows are of the moment.
    await page.wait_for_selector(f"{ROW}[aria-current]")
    assert "gzip" in await page.locator(f"{ROW}[aria-current]").inner_text()


async def test_the_list_is_filtered_by_kind_and_severity_and_says_when_nothing_fits(
    events: Watched, past_server: PastServer
) -> None:
    page, happened = events.page, past_server.happened
    window = {"from": happened.oom_ms - 3600_000, "to": happened.oom_ms + 3600_000}
    await page.evaluate(f"(frozen) => {VIEW}.set({{ frozen }})", window)
    await page.locator(ROW).filter(has_text="java").wait_for()
    await page.get_by_label("Kind of events").select_option("oom_kill")
    await events.until(f"() => document.querySelectorAll('{ROW}').length === 1")
    await page.get_by_label("Kind of events").select_option("clock")
    await events.until(
        "() => /None of \\d+ events matches/.test(document.querySelector('vital-events .empty').textContent)"
    )
    quiet = {"from": happened.oom_ms + 600_000, "to": happened.oom_ms + 601_000}
    await page.evaluate(f"(frozen) => {VIEW}.set({{ frozen }})", quiet)
    await events.until("() => /Nothing happened/.test(document.querySelector('vital-events .empty').textContent)")


async def test_a_mark_is_made_where_the_reader_may(events: Watched) -> None:
    page = events.page
    await page.get_by_label("What happened").fill("deploy <b>9.9</b>")
    await page.get_by_role("button", name="Mark now").click()
    row = page.locator(ROW).filter(has_text="deploy <b>9.9</b>")
    await row.wait_for()
    assert await page.get_by_label("What happened").input_value() == ""
    assert not events.errors


async def test_of_a_storm_the_newest_are_listed_and_the_others_counted(own_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(own_server.url, charts=False)
    await watched.state("live")
    page = watched.page
    await page.locator("vital-events").scroll_into_view_if_needed()
    await asyncio.to_thread(storm, own_server, 150)
    await watched.until("(row) => document.querySelector(row)?.textContent.includes('mark 149')", ROW)
    more = page.locator("vital-events .more")
    await more.filter(has_text=re.compile(r"^Show 12\d more$")).wait_for()
    assert await page.locator(ROW).count() == 30
    await more.click()
    await more.wait_for(state="hidden")
    assert await page.locator(ROW).filter(has_text="mark").count() == 150
    assert watched.errors == []


def storm(server: Server, marks: int) -> None:
    """Make marks, one right after the other."""
    for number in range(marks):
        body = json.dumps({"title": f"mark {number}"}).encode()
        with urlopen(Request(f"{server.url}/api/v1/events", body, {"Content-Type": "application/json"})) as answer:
            assert answer.status == 201
