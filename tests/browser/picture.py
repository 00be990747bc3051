"""Takes the README's picture: the dashboard while a program takes two CPUs. `python -m tests.browser.picture FILE`.

The load is real, and so is whatever else the machine is doing: take it on a machine that is otherwise idle.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from playwright.async_api import async_playwright
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.e2e.server import Server

SIZE = {"width": 1240, "height": 775}  # small, so that words can be read where the picture is shown at half its size
SCALE = 1.5
QUIET_S = 25
BURST_S = 7
LOAD = ("xz", "--threads=2", "--stdout", "/dev/urandom")
VIEW = "/?range=1m&theme=dark"


async def take(file: Path) -> None:
    """Start a server, put load on the machine twice, and photograph the page during the second time."""
    chromium = find_chromium()
    server = Server().start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium.executable, args=list(ARGUMENTS))
            page = await browser.new_page(viewport=SIZE, device_scale_factor=SCALE, color_scheme="dark")
            await page.goto(f"{server.url}{VIEW}")
            for quiet_s in (QUIET_S, QUIET_S / 2):
                await asyncio.sleep(quiet_s)
                load = await asyncio.create_subprocess_exec(*LOAD, stdout=subprocess.DEVNULL)
                await asyncio.sleep(BURST_S)
                await page.screenshot(path=file)
                load.terminate()
                await load.wait()
            await browser.close()
    finally:
        server.close()


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))
