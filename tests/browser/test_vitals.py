"""The vitals strip: the numbers that matter, alarming only where they are, and never older than they look."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from tests.browser.conftest import SERVER_ENV, OpenPage, RunJs, Watched
from tests.browser.panel_servers import built_in, serving
from tests.browser.past import PastServer
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


# What a vital sign and its panel show one after the other, frame by frame, until the vital sign has had some values.
SEEN = """
async (id) => {
  const vital = document.querySelector(`vital-vitals a[href="#panel-${id}"] .value`);
  const panel = document.querySelector(`#panel-${id} .headline .numbers b`);
  const seen = { vital: [], panel: [] };
  const note = (list, { textContent }) => list.at(-1) !== textContent && list.push(textContent);
  // What comes first is of the panel's own lines: the numbers are asked for with them, and come after them.
  for (let agreed = 0, frames = 0; agreed < 30 && frames < 2000; frames += 1) {
    agreed = vital.textContent === panel.textContent ? agreed + 1 : 0;
    await new Promise(requestAnimationFrame);
  }
  for (const begun = performance.now(); seen.vital.length < 5 && performance.now() - begun < 20000; ) {
    note(seen.panel, panel);
    note(seen.vital, vital);
    await new Promise(requestAnimationFrame);
  }
  note(seen.panel, panel);
  return [seen.vital, seen.panel];
}
"""


@pytest.mark.parametrize("interval", ["0.1", "2"])
async def test_a_panel_and_its_vital_sign_show_one_number_at_every_rate(
    page_server: Server, open_page: OpenPage, interval: str
) -> None:
    watched = await open_page(f"{page_server.url}/?interval={interval}", charts=False)
    await watched.state("live")
    await watched.until("() => document.querySelector('#panel-pressure .headline .numbers b') !== null")
    await watched.page.locator("#panel-pressure").scroll_into_view_if_needed()
    vital, panel = await watched.page.evaluate(SEEN, "pressure")
    # One of the two may be a frame behind at the ends, and on a busy machine leave out one.
    assert set(panel[1:-1]) <= set(vital)
    assert len(panel) <= len(vital) + 2


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


async def test_axe_finds_nothing_serious(open_page: OpenPage) -> None:
    panels = built_in(
        memory={"thresholds": {"warning": 0, "critical": 2}}, cpu={"thresholds": {"warning": -1, "critical": 0}}
    )
    with serving(panels) as server:
        await _is_accessible(await open_page(server.url, charts=False, reduced_motion="reduce"))


async def _is_accessible(watched: Watched) -> None:
    await watched.page.wait_for_selector(CELL.format("memory") + ".warning")
    await watched.page.wait_for_selector(CELL.format("cpu") + ".critical")
    for scheme in ("dark", "light"):
        await watched.page.emulate_media(color_scheme=scheme)
        found = await Axe().run(watched.page, context="vital-vitals")
        assert found.violations_count == 0, found.generate_report()
    assert not watched.errors


# --- its parts -----------------------------------------------------------------------------------------------------

SPARK = """const { ofColumn, sparkPoints, sparkReach, sparkPaths } = await load("charts/model/sparkline_model");
  const { Ring } = await load("client/ring");
"""


async def test_its_line_is_one_column_with_its_holes(js: RunJs) -> None:
    assert await js(
        SPARK
        + """const ring = new Ring(4, 2); const known = (value) => (Number.isNaN(value) ? null : value);
             ring.push(1, [1, 2]); ring.push(2, [3, null]); ring.push(9, [5, 5], true);
             const of = (column) => { const { times, values } = sparkPoints(ring, ofColumn(column));
               return [times, values.map(known)]; };
             return [of(1), of(-1)[1]];"""
    ) == [[[1, 2, 9, 9], [2, None, None, 5]], [None] * 4]


async def test_a_line_breaks_where_readings_are_missing(js: RunJs) -> None:
    answer = await js(
        SPARK
        + """return sparkPaths({ times: [0, 10, 20, 30, 30, 40], values: [9, 0, 10, NaN, 5, 5] },
               { from: 10, to: 50, low: 0, high: 10, width: 40, height: 10 });"""
    )
    assert answer == {"line": "M0,10L10,0M20,5L30,5", "area": "M0,10L10,0L10,10L0,10ZM20,5L30,5L30,10L20,10Z"}


@pytest.mark.parametrize(
    ("end", "values", "reach"),
    [
        (1, [0.1], [0, 1]),
        (95, [50], [0, 95]),
        (0, [0, 0], [0, 1]),
        (0, [0, 100, -5], [-5, 108]),
        (1, [None], [0, 1]),
    ],
)
async def test_a_line_reaches_to_the_whole_where_there_is_one(
    js: RunJs, end: float, values: list[float | None], reach: list[float]
) -> None:
    answer = await js(
        SPARK
        + """const { low, high } = sparkReach(given.end, given.values.map((value) => value ?? NaN));
             return [low, high];""",
        {"end": end, "values": values},
    )
    assert answer == reach


async def test_numbers_follow_the_moment_that_is_looked_at(past_server: PastServer, open_page: OpenPage) -> None:
    """An hour ago one program took all CPUs; the strip says so wherever the pointer or a link leads there."""
    happened = past_server.happened
    at = happened.spike_ms + 12_000
    query = f"from={at - 150_000}&to={at + 150_000}"
    watched = await open_page(f"{past_server.url}/?{query}&at={at}", charts=False)
    share = """() => parseFloat(document.querySelector('vital-vitals a[href="#panel-cpu"] b')?.textContent)"""
    await watched.until(f"() => ({share})() > 90")
    await watched.page.evaluate(f"document.querySelector('vital-dashboard').view.set({{ hover: {at - 100_000} }})")
    await watched.until(f"() => ({share})() < 60")
    # Without a moment it is the end of the window.
    await watched.page.evaluate("document.querySelector('vital-dashboard').view.set({ at: null, hover: null })")
    await watched.until(f"() => ({share})() < 60")
    assert watched.errors == []


async def test_a_pause_leaves_the_last_minute_in_the_lines(js: RunJs) -> None:
    windows = await js(
        """const { View } = await load("page/view");
           const { lookedAt } = await load("page/vital_cell");
           const view = new View({ range: 300 });
           view.pause(1_000_000);
           const paused = lookedAt(view, 1_500_000).window;
           view.set({ frozen: { from: 100_000, to: 400_000 } });
           return [paused, lookedAt(view, 1_500_000).window].map(({ from, to }) => [from, to]);"""
    )
    # What is zoomed into has a line of all of it.
    assert windows == [[940_000, 1_000_000], [100_000, 400_000]]
