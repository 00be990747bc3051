"""What one socket, and all together, may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one socket, and all together, may ask for."""

    message_bytes: int = 65_536
    streams: int = 64
    series: int = 10_000
    series_per_source: int = 20_000
    messages_per_second: int = 50
    connections: int = 20_000
    connections_per_address: int = 1_000
    subscriptions: int = 20_000
    subscriptions_mib: int = 64
    unread_mib: int = 64
    snapshot_values: int = 1_000_000
    table_rows: int = 500
    queries: int = 64
    queries_per_socket: int = 4

    def public(self) -> dict[str, int]:
        """Return the part that a client needs to know."""
        return {
            "message_bytes": self.message_bytes,
            "streams": self.streams,
            "series": self.series,
            "messages_per_second": self.messages_per_second,
            "snapshot_values": self.snapshot_values,
            "table_rows": self.table_rows,
            "queries_per_socket": self.queries_per_socket,
        }


DEFAULT_LIMITS = Limits()
