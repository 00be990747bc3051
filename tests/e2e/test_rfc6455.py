"""What RFC 6455 asks of a server, by a client that breaks its rules one at a time."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

import pytest
from tests.e2e.client import PROTOCOL, client, plain_client, witness
from tests.e2e.conftest import StartServer
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
    close_frame,
    handshake_request,
    open_websocket,
    raw,
    tcp,
    text_frame,
)
from tests.e2e.server import Server, Variant

MESSAGE_BYTES = 65_536
ASK = '{"type":"ping","id":1}'


async def works(one: RawSocket) -> None:
    """A ping is answered."""
    assert (await one.ask("ping", id="still here"))["type"] == "pong"


# --- the handshake -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"without": ["sec-websocket-key"]}, 400),
        ({"sec_websocket_key": "dG9vIHNob3J0"}, 400),
        ({"sec_websocket_key": "not base64 !!!!!!!!!!!!!"}, 400),
        ({"without": ["sec-websocket-version"]}, 400),
        ({"sec_websocket_version": "8"}, 400),
        ({"sec_websocket_version": "thirteen"}, 400),
        ({"path": "/nowhere"}, 403),
        ({"path": "/ws/"}, 403),
        ({"without": ["upgrade"]}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"connection": "keep-alive"}, 426),
        ({"connection": "close"}, 426),
    ],
    ids=str,
)
async def test_a_wrong_handshake_is_refused(uvicorn_server: Server, fields: dict[str, str], status: int) -> None:
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(handshake_request(uvicorn_server, **fields))
        assert (await one.read_response()).status == status
    async with raw(uvicorn_server) as one:
        await works(one)


@pytest.mark.parametrize(
    "fields",
    [
        {"without": ["sec-websocket-version"]},
        {"sec_websocket_version": "8"},
        {"sec_websocket_version": "thirteen"},
        {"sec_websocket_version": "13, 8"},
        {"sec_websocket_version": "8\r\nSec-WebSocket-Version: 13"},
        {"sec_websocket_version": ""},
    ],
    ids=str,
)
async def test_a_wrong_version_is_told_the_right_one(uvicorn_server: Server, fields: dict[str, Any]) -> None:
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(handshake_request(uvicorn_server, **fields))
        response = await one.read_response()
    assert (response.status, response.headers["sec-websocket-version"]) == (400, "13")


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0"])
async def test_another_version_of_http_is_not_upgraded(uvicorn_server: Server, version: str) -> None:
    """RFC 6455, 4.1: HTTP/1.1 or higher. RFC 9110, 7.8: Upgrade MUST be ignored in an HTTP/1.0 request."""
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(handshake_request(uvicorn_server, version=version))
        response = await one.read_response()
    assert (response.status, response.headers["connection"]) == (426, "close")


async def test_a_handshake_may_follow_requests_but_not_come_before_their_answers(uvicorn_server: Server) -> None:
    get = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{uvicorn_server.port}\r\n\r\n".encode()
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(get)
        response = await one.read_response()
        await one.read_exactly(int(response.headers["content-length"]))
        await open_websocket(uvicorn_server, one)
        await works(one)
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(get + handshake_request(uvicorn_server))
        response = await one.read_response()
        assert response.status == 200
        await one.read_exactly(int(response.headers["content-length"]))
        assert (await one.read_response()).status == 400


async def test_a_handshake_may_come_in_any_pieces_and_spellings(uvicorn_server: Server) -> None:
    async with tcp(uvicorn_server) as one:
        request = handshake_request(
            uvicorn_server, upgrade="WebSocket", connection="keep-alive, upgrade", sec_websocket_protocol=PROTOCOL
        )
        for byte in request:
            await one.send_bytes(bytes([byte]))
        assert (await one.read_response()).status == 101
        assert (await one.receive())["type"] == "welcome"
        await works(one)


async def test_compression_is_not_agreed_to(uvicorn_server: Server) -> None:
    async with tcp(uvicorn_server) as one:
        offer = "permessage-deflate; client_max_window_bits"
        await one.send_bytes(handshake_request(uvicorn_server, sec_websocket_extensions=offer))
        response = await one.read_response()
        assert response.status == 101
        assert "sec-websocket-extensions" not in response.headers


@pytest.mark.parametrize("data", [b"\x00" * 100, b"hello\r\n\r\n", b"GET /ws HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02"])
async def test_what_is_not_http_is_turned_away(uvicorn_server: Server, data: bytes) -> None:
    async with tcp(uvicorn_server) as one:
        await one.send_bytes(data)
        if data.startswith(b"\x16"):
            one.sock.shutdown(socket.SHUT_WR)  # a TLS hello is only the beginning of a line that is too long
        received = b""
        try:
            while True:
                received += await one.read_some()
        except EndedError:
            pass
        assert received == b"" or received.startswith(b"HTTP/1.1 400")


# --- frames that are wrong ---------------------------------------------------------------------------------------

WRONG = {
    "unmasked": (client_frame(TEXT, ASK.encode(), mask=None), 1002),
    "unmasked ping": (client_frame(PING, b"x", mask=None), 1002),
    **{f"reserved bit {bit}": (client_frame(TEXT, b"{}", rsv=bit), 1002) for bit in (1, 2, 4, 7)},
    **{f"reserved opcode {code:#x}": (client_frame(code, b"x"), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "fragmented ping": (client_frame(PING, b"x", fin=False), 1002),
    "fragmented close": (client_frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    "long ping": (client_frame(PING, b"x" * 126), 1002),
    "long pong": (client_frame(PONG, b"x" * 200), 1002),
    "long close": (client_frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "huge ping": (client_frame(PING, b"x" * 70_000), 1002),
    "continuation of nothing": (client_frame(CONT, b"x"), 1002),
    "continuation after the end": (
        client_frame(BINARY, b"x", fin=False) + client_frame(CONT, b"x") + client_frame(CONT, b"x"),
        1002,
    ),
    "text within a message": (client_frame(TEXT, b"{", fin=False) + client_frame(TEXT, b"}"), 1002),
    "binary within a message": (client_frame(TEXT, b"{", fin=False) + client_frame(BINARY, b"}"), 1002),
    "negative length": (client_frame(TEXT, length=2**63 + 5, length_bytes=8), 1009),
    "announces too much": (client_frame(TEXT, length=2**40, length_bytes=8), 1009),
    "announces a byte too much": (client_frame(BINARY, length=MESSAGE_BYTES * 16 + 1, length_bytes=8), 1009),
    **{
        f"not UTF-8 {data.hex()}": (client_frame(TEXT, data), 1007)
        for data in (
            b"\x80",  # a continuation byte alone
            b"\xc3",  # cut short
            b"\xc0\xaf",  # overlong
            b"\xed\xa0\x80",  # a surrogate
            b"\xf4\x90\x80\x80",  # above U+10FFFF
            b"\xff",
            b'{"type":"ping","id":"\xe9"}',
        )
    },
    "not UTF-8 in a later fragment": (client_frame(TEXT, b"x", fin=False) + client_frame(CONT, b"\xff"), 1007),
}


@pytest.mark.parametrize("plain", [False, True], ids=["protocol", "plain"])
@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_frame_fails_the_connection(server: Server, name: str, plain: bool) -> None:
    data, code = WRONG[name]
    async with raw(server, plain=plain) as one:
        await one.send_bytes(data)
        assert await one.read_close() == code


@pytest.mark.parametrize("name", [name for name, (_, code) in WRONG.items() if code != 1007])
async def test_a_wrong_frame_fails_the_connection_by_asgi_too(servers: dict[Variant, Server], name: str) -> None:
    data, code = WRONG[name]
    async with raw(servers[Variant.PLAIN]) as one:
        await one.send_bytes(data)
        assert await one.read_close() == code


async def test_a_wrong_frame_ends_a_busy_socket_and_no_other(server: Server) -> None:
    async with witness(server) as watching, plain_client(server) as plain:
        async with raw(server) as one:
            await one.subscribe("all", [">"], interval=0.1)
            await one.until("data")
            await one.send_bytes(client_frame(TEXT, b"{", rsv=2))
            frames = await one.read_to_end()
        assert [frame.opcode for frame in frames if frame.opcode != TEXT] == [CLOSE]
        assert frames[-1].close_code == 1002
        while "left the chat" not in await plain.receive_text():
            pass
        await watching.ticks(2)


# --- messages in pieces ------------------------------------------------------------------------------------------


async def test_control_frames_may_come_between_fragments(uvicorn_server: Server) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(
            client_frame(TEXT, b'{"type":', fin=False)
            + client_frame(PING, b"first")
            + client_frame(CONT, b"", fin=False)
            + client_frame(PONG, b"unasked")
            + client_frame(CONT, b'"ping",', fin=False)
            + client_frame(PING, b"second")
            + client_frame(CONT, b'"id":5}')
        )
        received = [await one.read_frame() for _ in range(3)]
        assert [(frame.opcode, frame.payload) for frame in received[:2]] == [(PONG, b"first"), (PONG, b"second")]
        assert json.loads(received[2].payload)["id"] == 5


async def test_a_character_may_be_split_between_fragments(uvicorn_server: Server) -> None:
    text = "grüße 👋"
    async with raw(uvicorn_server, plain=True) as one:
        data = text.encode()
        frames = [client_frame(CONT, data[i : i + 1], fin=False) for i in range(1, len(data) - 1)]
        await one.send_bytes(client_frame(TEXT, data[:1], fin=False) + b"".join(frames) + client_frame(CONT, data[-1:]))
        while not (answer := await one.receive_text()).startswith("Message"):
            pass
        assert answer == f"Message text was: {text}"


async def test_a_fragmented_binary_message_is_one_message(uvicorn_server: Server) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(client_frame(BINARY, b"\xff\xfe", fin=False) + client_frame(CONT, b"\xfd"))
        error = await one.receive()
        assert (error["code"], "3 bytes" in error["message"]) == (107, True)
        await works(one)


async def test_a_message_may_come_in_many_tiny_fragments_but_not_in_endless_ones(server: Server) -> None:
    text = json.dumps({"type": "ping", "id": "x" * 60}).encode().ljust(900)
    async with raw(server) as one:
        pieces = [client_frame(CONT, text[i : i + 1], fin=False) for i in range(1, len(text))]
        await one.send_bytes(client_frame(TEXT, text[:1], fin=False) + b"".join(pieces) + client_frame(CONT))
        assert (await one.receive())["type"] == "pong"
        await one.send_bytes(client_frame(TEXT, b"x", fin=False) + client_frame(CONT, b"", fin=False) * 5000)
        assert await one.read_close() == 1008


async def test_every_mask_and_every_length_is_understood(generous_server: Server) -> None:
    async with raw(generous_server) as one:
        for number, mask in enumerate((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04")):
            await one.send_bytes(client_frame(TEXT, json.dumps({"type": "ping", "id": number}).encode(), mask=mask))
            assert (await one.receive())["id"] == number
        for size in (22, 124, 125, 126, 127, 65_535, MESSAGE_BYTES):
            await one.send_bytes(client_frame(TEXT, ASK.encode().ljust(size)))
            assert (await one.receive())["type"] == "pong"
        for size in (0, 124, 125):
            await one.send_bytes(client_frame(PING, b"p" * size))
            assert (await one.read_until(PONG)).payload == b"p" * size


async def test_bytes_may_be_split_at_every_boundary(generous_server: Server) -> None:
    stream = (
        client_frame(TEXT, b'{"type":"ping","id":"a"}')
        + client_frame(PING, b"between")
        + client_frame(TEXT, b'{"type":"ping",', fin=False)
        + client_frame(PING, b"within")
        + client_frame(CONT, b'"id":"b"}'.ljust(130))
        + client_frame(TEXT, b'{"type":"ping","id":"c"}', length_bytes=8)
    )
    async with raw(generous_server) as one, raw(generous_server) as clock:

        async def check() -> None:
            frames = [await one.read_frame() for _ in range(5)]
            answers = [json.loads(frame.payload)["id"] for frame in frames if frame.opcode == TEXT]
            assert answers == ["a", "b", "c"]
            assert [frame.payload for frame in frames if frame.opcode == PONG] == [b"between", b"within"]

        for boundary in range(1, len(stream)):
            await one.send_bytes(stream[:boundary])
            await works(clock)  # by now the server has read the first part
            await one.send_bytes(stream[boundary:])
            await check()
        for position in range(len(stream)):
            await one.send_bytes(stream[position : position + 1])
            await works(clock)
        await check()


async def test_messages_above_the_limit_are_refused_and_far_above_it_end_the_socket(uvicorn_server: Server) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(client_frame(TEXT, ASK.encode().ljust(MESSAGE_BYTES)))
        assert (await one.receive())["type"] == "pong"
        for frame in (
            client_frame(TEXT, ASK.encode().ljust(MESSAGE_BYTES + 1)),
            client_frame(TEXT, ("€" * 30_000).encode()),
            client_frame(TEXT, b" " * MESSAGE_BYTES, fin=False) + client_frame(CONT, b" "),
            client_frame(TEXT, b" " * (MESSAGE_BYTES * 16)),
        ):
            await one.send_bytes(frame)
            error = await one.receive()
            assert (error["type"], error["code"]) == ("error", 106)
        await works(one)
    for frames in (
        client_frame(TEXT, b" " * (MESSAGE_BYTES * 16 + 1)),
        client_frame(TEXT, b" " * MESSAGE_BYTES, fin=False)
        + client_frame(CONT, b" " * MESSAGE_BYTES, fin=False) * 15
        + client_frame(CONT, b" "),
    ):
        async with raw(uvicorn_server) as one:
            sending = asyncio.create_task(one.send_bytes(frames))
            assert await end_code(one) in (1009, "reset")
            await asyncio.gather(sending, return_exceptions=True)


async def end_code(one: RawSocket) -> int | str | None:
    """Return the close code, or how the connection ended without one."""
    frames = await one.read_to_end()
    closes = [frame.close_code for frame in frames if frame.opcode == CLOSE]
    assert len(closes) <= 1
    return closes[0] if closes else "reset"


# --- pings -------------------------------------------------------------------------------------------------------


async def test_a_flood_of_pings_is_answered_in_order(uvicorn_server: Server) -> None:
    count = 5000
    async with witness(uvicorn_server), raw(uvicorn_server) as one:
        flood = b"".join(client_frame(PING, struct.pack("!I", number).ljust(125)) for number in range(count))
        sending = asyncio.create_task(one.send_bytes(flood))
        for number in range(count):
            assert (await one.read_until(PONG)).payload == struct.pack("!I", number).ljust(125)
        await sending
        await works(one)


async def test_pongs_that_nobody_asked_for_are_nothing(uvicorn_server: Server) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(client_frame(PONG, b"x") * 1000 + client_frame(PONG))
        await works(one)


async def test_a_client_that_does_not_answer_pings_is_let_go_and_one_that_does_is_kept(
    start_server: StartServer,
) -> None:
    server = start_server(TIMEOUTS__PING_INTERVAL_S="0.3", TIMEOUTS__PING_TIMEOUT_S="0.6")
    async with (
        raw(server) as silent,
        raw(server) as lies,
        raw(server, plain=True) as plain,
        raw(server) as answers,
        client(server) as usual,
    ):

        async def let_go(one: RawSocket, *, lie: bool = False) -> None:
            bye = None
            while (frame := await one.read_frame()).opcode != CLOSE:
                if frame.opcode == PING and lie:
                    await one.send_bytes(client_frame(PONG, b"lies"))
                if frame.opcode == TEXT and b'"bye"' in frame.payload:
                    bye = json.loads(frame.payload)
            assert frame.close_code == 4012
            assert bye is not None
            assert (bye["type"], bye["code"]) == ("bye", 4012)
            assert bye["reconnect_after_ms"] > 0
            with pytest.raises(EndedError):
                await one.read_frame()

        async def answering() -> None:
            seen = 0
            while seen < 6:
                frame = await answers.read_frame()
                if frame.opcode == PING:
                    seen += 1
                    await answers.send_bytes(client_frame(PONG, frame.payload))

        await asyncio.gather(let_go(silent), let_go(lies, lie=True), let_go(plain), answering())
        await works(answers)
        assert (await usual.ask("ping"))["type"] == "pong"


# --- the end -----------------------------------------------------------------------------------------------------

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)


@pytest.mark.parametrize("code", VALID_CODES)
async def test_a_valid_close_is_echoed(uvicorn_server: Server, code: int) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(close_frame(code, "wiedersehen, grüße".encode()))
        assert await one.read_close() == code


@pytest.mark.parametrize("code", INVALID_CODES)
async def test_an_invalid_close_code_is_a_protocol_error(uvicorn_server: Server, code: int) -> None:
    async with raw(uvicorn_server) as one:
        await one.send_bytes(close_frame(code))
        assert await one.read_close() == 1002


async def test_other_ways_to_close(uvicorn_server: Server) -> None:
    for data, code in (
        (close_frame(None), None),
        (close_frame(1000, b"x" * 123), 1000),
        (client_frame(CLOSE, b"\x03"), 1002),
        (close_frame(1000, b"\xff"), 1007),
        (client_frame(TEXT, b"half", fin=False) + close_frame(1000), 1002),
    ):
        async with raw(uvicorn_server) as one:
            await one.send_bytes(data)
            assert await one.read_close() == code


async def test_what_follows_a_close_is_not_read(uvicorn_server: Server) -> None:
    async with client(uvicorn_server) as other:
        async with raw(uvicorn_server) as one:
            await one.send_bytes(close_frame(1000) + text_frame(ASK) + client_frame(PING, b"x") + close_frame(1001))
            assert await end_code(one) in (1000, "reset")
        assert (await other.ask("ping"))["type"] == "pong"


async def test_what_precedes_a_close_is_answered(server: Server) -> None:
    async with raw(server) as one:
        await one.send_bytes(text_frame(ASK) + close_frame(1000))
        frames = await one.read_to_end()
        assert [frame.opcode for frame in frames] == [TEXT, CLOSE]


async def test_a_half_closed_connection_ends(uvicorn_server: Server) -> None:
    async with plain_client(uvicorn_server) as plain:
        for prelude in (b"", text_frame(ASK), text_frame(ASK)[:7], client_frame(TEXT, b"x", fin=False)):
            async with raw(uvicorn_server) as one:
                await one.subscribe("cpu", ["system.cpu.utilization"])
                await one.send_bytes(prelude)
                one.sock.shutdown(socket.SHUT_WR)
                await one.read_to_end()
            while "left the chat" not in await plain.receive_text():
                pass


async def test_a_reset_connection_is_forgotten_at_once(uvicorn_server: Server) -> None:
    async with plain_client(uvicorn_server) as plain:
        for _ in range(3):
            async with raw(uvicorn_server) as one:
                await one.subscribe("all", [">"], interval=0.1)
                one.reset()
            while "left the chat" not in await plain.receive_text():
                pass


async def test_a_client_may_vanish_at_every_point_of_the_handshake(uvicorn_server: Server) -> None:
    request = handshake_request(uvicorn_server, sec_websocket_protocol=PROTOCOL)
    for size in (*range(0, len(request), 16), len(request)):
        for gentle in (True, False):
            async with tcp(uvicorn_server) as one:
                await one.send_bytes(request[:size])
                one.close() if gentle else one.reset()
    async with tcp(uvicorn_server) as one:
        await open_websocket(uvicorn_server, one)
        await works(one)
