"""Servers for the tests: one a variant to share, and fresh ones for tests that kill, stall or configure theirs."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.e2e.server import Server, Variant, running

# Ticks five times a second make the suite short; the default stream keeps its second. The ring soon begins to forget,
# though never the last hundred ticks.
SHARED_ENV = {
    "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
    "VITALCAST_TIMEOUTS__HEARTBEAT_S": "0.5",
    "VITALCAST_MEMORY__WINDOW_S": "1",
}

SLOW_S = 6  # a busy machine takes some seconds to bring those back that are to come back

TEST_S = 300.0  # only so that a failure ends

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


@pytest.fixture(scope="session", autouse=True)
def _servers_end_with_the_tests() -> Iterator[None]:
    """Clean up after a request to terminate as after Ctrl-C, so that no server outlives its tests."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@contextmanager
def _running(servers: dict[Variant, Server]) -> Iterator[dict[Variant, Server]]:
    """Run servers side by side."""
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Server.start, servers.values()))
        yield servers
    finally:
        for one in servers.values():
            one.close()


# A server that ticks costs all others something: none outlives this folder's tests.
@pytest.fixture(scope="package")
def servers() -> Iterator[dict[Variant, Server]]:
    """A server of each variant that all tests share: read only."""
    with _running({variant: Server(variant, SHARED_ENV) for variant in Variant}) as shared:
        yield shared


@pytest.fixture
def server(servers: dict[Variant, Server]) -> Server:
    """The shared server with the short cut: read only."""
    return servers[Variant.FAST]


@pytest.fixture(params=[Variant.FAST, Variant.PLAIN], ids=str)
def uvicorn_server(request: pytest.FixtureRequest, servers: dict[Variant, Server]) -> Server:
    """Each of the shared servers under uvicorn: read only."""
    return servers[request.param]


@pytest.fixture(scope="package")
def generous_server() -> Iterator[Server]:
    """A server that lets a client send as many messages as it likes; in the end it must have had nothing to say."""
    env = {"VITALCAST_SAMPLER__INTERVAL_S": "0.2", "VITALCAST_LIMITS__MESSAGES_PER_SECOND": "100000"}
    with running(Variant.FAST, env) as server:
        yield server
        assert server.stop() == 0
        assert server.errors() == ""


@pytest.fixture(scope="module")
def scripted_servers() -> Iterator[dict[Variant, Server]]:
    """A server of each variant with the metrics of `tests.e2e.machine`."""
    env = {"VITALCAST_SAMPLER__INTERVAL_S": "0.1"}
    with _running({variant: Server(variant, env, scripted=True) for variant in Variant}) as scripted:
        yield scripted


@pytest.fixture(scope="module")
def wide_servers() -> Iterator[dict[Variant, Server]]:
    """Servers with so many series that a client which does not read is blocked after a few ticks.

    Under other servers than ours the kernel buffers megabytes first, and an application by ASGI cannot help it. They
    end with their tests: to sample so many series in tenths takes what others need.
    """
    env = {
        "E2E_BULK": "3000",
        "VITALCAST_HISTORY__ENABLED": "false",
        "VITALCAST_LIMITS__SERIES": "5000",
        "VITALCAST_SAMPLER__INTERVAL_S": "0.1",
        "VITALCAST_TIMEOUTS__SLOW_S": str(SLOW_S),
    }
    variants = (Variant.FAST, Variant.PLAIN)
    with _running({variant: Server(variant, env, scripted=True) for variant in variants}) as wide:
        yield wide
        assert [one.errors() for one in wide.values()] == ["", ""]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers of the test's own, with its own settings; they end with the test."""
    started: list[Server] = []

    def start(
        variant: Variant = Variant.FAST,
        *,
        port: int = 0,
        scripted: bool = False,
        descriptors: int | None = None,
        **env: str,
    ) -> Server:
        prefixed = {name if name.startswith("E2E_") else f"VITALCAST_{name}": value for name, value in env.items()}
        started.append(Server(variant, prefixed, port=port, scripted=scripted, descriptors=descriptors))
        return started[-1].start()

    yield start
    for one in started:
        one.close()
