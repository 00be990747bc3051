"""uvicorn's HTTP protocol under names of ours: what it keeps for itself is used here and nowhere else.

Written for uvicorn 0.54; `tests.web.serving.test_uvicorn_parts` fails where another version has it otherwise.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

Exchange = RequestResponseCycle  # one request and its response
_ENDLESS: Final = sys.maxsize


def tell_gone(exchange: Exchange) -> None:
    """Have the application of a request learn that its client is gone."""
    exchange.disconnected = True
    exchange.message_event.set()
    forget_send(exchange)


def forget_send(exchange: Exchange) -> None:
    """Undo `end_by_close` where nothing more is to begin, since the exchange would refer to itself by it."""
    vars(exchange).pop("send", None)


def has_begun(exchange: Exchange) -> bool:
    """Say whether a part of the response has been sent."""
    return exchange.response_started


def in_chunks(exchange: Exchange) -> bool:
    """Say whether the body of a response that has begun goes out in chunks."""
    return bool(exchange.chunked_encoding) and not exchange.response_complete


def end_by_close(exchange: Exchange) -> None:
    """Have a body whose length is not known be ended by the connection's end, and not come in chunks.

    RFC 9112, 6.1: a server MUST NOT send a Transfer-Encoding unless the request says HTTP/1.1 or later.
    """
    send = exchange.send

    async def send_as_it_is(message: Any) -> None:
        if message["type"] == "http.response.start":
            if not any(name.lower() == b"content-length" for name, _ in message.get("headers", ())):
                exchange.chunked_encoding, exchange.expected_content_length = False, _ENDLESS
        elif exchange.expected_content_length > _ENDLESS // 2 and not message.get("more_body", False):
            exchange.expected_content_length = len(message.get("body", b""))
        await send(message)

    exchange.send = send_as_it_is  # type: ignore[method-assign]  # uvicorn reads it as the application begins


def end_after(exchange: Exchange) -> None:
    """Have the connection end after this response."""
    exchange.keep_alive = False


class HeldFlow(FlowControl):
    """uvicorn's flow control, except that reading is not resumed while it is `held`."""

    held = False

    def hold(self, held: bool) -> None:
        self.held = held
        if held:
            self.pause_reading()
        else:
            self.resume_reading()

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class UvicornHttp(HttpToolsProtocol, asyncio.BufferedProtocol):
    """uvicorn's own, whose parts have names here.

    What overrides uvicorn's methods calls them: those of the parser (`on_message_begin` to `on_message_complete`),
    `on_response_complete`, `handle_websocket_upgrade` and asyncio's own.
    """

    _held_flow: HeldFlow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self.flow = self._held_flow = HeldFlow(transport)

    @property
    def takes_nothing(self) -> bool:
        """Whether the peer has yet to take what was written."""
        return self._held_flow.write_paused

    def hold(self, held: bool) -> None:
        """Read nothing from the peer, or go on."""
        self._held_flow.hold(held)

    @property
    def newest(self) -> Exchange | None:
        """The request whose head was read last."""
        return cast("Exchange | None", self.cycle)

    @property
    def waiting(self) -> int:
        """How many requests wait for those before them."""
        return len(self.pipeline)

    def drop_waiting(self) -> None:
        self.pipeline.clear()

    def give_up(self, exchange: Exchange) -> None:
        """Give up the request that was read last: if it waits, nobody has heard of it."""
        if self.pipeline and self.pipeline[0][0] is exchange:
            self.pipeline.popleft()
        tell_gone(exchange)

    def idle(self) -> None:
        """Wait for another request, for as long as a connection may be idle."""
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def stop_idling(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def let_go(self) -> None:
        """Drop what refers to this connection: a flood would leave it all to the garbage collector."""
        del self.parser, self.cycle
