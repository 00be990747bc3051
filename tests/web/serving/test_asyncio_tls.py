"""What is used of asyncio's TLS beyond its interface is there in this version of Python, on a real connection."""

from __future__ import annotations

import asyncio
import platform
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from vitalcast.web.serving.asyncio_tls import RECORD_BYTES, bound_buffers, transport_below

FILES = Path(__file__).resolve().parents[1] / "tls"
ADVICE = f"asyncio of Python {platform.python_version()} is not as vitalcast.web.serving.asyncio_tls takes it to be: "


class Silent(asyncio.Protocol):
    """Keeps its transport."""

    def __init__(self) -> None:
        self.made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.made.set_result(transport)


@pytest.fixture
async def transport(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Transport]:
    """The server's side of a connection with TLS, begun after `bound_buffers`, which is taken back."""
    from asyncio import sslproto

    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", sslproto.SSLProtocol.max_size)
    bound_buffers()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(FILES / "cert.pem", FILES / "key.pem")
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    loop, protocol = asyncio.get_running_loop(), Silent()
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0, ssl=served)
    client, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname(), ssl=asking)
    yield await protocol.made
    for one in (client, protocol.made.result()):
        one.abort()
    server.close()
    await server.wait_closed()


async def test_there_is_a_transport_below_one_with_tls(transport: asyncio.Transport) -> None:
    below = transport_below(transport)
    assert isinstance(below, asyncio.Transport), f"{ADVICE}no transport lies below one with TLS"
    assert below is not transport
    assert below.get_extra_info("socket") is transport.get_extra_info("socket")
    below.set_write_buffer_limits(high=0)
    transport.write(b"x" * 10_000_000)
    assert below.get_write_buffer_size() > 0, f"{ADVICE}what the kernel does not take waits elsewhere"


async def test_a_connection_with_tls_keeps_room_for_one_record(transport: asyncio.Transport) -> None:
    below: Any = transport_below(transport)
    room = len(below.get_protocol().get_buffer(-1))
    assert room == RECORD_BYTES, f"{ADVICE}it reads into a buffer of {room} bytes"


async def test_below_one_without_tls_there_is_none() -> None:
    loop, protocol = asyncio.get_running_loop(), Silent()
    server = await loop.create_server(lambda: protocol, "127.0.0.1", 0)
    client, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    assert transport_below(await protocol.made) is None
    for one in (client, protocol.made.result()):
        one.abort()
    server.close()
    await server.wait_closed()
