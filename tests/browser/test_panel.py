"""One panel: what it shows, when it is there, what can be taken from it, and what it costs while nobody looks."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from playwright.async_api import Route
from tests.browser.conftest import OpenPage, Watched, answering, open_with
from tests.browser.panel_servers import built_in, serving
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITTEN = """(panels) => panels.every((id) =>
  /\\d/.test(document.querySelector(`#panel-${id} .headline .numbers`)?.textContent))"""
VIEW = "document.querySelector('vital-dashboard').view"
CUT = """() => [...document.querySelectorAll(".headline b")].filter((number) => number.checkVisibility())
  .flatMap((number) => {
    number.textContent = number.closest(".directions") ? "1.57\u00a0KiB/s" : "1023\u00a0MiB/s";
    const header = number.closest("header");
    const box = (selector) => header.querySelector(selector).getBoundingClientRect();
    const { left, right, top } = number.getBoundingClientRect();
    const all = box(".numbers");
    const leftOut = top >= all.bottom;
    const least = Math.max(all.left, box("h2").right, box(".age").right) - 0.5;
    const whole = left >= least && right <= Math.min(all.right, box("vital-menu").left) + 0.5;
    return leftOut || whole ? [] : [[box("h2"), left, right, all.left, all.right]]; })"""
DRAWN = (
    "(id) => { const { full, live } = document.querySelector(`#panel-${id} vital-plot`).counts; return full + live; }"
)


async def written(open_page: OpenPage, url: str, **options: Any) -> Watched:
    """Open the page without charts, and wait until its panels have their numbers."""
    watched = await open_page(url, charts=False, **options)
    await watched.until(WRITTEN, ["cpu", "memory", "load"])
    return watched


async def test_shows_the_values_of_the_moment_that_is_pointed_at_in_every_panel(dashboard: Watched) -> None:
    page = dashboard.page
    await dashboard.until("() => document.querySelector('#panel-cpu').stream.store.ring.length > 3")
    # The moment of a reading that is known: what the legends must say is known too.
    told = await page.evaluate(
        f"""async () => {{
          const {{ ring }} = document.querySelector("#panel-cpu").stream.store;
          const {{ valuesAt }} = await import("/static/charts/model/values_at.js");
          {VIEW}.set({{ hover: ring.time(ring.length - 3) }});
          return ring.time(ring.length - 3); }}"""
    )
    await dashboard.until("() => document.querySelectorAll('vital-panel header > .moment:not([hidden])').length >= 4")
    await dashboard.settled()
    values = await page.evaluate(
        """async (time) => { const { formatValue } = await import("/static/charts/model/format.js");
          const { ring, series } = document.querySelector("#panel-load").stream.store;
          const row = ring.firstAtOrAfter(time - 300);
          return series.filter(({ name }) => name === "system.load.average")
            .map((one) => formatValue(ring.value(series.indexOf(one), row), one.unit)); }""",
        told,
    )
    shown = await page.locator("#panel-load .legend .value").all_inner_texts()
    assert sorted(shown) == sorted(values)
    await page.evaluate(f"{VIEW}.set({{ hover: {told} - 3600_000 }})")
    await dashboard.until("() => document.querySelector('#panel-cpu header > .moment').textContent.includes(': ')")
    await page.evaluate(f"{VIEW}.set({{ hover: null }})")
    await dashboard.until("() => !document.querySelector('vital-panel header > .moment:not([hidden])')")


async def test_an_alarm_is_a_colour_and_a_word_and_says_its_rule(open_page: OpenPage) -> None:
    panels = built_in(
        *("cpu", "memory", "load"),
        memory={"thresholds": {"warning": 0, "critical": 2}},
        cpu={"thresholds": {"warning": -1, "critical": 0}},
        load={"thresholds": {"warning": 1e9, "critical": 1e9}},
    )
    with serving(panels) as server:
        watched = await open_page(server.url, charts=False)
        page = watched.page
        await watched.until(WRITTEN, ["cpu", "memory", "load"])
        await page.wait_for_selector("#panel-memory .headline[data-level=warning]")
        assert await page.inner_text("#panel-memory .level") == "warning"
        await page.wait_for_selector("#panel-cpu .headline[data-level=critical]")
        assert await page.inner_text("#panel-cpu .level") == "critical"
        assert await page.locator("#panel-load .level").is_hidden()
        colour = "(id) => getComputedStyle(document.querySelector(`#panel-${id} .headline b`)).color"
        colours = [await page.evaluate(colour, panel) for panel in ("memory", "cpu", "load")]
        assert len(set(colours)) == 3
        rule = "(id) => document.querySelector(`#panel-${id} .headline`).title"
        assert "critical from 200" in (await page.evaluate(rule, "memory")).replace("\u00a0", " ")


async def test_a_number_is_shown_whole_or_not_at_all(own_server: Server, open_page: OpenPage) -> None:
    watched = await written(open_page, own_server.url, viewport={"width": 1440, "height": 4000})
    await watched.state("live")
    # Much to say at once: long numbers, and how old they are.
    await asyncio.to_thread(own_server.stop)
    await watched.until("() => document.querySelectorAll('vital-panel.stale').length >= 10")
    for width in (1440, 360):
        await watched.page.set_viewport_size({"width": width, "height": 4000})
        await watched.until("(width) => innerWidth === width", width)
        assert await watched.page.evaluate(CUT) == []


async def test_the_menu_is_reached_and_left_by_keyboard(dashboard: Watched) -> None:
    page = dashboard.page
    await page.get_by_role("button", name="More about CPU").focus()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.textContent") == "Full sizeF"
    await page.keyboard.press("ArrowDown")
    assert "As a table" in await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Escape")
    assert await page.evaluate("document.activeElement.ariaExpanded") == "false"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#panel-cpu .data-table table")
    assert await page.evaluate("document.activeElement.ariaLabel") == "More about CPU"
    assert await page.evaluate(f"{VIEW}.panel") is None


async def test_the_table_says_what_the_chart_shows(dashboard: Watched) -> None:
    page = dashboard.page
    await page.evaluate(f"{VIEW}.set({{ interval: 0.1 }})")
    await page.focus("#panel-load")
    await page.keyboard.press("v")
    await page.wait_for_selector("#panel-load .data-table table")
    heads = await page.locator("#panel-load .data-table thead th").all_inner_texts()
    assert heads == ["Series", "Now", "Lowest", "Average", "Highest"]
    rows = await page.locator("#panel-load .data-table tbody th").all_inner_texts()
    assert {"1 min", "5 min", "15 min"} <= set(rows)
    # Written rarely, however many readings come: it is to be read.
    writes, readings, seconds = await page.evaluate(
        """async () => { let writes = 0; let readings = 0;
          const watch = new MutationObserver(() => { writes += 1; });
          const all = { subtree: true, childList: true, characterData: true };
          watch.observe(document.querySelector("#panel-load .data-table"), all);
          const begin = performance.now();
          await new Promise((done) => document.querySelector("#panel-load").stream.addEventListener("change", () => {
            readings += 1; if (readings === 12) done(); }));
          watch.disconnect();
          return [writes, readings, (performance.now() - begin) / 1000]; }"""
    )
    assert writes <= 1 + seconds // 5 < readings / 2
    await page.keyboard.press("v")
    await page.locator("#panel-load .data-table").wait_for(state="hidden")


async def test_gives_its_picture_and_its_readings(dashboard: Watched) -> None:
    page = dashboard.page
    await page.focus("#panel-cpu")
    async with page.expect_download() as download:
        await page.keyboard.press("p")
    path = await (await download.value).path()
    assert (await download.value).suggested_filename.startswith("cpu-")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    async with page.expect_download() as download:
        await page.keyboard.press("c")
    text = (await (await download.value).path()).read_text()
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) > 1
    assert rows[0][1] == "system (1)"
    # What is not drawn is there all the same, by the name that it would have.
    assert rows[0][-1] == "idle (1)"
    assert all(len(row) == len(rows[0]) for row in rows)
    assert dashboard.errors == []
    assert await dashboard.violations() == []


async def test_its_link_opens_it_large(dashboard: Watched) -> None:
    page = dashboard.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.keyboard.press("1")
    await page.get_by_role("button", name="More about Memory").click()
    await page.get_by_role("button", name="Copy link").click()
    await page.get_by_text("Link copied.").wait_for()
    address = await page.evaluate("location.origin")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{address}/?range=1m&panel=memory"


async def test_is_absent_until_its_series_appear(open_page: OpenPage) -> None:
    disks = {"id": "disks", "title": "Disks", "metrics": ["test.disk"], "by": ["name"], "stack": True}
    with serving([*built_in("cpu"), disks], scripted=True) as server:
        watched = await open_page(server.url, charts=False)
        page = watched.page
        await watched.state("live")
        await watched.until(WRITTEN, ["cpu"])
        await page.locator("#panel-disks").wait_for(state="hidden")
        (server.folder / "disks").write_text("sda nvme0n1")
        await page.locator("#panel-disks").wait_for(state="visible")
        await watched.until("() => document.querySelector('#panel-disks .legend').textContent.includes('nvme0n1')")
        (server.folder / "disks").write_text("")
        await page.locator("#panel-disks").wait_for(state="hidden")


async def test_a_refusal_is_told_in_its_panel(page_server: Server, open_page: OpenPage) -> None:
    def spoil(panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            if panel["id"] == "memory":
                panel["interval"] = 1e9

    watched = await open_with(open_page, page_server.url, spoil)
    problem = watched.page.locator("#panel-memory .problem")
    await problem.wait_for(state="visible")
    assert "did not understand the request" in await problem.inner_text()
    await watched.state("live")
    await watched.until(WRITTEN, ["cpu"])


async def test_out_of_view_it_neither_draws_nor_is_sent_anything(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url, viewport={"width": 700, "height": 900})
    page = watched.page
    await watched.state("live")
    await watched.drawn()
    last = "self-memory"
    await watched.until(f"() => document.querySelector('#panel-{last}').stream.held")
    assert await page.evaluate(DRAWN, last) == 0
    await page.evaluate("document.querySelector('#panel-self-memory').scrollIntoView()")
    await watched.until(f"() => ({DRAWN})('{last}') > 0")
    # Without a group nothing comes any more, and what has come is drawn.
    await watched.until(
        "() => { const { held, group } = document.querySelector('#panel-cpu').stream; return held && group === null; }"
    )
    await watched.settled()
    cpu, newest = await page.evaluate(f"[({DRAWN})('cpu'), document.querySelector('#panel-cpu').stream.newest]")
    await watched.until(f"(before) => ({DRAWN})('{last}') > before + 1", await page.evaluate(DRAWN, last))
    assert await page.evaluate(DRAWN, "cpu") == cpu
    await watched.holds(lambda: any(json.loads(text).get("paused") for text in watched.sent))

    await page.evaluate("scrollTo(0, 0)")
    await watched.until(f"(before) => ({DRAWN})('cpu') > before", cpu)
    await watched.until("(newest) => document.querySelector('#panel-cpu').stream.newest > newest", newest)
    # What was missed comes with it: there is no hole but what the server itself has missed.
    breaks = "document.querySelector('#panel-cpu').stream.store.breaks.map(({ why }) => why)"
    assert set(await page.evaluate(breaks)) <= {"sampler"}


async def test_what_has_not_changed_is_not_written_again(dashboard: Watched) -> None:
    # Whoever observes panels would arrange them anew, each time.
    again = await dashboard.page.evaluate("""async () => {
      const again = new Set(), attributeFilter = ["hidden", "title", "data-level"];
      const look = ({ target, attributeName: name, oldValue }) => {
        if (target.getAttribute(name) === oldValue) again.add(`${name} of ${target.className || target.localName}`);
      };
      const observer = new MutationObserver((records) => records.forEach(look));
      const { stream } = document.querySelector("#panel-load");
      const heard = () => new Promise((done) => stream.addEventListener("change", done, { once: true }));
      const options = { subtree: true, attributeOldValue: true, attributeFilter };
      observer.observe(document.querySelector(".charts"), options);
      for (let i = 0; i < 3; i += 1) await heard();
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      observer.disconnect();
      return [...again]; }""")
    assert again == []


async def test_panels_that_do_not_load_are_told_and_tried_again(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank", charts=False)
    page = watched.page
    answers = {"status": 500}

    async def answer(route: Route) -> None:
        if answers["status"] == 500:
            await route.fulfill(status=500, body="")
        else:
            await route.continue_()

    await page.route("**/api/v1/panels", answer)
    await page.goto(page_server.url, wait_until="commit")
    failure = page.locator(".failure")
    await failure.wait_for()
    assert "The server answered 500" in await failure.inner_text()
    await watched.state("live")
    # It tries by itself, sooner where it is asked to.
    asked = sum("/api/v1/panels" in url for url in watched.requests)
    await page.evaluate("document.querySelector('.failure button').click()")
    await watched.holds(lambda: sum("/api/v1/panels" in url for url in watched.requests) > asked)
    answers["status"] = 200
    await watched.until(WRITTEN, ["cpu"])
    assert await failure.count() == 0


async def test_without_the_charting_library_the_numbers_still_come(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank")
    page = watched.page
    await page.route("**/vendor/plotly*", lambda route: route.abort())
    await page.goto(page_server.url, wait_until="commit")
    problem = page.locator("#panel-cpu .problem")
    await problem.wait_for(state="visible")
    assert "charting library could not be loaded" in await problem.inner_text()
    await watched.until("() => /\\d/.test(document.querySelector('#panel-cpu .headline').textContent)")
    await page.unroute("**/vendor/plotly*")
    await watched.drawn()
    await problem.wait_for(state="hidden")


async def test_says_what_to_do_where_its_scripts_do_not_come(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank", charts=False)
    page = watched.page
    await page.route("**/static/dashboard.js", lambda route: route.abort())
    await page.goto(page_server.url)
    words = page.locator(".boot")
    assert await words.is_hidden()
    # They come six seconds late; here time goes faster for the styles.
    await (await page.context.new_cdp_session(page)).send("Animation.setPlaybackRate", {"playbackRate": 20})
    await words.wait_for(state="visible")
    assert "Reload the page" in await words.inner_text()


async def test_a_server_that_wants_nobody_is_told_and_left_alone(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page("about:blank", charts=False)
    page = watched.page
    await page.route_web_socket("**/ws", lambda socket: socket.close(code=4504, reason="full"))
    await page.goto(page_server.url, wait_until="commit")
    await watched.state("stopped")
    words = await page.inner_text("vital-status")
    assert "as many viewers as it allows" in words and "reload the page" in words
    assert "Stopped" in await page.title()


async def test_late_and_missed_readings_are_told(page_server: Server, open_page: OpenPage, js: Any) -> None:
    told = await js(
        """const { missedBy, lagWords } = await load("page/gap_report");
        const { Ring } = await load("client/ring");
        const ring = new Ring(20, 1);
        for (let i = 0; i < 12; i += 1) ring.push(i * 1000, [0.8]);
        const store = (seconds) => ({ ring: (() => { const r = new Ring(5, 1); r.push(1, [seconds]); return r; })(),
          series: [{ name: "vitalcast.sampler.lag" }] });
        const gap = (from, to, why) => ({ from, to, why });
        return {
          lag: [lagWords({ ring, series: [{ name: "vitalcast.sampler.lag" }] }, 1), lagWords(store(0.2), 1),
            lagWords(store(0.2), 0.5), lagWords(store(0.02), 0.1), lagWords(store(0.3), 5)],
          missed: missedBy([
            { store: { ticksMissed: 3, breaks: [gap(0, 4000, "slow"), gap(9000, 12000, "paused")] } },
            { store: { ticksMissed: 2, breaks: [gap(1000, 5000, "slow"), gap(60000, 61000, "sampler")] } },
          ]),
        };"""
    )
    assert told["lag"][0] == "values come 800\xa0ms late: this machine is busy"
    assert [bool(words) for words in told["lag"][1:]] == [False, True, False, True]
    assert told["missed"]["ticks"] == 3
    assert len(told["missed"]["reasons"]) == 2
    assert "01:00" in told["missed"]["reasons"][0] or ":01:0" in told["missed"]["reasons"][0]


def keep(panels: list[dict[str, Any]], id_: str) -> None:
    panels[:] = [panel for panel in panels if panel["id"] == id_]


async def test_other_panels_take_their_place_when_the_server_comes_back_with_them(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await written(open_page, page_server.url)
    page = watched.page
    await watched.state("live")
    await page.evaluate("document.querySelector('#panel-cpu').kept = true")
    # As it comes back with the same, nothing is built anew.
    await page.evaluate("document.querySelector('vital-dashboard').client.stop()")
    await watched.state("stopped")
    await page.evaluate("document.querySelector('vital-dashboard').client.start()")
    await watched.state("live")
    await watched.until("() => performance.getEntriesByName(new URL('api/v1/panels', location)).length >= 2")
    assert await page.evaluate("document.querySelector('#panel-cpu').kept")

    await page.route("**/api/v1/panels", answering(lambda panels: keep(panels, "cpu")))
    await page.evaluate("document.querySelector('vital-dashboard').client.stop()")
    await watched.state("stopped")
    await page.evaluate("document.querySelector('vital-dashboard').client.start()")
    await watched.until("() => document.querySelectorAll('vital-panel').length === 1")
    await watched.state("live")
    await watched.until(WRITTEN, ["cpu"])
    assert watched.errors == []


async def test_names_of_any_kind_are_words_and_no_two_elements_share_an_id(open_page: OpenPage) -> None:
    title = '<b>CPU</b> <a href="https://example.org">&lt;'
    panels = built_in(
        cpu={"id": "processes", "title": title, "vital": "<i>CPU</i>", "labels": {"user": "<u>user</u>"}},
        memory={"id": "help"},
        processes={"id": "states"},
    )
    with serving(panels) as server:
        await _names_are_words(await open_page(server.url), title)


async def _names_are_words(watched: Watched, title: str) -> None:
    page = watched.page
    await watched.drawn()
    await watched.until(WRITTEN, ["processes"])
    ids = await page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    await page.get_by_role("region", name=title, exact=True).wait_for()
    await page.get_by_role("region", name="Processes", exact=True).wait_for()
    assert "<u>user</u>" in await page.inner_text("#panel-processes .legend")
    assert "<i>CPU</i>" in await page.inner_text("vital-vitals")
    assert await page.locator("main :is(u, h2 a, h2 b, .label i)").count() == 0
