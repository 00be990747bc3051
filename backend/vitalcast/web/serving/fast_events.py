"""A short cut for streams of events under uvicorn: a response that has begun is handed to the ConnectionManager.

From then on events go straight to the transport, in chunks that all equal viewers share, and the HTTP parser, the
request, its task and its scope are gone, which is most of what an idle viewer weighs.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from typing import Any, Final

from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.sse import LAST_CHUNK
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.writer import Batch
from vitalcast.web.serving.event_stream import CLOSE_S, EXTENSION
from vitalcast.web.serving.fast_path import SEND_BUFFER_BYTES, FastWriter
from vitalcast.web.serving.http_protocol import HttpProtocol

UNASKED_BYTES_MAX: Final = 65_536  # that a client may send down a connection on which no further request is answered


class FastEventWriter(FastWriter):
    """Writes events to one transport, each a chunk of the body."""

    __slots__ = ("_encoding",)

    def __init__(self, protocol: EventProtocol, encoding: Encoding) -> None:
        super().__init__(protocol)
        self._encoding = encoding

    def write(self, batch: Batch) -> bool:
        events = self._encoding.wrap(batch.messages)
        return not events or super().write(Batch(events))

    def close(self, code: int, reason: str, last: Batch) -> None:
        super().close(code, reason, Batch(self._encoding.wrap(last.messages)))


class EventProtocol(asyncio.BufferedProtocol):
    """The connection of a stream of events: nothing that comes is answered, and what goes out the manager decides.

    `open_sockets` holds it for as long as it is open, and `buffer` is what all connections read into.
    """

    __slots__ = (
        "_buffer", "_connection", "_manager", "_open_sockets", "_unasked_bytes", "_writer", "loop", "transport",
        "writing_paused",
    )  # fmt: skip

    def __init__(
        self,
        transport: asyncio.Transport,
        manager: ConnectionManager,
        connection: Connection,
        *,
        open_sockets: set[Any],
        buffer: memoryview,
        writing_paused: bool,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = transport
        self.writing_paused = writing_paused
        self._manager = manager
        self._connection = connection
        self._open_sockets = open_sockets
        self._buffer = buffer
        self._unasked_bytes = 0
        open_sockets.add(self)
        transport.set_protocol(self)
        transport.resume_reading()  # so that the client's end is noticed
        self._writer = FastEventWriter(self, connection.session.encoding)

    def begin(self, messages: list[Message]) -> None:
        """Send what was said to the connection before, and go on with what the manager has for it."""
        if self._connection.closed:  # while the head of the response went out
            self._writer.close(0, "", Batch(messages))
            return
        self._manager.hand_over(self._connection, self._writer, messages)
        if self.writing_paused:
            self._manager.block(self._connection)

    def _let_go(self) -> None:
        """Have the manager forget this connection before its descriptor is closed."""
        self._manager.disconnect(self._connection)
        self._writer.fd = -1

    # --- what comes in -------------------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._unasked_bytes += nbytes
        if self._unasked_bytes > UNASKED_BYTES_MAX:
            self._let_go()
            self.transport.abort()

    def eof_received(self) -> None:
        self._let_go()  # and the transport closes itself

    def connection_lost(self, _exc: Exception | None) -> None:
        self._let_go()
        self._open_sockets.discard(self)

    # --- flow control --------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self.writing_paused = True
        self._manager.block(self._connection)

    def resume_writing(self) -> None:
        self.writing_paused = False
        # Not at once: asyncio calls this in the midst of its own write.
        self.loop.call_soon(self._resume)

    def _resume(self) -> None:
        if not self.writing_paused and not self.transport.is_closing():
            self._manager.resume(self._connection)

    # --- the end -------------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        if not self._connection.closed:
            self._manager.close(self._connection, CloseCode.SHUTDOWN, "the server is shutting down")

    def say_goodbye(self, _code: int, _reason: str, last: Batch) -> None:
        """Send the last events and end the body, and the connection soon even if the client takes nothing."""
        self._writer.fd = -1
        if self.transport.is_closing():
            return
        self.transport.write((last.joined if last.messages else b"") + LAST_CHUNK)
        self.transport.close()
        self.loop.call_later(CLOSE_S, self._abort)

    def _abort(self) -> None:
        if self in self._open_sockets:  # asyncio fails over an abort after the end, if closing had to wait for the peer
            self.transport.abort()


class FastHttpProtocol(HttpProtocol):
    """Offers the short cut to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"][EXTENSION] = weakref.ref(self)

    def take_over(self, manager: ConnectionManager, connection: Connection, messages: list[Message]) -> bool:
        """Hand the connection, on which a body in chunks has begun, to the manager; say whether that could be.

        After it the application may return; else the connection is ASGI's still.
        """
        writing_paused = self.takes_nothing
        transport = self.release()
        if transport is None:
            return False
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        EventProtocol(
            transport,
            manager,
            connection,
            open_sockets=self.connections,
            buffer=self.shared_buffer,
            writing_paused=writing_paused,
        ).begin(messages)
        return True
