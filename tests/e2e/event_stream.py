"""A client of server-sent events down at the bytes, which checks the framing of HTTP and of the events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from tests.e2e.client import TIMEOUT_S
from tests.e2e.server import Server
from tests.schemas import check_event

PATH = "/api/v1/stream"


class Told(NamedTuple):
    """One event; a comment is of kind `:`, and `retry` alone is of none."""

    kind: str
    id: str | None
    data: Any

    @property
    def offset(self) -> int:
        assert self.id is not None, self
        return int(self.id.rpartition(":")[2])


class Ledger:
    """What one client has been told over many streams: each tick once, and a gap for every one that did not come."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.ticks = 0
        self.gaps: list[Any] = []
        self._said_to: int | None = None  # up to which tick a gap has just told
        self._anew = False  # a gap without an end has just told that another epoch begins

    def take(self, told: Told) -> None:
        """Take in what came next."""
        if told.kind == "gap":
            self.gaps.append(told.data)
            self._said_to, self._anew = told.data["to"], told.data["to"] is None
        elif told.kind == "metrics":
            assert told.id is not None
            self._follow(*told.id.rsplit(":", 1))
            self.last_id, self._said_to, self._anew = told.id, None, False
            self.ticks += 1

    def _follow(self, epoch: str, offset: str) -> None:
        if self.last_id is None or self._anew:
            return
        before, at = self.last_id.rsplit(":", 1)
        assert epoch == before, "another epoch begins, and no gap has said so"
        assert int(offset) == (self._said_to or int(at)) + 1, (self.last_id, offset, self.gaps[-1:])


class Reader:
    """A response, and the events that have come of it. `chunked` bodies must be well formed to the byte."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.chunked = headers.get("transfer-encoding") == "chunked"
        self.ended = False
        self.last_id: str | None = None
        self._reader = reader
        self._text = b""

    async def _more(self) -> bool:
        """Take in some of the body; return whether there was more. A body in chunks must come to its end."""
        if not self.chunked:
            data = await self._reader.read(65_536)
            self._text += data
            return bool(data)
        size = int((await self._reader.readuntil(b"\r\n"))[:-2], 16)
        self._text += await self._reader.readexactly(size)
        assert await self._reader.readexactly(2) == b"\r\n"
        return size > 0

    async def event(self) -> Told | None:
        """Return the next event or comment; None at the end."""
        async with asyncio.timeout(TIMEOUT_S):
            while b"\n\n" not in self._text:
                if not await self._more():
                    assert self._text == b"", "the end is between events"
                    return None
        text, _, self._text = self._text.partition(b"\n\n")
        return self._parsed(text.decode())

    def _parsed(self, text: str) -> Told:
        if text == ":":
            return Told(":", None, None)
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        assert fields.keys() <= {"id", "event", "data", "retry"}
        self.last_id = fields.get("id", self.last_id)
        told = Told(fields.get("event", ""), fields.get("id"), json.loads(fields["data"]) if "data" in fields else None)
        if told.data is not None:
            check_event(told.kind, told.data)
        return told

    async def next_of(self, *kinds: str) -> Told:
        """Return the next event of these kinds."""
        while (told := await self.event()) is not None:
            if told.kind in kinds:
                return told
        raise AssertionError(f"the stream ended, and no {' or '.join(kinds)} came")

    async def ticks(self, count: int) -> list[Told]:
        """Return so many ticks that come next."""
        return [await self.next_of("metrics", "data") for _ in range(count)]

    async def rest(self) -> list[Told]:
        """Return all events up to the end."""
        found = []
        while (told := await self.event()) is not None:
            found.append(told)
        return found

    async def body(self) -> bytes:
        """Return the body of an answer that is no stream."""
        async with asyncio.timeout(TIMEOUT_S):
            while await self._more():
                pass
        return self._text


@asynccontextmanager
async def streaming(
    server: Server, query: str, *, method: str = "GET", version: str = "1.1", slow: bool = False, **headers: str
) -> AsyncIterator[Reader]:
    """Ask for a stream; the response has begun. Headers are given with `_` for `-`. `slow` is to read little ahead."""
    sock = socket.socket()
    if slow:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096 if slow else 65_536)
    try:
        sent = {"host": f"127.0.0.1:{server.port}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        lines = [f"{method} {PATH}{query} HTTP/{version}", *(f"{name}: {text}" for name, text in sent.items())]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        async with asyncio.timeout(TIMEOUT_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.split("\r\n")[:-2]
        pairs = (line.split(": ", 1) for line in rest)
        yield Reader(reader, int(first.split()[1]), {name.lower(): text for name, text in pairs})
    finally:
        writer.transport.abort()


async def read_until_the_end(server: Server, ledger: Ledger, end: signal.Signals, *, ticks: int = 8) -> None:
    """Go on reading where a client was; after some ticks end the server, and take in what comes up to the end."""
    back = {} if ledger.last_id is None else {"last_event_id": ledger.last_id}
    async with streaming(server, "?metrics=system.cpu.utilization", **back) as one:
        wanted = ledger.ticks + ticks
        while ledger.ticks < wanted:
            told = await one.event()
            assert told is not None
            ledger.take(told)
        server.signal(end)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while (told := await one.event()) is not None:
                ledger.take(told)
    await server.wait_async()
