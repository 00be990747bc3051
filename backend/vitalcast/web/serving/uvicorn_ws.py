"""uvicorn's WebSocket protocol with a short cut: an accepted socket is handed from ASGI to the ConnectionManager.

From then on frames go straight to the transport, inbound messages straight to the manager, and the ASGI task, its
scope and its queue are gone, which is most of what an idle socket weighs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Self

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from vitalcast.core.stream.grants import Caller
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.intake import PIECE_UNITS, Allowance, Rate
from vitalcast.core.wire.websocket import FrameEnds
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.writer import Batch, DirectWriter
from vitalcast.web.serving.unsent import unsent_bytes

EXTENSION = "vitalcast.fast_path"
SEND_BUFFER_BYTES = 65_536
FRAGMENTS_MAX = 1024
CLOSE_S = 1.0
UNFINISHED_BYTES_MAX = 64 * 2**20  # of the messages under way on all sockets together
READ_BYTES = 16_384  # asyncio's own reads are of 256 KiB, which is room for 40,000 frames
FRAMES_A_TURN = 32
SOCKET_TURN_S = 0.0005
TURN_S = 0.002
TOO_FAST = "more was sent than limits.messages_per_second allows, for some seconds; send less"

logger = logging.getLogger(__name__)


class _Nobody:
    """Stands in for the queue and the event by which ASGI waits, once a socket has left it: nobody waits there."""

    def put_nowait(self, event: object) -> None:
        """Drop what nobody will receive."""

    def set(self) -> None:
        """Wake nobody."""

    def clear(self) -> None:
        """Have nobody wait."""


_NOBODY: Any = _Nobody()


class FastWriter(DirectWriter):
    """Writes frames to one transport.

    While the transport's buffer is empty, bytes go to the socket itself, which is cheaper by a third than
    `transport.write`; what the kernel does not take is left to the transport. The order holds because nothing is
    written directly while the buffer holds anything: the transport's high-water mark is 0, so that it pauses writing,
    and the manager sets the socket aside, with the first byte that stays.

    Under TLS all goes to the transport, which encrypts; below it lies another one with a buffer of its own.
    """

    __slots__ = ("_below", "_buffered_bytes", "_peer_fd", "_protocol", "_transport")

    def __init__(self, protocol: FastWebSocketProtocol) -> None:
        transport = protocol.transport
        self._protocol = protocol
        self._transport = transport
        self._buffered_bytes = transport.get_write_buffer_size
        self._peer_fd = transport.get_extra_info("socket").fileno()
        self._below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
        if self._below is not None:
            self._below.set_write_buffer_limits(high=0)
        direct = transport.get_extra_info("sslcontext") is None and isinstance(protocol.loop, asyncio.SelectorEventLoop)
        self.fd = self._peer_fd if direct else -1

    def write(self, batch: Batch) -> bool:
        data = batch.joined
        if self.fd >= 0 and not self._buffered_bytes():
            try:
                sent = os.write(self.fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self.fail()
                return True
            if sent == len(data):
                return True
            data = data[sent:]
        self._transport.write(data)
        return not self._protocol.writing_paused

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


def _end_soon(protocol: WebSocketsSansIOProtocol) -> None:
    """End the connection even if the peer never takes what the transport still holds for it."""
    protocol.loop.call_later(CLOSE_S, _abort, protocol)


def _abort(protocol: WebSocketsSansIOProtocol) -> None:
    if not protocol.disconnected:  # asyncio fails over an abort after the end, if closing had to wait for the peer
        protocol.transport.abort()


class Inbound:
    """Shares the event loop between what clients send and everything else.

    In a turn of the loop one socket has a few frames handled and all together take two milliseconds; what is left
    waits for the next turn, in the order in which it came, so that no flood holds up the ticks. One buffer serves all
    reads.
    """

    def __init__(self, rate: Rate, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.now_s = now_s
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.unfinished_bytes = 0
        self._waiting: deque[BoundedWebSocketProtocol] = deque()
        self._spent_s = 0.0
        self._turn_ends: asyncio.Handle | None = None

    def take(self, protocol: BoundedWebSocketProtocol) -> None:
        """Have a socket handle what it holds: now, or when it is its turn."""
        if protocol.queued:
            return
        if self._waiting or self._spent_s >= TURN_S:
            self._queue(protocol)
        else:
            self._serve(protocol)
        if self._turn_ends is None:
            self._turn_ends = protocol.loop.call_soon(self._next_turn, protocol.loop)

    def _queue(self, protocol: BoundedWebSocketProtocol) -> None:
        protocol.queued = True
        self._waiting.append(protocol)
        protocol.transport.pause_reading()

    def _serve(self, protocol: BoundedWebSocketProtocol) -> None:
        begin_s = self.now_s()
        protocol.queued = True  # for what it handles may have it ask for its turn
        more = False
        try:
            more = protocol.handle_held(begin_s)
        except Exception:  # a fault of ours costs this socket, and not those that wait behind it
            logger.exception("a socket's frames were not handled")
            protocol.transport.abort()
        self._spent_s += self.now_s() - begin_s
        protocol.queued = False
        if more:
            self._queue(protocol)

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._spent_s = 0.0
        for _ in range(len(self._waiting)):
            if self._spent_s >= TURN_S:
                break
            protocol = self._waiting.popleft()
            protocol.queued = False
            self._serve(protocol)
        self._turn_ends = loop.call_soon(self._next_turn, loop) if self._waiting or self._spent_s else None


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol, asyncio.BufferedProtocol):
    """uvicorn's own, save that what a client sends is handled frame by frame, each charged to the client's allowance.

    Nothing more is read while frames are held back: because the turn is over, the allowance is used up, or the client
    does not take what it is sent. So at most one buffer of bytes waits here, and the rest at the client.
    """

    inbound: ClassVar[Inbound]

    __slots__ = ("_allowance", "_at", "_ends", "_held", "_resting", "_unfinished_bytes", "queued", "writing_paused")

    @classmethod
    def sharing(cls, inbound: Inbound) -> type[Self]:
        """Return this class for the sockets of one server."""
        return type(cls.__name__, (cls,), {"__slots__": (), "inbound": inbound})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writing_paused = False
        self.queued = False
        self._allowance = Allowance(self.inbound.rate, self.inbound.now_s())
        self._ends = FrameEnds()
        self._held = b""
        self._at = 0  # up to where what is held has been handled
        self._resting = False
        self._unfinished_bytes = 0  # of the message under way

    # --- what comes in -------------------------------------------------------------------------------------------

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self.inbound.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self.inbound.buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:  # the HTTP protocol has read the whole request
            head, end, data = data.partition(b"\r\n\r\n")
            super().data_received(head + end)
        if not data or self.transport.is_closing():
            return
        self._held = self._held[self._at :] + data
        self._at = 0
        self.go_on()

    def go_on(self) -> None:
        """Handle what is held, and read on when that is done."""
        if self.transport.is_closing():  # one with TLS that is closed twice fails at whatever it is told then
            return
        if self._held:
            self.inbound.take(self)
        elif not self._stopped():
            self.transport.resume_reading()

    def _stopped(self) -> bool:
        """Say whether nothing may be handled at present: a frame that overtook the handshake waits for its answer."""
        held_back = self.read_paused or self.writing_paused or self._resting or not self.handshake_complete
        return held_back or self.transport.is_closing()

    def handle_held(self, begin_s: float) -> bool:
        """Handle some frames of what is held; return whether more could be handled in another turn."""
        frames = 0
        while self._held and not self._stopped():
            if frames == FRAMES_A_TURN or (frames and self.inbound.now_s() - begin_s > SOCKET_TURN_S):
                return True
            data, begin = self._held, self._at
            self._at = self._ends.advance(data, begin)
            super().data_received(data if self._at - begin == len(data) else data[begin : self._at])
            frames += 1
            taken_bytes = self._at - begin
            if self._at == len(data) or self.transport.is_closing():
                self._held, self._at = b"", 0
            self._count_unfinished(taken_bytes)
            self._charge()
        if not self.transport.is_closing():
            if self._stopped():
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()
        return False

    def _count_unfinished(self, nbytes: int) -> None:
        """Bound what waits for the end of its message: every socket could keep the largest one that there may be."""
        finished = self._ends.whole and not self.frames
        before_bytes = self._unfinished_bytes
        self._unfinished_bytes = 0 if finished else before_bytes + nbytes
        self.inbound.unfinished_bytes += self._unfinished_bytes - before_bytes
        too_much = self.inbound.unfinished_bytes > UNFINISHED_BYTES_MAX and self._unfinished_bytes > READ_BYTES
        if too_much and self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.conn.fail(1009, "all sockets together have too much unfinished")
            self.handle_parser_exception()

    def _charge(self) -> None:
        ends, inbound = self._ends, self.inbound
        units = inbound.rate.cost(ends.opcode, ends.size) if ends.whole else PIECE_UNITS
        rest_s = self._allowance.charge(units, inbound.now_s())
        if not rest_s or self.transport.is_closing():
            return
        if self.handshake_complete and not self.close_sent and self._allowance.exhausted(inbound.now_s()):
            self.too_fast()
        else:
            self._resting = True
            self.loop.call_later(rest_s, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if not self.disconnected:
            self.go_on()

    def too_fast(self) -> None:
        """End a socket whose client goes on sending faster than it may.

        Not at once: to close a socket with bytes unread resets it, and the client might never see why.
        """
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.TOO_FAST, "reason": TOO_FAST})
        self.conn.send_close(CloseCode.TOO_FAST, TOO_FAST)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self.conn.fail(1008, f"more than {FRAGMENTS_MAX} fragments in a message")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        _end_soon(self)

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        _end_soon(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.inbound.unfinished_bytes -= self._unfinished_bytes
        self._unfinished_bytes = 0
        super().connection_lost(exc)

    # --- by ASGI -------------------------------------------------------------------------------------------------

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.go_on()
        return message

    async def send(self, message: Any) -> None:
        try:
            await super().send(message)
        except RuntimeError:
            if not self.close_sent:
                raise
            raise ClientDisconnected from None  # we have closed it meanwhile
        if message["type"] != "websocket.send" and self._held:  # frames that came before, the client's close maybe
            self.go_on()

    def pause_writing(self) -> None:
        self.writing_paused = True
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()  # who does not read is not read from, so that answers cannot pile up

    def resume_writing(self) -> None:
        self.writing_paused = False
        super().resume_writing()
        # Not at once: asyncio calls this in the midst of its own write, and were ours to fail here, it would end the
        # transport twice.
        self.loop.call_soon(self.resume)

    def resume(self) -> None:
        """Go on with a client that has taken what was written."""
        if self.writing_paused or self.transport.is_closing():
            return
        if self.pong_timer is not None:  # the ping may have waited behind much else, and the pong was not read
            self.pong_timer.cancel()
            self.pong_timer = self.loop.call_later(self.ping_timeout or 0, self.keepalive_timeout)
        self.go_on()

    def send_keepalive_ping(self) -> None:
        if self.writing_paused:  # it would wait behind all that the client does not take
            self.ping_timer = None
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        if self.writing_paused:  # slow, and not read from: the manager decides when that is enough
            self.pong_timer = None
            self.schedule_ping()
        else:
            self.no_pong()

    def no_pong(self) -> None:
        """End a socket whose client does not answer pings."""
        super().keepalive_timeout()


class AsgiWebSocketProtocol(BoundedWebSocketProtocol):
    """By ASGI alone; a peer which takes nothing cannot keep the connection once the application is done."""

    __slots__ = ()

    async def run_asgi(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("the application failed on a WebSocket")
            self.send_500_response()
        if self.close_timer is None:  # uvicorn logs an error first where the client has left before the handshake's end
            self.transport.close()
        _end_soon(self)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:  # of which uvicorn logs a traceback
                self.conn.fail(1007, "a text message must be UTF-8")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()


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

    def take_over(self, manager: ConnectionManager, *, plain: bool, caller: Caller) -> None:
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
        self.connection = manager.connect(writer, plain=plain, caller=caller)
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
