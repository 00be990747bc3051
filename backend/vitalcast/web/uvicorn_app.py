"""The application as it is given to uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WRITE_BYTES: Final = 65_536


class ServedApp:
    """Sends bodies in pieces, and does not mind who leaves early.

    uvicorn waits for the peer before each piece but takes one whole, and it logs a traceback where a request's body
    does not come to its end or the server stops before the response is out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            await self._app(scope, receive, send_in_pieces)
        except (ClientDisconnect, asyncio.CancelledError):  # the server cancels only what it has cut off
            return
