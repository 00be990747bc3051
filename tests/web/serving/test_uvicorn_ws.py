"""What one socket sends takes a bounded part of each turn of the loop, and waits for the next one otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.e2e.raw import CLOSE, CONT, PING, TEXT, client_frame
from uvicorn.config import Config
from uvicorn.server import ServerState

from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.intake import BURST_UNITS, OVER_S, Rate
from vitalcast.core.wire.limits import Limits
from vitalcast.web.serving import uvicorn_ws
from vitalcast.web.serving.inbound import FRAMES_A_TURN, TURN_S, Inbound
from vitalcast.web.serving.uvicorn_ws import AsgiWebSocketProtocol

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GENEROUS = Rate.of(Limits(messages_per_second=100_000))
MEAN = Rate.of(Limits(messages_per_second=1))


class Transport(asyncio.Transport):
    """Keeps what is written, and knows whether it may read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reading = True
        self.closing = False

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def pongs(self) -> int:
        return sum(one[:1] == b"\x8a" for one in self.written)

    def pause_reading(self) -> None:
        assert not self.closing  # with TLS an AttributeError, once it is closed twice
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.closing
        self.reading = True

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


class Clock:
    """Stands still, save that every look at it takes `step_s`."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.step_s = 0.0

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


class House:
    """Sockets that share a loop, each accepted by an application that takes every message."""

    def __init__(self, rate: Rate = GENEROUS) -> None:
        self.clock = Clock()
        self.inbound = Inbound(rate, now_s=self.clock)
        self.texts: list[str] = []
        self._protocols: list[AsgiWebSocketProtocol] = []

    async def app(self, _scope: object, receive: object, send: object) -> None:
        assert callable(receive) and callable(send)
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            self.texts.append(event["text"])

    async def open(self, rest: bytes = b"") -> tuple[AsgiWebSocketProtocol, Transport]:
        config = Config(
            self.app,
            interface="asgi3",
            proxy_headers=False,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            log_config=None,
        )
        config.load()
        protocol = AsgiWebSocketProtocol.sharing(self.inbound)(config, ServerState(), {})
        transport = Transport()
        protocol.connection_made(transport)
        protocol.data_received(HANDSHAKE + rest)
        await until(lambda: transport.written)
        self._protocols.append(protocol)
        return protocol, transport

    def forget_last(self) -> None:
        self._protocols.pop()

    async def close(self) -> None:
        for protocol in self._protocols:
            protocol.connection_lost(None)
            await asyncio.gather(*protocol.tasks)


@pytest.fixture
def house() -> House:
    return House()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until this holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never held")


def feed(protocol: AsgiWebSocketProtocol, data: bytes) -> None:
    """Have a read fill the buffer as asyncio does."""
    buffer = protocol.get_buffer(-1)
    assert len(data) <= len(buffer)
    buffer[: len(data)] = data
    protocol.buffer_updated(len(data))


async def test_a_turn_handles_a_few_frames_and_the_rest_waits_unread(house: House) -> None:
    protocol, transport = await house.open()
    feed(protocol, client_frame(PING) * 100)
    turns = []
    for _ in range(4):
        turns.append((transport.pongs(), transport.reading))
        await asyncio.sleep(0)
    assert turns == [(FRAMES_A_TURN * n, False) for n in (1, 2, 3)] + [(100, True)]
    await house.close()


@pytest.mark.parametrize("end", [client_frame(CLOSE, b"\x03\xe8"), b"\xff"], ids=["close", "no frame"])
async def test_a_transport_that_has_ended_is_told_nothing(
    house: House, caplog: pytest.LogCaptureFixture, end: bytes
) -> None:
    protocol, transport = await house.open()
    feed(protocol, client_frame(PING) * 50 + end + client_frame(PING) * 50)
    await until(lambda: transport.closing)
    protocol.go_on()
    protocol.pause_writing()
    protocol.resume_writing()
    await asyncio.sleep(0)
    assert caplog.records == []
    await house.close()


async def test_a_text_that_is_no_utf8_ends_the_socket_and_leaves_no_traceback(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    protocol, transport = await house.open()
    feed(protocol, client_frame(TEXT, b"\xcf\x00"))
    await until(lambda: transport.closing)
    assert b"\x03\xef" in transport.written[-1]  # 1007
    assert caplog.records == []
    await house.close()


async def test_what_comes_with_the_handshake_is_handled_as_what_follows(house: House) -> None:
    text = client_frame(TEXT, b"hello")
    protocol, transport = await house.open(client_frame(PING) * 100 + text[:3])
    assert transport.written[0].startswith(b"HTTP/1.1 101")
    assert transport.pongs() % FRAMES_A_TURN == 0 and transport.pongs() < 100
    await until(lambda: transport.pongs() == 100)
    feed(protocol, text[3:])
    await until(lambda: house.texts)
    assert house.texts == ["hello"]
    await house.close()


async def test_many_sockets_share_a_turn_and_take_turns(house: House) -> None:
    opened = [await house.open() for _ in range(20)]
    house.clock.step_s = TURN_S / 40
    for protocol, _ in opened:
        feed(protocol, client_frame(PING) * 100)
    most = 0
    for _ in range(200):
        before = sum(transport.pongs() for _, transport in opened)
        await asyncio.sleep(0)
        most = max(most, sum(transport.pongs() for _, transport in opened) - before)
    assert most < 2 * FRAMES_A_TURN
    assert [transport.pongs() for _, transport in opened] == [100] * 20
    await house.close()


async def test_one_buffer_bounds_what_is_held_for_a_socket(house: House) -> None:
    protocol, _ = await house.open()
    assert len(protocol.get_buffer(-1)) <= 16_384
    await house.close()


async def test_a_client_that_does_not_read_is_not_answered_further(house: House) -> None:
    protocol, transport = await house.open()
    feed(protocol, client_frame(PING) * 100)
    protocol.pause_writing()
    answered = transport.pongs()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (transport.pongs(), transport.reading) == (answered, False)
    protocol.resume_writing()
    await until(lambda: transport.pongs() == 100)
    assert transport.reading
    await house.close()


async def test_messages_wait_for_the_application_one_by_one(house: House) -> None:
    protocol, transport = await house.open()
    half = client_frame(TEXT, b"he", fin=False) + client_frame(CONT, b"llo")
    feed(protocol, half * 50 + half[:9])
    await until(lambda: len(house.texts) == 50 and transport.reading)
    feed(protocol, half[9:])
    await until(lambda: len(house.texts) == 51)
    assert house.texts == ["hello"] * 51
    await house.close()


async def test_messages_that_are_never_finished_have_a_bound_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_ws, "UNFINISHED_BYTES_MAX", 100_000)
    opened = [await house.open() for _ in range(3)]
    begin, more = client_frame(TEXT, b"x" * 10_000, fin=False), client_frame(CONT, b"x" * 10_000, fin=False)
    feed(opened[0][0], begin)
    for protocol, _ in opened[1:]:
        feed(protocol, begin)
        for _ in range(5):
            await until(lambda transport=protocol.transport: transport.reading or transport.is_closing())
            if not protocol.transport.is_closing():
                feed(protocol, more)
    await until(lambda: opened[2][1].closing)
    assert [transport.closing for _, transport in opened] == [False, False, True]
    assert opened[2][1].written[-1][2:4] == (1009).to_bytes(2, "big")
    opened[2][0].connection_lost(None)
    feed(opened[1][0], client_frame(CONT))
    await until(lambda: house.texts)
    assert 0 < house.inbound.unfinished_bytes < 20_000
    opened.pop()
    house.forget_last()
    await house.close()
    assert house.inbound.unfinished_bytes == 0


async def test_who_is_over_the_rate_rests_and_who_stays_over_it_is_closed() -> None:
    house = House(MEAN)
    protocol, transport = await house.open()
    flood = client_frame(PING) * 2000
    feed(protocol, flood)
    await until(lambda: transport.reading)
    feed(protocol, flood)
    await until(lambda: transport.reading)
    feed(protocol, flood)
    for _ in range(100):
        await asyncio.sleep(0)
    assert (transport.reading, transport.closing) == (False, False)
    assert abs(transport.pongs() - BURST_UNITS) < 100
    house.clock.now_s += OVER_S
    await asyncio.wait_for(closed(transport), 30)
    assert CloseCode.TOO_FAST.to_bytes(2, "big") in [one[2:4] for one in transport.written if one[:1] == b"\x88"]
    await house.close()


async def closed(transport: Transport) -> None:
    while not transport.closing:
        await asyncio.sleep(0.01)
