"""Who did it: the page of a machine with a past names the programs and the processes of any moment."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser
from tests.browser.conftest import Watched, opening
from tests.browser.past import PastServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = """(part) => document.querySelector(`vital-processes ${part}`)?.textContent ?? ''"""
NAMES = """() => [...document.querySelectorAll("vital-processes tbody tr:not(.detail) .col-name")]
  .map((cell) => cell.textContent)"""
# The place of a program's band where it is highest, on the page.
BAND = """(program) => { const plot = document.querySelector("#panel-cpu-programs vital-plot");
  if (!plot?.model) return null;
  const { model, area } = plot, corner = plot.getBoundingClientRect();
  const band = model.shapes.find(({ key }) => key === program);
  if (!band) return null;
  let at = -1;
  band.value.forEach((value, i) => { if (value > (band.value[at] || 0.2)) at = i; });
  if (at < 0) return null;
  const share = (model.high - (band.top[at] + band.base[at]) / 2) / (model.high - model.low);
  return { x: corner.x + area.left + (model.times[at] - model.from) / (model.to - model.from) * area.width,
           y: corner.y + area.top + share * area.height }; }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def spike(browser: Browser, past_server: PastServer) -> AsyncIterator[Watched]:
    """A page that shows the minutes in which gzip took all CPUs."""
    happened = past_server.happened
    async with opening(browser) as open_page:
        watched = await open_page(
            f"{past_server.url}/?from={happened.spike_ms - 240_000}&to={happened.spike_end_ms + 240_000}"
        )
        await watched.until(f"() => ({BAND})('gzip') !== null")
        yield watched


async def test_a_click_on_a_colour_shows_its_processes_of_that_moment(spike: Watched) -> None:
    page = spike.page
    assert await page.locator("#panel-cpu").is_hidden()
    place = await page.evaluate(BAND, "gzip")
    await page.mouse.move(place["x"], place["y"])
    named = page.locator("#panel-cpu-programs .culprits li")
    await named.first.wait_for()
    assert "gzip" in await named.first.inner_text()
    await page.mouse.click(place["x"], place["y"])
    await spike.until(
        f"() => /^at .+, the 5.s before$/.test(({TEXT})('.of')) && ({NAMES})().every((one) => one === 'gzip')"
    )
    await spike.until("() => new URLSearchParams(location.search).get('filter') === '\"gzip\"'")
    share = await page.locator("vital-processes tbody .col-cpu").first.inner_text()
    assert float(share.split()[0]) > 90

    await page.get_by_role("button", name="Back to now").click()
    await spike.until(f"() => ({TEXT})('.of').endsWith('means and sums')")
    await page.evaluate("document.querySelector('vital-dashboard').view.set({ filter: '', at: null })")


async def test_the_table_of_a_window_groups_and_opens_what_is_known_of_a_process(spike: Watched) -> None:
    page = spike.page
    await page.evaluate("document.querySelector('vital-dashboard').view.set({ filter: '', at: null })")
    await page.get_by_label("Show processes").select_option("program")
    whole = page.locator("vital-processes tr.whole", has_text="gzip")
    await whole.filter(has_text="ended").wait_for()
    assert await whole.evaluate("(row) => !row.matches('.ended')"), "the culprit of then does not step back"
    await whole.click()
    await whole.locator("+ tr[data-depth]").click()
    detail = page.locator("vital-process")
    await spike.until("() => /up to 9\\d/.test(document.querySelector('vital-process')?.innerText ?? '')")
    text = await detail.inner_text()
    assert "Unit or container" in text
    assert "the recorder keeps the first 20" in text
    found = await Axe().run(page, context="vital-processes")
    assert found.violations_count == 0, found.generate_report()
    await detail.get_by_role("button", name="Close").click()
    await detail.wait_for(state="detached")
    await page.get_by_label("Show processes").select_option("")


async def test_no_number_is_cut_off_beside_the_charts(spike: Watched, past_server: PastServer) -> None:
    """Of a window and of a moment alike, at widths at which a column is left out and just before."""
    page = spike.page
    cut = """async (widths) => { const own = document.querySelector("vital-processes"), found = [];
      for (const user of own.querySelectorAll("tbody .col-user")) user.textContent = "systemd-network";
      for (const width of widths) { own.style.width = `${width}rem`;
        const { scrollWidth, clientWidth } = own.querySelector(".scroll");
        if (scrollWidth > clientWidth) found.push([width, scrollWidth - clientWidth]); }
      own.style.width = "";
      return found; }"""
    widths = [30, 31, 33, 34.9, 35.3, 36, 38, 40, 40.9, 42, 46, 47, 53, 54]
    for at, of_window in ((None, "true"), (past_server.happened.spike_ms + 12_000, "false")):
        await page.evaluate("(at) => document.querySelector('vital-dashboard').view.set({ at })", at)
        await spike.until(f"() => Boolean(document.querySelector('vital-processes th.col-cpu_peak')) === {of_window}")
        assert await page.evaluate(cut, widths) == []
    await page.evaluate("document.querySelector('vital-dashboard').view.set({ at: null })")


async def test_by_mode_is_one_click_away_and_in_the_address(spike: Watched) -> None:
    page = spike.page
    await page.locator("#panel-cpu-programs .variants").get_by_role("button", name="by mode").click()
    await page.locator("#panel-cpu").wait_for(state="visible")
    assert await page.locator("#panel-cpu-programs").is_hidden()
    await spike.until("() => new URLSearchParams(location.search).get('show') === 'cpu'")
    assert await page.evaluate("document.activeElement.dataset.show") == "cpu"
    await page.locator("#panel-cpu .variants").get_by_role("button", name="by program").click()
    await page.locator("#panel-cpu-programs").wait_for(state="visible")


async def test_of_a_time_of_which_nothing_is_kept_it_says_so(spike: Watched, past_server: PastServer) -> None:
    lost_ms = past_server.happened.hole[0]
    await spike.page.evaluate(
        "(at) => document.querySelector('vital-dashboard').view.set({ at, frozen: { from: at - 1e5, to: at + 1e5 } })",
        lost_ms,
    )
    await spike.until(f"() => ({TEXT})('.empty').startsWith('No processes were recorded at this moment')")
    assert not spike.errors
