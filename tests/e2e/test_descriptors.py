"""Where few files may be open: somebody always gets in, and the log stays short."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tests.e2e.client import witness
from tests.e2e.conftest import StartServer
from tests.e2e.raw import EndedError, handshake_request, raw, tcp
from tests.e2e.server import Server

DESCRIPTORS = 64
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


BEGUN = [
    b"",
    b"",
    b"GET / HT",
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    GET.replace(b"close", b"keep-alive"),
]


async def healthy(server: Server) -> None:
    async with tcp(server) as one:
        await one.send_bytes(GET)
        assert (await one.read_response()).status == 200


async def test_two_hundred_sockets_that_send_no_request_keep_nobody_out(start_server: StartServer) -> None:
    server = start_server(descriptors=DESCRIPTORS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(witness(server))
        for number in range(200):
            one = await stack.enter_async_context(tcp(server))
            await one.send_bytes(BEGUN[number % len(BEGUN)])
        await asyncio.gather(healthy(server), healthy(server))
        async with raw(server):
            await healthy(server)
    assert server.stop() == 0
    lines = server.errors().splitlines()
    assert len([line for line in lines if line.startswith("no more connections for now: ")]) == 1
    assert len(lines) <= 3, lines  # with a refusal or two, which are said once a minute


async def test_websockets_leave_room_for_http(start_server: StartServer) -> None:
    server = start_server(descriptors=DESCRIPTORS)
    statuses = []
    async with AsyncExitStack() as stack:
        for _ in range(DESCRIPTORS):
            one = await stack.enter_async_context(tcp(server))
            await one.send_bytes(handshake_request(server))
            response = await one.read_response()
            statuses.append(response.status)
            if response.status != 101:
                assert response.headers["retry-after"] == "5"
                break
        assert 4 <= statuses.count(101) < DESCRIPTORS
        assert statuses[-1] == 503
        await healthy(server)
    while True:  # the server may not have seen yet that they have left
        async with tcp(server) as one:
            await one.send_bytes(handshake_request(server))
            if (await one.read_response()).status == 101:
                break
    (line,) = server.errors().splitlines()
    assert line.startswith("no more WebSockets for now: ")


async def test_connections_that_come_and_go_are_all_counted(start_server: StartServer) -> None:
    server = start_server(descriptors=DESCRIPTORS)
    for round_ in range(200):
        async with tcp(server) as one:
            await one.send_bytes(GET[:20] if round_ % 3 else GET)
            if round_ % 2:
                one.reset()
            elif not round_ % 3:
                try:
                    while True:
                        await one.read_some()
                except EndedError:
                    pass
    await healthy(server)
    assert server.stop() == 0
