"""A stream of events as an ASGI response, and by the short cut where the server offers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.sse import EVENT_STREAM
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.writer import Batch, Writer
from vitalcast.web.edge.lost import give_up

CLOSE_S: Final = 1.0
EXTENSION: Final = "vitalcast.fast_events"  # whose value in the scope returns a FastEvents, while there is one


class FastEvents(Protocol):
    """What a server of ours offers for a response that has begun: to hand it to the manager, beside ASGI."""

    def take_over(self, manager: ConnectionManager, connection: Connection, messages: list[Message]) -> bool:
        """Go on with a connection and its first messages, or say that it cannot be; then it is ASGI's still."""


class Gathered(Protocol):
    """What was said to a connection before its response began, newer things last."""

    messages: list[Message]


class EventStream(Response):
    """The response that goes on with a connection after its opening, until either side ends it."""

    media_type = EVENT_STREAM

    def __init__(
        self, manager: ConnectionManager, connection: Connection, opening: Gathered, headers: dict[str, str]
    ) -> None:
        super().__init__(None, 200, headers)
        del self.headers["content-length"]
        self._manager = manager
        self._connection = connection
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if self._by_short_cut(scope):
                return
            await self._by_asgi(scope, receive, send)
        except BaseException:
            self._manager.disconnect(self._connection)
            raise
        self._manager.disconnect(self._connection)

    def _by_short_cut(self, scope: Scope) -> bool:
        offered: Callable[[], FastEvents | None] | None = scope.get("extensions", {}).get(EXTENSION)
        fast = offered() if offered is not None else None
        return fast is not None and fast.take_over(self._manager, self._connection, self._opening.messages)

    async def _by_asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        writer = AsgiEventWriter(send, self._connection.session.encoding)
        if self._connection.closed:  # while the head of the response went out
            writer.close(0, "", Batch(self._opening.messages))
        else:
            self._manager.hand_over(self._connection, writer, self._opening.messages)
        writing = asyncio.create_task(writer.run(self._manager, self._connection))
        tasks = (writing, asyncio.create_task(_gone(receive)), asyncio.create_task(_wait(writer.ended)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done() and writer.ended.is_set():
                await give_up(scope)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                    raise outcome


class AsgiEventWriter(Writer):
    """Writes through ASGI's `send`, which waits: one batch is under way, and what comes meanwhile is for later."""

    def __init__(self, send: Send, encoding: Encoding) -> None:
        self._send = send
        self._encoding = encoding
        self._events: list[Message] = []
        self._closing = False
        self._work = asyncio.Event()
        self._sent = 0
        self._unread_bytes = 0
        self.ended = asyncio.Event()

    def write(self, batch: Batch) -> bool:
        events = self._encoding.wrap(batch.messages)
        self._events += events
        self._unread_bytes += sum(len(event.payload) for event in events)
        self._work.set()
        return not events

    def progress(self) -> int:
        return self._sent

    def unread_bytes(self) -> int:
        return self._unread_bytes

    def close(self, _code: int, _reason: str, last: Batch) -> None:
        self.write(last)
        self._closing = True
        asyncio.get_running_loop().call_later(CLOSE_S, self.ended.set)

    async def run(self, manager: ConnectionManager, connection: Connection) -> None:
        """Send until closed from this side."""
        while self._events or not self._closing:
            await self._work.wait()
            self._work.clear()
            events, self._events = self._events, []
            for event in events:
                await self._send({"type": "http.response.body", "body": event.payload, "more_body": True})
                self._sent += 1
                self._unread_bytes -= len(event.payload)
            if not self._events:
                manager.resume(connection)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
