"""A plain socket: the default stream, the echo, and how it comes to speak the protocol."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from tests.e2e.client import PROTOCOL, Client, client, plain_client
from tests.e2e.contract import CPU, alone, next_plain, said
from tests.e2e.server import Server, on_every_server
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol


@on_every_server
async def test_a_plain_socket_gets_the_default_stream_at_once_and_every_second(server: Server) -> None:
    async with client(server) as other, plain_client(server) as one:
        before, _ = await other.subscribe("before", [CPU])
        async with plain_client(server) as newcomer:
            first = await newcomer.receive()
        after, _ = await other.subscribe("after", [CPU])
        assert before["offset"] <= first["offset"] <= after["offset"], "the first message is the newest tick"
        messages = [json.loads(await next_plain(one, "metrics")) for _ in range(3)]
    for message in (first, *messages):
        assert set(message) == {"type", "host", "time", "offset", "metrics"}
        assert message["type"] == "metrics"
        assert message["host"] == other.heard[0]["host"]
        names = {key.partition("{")[0] for key in message["metrics"]}
        assert {CPU, "system.memory.usage", "system.load.average"} <= names
        assert all(isinstance(value, int | float | None) for value in message["metrics"].values())
    assert 'system.cpu.utilization{cpu.mode="user"}' in first["metrics"]
    offsets = [message["offset"] for message in messages]
    assert all(a < b for a, b in pairwise(offsets)), offsets
    seconds = [message["time"] // 1000 for message in messages[1:]]
    assert all(a < b for a, b in pairwise(seconds)), "one message a second"


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "{}",
        '{"type":"dance","id":1}',
        '{"type":7}',
        '{"type":null}',
        '["ping"]',
        '"ping"',
        "null",
        '{"type":"ping"',
        "grüße 👋 \u2028\n\ttwo lines",
        "x" * 60_000,
    ],
    ids=lambda text: repr(text[:24]),
)
@on_every_server
async def test_a_plain_socket_hears_its_own_text(server: Server, text: str) -> None:
    async with plain_client(server) as one:
        await one.send_text(text)
        assert await next_plain(one, "echo") == f"Message text was: {text}"


@on_every_server
async def test_echoes_come_in_order(server: Server) -> None:
    async with plain_client(server) as one:
        texts = [f"message {number}" for number in range(40)]
        for text in texts:
            await one.send_text(text)
        assert [await next_plain(one, "echo") for _ in texts] == [f"Message text was: {text}" for text in texts]


@on_every_server
async def test_plain_sockets_are_told_who_left_and_nobody_else_is(server: Server) -> None:
    async with plain_client(server) as stays, plain_client(server) as converts, client(server) as speaks:
        await alone(speaks, 3)
        await stays.send_text("from here on")
        assert await next_plain(stays, "echo")
        assert (await converts.ask("ping"))["type"] == "pong"
        numbers = set()
        for kind in (plain_client, plain_client, client):
            async with kind(server) as leaves:
                await leaves.send_text("text")
            numbers.add(await next_plain(stays, "leave", "echo"))
        await converts.connection.close()
        numbers.add(await next_plain(stays, "leave", "echo"))
        assert len(numbers) == 4, "each has a number of its own"
        assert {one["type"] for one in await speaks.pong()} <= {"heartbeat"}


@on_every_server
async def test_the_first_command_makes_a_plain_socket_speak_the_protocol(server: Server) -> None:
    async with plain_client(server) as one, plain_client(server) as leaves, client(server) as speaks:
        await alone(speaks, 3)
        await one.send_text("text")
        assert await next_plain(one, "echo") == "Message text was: text"
        await one.send_text('{"type":"ping"}')
        while not (text := await one.receive_text()).startswith('{"type":"pong"'):
            assert not text.startswith("Message text was"), text
        await one.send_text("text")
        assert (await one.until("error"))["code"] == 107
        await one.send_text('{"type":"dance"}')
        assert (await one.until("error"))["code"] == 104
        await leaves.connection.close()
        ack, _ = await one.subscribe("second", [CPU], interval=1.0)
        await one.data(ack["group"], 2)  # a second has passed
        assert {message["type"] for message in said(one)} == {"error", "ack", "snapshot", "data"}


@on_every_server
async def test_even_a_wrong_command_makes_a_plain_socket_speak_the_protocol(server: Server) -> None:
    async with plain_client(server) as one:
        await one.send_text('{"type":"subscribe","id":1}')
        while not (text := await one.receive_text()).startswith('{"type":"error"'):
            pass
        assert json.loads(text)["code"] == 107
        await one.send_text("text")
        assert (await one.receive())["code"] == 107


@on_every_server
async def test_an_unknown_subprotocol_makes_a_plain_socket(server: Server) -> None:
    async with connect(server.ws_url, subprotocols=[Subprotocol("chat")], proxy=None) as connection:
        assert connection.subprotocol is None
        await next_plain(Client(connection), "metrics")
    offers = [Subprotocol("chat"), Subprotocol(PROTOCOL)]
    async with connect(server.ws_url, subprotocols=offers, proxy=None) as connection:
        assert connection.subprotocol == PROTOCOL
        assert (await Client(connection).receive())["type"] == "welcome"
