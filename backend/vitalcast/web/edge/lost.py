"""Whether the client of a request is still there, which ASGI tells only to those who read the body."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Scope

EXTENSION: Final = "vitalcast.lost"  # whose value in the scope is an event, set when the connection is lost


def is_lost(scope: Scope) -> bool:
    """Say whether the connection has been lost; False where the server does not tell."""
    event: asyncio.Event | None = scope.get("extensions", {}).get(EXTENSION)
    return event is not None and event.is_set()


async def lost_within(scope: Scope, seconds: float) -> bool:
    """Wait until the connection is lost, so long at most; say whether it has been."""
    event: asyncio.Event | None = scope.get("extensions", {}).get(EXTENSION)
    if event is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
