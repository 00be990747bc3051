"""What the tests of hostile clients share."""

from __future__ import annotations

from tests.e2e.client import Client
from tests.e2e.raw import (
    RawSocket,
)

MIB = 2**20
CPU = "system.cpu.utilization"
GROWTH_BYTES = 48 * MIB  # far above what allocators keep, far below what a leak would cost here


async def works(one: Client | RawSocket) -> None:
    """A ping is answered."""
    assert (await one.ask("ping", id="still here"))["type"] == "pong"
