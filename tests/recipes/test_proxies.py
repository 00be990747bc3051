"""Behind real proxies, set up as the manual says: nothing is cut for want of data, though they have no patience."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from tests.debian import program_of
from tests.e2e.client import PROTOCOL, TIMEOUT_S
from tests.e2e.server import Server, running
from tests.examples import examples, section
from tests.recipes.proxies import IDLE_S, NAME, caddy, nginx, relay
from tests.reference.tables import page
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from vitalcast.config.load import load_settings

RECIPE = section(page("recipes.md"), "Behind nginx, Caddy or Cloudflare")
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


@contextmanager
def lively() -> Iterator[Server]:
    """Run a server with the recipe's settings that often shows signs of life."""
    signs = dict.fromkeys(("VITALCAST_TIMEOUTS__HEARTBEAT_S", "VITALCAST_TIMEOUTS__PING_INTERVAL_S"), "0.5")
    proxied = {"VITALCAST_SERVER__PUBLIC_URL": f"https://{NAME}", "VITALCAST_SERVER__TRUSTED_PROXIES": "127.0.0.1"}
    with running(env=signs | proxied) as server:
        yield server


@asynccontextmanager
async def quiet_stream(port: int, *, tls: bool) -> AsyncIterator[ClientConnection]:
    """Subscribe to what comes once an hour, through a proxy at this port; yield the socket once the first has come."""
    async with connect(
        f"ws{'s' if tls else ''}://{NAME}/ws",
        host="127.0.0.1",
        port=port,
        ssl=UNVERIFIED if tls else None,
        subprotocols=[Subprotocol(PROTOCOL)],
        open_timeout=TIMEOUT_S,
        ping_interval=None,  # else it were the client that keeps it open
        proxy=None,
    ) as socket:
        await socket.send(
            json.dumps({"type": "subscribe", "stream": "s", "metrics": ["system.load.average"], "interval": 3600})
        )
        while json.loads(await socket.recv())["type"] != "snapshot":
            pass
        yield socket


@asynccontextmanager
async def quiet_events(port: int, *, tls: bool) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for the same by HTTP; yield what reads the events once the first has come."""
    name = {"ssl": UNVERIFIED, "server_hostname": NAME} if tls else {}
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **name)
    query = "metrics=system.load.average&interval=3600"
    writer.write(f"GET /api/v1/stream?{query} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
    try:
        await reader.readuntil(b"data: ")
        yield reader
    finally:
        writer.transport.abort()


async def stays(port: int, tls: bool) -> None:
    """Listen for longer than the proxy has patience for."""
    async with quiet_stream(port, tls=tls) as socket, quiet_events(port, tls=tls) as events:
        heard, read = [], b""
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + 1.5 * IDLE_S:
            heard.append(json.loads(await socket.recv())["type"])
            chunk = await events.read(4096)
            assert chunk, read
            read += chunk
        assert set(heard) == {"heartbeat"}
        assert read.count(b"\n:\n") >= 2  # comments


async def is_cut(port: int, tls: bool) -> None:
    async with quiet_stream(port, tls=tls) as socket, quiet_events(port, tls=tls) as events:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        while await events.read(4096):
            pass


async def test_streams_outlast_the_patience_of_each_proxy(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    """And those that get no sign of life for ten seconds do not: so it is heartbeats that keep the others."""
    text_of_nginx, text_of_caddy = examples(RECIPE, "nginx")[0], examples(RECIPE, "caddyfile")[0]
    program = program_of("nginx", "nginx")
    async with AsyncExitStack() as proxies:
        with lively() as alive, ExitStack() as processes:
            relays = [await proxies.enter_async_context(relay(one.port)) for one in (alive, server)]
            kept, cut = ([(port, False)] for port in relays)
            kept.append((processes.enter_context(caddy(text_of_caddy, alive.port)), True))
            if program is not None:
                ports = processes.enter_context(nginx(program, text_of_nginx, [alive.port, server.port]))
                kept.append((ports[0], True))
                cut.append((ports[1], True))
            await asyncio.gather(*(stays(*one) for one in kept), *(is_cut(*one) for one in cut))
            assert alive.errors() == ""
    record_property("ran", f"nginx {program.origin}" if program else "nginx was not tried: it is not to be had here")


def test_the_settings_are_settings(tmp_path: Any) -> None:
    (tmp_path / "config.toml").write_text(examples(RECIPE, "toml")[0], encoding="utf-8")
    settings = load_settings(environ={}, cwd=tmp_path, user_config_dir=tmp_path).settings
    assert settings.server.public_url == f"https://{NAME}"
    assert (settings.timeouts.heartbeat_s, settings.timeouts.ping_interval_s) == (10, 20)  # as the recipe has it
