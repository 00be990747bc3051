"""The application as it is given to uvicorn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitalcast.web.edge.lost import is_lost

WRITE_BYTES: Final = 65_536


class Turns:
    """Lets one request begin in each turn of the event loop, the others after it in the order in which they came.

    Those whose client has left take no turn from others, so that no more wait than there are connections.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Scope, asyncio.Future[None]]] = deque()
        self._taken = False

    async def wait(self, scope: Scope) -> bool:
        """Wait for the turn of this request; return whether its client is there still."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next, loop)
        else:
            turn = loop.create_future()
            self._waiting.append((scope, turn))
            await turn
        return not is_lost(scope)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            scope, turn = self._waiting.popleft()
            if turn.done():  # it was cancelled
                continue
            turn.set_result(None)
            if not is_lost(scope):
                loop.call_soon(self._next, loop)
                return
        self._taken = False


class ServedApp:
    """Sends bodies in pieces, does not mind who leaves early, and begins one request in a turn of the event loop.

    uvicorn waits for the peer before each piece but takes one whole, and it logs a traceback where a request's body
    does not come to its end or the server stops before the response is out. It begins all that have come at once, and
    most are answered in one go: fifty scrapes would hold up a tick for 200 ms.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = Turns()

    # Not a coroutine function, so that no frame of it lies under an open WebSocket.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._serve(scope, receive, send) if scope["type"] == "http" else self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= WRITE_BYTES:
                await send(message)
                return
            for begin in range(0, len(body), WRITE_BYTES):
                more = begin + WRITE_BYTES < len(body) or message.get("more_body", False)
                await send({**message, "body": body[begin : begin + WRITE_BYTES], "more_body": more})

        try:
            if await self._turns.wait(scope):
                await self._app(scope, receive, send_in_pieces)
        except (ClientDisconnect, asyncio.CancelledError):  # the server cancels only what it has cut off
            return
