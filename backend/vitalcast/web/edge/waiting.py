"""Waits for what takes long only as long as the client waits too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

T = TypeVar("T")


async def unless_gone(request: Request, wanted: asyncio.Future[T]) -> T:
    """Return what comes of a future, which is cancelled once the client of a request without a body has gone.

    Raises ApiError then, which nobody hears, and where the server ends.
    """
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((wanted, gone), return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            raise ApiError(503, ErrorCode.INTERNAL, "the client has gone")
        if wanted.cancelled():
            raise ApiError(503, ErrorCode.INTERNAL, "the server is ending; try again in a few seconds")
        return wanted.result()
    finally:
        wanted.cancel()
        gone.cancel()
        await asyncio.wait((gone,))


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
