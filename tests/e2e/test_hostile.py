"""Clients that break every rule of the contract, while a witness on another socket must not notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import struct
import time
from itertools import islice, pairwise

import pytest
from tests.e2e.client import PROTOCOL, Client, Json, client, vitals, witness
from tests.e2e.conftest import StartServer
from tests.e2e.hostile import CPU, GROWTH_BYTES, works
from tests.e2e.raw import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    EndedError,
    RawSocket,
    client_frame,
    handshake_request,
    raw,
    tcp,
    text_frame,
)
from tests.e2e.server import Server, Variant, on_every_server

# --- floods ------------------------------------------------------------------------------------------------------


async def test_a_flood_is_refused_with_few_words_and_forgiven(server: Server) -> None:
    before = server.rss_bytes
    async with witness(server) as watching, raw(server) as one:
        ack, _ = await one.subscribe("cpu", [CPU])
        begin_s = time.monotonic()
        frames = (text_frame('{"type":"ping","id":1}'), text_frame("not JSON"), client_frame(BINARY, b"x" * 500))
        await one.send_bytes(b"".join(frames) * 100)
        await one.until("data", group=ack["group"])
        await watching.ticks(12)  # more than a second, after which all is forgiven
        await works(one)
        errors = [message for message in one.heard if message["type"] == "error"]
        limited = [message for message in errors if message["code"] == 111]
        assert len(limited) >= 10
        answers = len(errors) + sum(message["type"] == "pong" for message in one.heard)
        assert answers <= 150 + 100 * (time.monotonic() - begin_s), "fifty of each a second"
        assert {message["temporary"] for message in limited} == {True}
    assert server.rss_bytes - before < GROWTH_BYTES


FLOODS = {
    "pings": client_frame(PING),
    "pongs": client_frame(PONG),
    "texts": text_frame("x"),
    "binaries": client_frame(BINARY, b"x"),
    "fragments": client_frame(TEXT, b"x", fin=False) + client_frame(CONT, b"", fin=False) * 999 + client_frame(CONT),
}


async def test_lasting_floods_are_closed_and_nobody_else_notices(servers: dict[Variant, Server]) -> None:
    await on_every_server(flood)({variant: servers[variant] for variant in (Variant.FAST, Variant.PLAIN)})


async def flood(server: Server) -> None:
    before = server.rss_bytes
    async with witness(server) as watching:
        floods = [frames * (60_000 // len(frames)) for frames in FLOODS.values()]
        closes = await asyncio.gather(*(flooded(server, frames) for frames in floods))
        assert set().union(*closes) == {4029}, dict(zip(FLOODS, closes, strict=True))
        missed = sum(gap["to"] - gap["from"] + 1 for gap in watching.mirror.gaps)
        assert "Traceback" not in server.errors()
        assert missed < len(watching.mirror.ticks), "floods that are handled as they come leave one tick in six"
    assert server.rss_bytes - before < GROWTH_BYTES


async def flooded(server: Server, frames: bytes) -> set[int | None]:
    """Send these frames until the server ends it; return the close code, or nothing where a reset overtook it."""
    async with raw(server) as one:

        async def send() -> None:
            with contextlib.suppress(EndedError):
                while True:
                    await one.send_bytes(frames)

        sending = asyncio.create_task(send())
        received = await one.read_to_end()
        await sending
        return {frame.close_code for frame in received if frame.opcode == CLOSE}


async def test_sixty_four_streams_and_not_one_more(generous_server: Server) -> None:
    async with witness(generous_server) as watching, vitals(generous_server) as counts, client(generous_server) as one:
        groups = set()
        for number in range(64):
            ack, _ = await one.subscribe(f"s{number}", [CPU], interval=0.1 + number / 1000)
            groups.add(ack["group"])
        assert len(groups) == 64
        await counts.until(stream_count=66, group_count=66)
        error = await one.refused("subscribe", 106, stream="one too many", metrics=[CPU])
        assert "64" in error["message"]
        await one.refused("table", 106, stream="one too many", table="processes")
        await one.ask("unsubscribe", stream="s7")
        await one.subscribe("one more", [CPU])
        await watching.ticks(3)


async def test_thousands_of_subscriptions_leave_nothing_behind(generous_server: Server) -> None:
    async with witness(generous_server), vitals(generous_server) as counts:
        async with client(generous_server) as one:
            await subscribe_and_leave(one, range(300))
            before = generous_server.rss_bytes
            await subscribe_and_leave(one, range(1_000))
            await counts.until(stream_count=2, group_count=2, socket_count=3)
            assert generous_server.rss_bytes - before < GROWTH_BYTES
        await counts.until(socket_count=2)


async def subscribe_and_leave(one: Client, numbers: range) -> None:
    """Subscribe to a group of its own each, and leave it; answers are awaited a hundred at a time."""
    for chunk in (list(islice(numbers, start, start + 100)) for start in range(0, len(numbers), 100)):
        for number in chunk:
            where = {"cpu.mode": ["user", str(number)]}
            await one.send("subscribe", stream=str(number), metrics=[CPU], where=where, interval=0.5)
            await one.send("update", stream=str(number), interval=1.5)
            await one.send("unsubscribe", stream=str(number))
        one.heard.clear()
        await one.pong()
        assert "error" not in {message["type"] for message in one.heard}


async def test_a_list_flood_that_is_not_read_costs_no_memory(generous_server: Server) -> None:
    async with witness(generous_server) as watching, raw(generous_server, receive_buffer_bytes=2048) as one:
        before = generous_server.rss_bytes
        sending = asyncio.create_task(one.send_bytes(text_frame('{"type":"list"}') * 1_000_000))
        await watching.ticks(10)
        assert not sending.done(), "who does not read is not read from"
        assert generous_server.rss_bytes - before < GROWTH_BYTES
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


# --- limits ------------------------------------------------------------------------------------------------------


async def test_series_snapshots_intervals_and_connections_have_their_limits(start_server: StartServer) -> None:
    server = start_server(
        scripted=True,
        E2E_BULK="100",
        SAMPLER__INTERVAL_S="0.2",
        SAMPLER__INTERVAL_MIN_S="0.2",
        LIMITS__SERIES="100",
        LIMITS__SNAPSHOT_VALUES="1000",
        LIMITS__CONNECTIONS="4",
    )
    async with witness(server, metrics="vitalcast.socket.*", interval=0.2) as watching, client(server) as one:
        assert (one.heard[0]["limits"]["series"], one.heard[0]["limits"]["snapshot_values"]) == (100, 1000)
        await one.refused("subscribe", 106, stream="x", metrics=[">"])
        await one.refused("subscribe", 106, stream="x", metrics=[CPU], interval=0.1)
        await watching.ticks(5)
        aggregates = ["last", "avg", "min", "max"]
        ack, snapshot = await one.subscribe("bulk", ["test.bulk"], aggregate=aggregates)
        assert [len(column) for column in snapshot["values"]] == [1] * 400
        _, snapshot = await one.subscribe("fits", ["test.bulk"], backfill=3600)
        assert len(snapshot["times"]) >= 5
        await one.refused("subscribe", 106, stream="x", metrics=["test.bulk"], aggregate=aggregates, backfill=3600)
        await one.refused("update", 106, stream="bulk", interval=0.1)
        await one.refused("update", 106, stream="bulk", interval=0.201, backfill=3600)
        await one.data(ack["group"], 2)  # the stream is as it was

        async with raw(server) as third, raw(server, plain=True) as fourth:
            for plain in (True, False):
                async with tcp(server) as fifth:
                    await turned_away(server, fifth, plain=plain)
            await works(third)
            third.reset()
            while "left the chat" not in await fourth.receive_text():
                pass
            async with client(server) as third_again:
                await works(third_again)


async def turned_away(server: Server, one: RawSocket, *, plain: bool) -> None:
    wanted = {} if plain else {"sec_websocket_protocol": PROTOCOL}
    await one.send_bytes(handshake_request(server, **wanted))
    assert (await one.read_response()).status == 101
    bye = await one.receive()
    assert bye == {"type": "bye", "code": 4504, "reconnect_after_ms": None}
    frame = await one.read_frame()
    assert (frame.opcode, frame.close_code) == (CLOSE, 4504)
    await one.send_bytes(client_frame(CLOSE, struct.pack("!H", 4504)))
    with pytest.raises(EndedError):
        await one.read_frame()


# --- closes at every moment --------------------------------------------------------------------------------------


async def test_clients_that_leave_at_every_moment_leave_nothing_behind(generous_server: Server) -> None:
    subscribe = text_frame(json.dumps({"type": "subscribe", "stream": "x", "metrics": [">"], "interval": 0.1}))
    table = text_frame(json.dumps({"type": "table", "stream": "t", "table": "processes"}))
    update = text_frame(json.dumps({"type": "update", "stream": "x", "interval": 0.3}))
    conversation = subscribe + table + update + client_frame(PING, b"x") + client_frame(CLOSE, b"\x03\xe8")
    starts = [0, 1, 2, 5, 6, 20, *range(40, len(conversation), 23), len(conversation)]
    async with witness(generous_server), vitals(generous_server) as counts:

        async def leave(size: int, how: str) -> None:
            async with raw(generous_server, plain=size % 2 == 0) as one:
                await one.send_bytes(conversation[:size])
                if how == "reset":
                    one.reset()
                elif how == "read, then reset":
                    if size >= len(subscribe):
                        await one.read_some()
                    one.reset()

        for size in starts:
            await asyncio.gather(*(leave(size, how) for how in ("close", "reset", "read, then reset")))
        await counts.until(socket_count=2, group_count=2, stream_count=2)


# --- everything at once ------------------------------------------------------------------------------------------

SEED = 20_261_122
METRICS = [CPU, "system.>", ">", "vitalcast.*.count", "system.memory.usage", "no.such.metric", "not a pattern"]


class Fuzz:
    """What a client without manners may say next."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def command(self) -> Json:
        pick = self.random.choice
        fields: Json = {
            "type": pick(["subscribe"] * 4 + ["update"] * 3 + ["unsubscribe"] * 2 + ["list", "table", "ping", "hello"]),
            "id": pick([None, 1, "x", 2**40]),
        }
        if fields["type"] in ("subscribe", "list"):
            fields["metrics"] = self.random.choices(METRICS, k=pick([1, 1, 2, 3]))
        if fields["type"] not in ("list", "ping", "hello"):
            fields["stream"] = pick("abcdef")
        if fields["type"] in ("subscribe", "update"):
            fields["backfill"] = pick([0, 0.5, 5, 3600])
            if self.random.random() < 0.3:
                fields["since"] = {"epoch": pick(["e", self.epoch]), "offset": pick([0, 1, 50, 10**6])}
        if fields["type"] == "subscribe":
            fields["where"] = pick([{}, {"cpu.mode": ["user", pick("abcd")]}])
            fields["aggregate"] = self.random.choices(["last", "avg", "min", "max"], k=pick([1, 1, 4]))
        if fields["type"] == "update":
            fields["paused"] = pick([None, True, False])
        if fields["type"] == "table":
            fields["table"] = pick(["processes", "processes", "nothing"])
            fields["interval"] = pick([1, 1.5, 2])
            fields["order"] = pick([None, "ascending", "descending"])
            fields["filter"] = pick(["", "python", "\u0130", "x" * 100])
            fields["keys"] = pick([None, [1, 2], [2**53]])
        elif fields["type"] in ("subscribe", "update"):
            fields["interval"] = pick([None, 0.1, 0.2, 0.25, 1, 60])
        if self.random.random() < 0.1:
            fields[pick(list(fields))] = pick([None, -1, "", [], {}, True, 1e300])
        return fields

    epoch = ""

    def text(self) -> bytes:
        text = bytearray(json.dumps(self.command()).encode())
        if self.random.random() < 0.1:
            text[self.random.randrange(len(text))] = self.random.randrange(32, 127)
        return bytes(text)

    def frames(self) -> bytes:
        """Return what is sent at once: mostly a command, at times in pieces, seldom nonsense."""
        chance = self.random.random()
        if chance < 0.7:
            return b"".join(client_frame(TEXT, self.text()) for _ in range(self.random.choice([1, 1, 1, 5])))
        if chance < 0.85:
            text = self.text()
            cuts = sorted(self.random.sample(range(len(text)), k=min(3, len(text))))
            pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
            middle = [client_frame(CONT, piece, fin=False) + client_frame(PING, b"p") for piece in pieces[1:-1]]
            return client_frame(TEXT, pieces[0], fin=False) + b"".join(middle) + client_frame(CONT, pieces[-1])
        if chance < 0.9:
            return client_frame(self.random.choice([BINARY, PING, PONG]), self.random.randbytes(100))
        if chance < 0.95:
            return client_frame(TEXT, self.random.randbytes(self.random.choice([1, 50, 500])))
        return self.random.choice([b"", client_frame(self.random.randrange(16), rsv=self.random.randrange(8))])

    def nonsense(self) -> bytes:
        return self.random.randbytes(self.random.randrange(1, 300))


KNOWN = {"welcome", "metrics", "ack", "snapshot", "data", "series", "rows", "gap", "heartbeat", "error", "pong"}


async def test_a_server_is_healthy_after_everything_at_once(generous_server: Server) -> None:
    lives, words = 40, 25
    async with witness(generous_server) as watching, vitals(generous_server) as counts, client(generous_server) as last:
        before = generous_server.rss_bytes
        Fuzz.epoch = last.heard[0]["epoch"]

        async def talk(one: RawSocket, fuzz: Fuzz, clock: RawSocket, *, plain: bool, reads: bool) -> None:
            for _ in range(fuzz.random.randrange(words * 2)):
                await one.send_bytes(fuzz.nonsense() if fuzz.random.random() < 0.01 else fuzz.frames())
                await works(clock)
                for frame in one.frames_now() if reads else ():
                    if frame.opcode == TEXT and not plain:
                        message = json.loads(frame.payload)
                        assert message["type"] in KNOWN | {"catalogue"}, message
                        assert message.get("code") != 100, message

        async def live(fuzz: Fuzz, clock: RawSocket) -> None:
            for _ in range(lives):
                plain, reads = fuzz.random.random() < 0.3, fuzz.random.random() < 0.9
                buffer_bytes = fuzz.random.choice([None, 2048])
                async with raw(generous_server, plain=plain, receive_buffer_bytes=buffer_bytes) as one:
                    try:
                        await talk(one, fuzz, clock, plain=plain, reads=reads)
                    except EndedError:
                        continue
                    end = fuzz.random.choice(["close", "reset", "say so"])
                    if end == "reset":
                        one.reset()
                    elif end == "say so":
                        await one.send_bytes(client_frame(CLOSE, b"\x03\xe8"))

        async def lead_lives(seed: int) -> None:
            async with raw(generous_server) as clock:
                await live(Fuzz(seed), clock)

        await asyncio.gather(*(lead_lives(SEED + number) for number in range(6)))
        await watching.ticks(3)
        await counts.until(socket_count=3, group_count=2, stream_count=2)
        await last.subscribe("cpu", [CPU])
        assert generous_server.rss_bytes - before < 2 * GROWTH_BYTES
