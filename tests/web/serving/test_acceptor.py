"""Accepting: what a handshake of TLS may cost the others."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.serving.acceptor import Acceptor, Room
from vitalcast.web.serving.listeners import listen

FILES = Path(__file__).parents[1] / "tls"
WITHIN_S = 60  # only so that a failure ends
CLIENTS = 20


class Idle(asyncio.Protocol):
    waiting_since_s = None


class Noting(ssl.SSLContext):
    """Tells of each handshake that begins."""

    begins: Callable[[], None]

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        self.begins()
        return super().wrap_bio(*args, **named)


@asynccontextmanager
async def accepting(begins: Callable[[], None], *, handshake_s: float = WITHIN_S) -> AsyncIterator[Callable[[], int]]:
    """Accept with TLS from a free port; `start` begins with it and returns the port."""
    tls = Noting(ssl.PROTOCOL_TLS_SERVER)
    tls.begins = begins
    tls.load_cert_chain(FILES / "cert.pem", FILES / "key.pem")
    listeners = listen("127.0.0.1", 0)
    acceptor = Acceptor(
        listeners,
        room=Room(None, 1000, 1000),
        open_sockets=lambda: 0,
        new_protocol=Idle,  # type: ignore[arg-type]
        tls=lambda: tls,
        handshake_s=handshake_s,
        refusals=RefusalLog(),
    )
    try:
        yield lambda: (acceptor.start(), listeners[0].getsockname()[1])[1]
    finally:
        await acceptor.close()


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    one = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        one.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError


async def test_handshakes_that_come_at_once_begin_in_different_turns_of_the_loop() -> None:
    loop, turn, done = asyncio.get_running_loop(), 0, False
    begun: list[int] = []

    def count() -> None:
        nonlocal turn
        turn += 1
        if not done:
            loop.call_soon(count)

    with ExitStack() as stack:
        async with accepting(lambda: begun.append(turn)) as start:
            port = start()
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CLIENTS)]
            for one in clients:
                one.sendall(client_hello())
                one.setblocking(False)
            count()
            async with asyncio.timeout(WITHIN_S):
                for one in clients:
                    assert await loop.sock_recv(one, 1) == b"\x16", "the handshake is answered"
            done = True
    assert len(begun) == len(set(begun)) == CLIENTS


async def test_who_says_nothing_begins_no_handshake_and_is_let_go() -> None:
    begun: list[bool] = []
    async with accepting(lambda: begun.append(True), handshake_s=0.05) as start:
        with socket.create_connection(("127.0.0.1", start())) as silent:
            silent.setblocking(False)
            async with asyncio.timeout(WITHIN_S):
                assert await asyncio.get_running_loop().sock_recv(silent, 1) == b""
    assert begun == []
