"""The pointer over a chart: reads a moment in all charts, picks a window, and leaves the page to its scrolling."""

from __future__ import annotations

import pytest
import pytest_asyncio
from tests.browser.conftest import OpenPage, Watched
from tests.browser.lab import open_lab
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

TWO_CHARTS = """async () => {
  const view = new lab.View();
  const plots = [lab.chart({ view }), lab.chart({ view, top: 400 })];
  const changes = [];
  view.addEventListener("change", ({ detail }) => changes.push([...detail].join()));
  for (const plot of plots) plot.draw(lab.lines(340));
  for (const plot of plots) await lab.settled(plot, 1, 0);
  Object.assign(window, { view, plots, changes });
  window.seen = () => plots.map((plot) => {
    const line = plot.parentElement.querySelector(".line.pointed");
    return line.hidden ? null : Math.round((line.getBoundingClientRect().left - 40 - plot.area.left) * 10) / 10;
  });
  window.selected = () => {
    const box = document.querySelector(".selection:not([hidden])")?.getBoundingClientRect();
    return box ? [Math.round(box.left), Math.round(box.width)] : null;
  };
  return { ...plots[0].area, from: plots[0].window.from, to: plots[0].window.to };
}"""
TOP = 40 + 100
LEFT = 40


Charts = tuple[Watched, dict[str, float]]


async def with_charts(lab: Watched) -> Charts:
    area: dict[str, float] = await lab.page.evaluate(TWO_CHARTS)
    return lab, area


@pytest_asyncio.fixture(loop_scope="session")
async def charts(lab: Watched) -> Charts:
    """Two charts of one view, and where they draw, on a page that is as good as new."""
    return await with_charts(lab)


async def frames(watched: Watched) -> None:
    """Let two frames pass: what a pointer did has been shown then."""
    await watched.page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


async def test_a_moment_is_shown_in_every_chart(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    assert await page.evaluate("seen()") == [None, None]
    await page.mouse.move(LEFT + area["left"] + area["width"] / 2, TOP)
    await watched.until("() => view.hover !== null")
    assert await page.evaluate("view.hover") == pytest.approx((area["from"] + area["to"]) / 2, abs=400)
    places = await page.evaluate("seen()")
    assert places[0] == places[1] == pytest.approx(area["width"] / 2, abs=1)
    words = await page.evaluate("[...document.querySelectorAll('.moment.pointed')].map((one) => one.textContent)")
    # The day is said where it is not today.
    assert words == [await page.evaluate("`Mon 21 Sep ${new Date(view.hover).toTimeString().slice(0, 8)}`")] * 2

    await page.mouse.move(5, 5)
    await watched.until("() => view.hover === null")
    assert await page.evaluate("seen()") == [None, None]


async def test_a_mouse_at_rest_stays_where_it_is_while_time_goes_on(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    await page.mouse.move(LEFT + area["left"] + 200, TOP)
    await watched.until("() => view.hover !== null")
    before = await page.evaluate("view.hover")
    await page.evaluate("() => { for (const plot of plots) plot.draw(lab.lines(350)); }")
    assert await page.evaluate("view.hover") == pytest.approx(before + 10_000, abs=1)
    assert await page.evaluate("seen()") == pytest.approx([200, 200], abs=1)


async def test_pointer_events_are_taken_once_a_frame(charts: Charts) -> None:
    watched, _ = charts
    told = await watched.page.evaluate("""async () => {
        const over = document.querySelector("vital-crosshair");
        const move = (clientX) => over.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY: 100 }));
        for (let x = 200; x < 260; x += 1) move(x);
        await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
        return changes.length;
    }""")
    assert told == 1


async def test_a_drag_freezes_the_view_to_what_it_picked(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    start = LEFT + area["left"]
    await page.mouse.move(start + 300, TOP)
    await page.mouse.down()
    await page.mouse.move(start + 303, TOP)
    await frames(watched)
    assert await page.evaluate("selected()") is None
    await page.mouse.move(start + 100, TOP)
    await watched.until("() => selected() !== null")
    assert await page.evaluate("selected()") == pytest.approx([start + 100, 200], abs=2)
    # Time goes on: what was picked slides with it.
    await page.evaluate("() => plots[0].draw(lab.lines(343))")
    await page.mouse.up()
    frozen = await page.evaluate("view.frozen")
    span = area["to"] - area["from"]
    assert frozen["to"] == pytest.approx(area["from"] + span * 300 / area["width"], abs=500)
    assert frozen["from"] == pytest.approx(area["from"] + 3000 + span * 100 / area["width"], abs=500)
    assert await page.evaluate("selected()") is None

    await page.mouse.dblclick(start + 50, TOP)
    assert await page.evaluate("view.frozen") is None


async def test_a_click_chooses_a_moment_for_all_charts(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    chosen = """() => [...document.querySelectorAll(".line.chosen")].map((line) =>
      line.hidden ? null : Math.round(line.getBoundingClientRect().left - 40 - plots[0].area.left))"""
    await page.mouse.click(LEFT + area["left"] + 200, TOP)
    at = await page.evaluate("view.at")
    assert at == pytest.approx(area["from"] + (area["to"] - area["from"]) * 200 / area["width"], abs=400)
    assert await page.evaluate(chosen) == pytest.approx([200, 200], abs=2)
    # It stays while time goes on and another is pointed at, whose time is told then.
    await page.mouse.move(LEFT + area["left"] + 400, TOP)
    await page.evaluate("() => { for (const plot of plots) plot.draw(lab.lines(350)); }")
    assert await page.evaluate("view.at") == at
    assert (await page.evaluate(chosen))[1] < 195
    assert (
        await page.evaluate("[...document.querySelectorAll('.moment:not([hidden])')].map((one) => one.className)")
        == ["moment pointed"] * 2
    )
    await page.mouse.move(5, 5)
    await watched.until("() => document.querySelectorAll('.moment.chosen:not([hidden])').length === 2")
    await page.mouse.dblclick(LEFT + area["left"] + 50, TOP)
    assert await page.evaluate("[view.at, view.frozen]") == [None, None]


async def test_a_click_and_a_cancelled_drag_freeze_nothing(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    start = LEFT + area["left"]
    await page.evaluate(
        "() => document.addEventListener('keydown', ({ key }) => (window.keys = (window.keys ?? '') + key))"
    )
    await page.mouse.move(start + 100, TOP)
    await page.mouse.down()
    await page.mouse.move(start + 103, TOP)
    await page.mouse.up()
    await page.mouse.down()
    await page.mouse.move(start + 200, TOP)
    await watched.until("() => selected() !== null")
    await page.keyboard.press("Escape")
    assert await page.evaluate("selected()") is None
    await page.mouse.move(start + 260, TOP)
    await page.mouse.up()
    assert await page.evaluate("view.frozen") is None
    # The page's own Escape was not meant, and is heard again afterwards.
    assert await page.evaluate("window.keys") is None
    await page.keyboard.press("Escape")
    assert await page.evaluate("window.keys") == "Escape"


async def test_a_drag_may_leave_the_chart(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    await page.mouse.move(LEFT + area["left"] + 300, TOP)
    await page.mouse.down()
    await page.mouse.move(1200, 700, steps=3)
    await page.mouse.up()
    assert (await page.evaluate("view.frozen"))["to"] == area["to"]


async def test_a_tap_chooses_a_moment(page_server: Server, open_page: OpenPage) -> None:
    watched, area = await with_charts(await open_lab(open_page, page_server, has_touch=True))
    page = watched.page
    await page.touchscreen.tap(LEFT + area["left"] + 200, TOP)
    await watched.until("() => view.at !== null")
    before = await page.evaluate("view.at")
    assert await page.evaluate("view.hover") is None
    await page.touchscreen.tap(LEFT + area["left"] + 300, TOP + 360)
    await watched.until("(before) => view.at > before + 20000", before)
    # Elsewhere nothing is chosen, and what was stays.
    await page.touchscreen.tap(1000, 20)
    assert await page.evaluate("view.at") > before


async def test_a_finger_slides_along_the_chart_and_scrolls_the_page(page_server: Server, open_page: OpenPage) -> None:
    watched, area = await with_charts(
        await open_lab(open_page, page_server, has_touch=True, viewport={"width": 800, "height": 500})
    )
    page = watched.page
    await page.evaluate("document.body.style.height = '3000px'")
    cdp = await page.context.new_cdp_session(page)
    x, y = LEFT + area["left"] + 200, TOP

    async def touch(kind: str, *points: tuple[float, float]) -> None:
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    await touch("touchStart", (x, y))
    for step in range(1, 9):
        await touch("touchMove", (x + 20 * step, y))
    await touch("touchEnd")
    await watched.until("() => view.hover !== null")
    await watched.until("(x) => Math.abs(seen()[0] - x) < 3", 360)
    assert await page.evaluate("scrollY") == 0
    hover = await page.evaluate("view.hover")
    # The moment was read: it moves on with the chart.
    await page.evaluate("() => { for (const plot of plots) plot.draw(lab.lines(350)); }")
    assert await page.evaluate("view.hover") == hover
    assert (await page.evaluate("seen()"))[1] < 355

    await touch("touchStart", (x, y + 150))
    for step in range(1, 9):
        await touch("touchMove", (x, y + 150 - 20 * step))
    await touch("touchEnd")
    await watched.until("() => scrollY > 50")
    assert await page.evaluate("[view.hover, view.at, view.frozen]") == [hover, None, None]
    await page.touchscreen.tap(790, 20)
    await watched.until("() => view.hover === null")


async def test_what_is_missing_is_hatched(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    hatched = """() => [...document.querySelectorAll(".break:not([hidden])")].map((one) => {
      const { left, width } = one.getBoundingClientRect();
      return [left - 40, width];
    })"""
    per_s = area["width"] / 300
    # 119 s to 131 s of a window that begins at 40 s.
    expected = [area["left"] + 79 * per_s, 12 * per_s]
    assert await page.evaluate(hatched) == [pytest.approx(expected, abs=1)] * 2
    await page.evaluate("plots[0].draw(lab.lines(424))")
    assert (await page.evaluate(hatched))[0] == pytest.approx([area["left"], 7 * per_s], abs=1)
    await page.evaluate("plots[0].draw({ ...lab.lines(425), breaks: [] })")
    assert len(await page.evaluate(hatched)) == 1


async def test_a_removed_chart_lets_go(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    await page.mouse.move(LEFT + area["left"] + 200, TOP)
    await watched.until("() => view.hover !== null")
    await page.evaluate("plots[0].parentElement.remove()")
    assert await page.evaluate("view.hover") is None
    assert watched.errors == []
