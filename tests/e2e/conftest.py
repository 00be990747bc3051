"""Servers for the tests: one a variant to share, and fresh ones for tests that kill, stall or configure theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.e2e.server import Server, Variant

# Ticks five times a second make the suite short; the default stream keeps its second.
SHARED_ENV = {"VITALCAST_SAMPLER__INTERVAL_S": "0.2", "VITALCAST_TIMEOUTS__HEARTBEAT_S": "1"}

StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def _shared() -> Iterator[Callable[[Variant], Server]]:
    servers: dict[Variant, Server] = {}

    def get(variant: Variant) -> Server:
        if variant not in servers:
            servers[variant] = Server(variant, SHARED_ENV)
            servers[variant].start()
        return servers[variant]

    yield get
    for one in servers.values():
        one.close()


@pytest.fixture(params=list(Variant), ids=str)
def server(request: pytest.FixtureRequest, _shared: Callable[[Variant], Server]) -> Server:
    """A server of each variant that all tests share: read only."""
    return _shared(request.param)


@pytest.fixture
def fast_server(_shared: Callable[[Variant], Server]) -> Server:
    """The shared server with the short cut: read only."""
    return _shared(Variant.FAST)


@pytest.fixture(params=[Variant.FAST, Variant.PLAIN], ids=str)
def uvicorn_server(request: pytest.FixtureRequest, _shared: Callable[[Variant], Server]) -> Server:
    """Each of the shared servers under uvicorn: read only."""
    return _shared(request.param)


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers of the test's own, with its own settings; they end with the test."""
    servers: list[Server] = []

    def start(variant: Variant = Variant.FAST, *, port: int = 0, **env: str) -> Server:
        servers.append(Server(variant, {f"VITALCAST_{name}": value for name, value in env.items()}, port=port))
        return servers[-1].start()

    yield start
    for one in servers:
        one.close()
