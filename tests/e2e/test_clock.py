"""A clock that somebody sets while the server runs: the stream, its past and its tables go on, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from urllib.request import urlopen

from tests.e2e.client import Client, Json, Mirror, client
from tests.e2e.conftest import StartServer
from tests.e2e.machine import CLOCK
from tests.e2e.server import Server

METRICS = ["test.flip"]
HOUR_MS = 3_600_000
HISTORY = {"HISTORY__PATH": "history.db", "HISTORY__FLUSH_S": "0.2", "HISTORY__RETENTION_MAX_H": "1"}


async def follow(one: Client, mirror: Mirror, rows: list[Json], *, ticks: int, tables: int) -> None:
    """Take in messages until so many more ticks and rows have come."""
    ticks, tables = len(mirror.ticks) + ticks, len(rows) + tables
    while len(mirror.ticks) < ticks or len(rows) < tables:
        message = await one.receive()
        mirror.feed(message)
        if message["type"] == "rows":
            rows.append(message)


def get(server: Server, path: str) -> str:
    with urlopen(f"{server.url}{path}") as answer:
        return str(answer.read(), "utf-8")


async def test_a_clock_that_is_set_there_and_back_stops_nothing_and_is_no_gap(start_server: StartServer) -> None:
    server = await asyncio.to_thread(start_server, scripted=True, SAMPLER__INTERVAL_S="0.2", **HISTORY)
    rows: list[Json] = []
    async with client(server) as one:
        ack, snapshot = await one.subscribe("s", METRICS, interval=0.2)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await one.ask("table", stream="t", table="processes", limit=1, interval=1)
        await follow(one, mirror, rows, ticks=5, tables=1)
        for ahead_ms in (-HOUR_MS, 48 * HOUR_MS, 0):
            (server.folder / CLOCK).write_text(str(ahead_ms / 1000))
            before = mirror.time
            await follow(one, mirror, rows, ticks=8, tables=1)
            assert abs(mirror.time - before) > HOUR_MS - 60_000
            assert json.loads(await asyncio.to_thread(get, server, "/readyz")) == {"status": "ok"}
            assert "stale" not in await asyncio.to_thread(get, server, "/badge/cpu.svg")
            assert "stale" not in await asyncio.to_thread(get, server, "/api/v1/panels/cpu.svg")
        _, past = await one.subscribe("past", METRICS, interval=0.2, backfill=600)
        _, again = await one.subscribe(
            "again", METRICS, interval=0.2, since={"epoch": ack["epoch"], "offset": mirror.ticks[0].offset}
        )
    missed = sum(gap["to"] - gap["from"] + 1 for gap in mirror.gaps)
    assert missed < 1000, "what a busy machine misses, and not the hours by which the clock was set"
    assert all(later.offset > earlier.offset for earlier, later in pairwise(mirror.ticks))
    times = [tick.time for tick in mirror.ticks]
    assert again["times"][: len(times) - 1] == times[1:]
    assert past["times"][-len(again["times"]) :] == again["times"]
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    async with client(server) as one:
        _, kept = await one.subscribe("kept", METRICS, interval=0.2, backfill=600)
    start = kept["times"].index(times[0])
    assert kept["times"][start : start + len(times)] == times, "and all of it is in the file"
    assert server.errors() == ""
