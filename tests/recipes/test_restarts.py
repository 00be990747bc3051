"""CPU each second, through restarts: in each language as it stands, in as many lines as the manual says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.e2e.server import Server
from tests.examples import ADDRESS, TIMEOUT_S, examples, section
from tests.npm import NODE
from tests.programs import Programs
from tests.reference.tables import page

RECIPE = section(page("recipes.md"), "CPU each second, through restarts")
FAST = {"interval=1": "interval=0.2", "interval: 1": "interval: 0.2", "tail ": "tail --interval 0.2 "}
MORE = 3  # of what may be on its way when a server is killed there is less
BLOCKS = {
    "shell, with `vitalcast`": "sh",
    "shell, with `curl` and `jq`": "bash",
    "Python": "python",
    "JavaScript": "javascript",
}


def block(language: str) -> str:
    (text,) = examples(RECIPE, language)
    return text


def test_they_have_as_many_lines_as_the_table_says() -> None:
    table = dict(re.findall(r"^\| (.+) \| (\d+) \|$", RECIPE, re.MULTILINE))
    counted = {name: len(list(filter(None, block(language).splitlines()))) for name, language in BLOCKS.items()}
    assert {name: int(lines) for name, lines in table.items()} == counted
    assert all(len(line) <= 160 for line in block("python").splitlines())


@pytest.fixture
def server() -> Iterator[Server]:
    env = {"VITALCAST_SAMPLER__INTERVAL_S": "0.2", "VITALCAST_HISTORY__FLUSH_S": "0.2"}
    with closing(Server(env=env)) as server:
        yield server.start()


@asynccontextmanager
async def following(
    command: list[str | Path], environment: dict[str, str], folder: Path
) -> AsyncIterator[asyncio.Queue[str]]:
    """Run a program, with what it starts, until the block ends; yield the lines that it writes, as they come."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    lines: asyncio.Queue[str] = asyncio.Queue()

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            lines.put_nowait(line.decode())

    reading = asyncio.create_task(read())
    try:
        yield lines
        assert process.returncode is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reading


async def take(lines: asyncio.Queue[str], count: int) -> None:
    """Wait for so many more lines with values."""
    while count:
        async with asyncio.timeout(TIMEOUT_S):
            count -= bool(re.search(r'cpu\.mode=\\?"user\\?"}\W+[\d.]+', await lines.get()))


async def test_each_goes_on_where_a_killed_server_comes_back(
    server: Server, programs: Programs, tmp_path: Path
) -> None:
    def ours(language: str) -> str:
        text = block(language).replace(ADDRESS, f"127.0.0.1:{server.port}")
        for old, new in FAST.items():
            text = text.replace(old, new)
        return text

    (tmp_path / "cpu.py").write_text(ours("python"), encoding="utf-8")
    (tmp_path / "cpu.mjs").write_text(ours("javascript"), encoding="utf-8")
    urllib.request.urlretrieve(f"{server.url}/client.js", tmp_path / "vitalcast.mjs")
    tail = ours("sh").replace("tail ", f"tail --url {server.url} ")
    commands: list[list[str | Path]] = [
        ["bash", "-c", tail],
        ["bash", "-c", ours("bash")],
        ["python", "-W", "error", "cpu.py"],
        [NODE, "cpu.mjs"],
    ]
    async with contextlib.AsyncExitStack() as running:
        told = [await running.enter_async_context(following(one, programs.environment, tmp_path)) for one in commands]
        await asyncio.gather(*(take(lines, 2) for lines in told))
        server.kill()
        await asyncio.to_thread(server.start)
        for lines in told:
            while not lines.empty():
                lines.get_nowait()
        await asyncio.gather(*(take(lines, MORE) for lines in told))
