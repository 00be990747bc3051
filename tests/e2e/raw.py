"""A WebSocket client down at the bytes (RFC 6455), which may break every rule and reads only when it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.e2e.client import PROTOCOL, TIMEOUT_S, Talker, as_json
from tests.e2e.server import Server
from tests.schemas import check_message

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Frame(NamedTuple):
    """A frame as the server sent it."""

    fin: bool
    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        assert self.opcode == CLOSE, self
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None


class Response(NamedTuple):
    """The answer to a handshake."""

    status: int
    headers: dict[str, str]


class EndedError(Exception):
    """The server ended the TCP connection: `reset` says how."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection reset" if reset else "end of stream")
        self.reset = reset


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    length: int | None = None,
    length_bytes: int | None = None,
) -> bytes:
    """Return a frame, legal by default. `length` and `length_bytes` (0, 2, 8) lie about the payload's length."""
    size = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    masked = 0x80 if mask is not None else 0
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    head = (
        bytes(((0x80 if fin else 0) | (rsv << 4) | opcode, masked | short))
        + size.to_bytes(8, "big")[8 - length_bytes :]
    )
    if mask is None:
        return head + payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    covered = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")
    return head + mask + covered


def text_frame(text: str) -> bytes:
    return client_frame(TEXT, text.encode())


def close_frame(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return client_frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def handshake_request(
    server: Server,
    *,
    method: str = "GET",
    path: str = "/ws",
    version: str = "HTTP/1.1",
    without: Iterable[str] = (),
    **headers: str,
) -> bytes:
    """Return a handshake. Headers are given with `_` for `-`; None of `without` is sent."""
    lines = {
        "host": f"127.0.0.1:{server.port}",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": base64.b64encode(b"0123456789abcdef").decode(),
        "sec-websocket-version": "13",
    }
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name in without:
        del lines[name]
    return "".join(
        [f"{method} {path} {version}\r\n", *(f"{name}: {value}\r\n" for name, value in lines.items()), "\r\n"]
    ).encode("latin-1")


def take_frame(buffer: bytearray) -> Frame | None:
    """Take a frame off the buffer, None where it has not come whole; it must be one that a server may send."""
    if len(buffer) < 2:
        return None
    first, second = buffer[:2]
    fin, opcode, size, begin = bool(first & 0x80), first & 0x0F, second & 0x7F, 2
    assert not first & 0x70, "reserved bits are set"
    assert not second & 0x80, "RFC 6455 5.1: a server MUST NOT mask any frames"
    assert opcode in (CONT, TEXT, BINARY, CLOSE, PING, PONG), opcode
    if opcode >= CLOSE:
        assert fin, "RFC 6455 5.5: control frames MUST NOT be fragmented"
        assert size <= 125, "RFC 6455 5.5: control frames have 125 bytes at most"
    if size >= 126:
        begin += 2 if size == 126 else 8
        if len(buffer) < begin:
            return None
        size, smallest = int.from_bytes(buffer[2:begin], "big"), 126 if size == 126 else 65536
        assert smallest <= size < 2**31, "RFC 6455 5.2: the minimal number of bytes"
    if len(buffer) < begin + size:
        return None
    payload = bytes(buffer[begin : begin + size])
    del buffer[: begin + size]
    if opcode == TEXT:
        assert fin, "the server has no reason to fragment"
        text = payload.decode()
        if text.startswith('{"type":'):  # else a plain socket's echo, or its news
            check_message(json.loads(text))
    return Frame(fin, opcode, payload)


class RawSocket(Talker):
    """A TCP connection to the server. Every frame that is read is checked against what a server may send."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()

    async def send_bytes(self, data: bytes) -> None:
        """Send. Raises EndedError where the server has left."""
        async with asyncio.timeout(TIMEOUT_S):
            try:
                await self._loop.sock_sendall(self.sock, data)
            except ConnectionError:
                raise EndedError(reset=True) from None

    async def send_text(self, text: str) -> None:
        await self.send_bytes(text_frame(text))

    async def read_some(self) -> bytes:
        """Return what has arrived. Raises EndedError."""
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        return await self._recv()

    async def _recv(self) -> bytes:
        async with asyncio.timeout(TIMEOUT_S):
            try:
                data = await self._loop.sock_recv(self.sock, 65536)
            except ConnectionError:
                raise EndedError(reset=True) from None
        if not data:
            raise EndedError(reset=False)
        return data

    async def read_response(self) -> Response:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._buffer += await self._recv()
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Response(int(first.split()[1]), headers)

    async def read_exactly(self, length: int) -> bytes:
        while len(self._buffer) < length:
            self._buffer += await self._recv()
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    async def read_frame(self) -> Frame:
        """Return the next frame, which must be one that a server may send."""
        while (frame := take_frame(self._buffer)) is None:
            self._buffer += await self._recv()
        return frame

    async def fill(self) -> None:
        """Take some bytes from the kernel and keep them for later."""
        self._buffer += await self._recv()

    def frames_now(self) -> list[Frame]:
        """Return the frames that have arrived whole, without waiting. Raises EndedError where none will follow."""
        try:
            while data := self.sock.recv(65536):
                self._buffer += data
            ended = True
        except BlockingIOError:
            ended = False
        except ConnectionError:
            ended = True
        frames = []
        while (frame := take_frame(self._buffer)) is not None:
            frames.append(frame)
        if ended and not frames:
            raise EndedError(reset=False)
        return frames

    async def read_until(self, *opcodes: int) -> Frame:
        """Return the next frame of these opcodes; the server's pings are answered."""
        while True:
            frame = await self.read_frame()
            if frame.opcode in opcodes:
                return frame
            if frame.opcode == PING:
                await self.send_bytes(client_frame(PONG, frame.payload))
            assert frame.opcode != CLOSE, frame

    async def receive_text(self) -> str:
        frame = await self.read_until(TEXT, BINARY)
        return frame.payload.decode() if frame.opcode == TEXT else as_json(frame.payload)

    async def read_close(self) -> int | None:
        """Read to the server's close frame and on to the end; return the close code, None where it has none.

        Raises EndedError where the connection ends without a close frame. Nothing may follow it.
        """
        while (frame := await self.read_frame()).opcode != CLOSE:
            pass
        try:
            extra = await self.read_some()
        except EndedError:
            return frame.close_code
        raise AssertionError(f"after the close frame came {extra[:80]!r}")

    async def read_to_end(self) -> list[Frame]:
        """Return all frames until the connection ends, however it does."""
        frames = []
        try:
            while True:
                frames.append(await self.read_frame())
        except EndedError:
            return frames

    def reset(self) -> None:
        """Vanish with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


@asynccontextmanager
async def tcp(
    server: Server, *, receive_buffer_bytes: int | None = None, source: str | None = None
) -> AsyncIterator[RawSocket]:
    """A bare connection, from the address `source` if need be.

    The kernel at least doubles `receive_buffer_bytes`; it has a minimum of some 2 KiB.
    """
    sock = socket.socket()
    try:
        if source is not None:
            sock.bind((source, 0))
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        async with asyncio.timeout(TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
        yield RawSocket(sock)
    finally:
        sock.close()


@asynccontextmanager
async def raw(
    server: Server, *, plain: bool = False, protocol: str = PROTOCOL, receive_buffer_bytes: int | None = None
) -> AsyncIterator[RawSocket]:
    """An open WebSocket; one that speaks the protocol has been welcomed."""
    async with tcp(server, receive_buffer_bytes=receive_buffer_bytes) as one:
        await open_websocket(server, one, plain=plain, protocol=protocol)
        yield one


async def open_websocket(server: Server, one: RawSocket, *, plain: bool = False, protocol: str = PROTOCOL) -> None:
    """Shake hands on a bare connection."""
    key = base64.b64encode(os.urandom(16)).decode()
    wanted = {} if plain else {"sec_websocket_protocol": protocol}
    await one.send_bytes(handshake_request(server, sec_websocket_key=key, **wanted))
    response = await one.read_response()
    assert response.status == 101, response
    expected = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
    assert response.headers["sec-websocket-accept"] == expected
    assert response.headers.get("sec-websocket-protocol") == (None if plain else protocol)
    if not plain:
        assert (await one.receive())["type"] == "welcome"
