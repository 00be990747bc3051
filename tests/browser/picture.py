"""Takes the README's picture: a machine on which something happened at 02:00. `python -m tests.browser.picture FILE`.

The machine is the generated past's (`tests.browser.past`), its clock set to twenty past two, so that the picture is the
same whenever and wherever it is taken, but for the header, which names this machine.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.past_file import make
from tests.browser.past_story import MINUTE_MS, SECOND_MS, last_clock
from tests.e2e.server import Server

SIZE = {"width": 1360, "height": 800}  # small, so that words can be read where the picture is shown at half its size
SCALE = 1.5
HOUR = 2
DRAWN = """() => [...document.querySelectorAll("vital-plot")].filter((plot) => plot.checkVisibility()).slice(0, 3)
  .every((plot) => plot.counts.full > 0 && !plot.busy) && document.body.textContent.includes("gzip")"""
SETTLED_S = 2.0  # what is sharper has come by then


async def take(file: Path) -> None:
    """Make a past in which all CPUs were taken at 02:00, and photograph what the page says of that second."""
    spike_ms = last_clock(time.time_ns() // 10**9 * 1000, HOUR)
    end_ms = spike_ms + 20 * MINUTE_MS
    with tempfile.TemporaryDirectory(prefix="vitalcast-picture-") as folder:
        server = Server(scripted=True, env={"VITALCAST_ACCESS__DATA_DIR": folder, "E2E_HOST": "shop-1"})
        try:
            make(Path(folder), end_ms=end_ms, spike_ms=spike_ms, deploy_ms=end_ms - 22 * 60 * MINUTE_MS)
            server.set_clock((end_ms + SECOND_MS) / 1000 - time.time())
            server.start()
            window = f"from={spike_ms - 8 * MINUTE_MS}&to={spike_ms + 7 * MINUTE_MS}&at={spike_ms + 12 * SECOND_MS}"
            await _photograph(f"{server.url}/?{window}&theme=dark", file)
        finally:
            server.close()


async def _photograph(url: str, file: Path) -> None:
    chromium = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.executable, args=list(ARGUMENTS))
        page = await browser.new_page(viewport=SIZE, device_scale_factor=SCALE, color_scheme="dark")
        await page.goto(url)
        while not await page.evaluate(DRAWN):
            await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLED_S)
        await page.locator("#panel-cpu-programs .flag.critical").focus()  # which then says what it was
        await asyncio.sleep(SETTLED_S)
        await page.screenshot(path=file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))
