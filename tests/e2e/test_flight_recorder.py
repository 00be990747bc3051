"""A real server is asked who used the machine: while it runs, afterwards, and after a restart."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from tests.collectors.test_process_source import own_user
from tests.e2e.client import TIMEOUT_S, client
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server

ENV = {"HISTORY__PATH": "history.db", "HISTORY__FLUSH_S": "0.5", "RECORDER__INTERVAL_S": "1"}
NAME = "vc-culprit"
Row = dict[str, Any]


@pytest.fixture
def culprit(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of that name, which uses a CPU for a while."""
    program = tmp_path / NAME
    program.symlink_to(Path(sys.executable).resolve())
    process = subprocess.Popen([program, "-I", "-S", "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def get(server: Server, path: str, **params: Any) -> Any:
    with urlopen(f"{server.url.rstrip('/')}{path}?{urlencode(params)}", timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def processes(server: Server, **params: Any) -> list[Row]:
    answer = get(server, "/api/v1/processes", limit=500, **params)
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


async def once(find: Callable[[], list[Row]], holds: Callable[[Row], bool]) -> Row:
    """Return the culprit's row as soon as there is one of which this holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            rows = [row for row in await asyncio.to_thread(find) if row["name"] == NAME and holds(row)]
            if rows:
                return rows[0]
            await asyncio.sleep(0.2)


async def test_who_used_the_machine_is_known_afterwards(
    start_server: StartServer, culprit: subprocess.Popen[bytes]
) -> None:
    server = start_server(**ENV)
    begin_ms = int(time.time() * 1000)
    busy = await once(lambda: processes(server), lambda row: (row["cpu"] or 0) > 0.1)
    at_ms = int(time.time() * 1000)
    assert (busy["pid"], busy["user"], busy["parent"]) == (culprit.pid, own_user(), os.getpid())
    latest = f'process.cpu.utilization{{process.executable.name="{NAME}"}}'
    async with asyncio.timeout(TIMEOUT_S):
        while not (await asyncio.to_thread(get, server, "/api/v1/latest"))["metrics"].get(latest):
            await asyncio.sleep(0.2)
    culprit.kill()
    culprit.wait()
    used = await once(lambda: processes(server, start=begin_ms), lambda row: bool(row["ended"]))
    assert used["cpu_peak"] > 0.1 and used["cpu"] > 0
    assert begin_ms - 60_000 < used["started"] <= used["first"] < used["last"]
    async with client(server) as one:
        told = await one.ask("query", table="processes", at=at_ms, limit=500)
        names = [column["name"] for column in told["columns"]]
        assert NAME in [row[names.index("name")] for row in told["rows"]]
    before = processes(server, at=at_ms)
    assert server.stop() == 0
    server.start()
    assert processes(server, at=at_ms) == before
    again = await once(lambda: processes(server, start=begin_ms), lambda row: bool(row["ended"]))
    assert again == again | {key: used[key] for key in ("pid", "cpu_peak", "memory_peak", "first", "last", "started")}
