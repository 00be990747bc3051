"""A machine that stood still: what was missed is said, and nothing is made up for."""

from __future__ import annotations

import asyncio
import json
import signal
from itertools import pairwise

from tests.e2e.client import Client, Json, Mirror, client, plain_client, witness
from tests.e2e.raw import raw
from tests.e2e.server import Server, Variant, on_every_server

CPU = "system.cpu.utilization"
TICK_MS = 200
STOPPED_S = 1.6


async def stand_still(server: Server, seconds: float) -> None:
    server.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        server.signal(signal.SIGCONT)


@on_every_server
async def test_ticks_that_were_missed_are_said_and_not_made_up_for(server: Server) -> None:
    async with client(server) as one, plain_client(server) as plain:
        mirrors: list[Mirror] = []
        for stream, fields in (
            ("every", {}),
            ("coarse", {"interval": 1.0}),
            ("folded", {"interval": 1.0, "aggregate": ["avg", "max"]}),
        ):
            ack, snapshot = await one.subscribe(stream, [CPU], **fields)
            mirrors.append(Mirror(ack["group"]))
            mirrors[-1].feed(snapshot)
        order: list[Json] = []
        await follow(one, mirrors, order, ticks=3)
        await stand_still(server, STOPPED_S)
        await follow(one, mirrors, order, ticks=12)

        every = mirrors[0]
        longest = max(every.gaps, key=lambda gap: gap["to"] - gap["from"])
        missed = longest["to"] - longest["from"] + 1
        assert longest["why"] == "sampler"
        assert STOPPED_S * 1000 / TICK_MS - 2 <= missed <= STOPPED_S * 1000 / TICK_MS + 25
        own = [message for message in order if message.get("group") == every.group]
        position = own.index(longest)
        before, after = own[position - 1], own[position + 1]
        assert (before["type"], before["offset"] + 1) == ("data", longest["from"])
        assert (after["type"], after["offset"] - 1) == ("data", longest["to"])
        assert after["time"] - before["time"] == (missed + 1) * TICK_MS
        assert every.holes(every.ticks[0].offset, "slow") == []
        assert all(b.time - a.time >= TICK_MS for a, b in pairwise(every.ticks)), "no burst"
        for mirror in mirrors[1:]:
            assert longest in [gap | {"group": every.group} for gap in mirror.gaps]
            slots = [tick.time // 1000 for tick in mirror.ticks]
            assert all(a < b for a, b in pairwise(slots)), "no burst"

        # The past shows the same hole.
        fresh = await one.ask("subscribe", stream="fresh", metrics=[CPU], interval=0.4, backfill=60)
        past = await one.snapshot(fresh)
        assert max(b - a for a, b in pairwise(past["times"])) >= STOPPED_S * 1000 - 2 * TICK_MS
        since = {"epoch": ack["epoch"], "offset": before["offset"] - 1}
        replay = await one.ask("subscribe", stream="replay", metrics=[CPU], since=since)
        assert replay["recovered"] is True
        await one.snapshot(replay)
        await one.until("gap", **(longest | {"group": replay["group"]}))

        times: list[int] = []
        while not times or times[-1] <= after["time"]:
            times.append(json.loads(await next_metrics(plain))["time"])
        assert max(b - a for a, b in pairwise(times)) >= STOPPED_S * 1000 - 2 * TICK_MS
        assert all(a // 1000 < b // 1000 for a, b in pairwise(times[1:])), "no burst"
        await plain.send_text("still here")
        while await plain.receive_text() != "Message text was: still here":
            pass


async def next_metrics(plain: Client) -> str:
    while not (text := await plain.receive_text()).startswith('{"type":"metrics"'):
        pass
    return text


async def follow(one: Client, mirrors: list[Mirror], order: list[Json], *, ticks: int) -> None:
    goal = len(mirrors[0].ticks) + ticks
    while len(mirrors[0].ticks) < goal:
        order.append(await one.receive())
        for mirror in mirrors:
            mirror.feed(order[-1])


async def test_a_client_that_is_blocked_meanwhile_learns_of_it_too(wide_servers: dict[Variant, Server]) -> None:
    await on_every_server(miss_ticks_while_blocked)(wide_servers)


async def miss_ticks_while_blocked(server: Server) -> None:
    async with witness(server) as watching, raw(server, receive_buffer_bytes=2048) as one:
        ack, snapshot = await one.subscribe("bulk", ["test.bulk"], interval=0.1)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        await watching.ticks(6)  # by now it is blocked
        gaps = len(watching.mirror.gaps)
        await stand_still(server, 0.6)
        while len(watching.mirror.gaps) == gaps:
            await watching.ticks(1)
        while mirror.offset < watching.mirror.offset:
            mirror.feed(await one.receive())
        assert "slow" in {gap["why"] for gap in mirror.gaps}
        assert mirror.holes(snapshot["offset"], "slow") == []
