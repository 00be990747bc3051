"""The table of processes: sorted, filtered and held still, and true all the while."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched, opening
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

Start = Callable[[str], subprocess.Popen[bytes]]

VIEW = "document.querySelector('vital-dashboard').view"
SHOWN = """() => [...document.querySelectorAll("vital-processes tbody tr")].map((row) => row.dataset.pid)"""
TEXT = """(part) => document.querySelector(`vital-processes ${part}`)?.textContent ?? ''"""
AGES = """() => [...document.querySelectorAll("vital-processes td.col-age")].map((cell) => cell.textContent).join()"""
NEWEST = """() => document.querySelector("vital-processes").stream.newest"""
HELD = """() => [...document.querySelector("vital-processes").client.streams]
  .find(({ name }) => name === "@processes-held")"""
IN_ORDER = """({ column, descending }) => {
  const { columns, rows, current } = document.querySelector("vital-processes").stream;
  const at = columns.indexOf(column);
  const known = rows.map((row) => row[at]).filter((value) => value !== null);
  const shown = [...document.querySelectorAll("vital-processes tbody tr")].map((row) => row.dataset.pid);
  return current && known.length > 2 && rows.every((row, i) => String(row[0]) === shown[i])
    && known.every((value, i) => i === 0 || (descending ? value <= known[i - 1] : value >= known[i - 1])); }"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process of that name, of at most 15 characters, which does nothing."""
    started = []

    def start(name: str) -> subprocess.Popen[bytes]:
        program = tmp_path / name
        if not program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        started.append(subprocess.Popen([program, "600"]))
        return started[-1]

    yield start
    for process in started:
        end(process)


async def opened(open_page: OpenPage, url: str, **options: object) -> Watched:
    """Open the page, go to the table, and wait for its rows: none are asked for while it is out of view."""
    watched = await open_page(url, charts=False, **options)
    await watched.page.locator("vital-processes header").scroll_into_view_if_needed()
    await watched.page.wait_for_selector("vital-processes tbody tr")
    return watched


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _table(browser: Browser, page_server: Server) -> AsyncIterator[Watched]:
    async with opening(browser) as open_page:
        yield await opened(open_page, page_server.url)


@pytest_asyncio.fixture(loop_scope="session")
async def table(_table: Watched) -> Watched:
    """A page at its table, which is as it is at first, whatever the test before has left."""
    await _table.page.mouse.move(1, 1)
    await _table.page.evaluate(
        """() => { document.querySelector("dialog[open]")?.close();
             document.activeElement.blur();
             const filter = document.querySelector("vital-processes input");
             filter.value = "";
             filter.dispatchEvent(new InputEvent("input", { bubbles: true })); }"""
    )
    await _table.until(f"() => {VIEW}.filter === ''")
    await show(_table, sort="cpu", frozen=None, at=None, group="")
    await _table.until(f"() => ({SHOWN})().length > 3 && ({TEXT})('.note') === ''")
    _table.sent.clear()
    _table.errors.clear()
    return _table


async def show(table: Watched, **changes: object) -> None:
    """Look at the table otherwise; wait until it shows what was asked for."""
    await table.page.evaluate(f"(changes) => {VIEW}.set(changes)", changes)
    await table.until("() => document.querySelector('vital-processes').stream.current")
    await table.settled()


def end(process: subprocess.Popen[bytes]) -> None:
    """End it for good: without the wait it would stay as a defunct one."""
    process.kill()
    process.wait()


async def said(page: Page, part: str) -> str:
    return str(await page.evaluate(TEXT, part))


# --- sorting -------------------------------------------------------------------------------------------------------


async def test_sorts_by_any_column_both_ways_by_keyboard(table: Watched) -> None:
    page = table.page
    for column, usual, other in (("memory", "descending", "ascending"), ("name", "ascending", "descending")):
        for direction in (usual, other):
            await page.focus(f"vital-processes th button[data-column={column}]")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(f"th[aria-sort={direction}] button[data-column={column}]")
            assert await page.locator("vital-processes th[aria-sort]").count() == 1
            if column != "name":  # the page's collation need not be the server's
                await table.until(IN_ORDER, {"column": column, "descending": direction == "descending"})
    await table.until("() => new URLSearchParams(location.search).get('sort') === '-name'")


async def test_the_order_and_the_filter_are_in_the_address(
    page_server: Server, open_page: OpenPage, start: Start
) -> None:
    first, second = start("vc-address"), start("vc-address")
    watched = await opened(open_page, f"{page_server.url}/?sort=-pid&filter=VC-Addr")
    pids = sorted([str(first.pid), str(second.pid)], key=int)
    await watched.until(f"() => JSON.stringify(({SHOWN})()) === {json.dumps(json.dumps(pids, separators=(',', ':')))}")
    await watched.page.wait_for_selector("th[aria-sort=ascending] button[data-column=pid]")
    assert await watched.page.input_value("vital-processes input") == "VC-Addr"


async def test_a_process_keeps_its_row(table: Watched) -> None:
    page = table.page
    await show(table, sort="-pid")
    pid = (await page.evaluate(SHOWN))[0]
    await page.evaluate(f"""document.querySelector('vital-processes tr[data-pid="{pid}"]').kept = true""")
    newest = await page.evaluate(NEWEST)
    await table.until(f"() => ({NEWEST})() > {newest}")
    await table.settled()
    assert await page.evaluate(f"""document.querySelector('vital-processes tr[data-pid="{pid}"]').kept""")


async def test_an_order_that_is_none_is_explained_and_mended(page_server: Server, open_page: OpenPage) -> None:
    watched = await open_page(f"{page_server.url}/?sort=banana", charts=False)
    page = watched.page
    problem = page.locator("vital-processes .problem")
    await problem.wait_for(state="visible")
    assert "'banana' is not one of pid, name" in await problem.inner_text()
    await page.get_by_role("button", name="Show all by CPU").click()
    await page.wait_for_selector("vital-processes tbody tr")
    await problem.wait_for(state="hidden")


# --- filtering -----------------------------------------------------------------------------------------------------


async def test_finds_as_you_type_what_is_beyond_the_first_rows(
    page_server: Server, open_page: OpenPage, start: Start
) -> None:
    hidden = start("vc-needle")
    watched = await opened(open_page, f"{page_server.url}/?sort=-memory", viewport={"width": 700, "height": 600})
    page = watched.page
    await page.evaluate("document.querySelector('vital-processes').focusFilter()")
    await page.keyboard.type("Needle")
    await watched.until(f"() => JSON.stringify(({SHOWN})()) === '[\"{hidden.pid}\"]'")
    # Processes come and go, and the announcement is of the moment in which the filter was answered.
    for part in (".count", "[role=status].unseen"):
        await watched.until(rf"() => /^1 of \d+ processes matches$/.test(({TEXT})('{part}'))")
    await page.fill("vital-processes input", "")
    await page.keyboard.type(str(hidden.pid))
    await page.wait_for_selector(f'vital-processes tr[data-pid="{hidden.pid}"]')
    await watched.until("() => location.search.includes(`filter=`)")


async def test_says_when_nothing_matches_and_clears_the_filter(table: Watched) -> None:
    page = table.page
    await page.fill("vital-processes input", "no such <b>process</b>")
    empty = page.get_by_text("No process matches \u201cno such <b>process</b>\u201d.")
    await empty.wait_for(state="visible")
    assert (await said(page, ".count")).startswith("0 of ")
    assert await page.evaluate(SHOWN) == []
    await page.get_by_role("button", name="Clear the filter").click()
    await page.wait_for_selector("vital-processes tbody tr")
    await empty.wait_for(state="hidden")
    await table.until("() => document.activeElement.matches('vital-processes input') && location.search === ''")


async def test_escape_empties_the_filter_and_then_leaves_it(table: Watched) -> None:
    page = table.page
    await page.keyboard.press("/")
    await page.keyboard.type("pyt")
    await page.keyboard.press("Escape")
    focused = "document.activeElement.matches('vital-processes input')"
    assert await page.evaluate(f"[{focused}, document.activeElement.value]") == [True, ""]
    await page.keyboard.press("Escape")
    assert not await page.evaluate(focused)
    await page.keyboard.press("?")
    await page.wait_for_selector("dialog[open]")


async def test_many_keys_in_a_row_are_one_request(table: Watched) -> None:
    page = table.page
    # As fast as keys can be: one after the other, however busy this machine is.
    await page.evaluate(
        """() => { const filter = document.querySelector("vital-processes input");
             for (const key of "python") {
               filter.value += key;
               filter.dispatchEvent(new InputEvent("input", { bubbles: true, data: key }));
             } }"""
    )
    await table.until("() => document.querySelector('vital-processes').stream.request.filter === 'python'")
    await table.holds(lambda: any('"python"' in text for text in table.sent))
    assert sum('"filter"' in text for text in table.sent) == 1


# --- holding still -------------------------------------------------------------------------------------------------


async def three(table: Watched, start: Start, name: str) -> list[subprocess.Popen[bytes]]:
    """Show three processes of that name, the oldest first."""
    processes = [start(name) for _ in range(3)]
    await show(table, sort="-pid", filter=name)
    await table.until(f"() => ({SHOWN})().length === 3")
    return processes


async def test_rows_stay_under_the_pointer_while_values_go_on(table: Watched, start: Start) -> None:
    processes = await three(table, start, "vc-pointer")
    page = table.page
    before = await page.evaluate(SHOWN)
    await page.hover("vital-processes tbody tr:nth-child(2)")
    await table.until(f"() => ({TEXT})('.note') === 'order held'")

    gone, newcomer = processes[0], start("vc-pointer")
    end(gone)
    ended = page.locator(f'vital-processes tr.ended[data-pid="{gone.pid}"]')
    await ended.wait_for()
    assert "ended" in await ended.inner_text()
    assert await page.evaluate(SHOWN) == before
    ages = await page.evaluate(AGES)
    await table.until(f"() => ({AGES})() !== {json.dumps(ages)}")
    assert await page.evaluate(SHOWN) == before

    await page.mouse.move(5, 5)
    await page.wait_for_selector(f'vital-processes tr[data-pid="{newcomer.pid}"]')
    await ended.wait_for(state="detached")
    assert await said(page, ".note") == ""
    await table.until(f"() => ({HELD})() === undefined")


async def test_a_held_row_that_falls_behind_has_not_ended(table: Watched, start: Start) -> None:
    await three(table, start, "vc-behind")
    page = table.page
    await page.hover("vital-processes tbody tr:nth-child(2)")
    await table.until(f"() => ({TEXT})('.note') === 'order held'")
    # As if others had come before all of them.
    await page.evaluate(
        """() => { const { stream } = document.querySelector("vital-processes");
             stream.take({ type: "rows", columns: stream.columns, rows: [], matches: 9, total: 9, time: 1 });
             stream.tell("change"); }"""
    )
    await table.until(f"() => ({HELD})()?.current")
    await table.settled()
    assert await page.locator("vital-processes tbody tr.ended").count() == 0
    assert await page.locator("vital-processes tbody tr").count() == 3


async def test_a_focused_row_holds_and_arrows_walk(table: Watched, start: Start) -> None:
    processes = await three(table, start, "vc-keyboard")
    page = table.page
    await page.evaluate("document.querySelector('vital-processes').focusFilter()")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    focused = "() => [...document.querySelectorAll('vital-processes tbody tr')].indexOf(document.activeElement)"
    assert await page.evaluate(focused) == 1
    await page.keyboard.press("End")
    assert await page.evaluate(focused) == 2
    assert await page.locator("vital-processes tbody [tabindex='0']").count() == 1
    await table.until(f"() => ({TEXT})('.note') === 'order held'")
    end(processes[2])
    await page.wait_for_selector(f'vital-processes tr.ended[data-pid="{processes[2].pid}"]')
    assert await page.evaluate(focused) == 2
    await page.keyboard.press("Escape")
    await table.until(f"() => ({SHOWN})().length === 2 && ({TEXT})('.note') === ''")


async def test_pausing_moves_nothing_and_going_on_does(table: Watched) -> None:
    page = table.page
    await page.evaluate("""() => { const { view, stream } = document.querySelector("vital-processes");
                           view.pause(stream.newest); }""")
    await table.until(f"() => ({TEXT})('.of').startsWith('as it was at ')")
    before = await page.evaluate(SHOWN)
    assert await page.evaluate("document.querySelector('vital-processes').stream.held")
    await show(table, frozen=None)
    await table.until(f"() => ({TEXT})('.of') === '' && ({SHOWN})().length > 3")
    assert before


async def test_a_machine_that_does_not_list_its_processes_has_no_table(open_page: OpenPage) -> None:
    server = Server(env=SERVER_ENV | {"VITALCAST_COLLECTORS__DISABLED": "processes"})
    try:
        watched = await open_page(server.start().url, charts=False)
        await watched.page.wait_for_selector("vital-processes[hidden]", state="attached")
        await watched.state("live")
    finally:
        server.close()


# --- what it costs, and where it is seen ---------------------------------------------------------------------------


async def test_a_phone_shows_what_fits_and_is_sent_nothing_while_it_is_out_of_view(
    page_server: Server, open_page: OpenPage
) -> None:
    watched = await opened(open_page, f"{page_server.url}/?sort=threads", viewport={"width": 360, "height": 740})
    page = watched.page
    visible = await page.evaluate(
        """() => [...document.querySelectorAll("vital-processes thead button")]
             .filter((button) => button.checkVisibility()).map((button) => button.dataset.column)"""
    )
    assert visible == ["name", "cpu", "memory", "threads"], "the one sorted by is never left out"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(
        """() => { const { scrollWidth, clientWidth } = document.querySelector("vital-processes .scroll");
             return scrollWidth <= clientWidth; }"""
    )
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await watched.until("() => document.querySelector('vital-processes').stream.group === null")
    newest = await page.evaluate(NEWEST)
    await page.evaluate("document.querySelector('vital-processes').scrollIntoView()")
    await watched.until(f"() => ({NEWEST})() > {newest}")


async def test_axe_finds_nothing_serious(table: Watched, start: Start) -> None:
    processes = await three(table, start, "vc-axe")
    page = table.page
    await page.hover("vital-processes tbody tr:nth-child(2)")
    await table.until(f"() => ({TEXT})('.note') === 'order held'")
    end(processes[0])
    await page.wait_for_selector("vital-processes tr.ended")
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = await Axe().run(page, context="vital-processes")
        assert found.violations_count == 0, found.generate_report()
    assert not table.errors


async def test_bars_are_shares_of_a_cpu_and_of_the_machines_memory(table: Watched) -> None:
    await show(table, sort="memory")
    await table.until(
        """() => { const { stream } = document.querySelector("vital-processes");
             const row = document.querySelector("vital-processes tbody tr");
             const memory = stream.rows[0]?.[stream.columns.indexOf("memory")];
             const share = (column) => Number(row?.querySelector(`.col-${column}`).style.getPropertyValue("--share"));
             return memory > 0 && share("memory") >= 0 && share("memory") < 1 && share("cpu") <= 1
               && row.querySelector(".col-memory").style.getPropertyValue("--share") !== ""; }"""
    )
