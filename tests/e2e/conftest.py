"""Servers for the tests: one a variant to share, and fresh ones for tests that kill, stall or configure theirs."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.e2e.server import Server, Variant

# Ticks five times a second make the suite short; the default stream keeps its second. The ring soon begins to forget,
# though never the last hundred ticks.
SHARED_ENV = {
    "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
    "VITALCAST_TIMEOUTS__HEARTBEAT_S": "1",
    "VITALCAST_RING__WINDOW_S": "1",
}

TEST_S = 60.0  # only so that a failure ends

StartServer = Callable[..., Server]


def pytest_itemcollected(item: pytest.Item) -> None:
    """End a test that waits for ever, wherever it waits."""
    if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.obj):
        item.obj = _bounded(item.obj)


def _bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def bounded(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(TEST_S):
            await test(*arguments, **named)

    return bounded


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[Variant, Server]]:
    """A server of each variant that all tests share: read only."""
    shared = {variant: Server(variant, SHARED_ENV) for variant in Variant}
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Server.start, shared.values()))
        yield shared
    finally:
        for one in shared.values():
            one.close()


@pytest.fixture
def server(servers: dict[Variant, Server]) -> Server:
    """The shared server with the short cut: read only."""
    return servers[Variant.FAST]


@pytest.fixture(params=[Variant.FAST, Variant.PLAIN], ids=str)
def uvicorn_server(request: pytest.FixtureRequest, servers: dict[Variant, Server]) -> Server:
    """Each of the shared servers under uvicorn: read only."""
    return servers[request.param]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers of the test's own, with its own settings; they end with the test."""
    started: list[Server] = []

    def start(variant: Variant = Variant.FAST, *, port: int = 0, scripted: bool = False, **env: str) -> Server:
        prefixed = {name if name.startswith("E2E_") else f"VITALCAST_{name}": value for name, value in env.items()}
        started.append(Server(variant, prefixed, port=port, scripted=scripted))
        return started[-1].start()

    yield start
    for one in started:
        one.close()
