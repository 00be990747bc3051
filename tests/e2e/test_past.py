"""Real sockets ask a real server about its past: what they saw live is what they are told later."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from tests.e2e.client import TIMEOUT_S, Client, Json, Mirror, Tick, client, witness
from tests.e2e.conftest import StartServer
from tests.e2e.server import Server

from vitalcast.core.vocabulary import ErrorCode

TICK_S = 0.1
FORGOTTEN = 210  # ticks, more than a ring that is to keep a second holds
METRICS = ["system.load.average", "system.cpu.utilization"]
ENV = {"SAMPLER__INTERVAL_S": str(TICK_S), "HISTORY__PATH": "history.db", "HISTORY__FLUSH_S": "1"}
SHORT = {"RING__WINDOW_S": "1"}


async def test_since_is_replayed_from_the_file_and_after_a_restart_too(start_server: StartServer) -> None:
    server = start_server(**ENV, **SHORT)
    async with client(server) as one:
        panel = await one.ask("subscribe", stream="p", panel="load")
        ack, snapshot = await one.subscribe("s", METRICS)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await follow(one, mirror, ack["offset"] + FORGOTTEN)
        seen = mirror.ticks[:]
        await follow(one, mirror, mirror.offset + 20)  # while that is written
    begin = {"epoch": ack["epoch"], "offset": ack["offset"]}
    await assert_replayed(server, begin, seen, panel["offset"])
    assert server.stop() == 0
    server.start()
    await assert_replayed(server, begin, seen, panel["offset"])


async def follow(one: Client, mirror: Mirror, to_offset: int) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while mirror.offset < to_offset:
            mirror.feed(await one.receive())


async def assert_replayed(server: Server, begin: Json, seen: list[Tick], panel_offset: int) -> None:
    """Hold a stream that goes on from the beginning to be told every value that was seen since."""
    async with client(server) as again:
        ack, snapshot = await again.subscribe("s", METRICS, since=begin)
        assert ack["recovered"] is True
        assert ack["epoch"] == begin["epoch"]
        assert snapshot["times"][: len(seen)] == [tick.time for tick in seen]
        for at, column in enumerate(snapshot["values"]):
            assert column[: len(seen)] == [tick.values[at] for tick in seen]
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        heard = len(again.heard)
        panel = await again.ask("subscribe", stream="p", panel="load", since=begin | {"offset": panel_offset})
        assert panel["recovered"] is True
        for message in again.heard[heard:]:  # while the history was read
            mirror.feed(message)
        await follow(again, mirror, ack["offset"] + 5)
        assert mirror.holes(ack["offset"]) == []


async def test_a_query_is_answered_with_what_was_seen_live(start_server: StartServer) -> None:
    server = start_server(**ENV)
    async with client(server) as one:
        ack, snapshot = await one.subscribe("s", METRICS)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await follow(one, mirror, ack["offset"] + 30)
        ticks = mirror.ticks
        first, last = ticks[0].time, ticks[-1].time
        asked = {"metrics": METRICS, "start": first - 1, "end": last, "step": TICK_S, "aggregate": ["last"]}
        result = await one.ask("query", **asked)
        assert result["times"] == [tick.time for tick in ticks]
        assert result["series"] == snapshot["series"]
        assert result["values"] == [list(column) for column in zip(*(tick.values for tick in ticks), strict=True)]
        whole = await one.ask("query", **(asked | {"step": 3600, "aggregate": ["max", "count"]}))
        assert sum(whole["values"][1]) == len(ticks)
        panel = await one.ask("query", panel="load", start=first - 1, end=last, step=TICK_S)
        assert panel["headline"]["label"] == "1 min"
        assert panel["times"] == result["times"]
        asked = {"panel": "load", "start": first - 1, "end": last, "step": 60, "aggregate": ["avg", "min", "max"]}
        steps = await one.ask("query", **asked)
        assert len(steps["values"]) == 3 * len(steps["series"])
        columns = [3 * line["column"] for line in steps["lines"]]
        for mean, least, greatest in (steps["values"][column : column + 3] for column in columns):
            assert all(low <= middle <= high for low, middle, high in zip(least, mean, greatest, strict=True))
        processes = await one.ask("query", table="processes", start=first - 60_000)
        assert processes["type"] == "result"


async def test_floods_of_queries_leave_the_ticks_of_others_alone(start_server: StartServer) -> None:
    server = start_server(**ENV, LIMITS__MESSAGES_PER_SECOND="1000")
    huge = {"metrics": [">"], "start": 0, "end": 253_402_300_799_999}
    async with witness(server) as watching, AsyncExitStack() as stack:
        for _ in range(8):
            one = await stack.enter_async_context(client(server))
            await asyncio.gather(*(one.send("query", **huge, step=0.1, aggregate=["p99"]) for _ in range(40)))
        await watching.ticks(5)
        for number in range(30):  # each takes the place of the one before, or goes with its socket
            async with client(server) as fickle:
                await fickle.send("query", **huge, points=100_000, stream="chart")
                await fickle.send("query", **huge, points=100_000 - number, stream="chart")
        await watching.ticks(5)
        async with client(server) as patient:
            result = await patient.ask("query", metrics=METRICS, start=0, points=10)
            assert result["type"] == "result"
    assert server.stop() == 0
    assert server.errors() == ""


async def test_more_queries_than_may_wait_are_refused_and_all_others_answered(start_server: StartServer) -> None:
    server = start_server(**ENV, LIMITS__MESSAGES_PER_SECOND="1000")
    async with client(server) as one:
        ids = [await one.send("query", metrics=METRICS, start=0, points=5) for _ in range(200)]
        answers: dict[int, Any] = {}
        while len(answers) < len(ids):
            message = await one.receive()
            if message.get("id") in ids:
                assert message["id"] not in answers
                answers[message["id"]] = message
        refused = [one for one in answers.values() if one["type"] == "error"]
        assert all((one["code"], one["temporary"]) == (ErrorCode.LIMIT, True) for one in refused)
        assert len(answers) - len(refused) >= 64


async def test_a_shifted_stream_shows_what_was_seen_so_long_before(start_server: StartServer) -> None:
    server = start_server(**ENV)
    async with client(server) as one:
        ack, snapshot = await one.subscribe("now", METRICS, interval=TICK_S)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await follow(one, mirror, ack["offset"] + 110)
        heard = len(one.heard)
        before, snapshot = await one.subscribe("before", METRICS, interval=TICK_S, shift=10)
        shifted = Mirror(before["group"])
        for message in one.heard[heard:]:
            mirror.feed(message)
            shifted.feed(message)
        async with asyncio.timeout(TIMEOUT_S):
            while len(shifted.ticks) < 30:
                message = await one.receive()
                mirror.feed(message)
                shifted.feed(message)
        seen = {tick.time: tick.values for tick in mirror.ticks}
        compared = [tick for tick in shifted.ticks if tick.time - 10_000 in seen]
        assert len(compared) > 20
        assert [tick.values for tick in compared] == [seen[tick.time - 10_000] for tick in compared]
