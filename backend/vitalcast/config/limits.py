"""`[stream]`, `[limits]` and `[timeouts]`: what clients get, what one may cost, and how long is waited for it."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from pydantic import Field

from vitalcast.core.panels.schema import Patterns
from vitalcast.core.strict import Strict


class Stream(Strict):
    """The default stream: what a plain WebSocket gets without asking."""

    metrics: Patterns = Field(
        default=(
            "system.cpu.utilization",
            "system.memory.usage",
            "system.memory.utilization",
            "system.load.average",
            "system.disk.io.rate",
            "system.network.io.rate",
        ),
        min_length=1,
        description="Patterns of its metrics; a short list, since every plain socket gets all of them",
    )
    interval_s: float = Field(default=1.0, ge=0.1, le=3600, description="Interval between its messages")


class Limits(Strict):
    """What a client may cost."""

    message_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=16_777_216,
        description="Maximum size of a message from a client",
    )
    streams: int = Field(default=64, ge=1, le=10_000, description="Maximum streams per socket")
    subscriptions: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Maximum different subscriptions on all sockets; equal subscriptions count once",
    )
    subscriptions_mib: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Maximum memory for all different subscriptions; beyond it, new subscriptions are refused",
    )
    unread_mib: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Maximum memory for data that clients have yet to read; beyond it, large answers are refused and "
        "sockets closed",
    )
    series: int = Field(default=10_000, ge=1, le=1_000_000, description="Maximum series per stream")
    series_per_source: int = Field(
        default=20_000,
        ge=100,
        le=1_000_000,
        description="Maximum series of a machine or other source; more are left out",
    )
    messages_per_second: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Maximum messages per second from a socket; more get an error, and a lasting flood closes it",
    )
    connections: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Maximum sockets at once; more are refused"
    )
    connections_per_address: int = Field(
        default=1000, ge=1, le=1_000_000, description="Maximum sockets at once from one address"
    )
    handshakes_per_second: int = Field(
        default=2000, ge=1, le=1_000_000, description="Maximum new sockets per second; more are told to try again"
    )
    handshakes_per_second_per_address: int = Field(
        default=200, ge=1, le=1_000_000, description="Maximum new sockets per second from one address"
    )
    requests_per_second: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP requests per second, in bursts of up to ten seconds' worth; costly answers count as"
        " several",
    )
    requests_per_second_per_address: int = Field(
        default=300,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP requests per second from one address, counted likewise",
    )
    http_connections: int = Field(
        default=4000, ge=4, le=1_000_000, description="Maximum HTTP connections at once; more wait to be accepted"
    )
    http_connections_per_address: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        description="Maximum HTTP connections at once from one address; trusted proxies may have more",
    )
    header_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=1_048_576,
        description="Maximum size of the request line and headers of an HTTP request",
    )
    body_bytes: int = Field(
        default=65_536, ge=1024, le=16_777_216, description="Maximum size of the body of an HTTP request"
    )
    pipelined_requests: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Maximum HTTP requests on a connection that wait for the current answer",
    )
    failed_tokens_per_minute: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="Maximum wrong tokens per minute; then new tokens are not checked until the next minute",
    )
    failed_tokens_per_minute_per_address: int = Field(
        default=10, ge=1, le=1_000_000, description="Maximum wrong tokens per minute from one address"
    )
    snapshot_values: int = Field(
        default=1_000_000,
        ge=1000,
        le=100_000_000,
        description="Maximum values in a snapshot; up to four times as many are read to aggregate them",
    )
    table_rows: int = Field(default=500, ge=1, le=100_000, description="Maximum rows of a table")
    queries: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="Maximum queries of the history under way for all clients; more are refused",
    )
    queries_per_socket: int = Field(
        default=4, ge=1, le=1000, description="Maximum queries of the history under way for a socket"
    )


class Timeouts(Strict):
    """How long to wait, and how often to show signs of life."""

    heartbeat_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Silence after which a socket gets a heartbeat, to tell quiet from dead",
    )
    slow_s: float = Field(
        default=30.0, ge=0.1, le=3600, description="Time without a byte taken after which a socket is closed"
    )
    ping_interval_s: float = Field(
        default=20.0,
        ge=0.1,
        le=3600,
        description="Interval between WebSocket pings, which keep proxies from closing the connection",
    )
    ping_timeout_s: float = Field(
        default=20.0, ge=0.1, le=3600, description="Time to wait for a pong before the client counts as gone"
    )
    header_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Time to wait for the headers of an HTTP request, and for the TLS handshake, before closing the "
        "connection",
    )
    body_s: float = Field(default=20.0, ge=0.1, le=3600, description="Time to wait for the body of an HTTP request")
    idle_s: int = Field(
        default=5, ge=1, le=3600, description="Time to wait for the next HTTP request before closing the connection"
    )
    hello_s: float = Field(
        default=10.0, ge=0.1, le=3600, description="Time to wait for a hello where a token is required"
    )
    query_s: float = Field(
        default=10.0, ge=0.1, le=3600, description="Time that a query of the history may take, once it has begun"
    )
    shutdown_s: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="Time that open sockets get to leave before the process exits",
    )
