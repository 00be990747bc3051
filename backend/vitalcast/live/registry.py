"""The open sockets, and how many of them each address has."""

from __future__ import annotations

from collections.abc import Iterator

from vitalcast.core.wire.limits import Limits
from vitalcast.errors import TooManyConnections
from vitalcast.live.connection import Connection


class Registry:
    """Holds no more sockets than the limits allow, of all clients and of one address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connections: dict[int, Connection] = {}
        self._by_address: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        """Go through the open sockets, oldest first."""
        return iter(self._connections.values())

    def admit(self, address: str) -> None:
        """Raise TooManyConnections where one more of this address would be too many."""
        limits = self._limits
        if len(self._connections) >= limits.connections:
            raise TooManyConnections("all connections are taken")
        if self._by_address.get(address, 0) >= limits.connections_per_address:
            raise TooManyConnections(f"all {limits.connections_per_address} connections of {address} are taken")

    def add(self, connection: Connection) -> None:
        self._connections[connection.id] = connection
        self._count(connection, 1)

    def remove(self, connection: Connection) -> None:
        del self._connections[connection.id]
        self._count(connection, -1)

    def _count(self, connection: Connection, change: int) -> None:
        address = connection.session.caller.address
        if not address:
            return
        count = self._by_address.get(address, 0) + change
        if count:
            self._by_address[address] = count
        else:
            del self._by_address[address]
