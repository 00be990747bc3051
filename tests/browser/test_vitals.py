"""The vitals strip: the numbers that matter, alarming only where they are, and never older than they look."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from tests.browser.conftest import SERVER_ENV, OpenPage, RunJs, open_with
from tests.e2e.machine import DISKS
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIG = """
[[panels]]
id = "cpu"
title = "CPU"
metrics = ["system.cpu.utilization"]
stack = true
by = ["cpu.mode"]
rest = ["idle"]
max = 1
headline = { reduce = "sum", label = "busy" }
vital = "CPU"

[[panels]]
id = "disks"
title = "Disks"
metrics = ["test.disk"]
headline = { reduce = "max", label = "longest" }
thresholds = { warning = 1024, critical = 1048576 }
vital = "Disks"

[[panels]]
id = "flip"
title = "Flip"
metrics = ["test.flip"]
"""
CELL = 'vital-vitals a[href="#panel-{}"]'
LINE = """(id) => document.querySelector(`vital-vitals a[href="#panel-${id}"] path.line`).getAttribute("d")"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Server]:
    """A server with three panels, one of which has its readings from the file of disks; each test sets it anew."""
    server = Server(env=SERVER_ENV, scripted=True)
    (server.folder / "config.toml").write_text(CONFIG)
    try:
        yield server.start()
    finally:
        server.close()


def set_length(server: Server, *lengths: int) -> None:
    """Let there be disks whose readings, their names' lengths in bytes, are these."""
    path = server.folder / DISKS
    new = path.with_suffix(".new")
    new.write_text("\n".join("x" * length for length in lengths))
    new.replace(path)


async def test_shows_each_vital_sign_with_its_unit_and_a_link_to_its_panel(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await open_page(page_server.url, charts=False)
    page = watched.page
    for id_, label, unit in (
        ("cpu", "CPU", "%"),
        ("memory", "Memory", "%"),
        ("load", "Load", ""),
        ("network", "Network", "B/s"),
    ):
        await page.locator(CELL.format(id_)).wait_for()
        shows = rf"^{label} (warning |critical )?[\d.]+ ?\w*{unit}"
        await watched.until(
            """([cell, shows]) => new RegExp(shows).test(
                 document.querySelector(cell).innerText.split(/\\s+/).join(" ").trim())""",
            [CELL.format(id_), shows],
        )
    assert await page.locator("vital-vitals").get_by_text("stalled").count() <= 1
    await watched.until(
        """() => { const panel = document.querySelector("#panel-temperatures");
             const cell = document.querySelector('vital-vitals a[href="#panel-temperatures"]');
             return panel.hidden ? !cell?.checkVisibility() : cell.checkVisibility(); }"""
    )


async def test_a_cell_is_reached_by_keyboard_and_leads_to_its_panel(machine: Server, open_page: OpenPage) -> None:
    watched = await open_page(machine.url, charts=False, viewport={"width": 800, "height": 400})
    page = watched.page
    cell = page.get_by_role("link", name=re.compile(r"^CPU\s+[\d.]+\s%\s+busy\s?, go to panel$"))
    await cell.wait_for()
    await cell.focus()
    await page.keyboard.press("Enter")
    await watched.until("() => location.hash === '#panel-cpu'")
    await watched.until("() => document.querySelector('#panel-cpu').getBoundingClientRect().top < innerHeight / 2")


async def test_while_one_panel_is_at_full_size_another_takes_its_place(machine: Server, open_page: OpenPage) -> None:
    watched = await open_page(f"{machine.url}/?panel=flip", charts=False)
    await watched.page.click(CELL.format("cpu"))
    await watched.until("() => new URLSearchParams(location.search).get('panel') === 'cpu' && location.hash === ''")


async def test_comes_and_goes_with_its_series_and_alarms_only_past_a_threshold(
    machine: Server, open_page: OpenPage
) -> None:
    set_length(machine)
    watched = await open_page(machine.url, charts=False)
    page = watched.page
    await page.wait_for_selector(CELL.format("cpu"))
    cell = page.locator(CELL.format("disks"))
    await cell.wait_for(state="hidden")  # no series yet
    assert await page.locator(CELL.format("flip")).count() == 0, "its panel has no vital"

    set_length(machine, 100)
    await cell.wait_for(state="visible")
    await watched.until("(cell) => document.querySelector(cell).innerText.includes('100')", CELL.format("disks"))
    assert await page.locator("vital-vitals :is(.warning, .critical)").count() == 0
    calm = await cell.evaluate("(cell) => getComputedStyle(cell).borderColor")

    set_length(machine, 100, 2048)
    await page.wait_for_selector(CELL.format("disks") + ".warning")
    await watched.until("(cell) => document.querySelector(cell).innerText.includes('warning')", CELL.format("disks"))
    assert await cell.evaluate("(cell) => getComputedStyle(cell).borderColor") != calm
    await watched.until("() => document.querySelector('vital-vitals [role=status]').textContent === 'Disks warning'")

    set_length(machine)
    await cell.wait_for(state="hidden")


async def test_the_line_is_the_last_minute_and_grows_once_a_second(machine: Server, open_page: OpenPage) -> None:
    watched = await open_page(machine.url, charts=False)
    await watched.page.wait_for_selector(CELL.format("cpu"))
    await watched.until(f"() => ({LINE})('cpu').includes('L')")
    await watched.page.evaluate(
        """() => { window.writes = []; const path = document.querySelector("vital-vitals path.line");
             new MutationObserver(() => window.writes.push(performance.now())).observe(path, { attributes: true }); }"""
    )
    await watched.until("() => window.writes.length >= 3")
    assert await watched.page.evaluate("window.writes.every((at, i, all) => i === 0 || at - all[i - 1] > 800)")


async def test_old_numbers_are_dimmed_and_their_line_ends(machine: Server, open_page: OpenPage) -> None:
    watched = await open_page(machine.url, charts=False)
    page = watched.page
    await page.wait_for_selector(CELL.format("cpu"))
    await watched.until(f"() => ({LINE})('cpu').includes('L')")
    end = f"() => Math.max(...({LINE})('cpu').match(/[ML]([\\d.]+)/g).map((text) => Number(text.slice(1))))"
    await watched.until(f"() => ({end})() === 120")  # live, it ends at the edge
    machine.signal(signal.SIGSTOP)
    try:
        await page.wait_for_selector(CELL.format("cpu") + ".late")
        await watched.until("(cell) => document.querySelector(cell).innerText.includes('old')", CELL.format("cpu"))
        await watched.until(f"() => ({end})() < 114")
    finally:
        machine.signal(signal.SIGCONT)
    await page.wait_for_selector(CELL.format("cpu") + ":not(.late)")


async def test_two_fit_beside_each_other_on_a_phone(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(page_server.url, charts=False, viewport={"width": 360, "height": 740})
    page = watched.page
    await page.wait_for_selector(CELL.format("memory"))
    tops = await page.evaluate(
        """() => [...document.querySelectorAll("vital-vitals li:not([hidden])")]
             .map((cell) => cell.getBoundingClientRect().top)"""
    )
    assert tops[0] == tops[1] < tops[2]
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_out_of_view_its_streams_rest(machine: Server, open_page: OpenPage) -> None:
    watched = await open_page(machine.url, charts=False, viewport={"width": 360, "height": 300})
    page = watched.page
    await page.wait_for_selector(CELL.format("cpu"))
    resting = """(wanted) => [...document.querySelector("vital-vitals").client.streams]
      .filter(({ name }) => name.startsWith("@vital-")).every(({ askedToPause }) => askedToPause === wanted)"""
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await watched.until(resting, True)
    await page.evaluate("scrollTo(0, 0)")
    await watched.until(resting, False)


async def test_axe_finds_nothing_serious(page_server: Server, open_page: OpenPage) -> None:
    def alarm(panels: list[dict[str, Any]]) -> None:
        by_id = {panel["id"]: panel for panel in panels}
        by_id["memory"]["thresholds"] = {"warning": 0, "critical": 2}
        by_id["cpu"]["thresholds"] = {"warning": -1, "critical": 0}

    watched = await open_with(open_page, page_server.url, alarm, reduced_motion="reduce")
    await watched.page.wait_for_selector(CELL.format("memory") + ".warning")
    await watched.page.wait_for_selector(CELL.format("cpu") + ".critical")
    for scheme in ("dark", "light"):
        await watched.page.emulate_media(color_scheme=scheme)
        found = await Axe().run(watched.page, context="vital-vitals")
        assert found.violations_count == 0, found.generate_report()
    assert not watched.errors


# --- its parts -----------------------------------------------------------------------------------------------------

SPARK = """const { SparkPoints, sparkReach, sparkPaths } = await load("charts/model/sparkline_model");
  const { readingOf } = await load("charts/model/lines"); const { Ring } = await load("client/ring");
  const panel = { id: "p", title: "P", metrics: ["m"], headline: { reduce: "sum" } };
  const series = ["a", "b"].map((name) => ({ name: "m", unit: "By", attributes: { name } }));
  const reading = readingOf(panel, series, new Map());
"""


async def test_reads_each_row_once_and_forgets_with_the_ring(js: RunJs) -> None:
    answers = await js(
        SPARK
        + """
        const ring = new Ring(3, 2); const points = new SparkPoints(); let reads = 0;
        const value = ring.value; ring.value = (...given) => { reads += 1; return value.apply(ring, given); };
        const read = () => { reads = 0; const { times, values } = points.read(panel, reading, ring);
          return [[...times], [...values].map((value) => (Number.isNaN(value) ? null : value)), reads > 0]; };
        ring.push(1, [1, 2]); ring.push(2, [3, null]); const first = read(); const again = read();
        ring.push(9, [5, 5], true); const broken = read();
        ring.push(10, [1, 1]); ring.push(11, [2, 2]);
        return [first, again, broken, read()];"""
    )
    assert answers == [
        [[1, 2], [3, 3], True],
        [[1, 2], [3, 3], False],
        [[1, 2, 9, 9], [3, 3, None, 10], True],
        [[9, 9, 10, 11], [None, 10, 2, 4], True],
    ]


async def test_a_spike_is_no_alarm_and_what_lasts_is(js: RunJs) -> None:
    levels = await js(
        SPARK
        + """
        const { lastingLevel } = await load("charts/model/sparkline_model");
        const { headlineOf } = await load("charts/model/headline");
        panel.thresholds = { warning: 10, critical: 20 };
        const ring = new Ring(60, 2); let time = 0;
        const level = (value) => { ring.push((time += 1000), [value, 0]);
          return lastingLevel(panel, reading, ring, headlineOf(panel, reading, ring)); };
        return [25, 1, 25, 25, 25, 15, 25, 25, 25, 25, 25, 15, 1].map(level);"""
    )
    assert levels == ["critical", "", "", "", "", "", "warning", *["warning"] * 3, "critical", "warning", ""]


async def test_a_line_breaks_where_readings_are_missing(js: RunJs) -> None:
    answer = await js(
        SPARK
        + """return sparkPaths({ times: [0, 10, 20, 30, 30, 40], values: [9, 0, 10, NaN, 5, 5] },
               { from: 10, to: 50, low: 0, high: 10, width: 40, height: 10 });"""
    )
    assert answer == {"line": "M0,10L10,0M20,5L30,5", "area": "M0,10L10,0L10,10L0,10ZM20,5L30,5L30,10L20,10Z"}


@pytest.mark.parametrize(
    ("panel", "now", "values", "reach"),
    [
        ({"headline": {"show": "share"}}, {"share": 0.1}, [0.1], [0, 1]),
        ({"max": 1}, {"value": 0.1}, [0.2, None], [0, 1]),
        ({"headline": {"per": "cpus"}}, {"value": 1, "share": 0.25}, [1], [0, 4]),
        ({"unit": "Cel", "thresholds": {"critical": 95}}, {"value": 50}, [50], [0, 95]),
        ({"unit": "1", "span_min": 0.05, "thresholds": {"critical": 0.6}}, {"value": 0.0}, [0], [0, 0.05]),
        ({}, {"value": 0}, [0, 0], [0, 1]),
        ({}, {"value": 0}, [0, 100, -5], [-5, 108]),
    ],
)
async def test_a_line_reaches_to_the_whole_where_there_is_one(
    js: RunJs, panel: object, now: object, values: list[float | None], reach: list[float]
) -> None:
    answer = await js(
        SPARK
        + """const { low, high } = sparkReach(given.panel, given.now, given.values.map((value) => value ?? NaN));
             return [low, high];""",
        {"panel": panel, "now": now, "values": values},
    )
    assert answer == reach
