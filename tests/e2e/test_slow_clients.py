"""Clients that take what they are sent slowly, late or never, while a witness on another socket must not notice."""

from __future__ import annotations

import asyncio
import contextlib
import json

import psutil
from tests.e2e.client import TIMEOUT_S, Client, Json, Mirror, client, vitals, witness
from tests.e2e.conftest import SLOW_S, StartServer
from tests.e2e.hostile import CPU, GROWTH_BYTES, works
from tests.e2e.raw import (
    CLOSE,
    RawSocket,
    client_frame,
    raw,
    text_frame,
)
from tests.e2e.server import Server, Variant, on_every_server

BULK = "test.bulk"


async def mirrored(one: RawSocket | Client, stream: str, metrics: str) -> Mirror:
    """Subscribe to every tick."""
    ack, snapshot = await one.subscribe(stream, [metrics], interval=0.1)
    mirror = Mirror(ack["group"])
    mirror.feed(snapshot)
    return mirror


async def test_a_client_that_never_reads_is_let_go_in_the_end_and_one_that_is_merely_slow_is_kept(
    wide_servers: dict[Variant, Server],
) -> None:
    await asyncio.gather(on_every_server(stall_for_ever)(wide_servers), read_slowly(wide_servers[Variant.FAST]))


async def stall_for_ever(server: Server) -> None:
    before = server.rss_bytes
    async with witness(server), vitals(server) as counts:
        closed = counts.now["socket.closed_slow"] or 0
        async with raw(server, receive_buffer_bytes=2048) as one, raw(server, receive_buffer_bytes=2048) as too_late:
            for stalled in (one, too_late):
                await mirrored(stalled, "bulk", BULK)
            await counts.until(socket_closed_slow=closed + 2)
            frames = await too_late.read_to_end()
            if frames[-1].opcode == CLOSE:  # else it was reset
                assert frames[-1].close_code == 4008
                bye = json.loads(frames[-2].payload)
                assert (bye["type"], bye["code"], bye["reconnect_after_ms"] > 0) == ("bye", 4008, True)
            await gone(server, one.sock.getsockname()[1])
            await gone(server, too_late.sock.getsockname()[1])
    assert server.rss_bytes - before < GROWTH_BYTES


async def gone(server: Server, port: int) -> None:
    """Wait until the server has ended its connection with this port of a client."""
    process = psutil.Process(server.pid)
    async with asyncio.timeout(TIMEOUT_S):
        while port in {each.raddr.port for each in process.net_connections("tcp") if each.raddr}:
            await asyncio.sleep(0.05)


async def test_what_nobody_takes_has_a_bound_together(start_server: StartServer) -> None:
    server = start_server(
        scripted=True,
        E2E_BULK="3000",
        LIMITS__SERIES="5000",
        LIMITS__UNREAD_MIB="2",
        SAMPLER__INTERVAL_S="0.1",
    )
    async with witness(server, metrics="vitalcast.socket.*") as watching, contextlib.AsyncExitStack() as stack:
        await watching.ticks(20)
        before = server.rss_bytes
        unread = [await stack.enter_async_context(raw(server, receive_buffer_bytes=2048)) for _ in range(12)]
        for one in unread:
            await one.send("subscribe", stream="past", metrics=[BULK], interval=0.1, backfill=60)
        await watching.ticks(5)
        error = await refused_for_others(server)
        assert (error["code"], error["temporary"]) == (106, True)
        assert server.rss_bytes - before < GROWTH_BYTES
        async with client(server) as other:
            await other.subscribe("small", [CPU], backfill=60)
        for one in unread:
            one.reset()
        async with client(server) as other:
            while (await other.ask("subscribe", stream="past", metrics=[BULK], backfill=60))["type"] == "error":
                await watching.ticks(1)


async def refused_for_others(server: Server) -> Json:
    """Ask for much until that is refused: some of what others asked for may still be under way."""
    async with client(server) as other:
        while True:
            answer = await other.ask("subscribe", stream="past", metrics=[BULK], interval=0.1, backfill=60)
            if answer["type"] == "error":
                return answer
            await other.ask("unsubscribe", stream="past")


async def read_slowly(server: Server) -> None:
    clock = asyncio.get_running_loop().time
    async with witness(server) as watching, raw(server, receive_buffer_bytes=4096) as one:
        mirror = await mirrored(one, "bulk", BULK)
        start, begin_s = mirror.offset, clock()
        while clock() - begin_s < SLOW_S + 1:  # longer than a client may take nothing
            await watching.ticks(1)
            await one.fill()
        while mirror.offset < watching.mirror.offset:
            mirror.feed(await one.receive())
        assert "slow" in {gap["why"] for gap in mirror.gaps}
        assert mirror.holes(start, "slow") == []
        await works(one)


async def test_a_client_that_says_good_bye_before_it_reads_leaves_in_order(wide_servers: dict[Variant, Server]) -> None:
    await on_every_server(leave_then_read)(wide_servers)


async def leave_then_read(server: Server) -> None:
    async with witness(server) as watching, raw(server, receive_buffer_bytes=2048) as one:
        await one.send_bytes(text_frame('{"type":"list"}') * 3 + client_frame(CLOSE, b"\x03\xe8"))
        await watching.ticks(2)
        frames = await one.read_to_end()
        assert frames[-1].close_code == 1000
        await watching.ticks(12)  # longer than an end may take
        assert server.errors() == ""


async def test_a_slow_client_is_told_what_it_missed_and_goes_on_from_the_newest(
    wide_servers: dict[Variant, Server],
) -> None:
    await on_every_server(stall_and_resume)(wide_servers)


def slow(mirror: Mirror) -> bool:
    return any(gap["why"] == "slow" for gap in mirror.gaps)  # not one of the sampler's, on a busy machine


async def stall_and_resume(server: Server) -> None:
    async with witness(server, metrics=BULK) as watching, raw(server, receive_buffer_bytes=2048) as one:
        bulk = await mirrored(one, "bulk", BULK)
        cpu = await mirrored(one, "cpu", CPU)
        start = max(bulk.offset, cpu.offset)
        await watching.ticks(12)  # half of them fill what the kernel takes
        for number in range(3):
            await one.send("ping", id=f"while blocked {number}")
        await one.send("update", stream="cpu", interval=0.3, id="updated while blocked")
        await watching.ticks(2)
        one.heard.clear()
        pongs = []
        while len(bulk.ticks) < 4 or bulk.offset < watching.mirror.offset or not slow(bulk) or len(pongs) < 3:
            message = await one.receive()
            bulk.feed(message)
            if message["type"] == "pong":
                pongs.append(message["id"])
            if message.get("id") != "updated while blocked":
                cpu.feed(message)
        assert pongs == [f"while blocked {number}" for number in range(3)]
        assert bulk.holes(start, "slow") == []
        streamed = {tick.offset: tick.values for tick in watching.mirror.ticks}
        assert [tick for tick in bulk.ticks if tick.offset in streamed and tick.values != streamed[tick.offset]] == []
        ticks = len(bulk.ticks)
        while len(bulk.ticks) < ticks + 3:
            bulk.feed(await one.receive())
        assert bulk.holes(start, "slow") == []
        await one.until("data", lambda message: message["group"] not in (bulk.group, cpu.group))
        await works(one)
