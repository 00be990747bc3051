"""A client with binary data sees what one with JSON sees, under every server: live, while it is slow, and come back."""

from __future__ import annotations

import json

import pytest
from tests.e2e.client import BINARY_PROTOCOL, PROTOCOL, TIMEOUT_S, BinaryClient, Mirror, client, witness
from tests.e2e.raw import BINARY, TEXT, raw
from tests.e2e.server import Server, Variant, on_every_server
from tests.e2e.test_contract import collect, lost, mirrored
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

METRICS = ["vitalcast.sampler.ticks", "system.cpu.utilization", "system.load.average", "system.network.>"]
BULK = "test.bulk"


@pytest.mark.parametrize("aggregate", [["last"], ["avg", "max"]], ids=["last", "aggregates"])
@on_every_server
async def test_both_encodings_say_the_same(server: Server, aggregate: list[str]) -> None:
    async with client(server) as one, client(server, BINARY_PROTOCOL) as other:
        assert isinstance(other, BinaryClient)
        text, _, shown = await mirrored(one, "s", METRICS, interval=0.4, aggregate=aggregate)
        binary, ack, snapshot = await mirrored(other, "s", METRICS, interval=0.4, aggregate=aggregate)
        assert snapshot["series"] == shown["series"]
        assert ack["group"] != text.group, "another encoding is another subscription"
        await collect(other, [binary], ticks=4)
        assert other.binary_frames == 4
        await collect(one, [text], ticks=1)
        while text.offset < binary.offset:
            await collect(one, [text], ticks=1)
    said = {tick.offset: (tick.time, tick.values) for tick in text.ticks}
    heard = {tick.offset: (tick.time, tick.values) for tick in binary.ticks if tick.offset not in lost(text)}
    assert len(heard) > 1 or server.variant is not Variant.FAST
    assert {offset: said[offset] for offset in heard if offset > shown["offset"]} == {
        offset: one for offset, one in heard.items() if offset > shown["offset"]
    }


@on_every_server
async def test_a_client_that_comes_back_with_binary_data_misses_nothing(server: Server) -> None:
    async with client(server) as stays:
        witnessed, *_ = await mirrored(stays, "witness", METRICS)
        async with client(server, BINARY_PROTOCOL) as leaves:
            seen, ack, _ = await mirrored(leaves, "s", METRICS)
            await collect(leaves, [seen], ticks=2)
        while witnessed.offset < seen.offset + 3:
            await collect(stays, [witnessed], ticks=1)
        since = {"epoch": ack["epoch"], "offset": seen.offset}
        async with client(server, BINARY_PROTOCOL) as back:
            again = await back.ask("subscribe", stream="s", metrics=METRICS, since=since)
            assert again["recovered"] is True
            after = Mirror(again["group"])
            replay = await back.snapshot(again)
            after.feed(replay)
            await collect(back, [after], ticks=2)
            assert after.whole_messages >= 1, "the first after a snapshot needs none before it"
        while witnessed.offset < after.offset:
            await collect(stays, [witnessed], ticks=1)
    missed = [tick for tick in witnessed.ticks if seen.offset < tick.offset <= replay["offset"]]
    rows = dict(zip(replay["times"], zip(*replay["values"], strict=True), strict=True))
    assert len(missed) >= 2
    assert [tick.offset for tick in missed if list(rows[tick.time]) != tick.values] == []
    told = {tick.offset: tick.values for tick in witnessed.ticks if tick.offset not in lost(after)}
    assert [tick.offset for tick in after.ticks if told.get(tick.offset, tick.values) != tick.values] == []


async def test_a_slow_client_with_binary_data_gets_the_newest_as_a_whole(wide_servers: dict[Variant, Server]) -> None:
    server = wide_servers[Variant.FAST]
    async with (
        witness(server, metrics=BULK) as watching,
        raw(server, protocol=BINARY_PROTOCOL, receive_buffer_bytes=2048) as one,
    ):
        ack, snapshot = await one.subscribe("bulk", [BULK], interval=0.1)
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        start = mirror.offset
        await watching.ticks(12)  # half of them fill what the kernel takes
        while mirror.offset < watching.mirror.offset or not any(gap["why"] == "slow" for gap in mirror.gaps):
            mirror.feed(await one.receive())
    assert mirror.holes(start, "slow") == []
    streamed = {tick.offset: tick.values for tick in watching.mirror.ticks}
    assert [tick.offset for tick in mirror.ticks if streamed.get(tick.offset, tick.values) != tick.values] == []


@on_every_server
async def test_all_but_data_is_text(server: Server) -> None:
    async with raw(server, protocol=BINARY_PROTOCOL) as one:
        await one.send("subscribe", stream="s", metrics=METRICS)
        await one.send("ping")
        kinds = {BINARY: 0, TEXT: 0}
        while kinds[BINARY] < 2:
            frame = await one.read_until(TEXT, BINARY)
            kinds[frame.opcode] += 1
            if frame.opcode == TEXT:
                assert json.loads(frame.payload)["type"] != "data"
        assert kinds[TEXT] >= 3, "the ack, the snapshot and the pong"


@on_every_server
async def test_the_first_subprotocol_that_the_server_speaks_is_taken(server: Server) -> None:
    for offered, chosen in (
        (["vitalcast.v9.bin", BINARY_PROTOCOL, PROTOCOL], BINARY_PROTOCOL),
        ([PROTOCOL, BINARY_PROTOCOL], PROTOCOL),
        (["vitalcast.v9.bin"], None),
    ):
        subprotocols = [Subprotocol(one) for one in offered]
        async with connect(server.ws_url, subprotocols=subprotocols, open_timeout=TIMEOUT_S, proxy=None) as connection:
            assert connection.subprotocol == chosen
            first = json.loads(await connection.recv())
            assert first["type"] == ("metrics" if chosen is None else "welcome")
