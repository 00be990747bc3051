"""A short cut for WebSockets under uvicorn: an accepted socket is handed from ASGI to the ConnectionManager.

From then on frames go straight to the transport, inbound messages straight to the manager, and the ASGI task, its
scope and its queue are gone, which is most of what an idle socket weighs.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Protocol

from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import Frame
from websockets.protocol import State

from vitalcast.core.stream.grants import Caller
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.encodings import Encoding
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.writer import Batch, DirectWriter
from vitalcast.web.serving.asyncio_tls import transport_below
from vitalcast.web.serving.unsent import unsent_bytes
from vitalcast.web.serving.uvicorn_ws import CLOSE_S, BoundedWebSocketProtocol
from vitalcast.web.serving.ws import EXTENSION, TOO_FAST

SEND_BUFFER_BYTES = 65_536


class _Nobody:
    """Stands in for the queue and the event by which ASGI waits, once a socket has left it: nobody waits there."""

    def put_nowait(self, event: object) -> None:
        """Drop what nobody will receive."""

    def set(self) -> None:
        """Wake nobody."""

    def clear(self) -> None:
        """Have nobody wait."""


_NOBODY: Any = _Nobody()


class Directed(Protocol):
    """A connection's protocol, as far as what writes to its transport has to know it."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    writing_paused: bool

    def say_goodbye(self, code: int, reason: str, last: Batch, /) -> None:
        """Send the last messages, and end the connection soon even if the peer takes nothing."""


class FastWriter(DirectWriter):
    """Writes frames to one transport.

    While the transport's buffer is empty, bytes go to the socket itself, which is cheaper by a third than
    `transport.write`; what the kernel does not take is left to the transport. The order holds because nothing is
    written directly while the buffer holds anything: the transport's high-water mark is 0, so that it pauses writing,
    and the manager sets the socket aside, with the first byte that stays.

    Under TLS all goes to the transport, which encrypts; below it lies another one with a buffer of its own.
    """

    __slots__ = ("_below", "_buffered_bytes", "_peer_fd", "_protocol", "_transport")

    def __init__(self, protocol: Directed) -> None:
        transport = protocol.transport
        self._protocol = protocol
        self._transport = transport
        self._buffered_bytes = transport.get_write_buffer_size
        self._peer_fd = transport.get_extra_info("socket").fileno()
        self._below = transport_below(transport)
        if self._below is not None:
            self._below.set_write_buffer_limits(high=0)
        direct = transport.get_extra_info("sslcontext") is None and isinstance(protocol.loop, asyncio.SelectorEventLoop)
        self.fd = self._peer_fd if direct else -1

    def write(self, batch: Batch) -> bool:
        for piece in batch.pieces:
            if not self._write(piece):
                return True
        return not self._protocol.writing_paused

    def _write(self, data: bytes) -> bool:
        """Write some bytes, or leave them to the transport; return whether the peer is there still."""
        if self.fd >= 0 and not self._buffered_bytes():
            try:
                sent = os.write(self.fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.fail()
                return False
            if sent == len(data):
                return True
            data = data[sent:]
        self._transport.write(data)
        return True

    def overflow(self, rest: bytes) -> bool:
        self._transport.write(rest)
        return not self._protocol.writing_paused

    def fail(self) -> None:
        self._transport.abort()  # the peer is gone; connection_lost follows

    def progress(self) -> int:
        return self.unread_bytes() + unsent_bytes(self._peer_fd)

    def unread_bytes(self) -> int:
        below_bytes = self._below.get_write_buffer_size() if self._below is not None else 0
        return self._buffered_bytes() + below_bytes

    def close(self, code: int, reason: str, last: Batch) -> None:
        self._protocol.say_goodbye(code, reason, last)


class FastWebSocketProtocol(BoundedWebSocketProtocol):
    """Speaks ASGI until `take_over`, and with the manager directly from then on."""

    __slots__ = ("connection", "manager", "writer")  # which keeps uvicorn's own dict a size smaller

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.manager: ConnectionManager | None = None
        self.connection: Connection | None = None
        self.writer: FastWriter | None = None

    # --- from ASGI to the manager --------------------------------------------------------------------------------

    async def run_asgi(self) -> None:
        scope: Any = self.scope
        scope["extensions"][EXTENSION] = self
        try:
            await self.app(scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("the application failed on a WebSocket")
            self.send_500_response()
        if self.writer is None:
            if self.close_timer is None:
                self.transport.close()
            return
        self._shed()

    def _shed(self) -> None:
        """Let go of what only the handshake and ASGI needed: a third of what a socket weighs."""
        self.queue = self.writable = _NOBODY
        self.request.headers.clear()  # the parser's frame holds on to the request itself
        self.response.headers.clear()
        del self.scope, self.request, self.response
        self.__dict__ = dict(vars(self))  # a copy is made to measure, half the size of one that has grown

    def take_over(self, manager: ConnectionManager, *, plain: bool, encoding: Encoding, caller: Caller) -> None:
        """Hand the accepted socket to the manager; the ASGI application may return.

        Raises TooManyConnections and ClientDisconnected; the socket is ASGI's still.
        """
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        # Write nothing more while a byte is left. A transport pauses above the mark, one with TLS already at it.
        self.transport.set_write_buffer_limits(high=int(self.transport.get_extra_info("sslcontext") is not None))
        peer = self.transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        writer = FastWriter(self)
        self.connection = manager.connect(writer, plain=plain, encoding=encoding, caller=caller)
        self.manager, self.writer = manager, writer
        queued = self.queue
        while not queued.empty():
            event: Any = queued.get_nowait()
            if event["type"] == "websocket.receive":
                text = event.get("text")
                manager.receive(self.connection, text if text is not None else len(event["bytes"]))
        self.read_paused = False
        if self.writing_paused:
            self.transport.pause_reading()
        else:
            self.go_on()

    def _let_go(self) -> None:
        """Have the manager forget this socket before its descriptor is closed."""
        if self.manager is not None and self.connection is not None and self.writer is not None:
            self.manager.disconnect(self.connection)
            self.writer.fd = -1

    # --- what comes in -------------------------------------------------------------------------------------------

    def send_receive_event_to_app(self) -> None:
        if self.manager is None or self.connection is None:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.manager.receive(self.connection, len(data))
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:  # RFC 6455 8.1: the endpoint MUST fail the connection
            self.conn.fail(1007, "a text message must be UTF-8")
            self.handle_parser_exception()
            return
        self.manager.receive(self.connection, text)

    def handle_close(self, event: Frame) -> None:
        self._let_go()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        self._let_go()
        super().handle_parser_exception()

    def too_fast(self) -> None:
        if self.manager is not None and self.connection is not None and not self.connection.closed:
            self.manager.close(self.connection, CloseCode.TOO_FAST, TOO_FAST)
        else:
            super().too_fast()

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    # --- flow control --------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.manager is not None and self.connection is not None:
            self.manager.block(self.connection)

    def resume(self) -> None:
        if self.manager is not None and self.connection is not None:
            if self.writing_paused or self.transport.is_closing():
                return
            self.manager.resume(self.connection)
        super().resume()

    # --- the end -------------------------------------------------------------------------------------------------

    def no_pong(self) -> None:
        if self.manager is None or self.connection is None:
            super().no_pong()
        else:
            self.manager.close(self.connection, CloseCode.NO_PONG, "no answer to a ping")

    def shutdown(self) -> None:
        if self.manager is not None and self.connection is not None and not self.connection.closed:
            self.manager.close(self.connection, CloseCode.SHUTDOWN, "the server is shutting down")
        elif self.writer is None:
            super().shutdown()

    def say_goodbye(self, code: int, reason: str, last: Batch) -> None:
        """Send the last messages and a close frame; wait a moment for the peer's, then end the connection."""
        self.stop_keepalive()
        if self.writer is not None:
            self.writer.fd = -1
        if self.conn.state is not State.OPEN or self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(last.joined)
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)
        self._resting = False
        self.go_on()
