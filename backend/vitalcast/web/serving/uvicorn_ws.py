"""uvicorn's WebSocket protocol with bounds on what a client may have it do."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Self

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.intake import PIECE_UNITS, Allowance
from vitalcast.core.wire.websocket import FrameEnds
from vitalcast.web.serving.inbound import FRAMES_A_TURN, READ_BYTES, SOCKET_TURN_S, UNFINISHED_BYTES_MAX, Inbound
from vitalcast.web.serving.ws import TOO_FAST

FRAGMENTS_MAX = 1024
CLOSE_S = 1.0


def _end_soon(protocol: WebSocketsSansIOProtocol) -> None:
    """End the connection even if the peer never takes what the transport still holds for it."""
    protocol.loop.call_later(CLOSE_S, _abort, protocol)


def _abort(protocol: WebSocketsSansIOProtocol) -> None:
    if not protocol.disconnected:  # asyncio fails over an abort after the end, if closing had to wait for the peer
        protocol.transport.abort()


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
