"""Vitalcast streams a machine's vital signs, live, to every screen that wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitalcast.client import BlockingClient as BlockingClient
    from vitalcast.client import Client as Client

__version__ = "0.1.0"

_CLIENTS = ("BlockingClient", "Client")


def __getattr__(name: str) -> Any:
    """Return a client when it is first asked for: the server, which imports this, has no use for one."""
    if name not in _CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vitalcast import client

    return getattr(client, name)
