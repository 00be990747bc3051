"""Whether the client of a request is still there, which ASGI tells only to those who read the body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import Scope

EXTENSION: Final = "vitalcast.lost"  # whose value in the scope is a Lost


class Lost(asyncio.Event):
    """Set when the connection is lost, which `give_up` brings about."""

    give_up: Callable[[], None]


def is_lost(scope: Scope) -> bool:
    """Say whether the connection has been lost; False where the server does not tell."""
    event: Lost | None = scope.get("extensions", {}).get(EXTENSION)
    return event is not None and event.is_set()


async def lost_within(scope: Scope, seconds: float) -> bool:
    """Wait until the connection is lost, so long at most; say whether it has been."""
    event: Lost | None = scope.get("extensions", {}).get(EXTENSION)
    if event is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def give_up(scope: Scope) -> None:
    """End a connection whose client takes nothing of a response, which so cannot come to its end.

    Where the server offers no way to it does nothing.
    """
    event: Lost | None = scope.get("extensions", {}).get(EXTENSION)
    if event is not None:
        event.give_up()
        await event.wait()
