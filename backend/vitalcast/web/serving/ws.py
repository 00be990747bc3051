"""/ws: accepts sockets and hands them to the ConnectionManager, by the short cut where the server offers it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vitalcast.access.rate_limit import network_of
from vitalcast.core.stream.grants import Caller
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.intake import Allowance, Rate
from vitalcast.core.wire.messages import bye, error_reply
from vitalcast.core.wire.subprotocols import SUBPROTOCOLS, agreed
from vitalcast.core.wire.websocket import OPCODE_BINARY, OPCODE_TEXT
from vitalcast.errors import TooManyConnections
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.writer import Batch, Writer
from vitalcast.web.edge.endpoint import ANYBODY, WEBSOCKET, Endpoint, EndpointGroup
from vitalcast.web.edge.misrouted import NoUpgrade
from vitalcast.web.edge.refusal_log import RefusalLog

CLOSE_S = 1.0
EXTENSION = "vitalcast.fast_path"  # whose value in the scope is a FastPath
TOO_FAST = "more was sent than limits.messages_per_second allows, for some seconds; send less"


class FastPath(Protocol):
    """What a server of ours offers for a socket: to hand it to the manager, beside ASGI."""

    def take_over(self, manager: ConnectionManager, *, plain: bool, encoding: Encoding, caller: Caller) -> None:
        """Hand the accepted socket to the manager; the ASGI application may return.

        Raises TooManyConnections and ClientDisconnected; the socket is ASGI's still.
        """


def socket_endpoints(manager: ConnectionManager, log: RefusalLog) -> EndpointGroup:
    """Return `/ws`, and what answers there by HTTP."""

    async def serve(websocket: WebSocket) -> None:
        await serve_socket(websocket, manager)

    summary = "426: this is the WebSocket's address"
    return EndpointGroup(
        "Stream",
        (
            Endpoint(WEBSOCKET, "/ws", serve, ANYBODY, "The stream", token_optional=True),
            Endpoint("GET", "/ws", NoUpgrade(log).answer, ANYBODY, summary, token_optional=True),
        ),
    )


async def serve_socket(websocket: WebSocket, manager: ConnectionManager) -> None:
    """Serve one socket to its end, or until the manager has taken it over.

    Who is there, the edge has found out and put into the scope's `state`: `grant`, `refusal`, `address` and `origin`.
    A token that is no good is told in words, which a refused handshake would not carry to a browser.
    """
    subprotocol = agreed(websocket.scope["subprotocols"])
    await websocket.accept(subprotocol=subprotocol)
    plain = subprotocol is None
    encoding = JSON if subprotocol is None else SUBPROTOCOLS[subprotocol]
    state = websocket.scope["state"]
    caller = Caller(state["grant"], network_of(state["address"]), state["origin"])
    refusal = state["refusal"] or manager.revoked(caller)  # for to accept may take a while
    if refusal is not None:
        manager.on_refused(caller, refusal.message)
        await websocket.send_text(error_reply(None, refusal).text)
        await _turn_away(websocket, CloseCode.REVOKED if refusal.revoked else CloseCode.BAD_TOKEN, refusal.message)
        return
    fast: FastPath | None = websocket.scope.get("extensions", {}).get(EXTENSION)
    try:
        if fast is not None:
            fast.take_over(manager, plain=plain, encoding=encoding, caller=caller)
        else:
            await _serve_by_asgi(websocket, manager, plain=plain, encoding=encoding, caller=caller)
    except TooManyConnections as error:
        manager.on_refused(caller, str(error))
        await _turn_away(websocket, CloseCode.TOO_MANY_CONNECTIONS, str(error))


async def _turn_away(websocket: WebSocket, code: CloseCode, why: str) -> None:
    await websocket.send_text(bye(code, None).text)
    await websocket.close(code, why)


class AsgiWriter(Writer):
    """Writes through ASGI's `send`, which waits: one batch is under way, and what comes meanwhile is for later.

    ASGI does not tell how much of a message was taken, so that progress is whole messages here.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._batch: Batch | None = None
        self._closing: tuple[int, str] | None = None
        self._work = asyncio.Event()
        self._sent = 0
        self._unread_bytes = 0
        self.idle = asyncio.Event()
        self.ended = asyncio.Event()

    def write(self, batch: Batch) -> bool:
        self._batch = batch
        self._unread_bytes += batch.nbytes
        self.idle.clear()
        self._work.set()
        return False

    def progress(self) -> int:
        return self._sent

    def unread_bytes(self) -> int:
        return self._unread_bytes

    def close(self, code: int, reason: str, last: Batch) -> None:
        self._closing = (code, reason)
        self._batch = Batch([*(self._batch.messages if self._batch else ()), *last.messages])
        self._work.set()
        asyncio.get_running_loop().call_later(CLOSE_S, self.ended.set)

    async def run(self, manager: ConnectionManager, connection: Connection) -> None:
        """Send until closed from this side."""
        while self._closing is None or self._batch is not None:
            await self._work.wait()
            self._work.clear()
            batch, self._batch = self._batch, None
            for message in batch.messages if batch is not None else ():
                if message.opcode == OPCODE_BINARY:
                    await self._websocket.send_bytes(message.payload)
                else:
                    await self._websocket.send_text(message.text)
                self._sent += 1
                self._unread_bytes -= len(message.payload)
            if self._batch is None:
                self.idle.set()
                manager.resume(connection)
        code, reason = self._closing
        await self._websocket.close(code, reason)


async def _serve_by_asgi(
    websocket: WebSocket, manager: ConnectionManager, *, plain: bool, encoding: Encoding, caller: Caller
) -> None:
    writer = AsgiWriter(websocket)
    connection = manager.connect(writer, plain=plain, encoding=encoding, caller=caller)

    allowance = Allowance(Rate.of(manager.hub.limits), time.monotonic())

    async def read() -> None:
        while True:
            await writer.idle.wait()
            event = await websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            message = text if text is not None else len(event.get("bytes") or b"")
            manager.receive(connection, message)
            size = len(message) if isinstance(message, str) else message
            if rest_s := allowance.charge(allowance.rate.cost(OPCODE_TEXT, size), time.monotonic()):
                if allowance.exhausted(time.monotonic()):
                    manager.close(connection, CloseCode.TOO_FAST, TOO_FAST)
                await asyncio.sleep(rest_s)

    tasks = [
        asyncio.create_task(read()),
        asyncio.create_task(writer.run(manager, connection)),
        asyncio.create_task(_wait(writer.ended)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        manager.disconnect(connection)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                if websocket.application_state is WebSocketState.CONNECTED:
                    with contextlib.suppress(RuntimeError):
                        await websocket.close(1011)
                raise outcome


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
