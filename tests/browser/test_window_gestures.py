"""Zooming and moving the window over a chart, by wheel, mouse and fingers, and the windows that these lead to."""

from __future__ import annotations

import pytest
from tests.browser.conftest import OpenPage, RunJs
from tests.browser.lab import open_lab
from tests.browser.test_crosshair import LEFT, TOP, Charts, charts, frames, with_charts
from tests.e2e.server import Server

__all__ = ["charts"]
pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = 3_600_000
SHOWN = "(() => { const { from, to } = view.window(plots[0].window.to); return [from, to]; })()"


async def test_windows_stay_between_what_is_kept_and_now(js: RunJs) -> None:
    windows = await js(
        """const { endsNow, moved, pinched, windowAround, zoomed } = await load("charts/model/zoom");
        const [hour, limits] = [3_600_000, { earliest: 0, now: 100 * 3_600_000 }];
        const shown = { from: 40 * hour, to: 44 * hour };
        const inHours = ({ from, to }) => [from / hour, to / hour];
        const short = { from: 0, to: 1500 };
        return {
          out: inHours(zoomed(shown, 41 * hour, 2, limits)),
          in: inHours(zoomed(shown, 41 * hour, 0.5, limits)),
          back: inHours(zoomed(zoomed(shown, 43 * hour, 0.25, limits), 43 * hour, 4, limits)),
          least: zoomed(short, 750, 0.1, limits),
          all: inHours(zoomed(shown, 41 * hour, 1e9, limits)),
          unknown: zoomed(shown, 41 * hour, 1e9, { ...limits, earliest: NaN }).to / hour,
          // What is shown of a new server reaches beyond what is kept: nothing jumps.
          young: inHours(zoomed({ from: 95 * hour, to: 100 * hour }, 97 * hour, 2, { ...limits, earliest: 99 * hour })),
          youngMoved: inHours(moved({ from: 95 * hour, to: 100 * hour }, -hour, { ...limits, earliest: 99 * hour })),
          earlier: inHours(moved(shown, -2 * hour, limits)),
          first: inHours(moved(shown, -50 * hour, limits)),
          last: inHours(moved(shown, 90 * hour, limits)),
          // Two fingers that move as one, that part about their middle, and that do both.
          panned: inHours(pinched(shown, { from: 0.5, to: 0.25, factor: 1 }, limits)),
          parted: inHours(pinched(shown, { from: 0.5, to: 0.5, factor: 0.5 }, limits)),
          both: inHours(pinched(shown, { from: 0.25, to: 0.75, factor: 0.5 }, limits)),
          around: inHours(windowAround(50 * hour, 2 * hour, 100 * hour)),
          atEdge: inHours(windowAround(100 * hour - 1, 2 * hour, 100 * hour)),
          now: [0, 60_000, 0.9 * hour].map((ms) => endsNow({ from: 96 * hour, to: 100 * hour - ms }, limits)),
        };"""
    )
    assert windows == {
        "out": [39, 47],
        "in": [40.5, 42.5],
        "back": [40, 44],
        "least": {"from": 250, "to": 1250},
        "all": [0, 100],
        "unknown": 100,
        "young": [95, 100],
        "youngMoved": [95, 100],
        "earlier": [38, 42],
        "first": [0, 4],
        "last": [96, 100],
        "panned": [41, 45],
        "parted": [41, 43],
        "both": [39.5, 41.5],
        "around": [49, 51],
        "atEdge": [98, 100],
        "now": [True, True, False],
    }


async def test_a_wheel_with_ctrl_zooms_about_the_pointer_and_alone_scrolls_the_page(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    await page.evaluate("document.body.style.height = '3000px'")
    await page.mouse.move(LEFT + area["left"] + area["width"] / 4, TOP)
    await page.mouse.wheel(0, 200)
    await watched.until("() => scrollY > 50")
    assert await page.evaluate("view.frozen") is None
    await page.evaluate("() => { scrollTo(0, 0); changes.length = 0; }")
    await watched.until("() => scrollY === 0")

    await page.keyboard.down("Control")
    for _ in range(3):
        await page.mouse.wheel(0, -100)
    await watched.until("() => view.frozen && view.frozen.to - view.frozen.from < 160_000")
    await page.keyboard.up("Control")
    start, end = await page.evaluate(SHOWN)
    assert end - start == pytest.approx(300_000 / 1.25**3, rel=0.01)
    # What was pointed at stays in its place.
    pointed = area["from"] + 75_000
    assert start + (end - start) / 4 == pytest.approx(pointed, abs=500)
    assert await page.evaluate("scrollY") == 0
    # However many steps a wheel tells, a frame takes them as one.
    steps = await page.evaluate("""async () => {
        changes.length = 0;
        const over = document.querySelector("vital-crosshair");
        const init = { ctrlKey: true, deltaY: -3, clientX: 300, clientY: 100, cancelable: true };
        const taken = Array.from({ length: 40 }, () => !over.dispatchEvent(new WheelEvent("wheel", init)));
        await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
        return [taken.every(Boolean), changes.filter((one) => one.includes("frozen")).length];
    }""")
    assert steps == [True, 1]


async def test_zooming_out_ends_at_now_and_is_live_again(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    await page.evaluate("Object.assign(document.querySelector('vital-crosshair'), { clock: { now: () => lab.now } })")
    await page.evaluate("lab.now = plots[0].window.to")
    await page.mouse.move(LEFT + area["left"] + area["width"] * 0.9, TOP)
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -100)
    await watched.until("() => view.frozen !== null")
    for _ in range(4):
        await page.mouse.wheel(0, 100)
    await watched.until("() => view.frozen === null && view.range > 500")
    await page.keyboard.up("Control")


async def test_a_drag_with_shift_moves_the_window_and_escape_puts_it_back(charts: Charts) -> None:
    watched, area = charts
    page = watched.page
    start = LEFT + area["left"]
    span = area["to"] - area["from"]
    await page.keyboard.down("Shift")
    await page.mouse.move(start + 100, TOP)
    await page.mouse.down()
    await page.mouse.move(start + 200, TOP, steps=4)
    await frames(watched)
    by = span * 100 / area["width"]
    shown = [area["from"] - by, area["to"] - by]
    assert await page.evaluate(SHOWN) == pytest.approx(shown, abs=2)
    await page.mouse.up()
    await page.keyboard.up("Shift")
    assert await page.evaluate("[view.at, document.querySelector('.moving')]") == [None, None]

    await page.keyboard.down("Shift")
    await page.mouse.down()
    await page.mouse.move(start + 300, TOP)
    await frames(watched)
    assert (await page.evaluate(SHOWN))[0] < shown[0] - 1000
    await page.keyboard.press("Escape")
    assert await page.evaluate(SHOWN) == pytest.approx(shown, abs=2)
    await page.mouse.up()
    await page.keyboard.up("Shift")
    assert await page.evaluate(SHOWN) == pytest.approx(shown, abs=2)
    assert await page.evaluate("view.at") is None


async def test_two_fingers_zoom_and_move_and_one_scrolls(page_server: Server, open_page: OpenPage) -> None:
    watched, area = await with_charts(
        await open_lab(open_page, page_server, has_touch=True, viewport={"width": 800, "height": 500})
    )
    page = watched.page
    await page.evaluate("document.body.style.height = '3000px'")
    cdp = await page.context.new_cdp_session(page)

    async def touch(kind: str, *places: float) -> None:
        points = [{"x": LEFT + area["left"] + x, "y": TOP + 30 * i, "id": i} for i, x in enumerate(places)]
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    # Parting about the middle zooms in; what was under it stays there.
    width = area["width"]
    middle = width / 2
    await touch("touchStart", middle - 50)
    await touch("touchStart", middle - 50, middle + 50)
    for step in range(1, 6):
        await touch("touchMove", middle - 50 - 10 * step, middle + 50 + 10 * step)
    await watched.until("() => view.frozen && view.frozen.to - view.frozen.from < 200_000")
    await frames(watched)
    start, end = await page.evaluate(SHOWN)
    assert end - start == pytest.approx(300_000 * 104.4 / 202.2, rel=0.02)
    assert (start + end) / 2 == pytest.approx(area["from"] + 150_000, abs=1500)
    # Moved as one they move the window.
    for step in range(1, 6):
        await touch("touchMove", middle - 100 + 12 * step, middle + 100 + 12 * step)
    await watched.until("(start) => view.frozen.from < start - 10_000", start)
    await frames(watched)
    moved = await page.evaluate(SHOWN)
    assert moved == pytest.approx([one - (end - start) * 60 / width for one in (start, end)], abs=1500)
    # A finger that stays a little longer than the other means nothing.
    await touch("touchEnd", middle - 40)
    await touch("touchMove", middle)
    await touch("touchEnd")
    await frames(watched)
    assert await page.evaluate(SHOWN) == moved
    assert await page.evaluate("[view.at, scrollY]") == [None, 0]
    assert watched.errors == []
