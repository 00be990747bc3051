"""Which time a page shows: the picker, the keys and the back button, and what is said where nothing is kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.browser.conftest import OpenPage, RunJs, Watched
from tests.browser.test_controls import VIEW, says
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAWN = """() => Object.fromEntries([...document.querySelectorAll("vital-plot")].filter(({ window }) => window)
  .map((plot) => { const { x, y, width } = plot.getBoundingClientRect();
    return [plot.closest("vital-panel").id, [plot.window.from, plot.window.to, x, y, width]]; }))"""
SPAN_S = (
    f"(() => {{ const {{ frozen, range }} = {VIEW}; return frozen ? (frozen.to - frozen.from) / 1000 : range; }})()"
)
FROZEN = f"(() => {{ const {{ frozen }} = {VIEW}; return frozen && [frozen.from, frozen.to]; }})()"


async def test_says_times_as_people_do(js: RunJs) -> None:
    words = await js(
        """const { momentWords, windowWords } = await load("charts/model/time_words");
        const { quickWindows } = await load("page/quick_windows");
        const at = (...date) => new Date(...date).getTime();
        const now = at(2026, 10, 28, 3, 17, 5);
        return { moments: [[2026, 10, 28, 2], [2026, 10, 27, 14, 0, 7], [2026, 10, 3, 2], [2025, 0, 1]].map((date) =>
            momentWords(at(...date), now)),
          windows: [[[27, 14], [27, 15, 30]], [[28, 2, 0, 1], [28, 2, 1]], [[26, 22], [28, 6]], [[27], [28]]].map(
            (ends) => windowWords({ from: at(2026, 10, ...ends[0], 0), to: at(2026, 10, ...ends[1], 0) }, now)),
          quick: quickWindows(now).map((one) => [one.words, windowWords(one, now)]),
          midnight: quickWindows(at(2026, 10, 28, 0, 0, 1)).map((one) => one.words) };"""
    )
    assert words["moments"] == ["02:00", "yesterday 14:00", "Tue 3 Nov 02:00", "Wed 1 Jan 2025 00:00"]
    assert words["windows"] == [
        "yesterday 14:00–15:30",
        "02:00:01–02:01:00",
        "Thu 26 Nov 22:00 – today 06:00",
        "yesterday 00:00–24:00",
    ]
    assert words["quick"] == [
        ["This hour", "03:00–03:17"],
        ["This hour, a day ago", "yesterday 03:00–04:00"],
        ["This hour, a week ago", "Sat 21 Nov 03:00–04:00"],
        ["Last night", "yesterday 22:00 – today 03:17"],
        ["Today", "00:00–03:17"],
        ["Yesterday", "yesterday 00:00–24:00"],
    ]
    assert "Today" not in words["midnight"]


async def test_the_picker_reads_words_while_they_are_written(dashboard: Watched) -> None:
    page = dashboard.page
    await page.keyboard.press("g")
    field = page.get_by_label("From", exact=True)
    assert await field.evaluate("(one) => one === document.activeElement")
    # To select a text and let go beside the dialog is no click beside it.
    await field.hover()
    await page.mouse.down()
    await page.mouse.move(2, 400)
    await page.mouse.up()
    assert await page.get_by_role("dialog").is_visible()
    await page.mouse.click(2, 400)
    await page.get_by_role("dialog").wait_for(state="hidden")
    await page.keyboard.press("g")
    show, reading = page.get_by_role("button", name="Show", exact=True), page.locator(".reading")
    assert await show.is_disabled()
    await page.keyboard.type("14:99")
    assert "“14:99” is no time; give 02:00, yesterday 14:00" in await reading.inner_text()
    assert await show.is_disabled()
    await field.fill("yesterday 14:00–15:30")
    assert await reading.inner_text() == "yesterday 14:00–15:30, 1\u00a0h\u00a030\u00a0min"
    await page.keyboard.press("Enter")
    await dashboard.state("frozen")
    assert await page.evaluate(f"new Date({VIEW}.frozen.from).getHours()") == 14
    assert await page.evaluate(SPAN_S) == 5400
    window = page.get_by_role("button", name="yesterday 14:00–15:30")
    await window.click()
    # It opens on what is shown, and a moment alone may be gone to.
    assert re.fullmatch(r"\d{4}-\d\d-\d\d 14:00", await field.input_value())
    await field.fill("yesterday 14:30")
    await page.get_by_label("To", exact=True).fill("")
    await page.get_by_role("button", name="Only that moment").click()
    await dashboard.until(f"() => {VIEW}.at === {VIEW}.frozen.from + 1_800_000")
    await page.get_by_role("button", name="Values of yesterday 14:30").click()
    assert await page.evaluate(f"{VIEW}.at") is None
    await page.get_by_role("button", name="yesterday 14:00–15:30").click()
    await page.get_by_role("dialog").get_by_role("button", name="30 d").click()
    await says(dashboard, range="30d")
    assert await page.evaluate("document.querySelector('vital-controls .interval').disabled")
    await page.keyboard.press("]")
    await page.get_by_text("The update interval matters for up to 15 minutes only").wait_for()
    assert dashboard.errors == []


async def test_keys_zoom_and_turn_and_the_back_button_leads_back(past_server: Any, open_page: OpenPage) -> None:
    watched = await open_page(past_server.url, charts=False)
    page = watched.page
    await watched.state("live")
    length = await page.evaluate("history.length")
    for key in "++":
        await page.keyboard.press(key)
    await watched.until(f"() => {SPAN_S} === 75")
    # One page for a gesture, however many steps it has.
    assert await page.evaluate("history.length") == length + 1
    await says(watched, range="75s")
    await page.keyboard.press("h")
    await watched.state("frozen")
    start, end = await page.evaluate(FROZEN)
    assert end - start == 75_000
    await watched.until("(from) => location.search.includes(`from=${from}`)", start)
    await page.go_back()
    await says(watched, range="75s")
    await watched.state("live")
    await page.go_back()
    await says(watched)
    await page.go_forward()
    await page.go_forward()
    await watched.until(f"([from]) => ({FROZEN})?.[0] === from", [start])
    # The present has moved on meanwhile.
    for key in "ll":
        await page.keyboard.press(key)
    await watched.state("live")


async def test_a_pause_moves_nothing(dashboard: Watched) -> None:
    page = dashboard.page
    # Readings come at other times in other charts; what is drawn is what was drawn.
    before, after = await page.evaluate(
        f"""async () => {{
          const drawn = {DRAWN};
          const before = drawn();
          document.body.dispatchEvent(new KeyboardEvent("keydown", {{ key: " ", bubbles: true }}));
          await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(go))));
          return [before, drawn()];
        }}"""
    )
    await dashboard.state("frozen")
    await dashboard.settled()
    assert len(before) > 3
    assert after == before == await page.evaluate(f"({DRAWN})()")


async def test_keys_are_for_the_panel_that_is_pointed_at(dashboard: Watched) -> None:
    page = dashboard.page
    await page.focus("#panel-cpu")
    await page.hover("#panel-load vital-plot", force=True)
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-load.full")
    await page.keyboard.press("f")
    await dashboard.until("() => !document.querySelector('.full')")
    await page.mouse.move(1, 1)
    await page.focus("#panel-cpu")
    await page.keyboard.press("f")
    await page.wait_for_selector("#panel-cpu.full")


async def test_what_an_address_cannot_mean_is_told(page_server: Server, open_page: OpenPage) -> None:
    url = f"{page_server.url}/?range=7m&utm_source=mail&at=02:99"
    page = (await open_page(url, charts=False)).page
    notice = page.locator(".notice:not(.way-out)")
    await notice.wait_for()
    words = await notice.inner_text()
    assert "range cannot be “7m”; give 1m, 5m, 15m" in words
    assert "There is no option “utm_source” here" in words
    assert "at: “02:99” is no time" in words
    # What somebody else put there stays.
    assert page.url.endswith("/?utm_source=mail")


async def test_a_dead_link_says_since_when_there_is_anything(past_server: Any, open_page: OpenPage) -> None:
    url = f"{past_server.url}/?from=1000000000000&to=1000000060000"
    watched = await open_page(url, charts=False)
    page = watched.page
    notice = page.locator(".beyond")
    await notice.wait_for(state="visible")
    assert re.search(r"Nothing is kept from before \w{3} \d+ \w{3} \d\d:\d\d\.", await notice.inner_text())
    await notice.get_by_role("button", name="Show the oldest hour").click()
    await notice.wait_for(state="hidden")
    start, end = await page.evaluate(FROZEN)
    assert end - start == 3_600_000
    assert start > 1_700_000_000_000
    # There the keys stop: nothing is earlier.
    await page.keyboard.press("h")
    assert await page.evaluate(FROZEN) == [start, end]
    await page.go_back()
    await notice.get_by_role("button", name="Go live").click()
    await watched.state("live")
    # A moment that is yet to come is said to be so, and the button leads back.
    await page.evaluate("() => document.querySelector('vital-dashboard').view.set({ at: Date.now() + 3_600_000 })")
    await notice.filter(has_text="This moment is in the future.").wait_for()
    assert await notice.locator("button:visible").all_inner_texts() == ["Go live"]
    await notice.get_by_role("button", name="Go live").click()
    await notice.wait_for(state="hidden")
    await page.keyboard.press("Shift+Home")
    await watched.until(f"(start) => ({FROZEN})?.[0] === start", start)
