"""The Python client: it follows what a server streams, resumes where it was cut off, and asks it about the past.

Its parts are imported when they are first used, so that importing this costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitalcast.client.asyncio_client import Client as Client
    from vitalcast.client.blocking import BlockingClient as BlockingClient
    from vitalcast.client.catalogue import ListedSeries as ListedSeries
    from vitalcast.client.events import Event as Event
    from vitalcast.client.panels import Headline as Headline
    from vitalcast.client.panels import Line as Line
    from vitalcast.client.result import Result as Result
    from vitalcast.client.tables import Rows as Rows
    from vitalcast.client.ticks import Gap as Gap
    from vitalcast.client.ticks import Position as Position
    from vitalcast.client.ticks import Series as Series
    from vitalcast.client.ticks import Tick as Tick
    from vitalcast.errors import ClientError as ClientError
    from vitalcast.errors import RefusedError as RefusedError
    from vitalcast.errors import UnreachableError as UnreachableError

_HOMES = {
    "BlockingClient": "vitalcast.client.blocking",
    "Client": "vitalcast.client.asyncio_client",
    "ClientError": "vitalcast.errors",
    "Event": "vitalcast.client.events",
    "Gap": "vitalcast.client.ticks",
    "Headline": "vitalcast.client.panels",
    "Line": "vitalcast.client.panels",
    "ListedSeries": "vitalcast.client.catalogue",
    "Position": "vitalcast.client.ticks",
    "RefusedError": "vitalcast.errors",
    "Result": "vitalcast.client.result",
    "Rows": "vitalcast.client.tables",
    "Series": "vitalcast.client.ticks",
    "Tick": "vitalcast.client.ticks",
    "UnreachableError": "vitalcast.errors",
}

__all__ = [
    "BlockingClient",
    "Client",
    "ClientError",
    "Event",
    "Gap",
    "Headline",
    "Line",
    "ListedSeries",
    "Position",
    "RefusedError",
    "Result",
    "Rows",
    "Series",
    "Tick",
    "UnreachableError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
