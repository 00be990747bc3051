"""HTTP connections with bounds on what a peer may have the server keep, and for how long.

uvicorn parses all that asyncio hands over, up to 256 KiB at once or some 14,000 requests, and goes on reading after
every response however many requests wait. Here no more is read than fits in 16 KiB, the parser gets one request at a
time, and nothing more while as many wait as may. What is late or too long is answered with 408, 413 or 431, and the
connection ends.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from vitalcast.core.wire.blank_lines import TAIL_BYTES, after_blank_line
from vitalcast.web.edge.lost import EXTENSION as LOST
from vitalcast.web.edge.lost import Lost
from vitalcast.web.edge.proxies import UNKNOWN_PEER
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.serving.error_answer import error_answer
from vitalcast.web.serving.slow_peer import SlowPeer
from vitalcast.web.serving.uvicorn_http import (
    Exchange,
    UvicornHttp,
    end_after,
    end_by_close,
    forget_send,
    has_begun,
    in_chunks,
    tell_gone,
)

READ_BYTES: Final = 16_384
HEADERS_MAX: Final = 100  # as Apache's LimitRequestFields; each costs far more here than its bytes
LINGER_S: Final = 1.0
WEBSOCKET_VERSION: Final = b"13"


class Bounds(NamedTuple):
    """What one HTTP connection may cost."""

    header_bytes: int
    body_bytes: int
    pipelined_requests: int
    header_s: float
    body_s: float
    slow_s: float


@dataclass(frozen=True, slots=True)
class House:
    """What all HTTP connections of a server share.

    `may_upgrade` says whether there is room for one more WebSocket, and `left` hears of each connection that is none
    of HTTP's any more. `buffer` is what all read into: whoever is handed it has emptied it before the next.
    """

    bounds: Bounds
    refusals: RefusalLog
    may_upgrade: Callable[[], bool]
    left: Callable[[HttpProtocol], None]
    buffer: memoryview


class Phase(enum.Enum):
    """Where in a request the parser is."""

    BETWEEN = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


@dataclass(slots=True)
class Owed:
    """A request whose response is not complete, and its bytes."""

    exchange: Exchange
    length: int


class HttpProtocol(UvicornHttp):
    """One HTTP connection, until it ends or becomes a WebSocket."""

    _slow: SlowPeer  # from the connection on

    def __init__(self, *, config: Config, server_state: ServerState, app_state: dict[str, Any], house: House) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self._house = house
        self._bounds = house.bounds
        self._rest = b""  # read, but not given to the parser yet
        self._tail = b""  # the last two bytes that the parser got, in which a blank line may have begun
        self._phase = Phase.BETWEEN
        self._number = 0  # of the request that is being read
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_left = 0  # where Content-Length tells
        self._reading: Exchange | None = None  # of the request whose body is being read
        self._owed: deque[Owed] = deque()  # the one that is being answered first
        self._upgrade = False
        self._refusal: bytes | None = None  # what is said before the connection ends, once the responses are out
        self._lingering = False
        self._lost = Lost()
        self._deadline: asyncio.TimerHandle | None = None
        self._deadline_of: tuple[Phase, int] | None = None
        self._waiting_since_s = self.loop.time()

    # --- its life ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self._lost.give_up = transport.abort
        self._slow = SlowPeer(transport, self.loop, limit_s=self._bounds.slow_s)
        # Writing pauses with the first byte that the kernel does not take, so that there is always a timer for it;
        # a transport with TLS pauses at the mark already, one without above it.
        transport.set_write_buffer_limits(high=int(self.scheme == "https"))
        self._watch(may_read=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._end()
        for owed in self._owed:  # uvicorn tells only the last
            tell_gone(owed.exchange)
        super().connection_lost(exc)
        self.let_go()

    def _end(self) -> None:
        """Let go of what is waited for, and have the house forget this connection."""
        self._rest = b""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._slow.stop()
        self.stop_idling()
        self._house.left(self)

    def shutdown(self) -> None:
        """Take no further request; a response under way may end."""
        self.drop_waiting()
        while len(self._owed) > 1:
            self._owed.pop()
        if self._reading is not None:  # what waits for the rest of it would hold up the end
            self._refuse(503, "the server is shutting down")
        elif self._owed:
            end_after(self._owed[0].exchange)
        elif not self._lingering:
            self.transport.close()

    @property
    def waiting_since_s(self) -> float | None:
        """Since when it has been waited for a request or its body, by the loop's clock; None while one is answered."""
        answering = self._owed and self._owed[0].exchange is not self._reading
        return None if answering else self._waiting_since_s

    def give_way(self) -> None:
        """End a connection of which a request is awaited, where others need its place."""
        self.transport.abort()

    # --- reading -------------------------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._house.buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if self._refusal is None and not self._upgrade:
            self._rest += data
            self._feed()

    def _may_read(self) -> bool:
        if self.takes_nothing:  # who does not read is not read from
            return False
        waiting = self.waiting
        if not waiting or self._phase is Phase.BODY:
            return True
        ahead_bytes = sum(owed.length for owed in self._owed)
        return waiting < self._bounds.pipelined_requests and ahead_bytes < self._bounds.header_bytes

    def _feed(self) -> None:
        """Give the parser what has come, as far as there is room.

        Between requests and in their heads that is no more than to the next blank line, and so one request at most.
        """
        rest, begin = self._rest, 0
        self._rest = b""
        may_read = self._may_read()
        while may_read and begin < len(rest):
            if self._phase is Phase.BETWEEN:
                begin = self._skip_empty_lines(rest, begin)
            end = self._piece_end(rest, begin)
            if end > begin and self._charge(end - begin):
                begin += self._parse(rest[begin:end])
            if self._refusal is not None or self._upgrade:
                return
            may_read = self._may_read()
        self._rest = rest[begin:]
        self.hold(not may_read)
        self._watch(may_read)

    def _skip_empty_lines(self, rest: bytes, begin: int) -> int:
        """Return where a request begins (RFC 9112, 2.2: empty lines before it SHOULD be ignored, which has an end)."""
        length = len(rest) - begin
        skipped = length - len(rest[begin:].lstrip(b"\r\n"))
        self._charge(skipped)
        return begin + skipped

    def _piece_end(self, rest: bytes, begin: int) -> int:
        if self._phase is Phase.BODY and self._body_left:
            return min(len(rest), begin + self._body_left)
        return after_blank_line(rest, begin, tail=self._tail)

    def _charge(self, length: int) -> bool:
        """Count bytes that the parser is about to get; say whether it may."""
        if self._phase is Phase.BODY:
            self._body_bytes += length
            if self._body_bytes > self._bounds.body_bytes:
                self._refuse(413, f"a body has {self._bounds.body_bytes} bytes at most here, with all that frames it")
        else:
            self._head_bytes += length
            if self._head_bytes > self._bounds.header_bytes:
                self._refuse(431, f"a request line and its headers have {self._bounds.header_bytes} bytes at most here")
        if self._reading is not None and self._owed and self._owed[-1].exchange is self._reading:
            self._owed[-1].length += length
        return self._refusal is None

    def _parse(self, piece: bytes) -> int:
        """Give the parser a piece; return how much of it it has taken."""
        before = self.newest
        self._tail = (self._tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        if self._phase is Phase.BODY and self._body_left:
            self._body_left -= len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            if self.newest is before and self._refusal is None:
                self._upgrade = True
                self.handle_websocket_upgrade()
            else:  # RFC 9110, 7.8: a server MAY ignore a received Upgrade header field
                return min(len(piece), cast("int", upgrade.args[0]))
        except httptools.HttpParserError:
            self._refuse(400, "this is not an HTTP request")
        return len(piece)

    # --- what the parser finds -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._phase = Phase.HEAD
        self._number += 1
        self._body_bytes = self._body_left = 0
        self._reading = None
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {LOST: self._lost}

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase is not Phase.HEAD:
            return  # RFC 9110, 6.5.1: a trailer must not be taken for a header
        if len(self.headers) >= HEADERS_MAX:
            self._refuse(431, f"a request has {HEADERS_MAX} headers at most here")
            return
        lower = name.lower()
        if lower == b"upgrade" and self.parser.get_http_version() != "1.1":
            return  # RFC 9110, 7.8: MUST be ignored in an HTTP/1.0 request; llhttp takes 0.9 and 2.0 for requests too
        if lower == b"content-length" and value.isdigit():
            self._body_left = int(value[:20])
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._phase = Phase.BODY
        if self._body_left > self._bounds.body_bytes:
            self._refuse(413, f"a body has {self._bounds.body_bytes} bytes at most here")
        if self._refusal is not None:
            return
        before = self.newest
        super().on_headers_complete()
        exchange = self.newest
        if exchange is not None and exchange is not before:
            self._reading = exchange
            self._waiting_since_s = self.loop.time()
            self._owed.append(Owed(exchange, self._head_bytes))
            if self.parser.get_http_version() != "1.1":
                end_by_close(exchange)

    def on_body(self, body: bytes) -> None:
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._phase = Phase.BETWEEN
        self._head_bytes = self._body_left = 0
        self._tail = b""
        self._reading = None
        if self._refusal is None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._owed:
            forget_send(self._owed.popleft().exchange)
        self._waiting_since_s = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self._refusal is not None:
            self._say_refusal()
        else:
            self._feed()

    # --- upgrades ------------------------------------------------------------------------------------------------

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the WebSocket's protocol, or say why not; what came too early is dropped."""
        versions = [value for name, value in self.headers if name == b"sec-websocket-version"]
        if versions != [WEBSOCKET_VERSION]:
            # RFC 6455, 4.4: an answer that says what is understood. It is 400 as there, and not the 426 of 4.2.2, which
            # tells a client to upgrade (RFC 9110, 15.5.22), as this one has asked to.
            message = "the header Sec-WebSocket-Version has to say 13"
            self._refuse(400, message, (b"sec-websocket-version", WEBSOCKET_VERSION))
        elif self._owed:
            self._refuse(400, "a WebSocket cannot begin while requests before it are being answered")
        elif not self._house.may_upgrade():
            self._refuse(503, "the server has no room for more WebSockets", (b"retry-after", b"5"))
        else:
            self._end()
            self.transport.set_write_buffer_limits()
            self.transport.resume_reading()
            super().handle_websocket_upgrade()
            del self.parser  # which refers to this, so that both would wait for the garbage collector

    # --- responses that go on elsewhere --------------------------------------------------------------------------

    @property
    def shared_buffer(self) -> memoryview:
        return self._house.buffer

    def release(self) -> asyncio.Transport | None:
        """Give the transport away, on which a body in chunks has begun, to whoever goes on with it.

        None where more is to be read or answered here, or there is no room for another connection that stays.
        """
        alone = len(self._owed) == 1 and self._phase is Phase.BETWEEN and not self._rest
        ending = self._refusal is not None or self._upgrade or self.transport.is_closing()
        if not alone or ending or not in_chunks(self._owed[0].exchange) or not self._house.may_upgrade():
            return None
        tell_gone(self._owed.pop().exchange)
        self._upgrade = True  # so that nothing that was begun goes on here
        self._end()
        self.connections.discard(self)
        self.let_go()
        return self.transport

    # --- time-outs -----------------------------------------------------------------------------------------------

    def _watch(self, may_read: bool) -> None:
        """Have a timer run while something is owed by the peer: its first request, or the rest of one."""
        owed = None
        if self._phase is not Phase.BETWEEN or not self._number or self._head_bytes:
            owed = (self._phase, self._number)
        if owed is not None or self._owed or not may_read:
            self.stop_idling()
        else:
            self.idle()
        if not may_read:
            owed = None  # it is ours to go on
        if owed == self._deadline_of:
            return
        self._deadline_of = owed
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if owed is not None:
            wait_s = self._bounds.body_s if self._phase is Phase.BODY else self._bounds.header_s
            self._deadline = self.loop.call_later(wait_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._deadline = None
        if self._phase is Phase.BODY:
            self._refuse(408, f"a body has to come within {self._bounds.body_s:g} s")
        elif self._head_bytes:
            self._refuse(408, f"the headers of a request have to come within {self._bounds.header_s:g} s")
        else:
            self.transport.close()  # browsers open connections for later and are not told off for that

    def pause_writing(self) -> None:
        super().pause_writing()
        self._slow.watch()

    def resume_writing(self) -> None:
        self._slow.stop()
        super().resume_writing()
        # Not at once: asyncio calls this in the midst of its own write.
        self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self.transport.is_closing() and self._refusal is None and not self._upgrade:
            self._feed()

    # --- saying no -----------------------------------------------------------------------------------------------

    def _refuse(self, status: int, message: str, *headers: tuple[bytes, bytes]) -> None:
        """Take nothing more; once the responses that are owed are out, send this one and end the connection."""
        if self._refusal is not None:
            return
        if status != 503:  # which is no fault of theirs
            self._house.refusals.add(self.client[0] if self.client else UNKNOWN_PEER, "request", message)
        answered = self._reading is not None and has_begun(self._reading)
        self._refusal = (
            b"" if answered else error_answer(status, message, [*self.server_state.default_headers, *headers])
        )
        self._rest = b""
        self.hold(True)
        self._watch(may_read=False)
        if self._reading is not None and not answered:
            self._owed.pop()
            self.give_up(self._reading)
        if not self._owed:
            self._say_refusal()

    def _say_refusal(self) -> None:
        assert self._refusal is not None
        if self.transport.is_closing() or self._lingering:
            return
        self.stop_idling()
        self.transport.write(self._refusal)
        if not self.transport.can_write_eof():  # TLS, which says good-bye in a way of its own
            self.transport.close()
            return
        # What has come and was not read would have the kernel end the connection at once, and the peer might never
        # see the answer (RFC 9112, 9.6): say that this is all, and take what comes for a moment.
        self._lingering = True
        self.transport.write_eof()
        self.hold(False)
        self._deadline = self.loop.call_later(LINGER_S, self.transport.abort)
