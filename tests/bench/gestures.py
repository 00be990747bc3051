"""How long the charts take to follow a hand: zooming, moving and choosing ranges over a month of generated past.

Times begin with the input event and end with the frame after the one in which the charts are drawn: the chart that is
pointed at, all that are in view, and all with the answers of the history. CPU is the processor time of the page's main
thread meanwhile, which a busy machine does not lengthen.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from playwright.async_api import Browser, CDPSession, Page
from tests.bench import common
from tests.bench.browser import READY_S, Table, chromium, metrics
from tests.bench.common import progress
from tests.browser.past_file import go_on, make

SCRIPT: Final = common.HERE / "gestures.js"
VIEWPORT: Final = {"width": 1440, "height": 900}
MEASURES: Final = ("pointed", "all", "sharp")
CPU: Final = "CPU"
ALL: Final = "all gestures"
ROUNDS: Final = 5
BACK_FROM: Final = 0.4
DRAWN = """() => { const plots = [...document.querySelectorAll("vital-plot")].filter((plot) => {
    const { top, bottom, height } = plot.getBoundingClientRect();
    return height > 0 && bottom > 0 && top < innerHeight; });
  return plots.length > 2 && plots.every((plot) => plot.counts?.full > 0 && !plot.busy && plot.window); }"""


class Gesture(NamedTuple):
    """What a hand does, and the event that its picture is waited for from."""

    kind: str
    event: str
    do: Callable[[Hand], Awaitable[None]]


class Hand:
    """A mouse over the first chart, and the keyboard."""

    def __init__(self, page: Page, box: dict[str, float]) -> None:
        self.page = page
        self._box = box

    async def point(self, share: float = 0.5) -> None:
        """Point at a place of the chart, by its share of the width."""
        await self.page.mouse.move(
            self._box["x"] + share * self._box["width"], self._box["y"] + self._box["height"] / 2
        )

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def wheel(self, pixels: int) -> None:
        await self.page.keyboard.down("Control")
        await self.page.mouse.wheel(0, pixels)
        await self.page.keyboard.up("Control")

    async def drag(self, start: float, end: float, *, key: str = "") -> None:
        await self.point(start)
        if key:
            await self.page.keyboard.down(key)
        await self.page.mouse.down()
        await self.point(end)
        await self.page.mouse.up()
        if key:
            await self.page.keyboard.up(key)


def _range(key: str) -> Gesture:
    return Gesture("range", "keydown", lambda hand: hand.press(key))


IN: Final = Gesture("zoom", "wheel", lambda hand: hand.wheel(-200))
OUT: Final = Gesture("zoom", "wheel", lambda hand: hand.wheel(200))
BACK: Final = Gesture("move", "pointermove", lambda hand: hand.drag(BACK_FROM, 0.7, key="Shift"))
SELECT: Final = Gesture("select", "pointerup", lambda hand: hand.drag(0.35, 0.65))
HOUR, DAY, WEEK, MONTH, FIVE_MINUTES = (_range(key) for key in "46782")
ROUND: Final = (
    *(HOUR, IN, IN, BACK, OUT, FIVE_MINUTES),
    *(DAY, SELECT, BACK, BACK, IN, WEEK),
    *(MONTH, IN, BACK, OUT, HOUR, FIVE_MINUTES),
)


async def measure(page: Page, cdp: CDPSession, hand: Hand, gesture: Gesture) -> dict[str, float]:
    """Return how many milliseconds a gesture took to be seen."""
    await hand.point()
    await asyncio.sleep(0.1)
    if gesture.event == "pointermove":  # of the drag itself, not of the way to it
        await hand.point(BACK_FROM)
    before = await metrics(cdp)
    await page.evaluate("(type) => gestures.arm(type)", gesture.event)
    await gesture.do(hand)
    try:
        await _until(page, "() => gestures.taken !== null", "not all was drawn")
    except RuntimeError as error:
        raise RuntimeError(f"{gesture.kind}: {error}: {await page.evaluate('() => gestures.missing')}") from None
    after = await metrics(cdp)
    taken: dict[str, float] = await page.evaluate("() => gestures.taken")
    return taken | {CPU: 1000 * (after["ThreadTime"] - before["ThreadTime"])}


async def _until(page: Page, expression: str, otherwise: str) -> None:
    due_s = time.monotonic() + READY_S
    while not await page.evaluate(expression):
        if time.monotonic() > due_s:
            raise RuntimeError(f"{otherwise} within {READY_S:.0f} s")
        await asyncio.sleep(0.05)


async def measured(
    browser: Browser, url: str, rounds: int, gestures: Sequence[Gesture] = ROUND
) -> list[tuple[str, dict[str, float]]]:
    """Return what each gesture took, by its kind."""
    found = []
    page = await browser.new_page(viewport=VIEWPORT)
    try:
        await page.add_init_script(SCRIPT.read_text())
        await page.goto(url, wait_until="commit")
        await _until(page, DRAWN, "no charts are drawn")
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        box = await page.locator("vital-plot:visible").first.bounding_box()
        assert box is not None
        hand = Hand(page, dict(box))
        for number in range(rounds):
            for gesture in gestures:
                one = await measure(page, cdp, hand, gesture)
                found.append((gesture.kind, one))
                shown = ", ".join(f"{name} {one[name]:.0f} ms" for name in (*MEASURES, CPU))
                progress(f"  round {number + 1} of {rounds}, {gesture.kind}: {shown}, {one['charts']:.0f} charts")
    finally:
        await page.close()
    return found


async def _over_a_month(folder: Path, rounds: int, gestures: Sequence[Gesture]) -> list[tuple[str, dict[str, float]]]:
    go_on(folder)
    with common.vitalcast(VITALCAST_ACCESS__DATA_DIR=str(folder)) as server:
        server.wait()
        async with chromium() as browser:
            return await measured(browser, f"http://127.0.0.1:{server.port}/", rounds, gestures)


def run(rounds: int = ROUNDS, gestures: Sequence[Gesture] = ROUND) -> Table:
    """Return a row for each kind of gesture and one for all, and notes."""
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder:
        make(Path(folder))
        found = asyncio.run(_over_a_month(Path(folder), rounds, gestures))
    kinds = dict.fromkeys(kind for kind, _ in found)
    rows = [_row(kind, [one for of, one in found if of == kind]) for kind in kinds]
    note = "30 days of 250 series; times to the frame after the picture, as many charts as are in view at 1440 × 900"
    return [*rows, _row(ALL, [one for _, one in found])], [note]


def _row(kind: str, found: Iterable[dict[str, float]]) -> dict[str, Any]:
    every = list(found)
    row: dict[str, Any] = {"gesture": kind, "count": len(every)}
    for name in (*MEASURES, CPU):
        for percent in (50, 95):
            row[f"{name} p{percent}, ms"] = round(float(np.percentile([one[name] for one in every], percent)))
    return row


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of {len(ROUND)} gestures; default: {ROUNDS}")
    options = parser.parse_args(argv)
    progress("gestures")
    rows, notes = run(options.rounds)
    common.report("gestures", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
