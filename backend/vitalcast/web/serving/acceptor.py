"""Accepts connections while there is room for them, and leaves the others in the kernel's queue.

asyncio's own loop accepts whatever comes. Out of descriptors it tries again each second, with a traceback for every
connection that waits, and nobody gets in until somebody leaves of their own accord.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from vitalcast.access.rate_limit import network_of
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.serving.descriptors import SOCKETS_MIN
from vitalcast.web.serving.error_answer import error_answer
from vitalcast.web.serving.http_protocol import HttpProtocol

logger = logging.getLogger(__name__)

ACCEPTED_AT_ONCE: Final = 24  # each costs half a millisecond in the turns that follow, and ticks come in between
ROOM_S: Final = 0.1  # between two looks for room
PRESSED_S: Final = 0.5  # in which a request has to come where others wait for the place
LOG_S: Final = 60.0
TLS_SHUTDOWN_S: Final = 5.0

_TOO_MANY: Final = "too many HTTP connections from this address"


class Room(NamedTuple):
    """How many connections there may be. `sockets` counts WebSockets too, and None is no bound."""

    sockets: int | None
    http: int
    http_per_address: int


class Acceptor:
    """Accepts from listening sockets and counts the HTTP connections of each address.

    `open_sockets` counts all connections, of HTTP and WebSocket. `new_protocol` makes a connection's protocol, which
    must report to `left` once. `tls` returns what the next handshake uses. Peers for which `is_proxy` holds speak for
    many, and have no limit of their own.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        *,
        room: Room,
        open_sockets: Callable[[], int],
        new_protocol: Callable[[], HttpProtocol],
        tls: Callable[[], ssl.SSLContext | None],
        handshake_s: float,
        refusals: RefusalLog,
        is_proxy: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._listeners = listeners
        self._room = room
        self._open_sockets = open_sockets
        self._new_protocol = new_protocol
        self._tls = tls
        self._handshake_s = handshake_s
        self._refusals = refusals
        self._is_proxy = is_proxy
        self._loop = asyncio.get_running_loop()
        self._http: dict[HttpProtocol, str] = {}  # and whose it is; the oldest come first
        self._of_address: Counter[str] = Counter()
        self._greeting: dict[HttpProtocol, asyncio.Task[None]] = {}
        self._accepting: list[asyncio.Task[None]] = []
        self._handshake_turn = asyncio.Lock()
        self._logged_s = -LOG_S

    def start(self) -> None:
        self._accepting = [self._loop.create_task(self._accept(listener)) for listener in self._listeners]

    async def close(self) -> None:
        """Accept nothing more. May be called again."""
        tasks, self._accepting = [*self._accepting, *self._greeting.values()], []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    def may_upgrade(self) -> bool:
        """Say whether one more connection may become a WebSocket, which leaves some of the room to HTTP."""
        if self._room.sockets is None:
            return True
        websockets = self._open_sockets() - len(self._http)
        if websockets < self._room.sockets - max(SOCKETS_MIN // 2, self._room.sockets // 8):
            return True
        self._say("no more WebSockets for now: %d are open, and the limit of open files leaves no more", websockets)
        return False

    def left(self, protocol: HttpProtocol) -> None:
        """Forget an HTTP connection that has ended or become a WebSocket."""
        key = self._http.pop(protocol, None)
        if key is None:
            return
        self._of_address[key] -= 1
        if not self._of_address[key]:
            del self._of_address[key]

    # --- accepting -----------------------------------------------------------------------------------------------

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            for _ in range(ACCEPTED_AT_ONCE):
                while self._is_full():
                    self._make_room()
                    await asyncio.sleep(ROOM_S)
                try:
                    peer, address = await self._loop.sock_accept(listener)
                except ConnectionAbortedError:  # the peer has changed its mind
                    continue
                except OSError as error:  # out of descriptors or memory, or the network is down: Linux reports it here
                    self._say("connections cannot be accepted for now: %s", error.strerror)
                    await asyncio.sleep(ROOM_S)
                    continue
                self._greet(peer, address[0] if isinstance(address, tuple) else "")
            await asyncio.sleep(0)  # `sock_accept` does not let the loop turn while connections wait

    def _greet(self, peer: socket.socket, address: str) -> None:
        key = network_of(address)
        if self._of_address[key] >= self._room.http_per_address and not self._is_proxy(address):
            self._turn_away(peer, address)
            return
        protocol = self._new_protocol()
        self._http[protocol] = key
        self._of_address[key] += 1
        self._greeting[protocol] = self._loop.create_task(self._connect(peer, protocol))

    async def _connect(self, peer: socket.socket, protocol: HttpProtocol) -> None:
        try:
            if self._tls() is not None:
                await self._hello(peer)
            tls = self._tls()
            await self._loop.connect_accepted_socket(
                lambda: protocol,
                peer,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else self._handshake_s,
                ssl_shutdown_timeout=None if tls is None else TLS_SHUTDOWN_S,
            )
        # What failed is the peer's TLS, or it said nothing, and that is no news. A TimeoutError is an OSError.
        except (OSError, asyncio.CancelledError):
            peer.close()
            self.left(protocol)
        finally:
            del self._greeting[protocol]

    async def _hello(self, peer: socket.socket) -> None:
        """Wait for the peer's first bytes, and for a turn of the loop in which no other handshake begins.

        A handshake costs milliseconds, those of many that come at once hold up a tick, and who says nothing needs none
        of the memory.
        """
        if isinstance(self._loop, asyncio.SelectorEventLoop):  # others cannot tell
            heard = self._loop.create_future()
            self._loop.add_reader(peer, lambda: None if heard.done() else heard.set_result(None))
            try:
                async with asyncio.timeout(self._handshake_s):
                    await heard
            finally:
                self._loop.remove_reader(peer)
        async with self._handshake_turn:
            await asyncio.sleep(0)

    def _turn_away(self, peer: socket.socket, address: str) -> None:
        self._refusals.add(address, "connection", _TOO_MANY)
        with peer:
            if self._tls() is not None:
                return
            try:
                peer.setblocking(False)
                peer.send(error_answer(503, f"{_TOO_MANY}; close some first", [(b"retry-after", b"5")]))
                peer.shutdown(socket.SHUT_WR)
                peer.recv(65_536)  # what is left unread would end the connection before the answer is seen
            except OSError:
                return

    # --- room ----------------------------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        if len(self._http) >= self._room.http:
            return True
        return self._room.sockets is not None and self._taken() >= self._room.sockets

    def _taken(self) -> int:
        """Return how many sockets are open; one in its greeting is not among the open ones yet, or about to end it."""
        return self._open_sockets() + len(self._greeting)

    def _make_room(self) -> None:
        """End connections that have let us wait for a request, for there are others who may have one."""
        self._say(
            "no more connections for now: %d are open, %d of them for HTTP, of at most %s and %d",
            self._taken(),
            len(self._http),
            self._room.sockets,
            self._room.http,
        )
        long_ago_s = self._loop.time() - PRESSED_S
        for protocol in tuple(self._http):
            since_s = protocol.waiting_since_s
            if since_s is None or since_s > long_ago_s:
                continue
            greeting = self._greeting.get(protocol)
            if greeting is not None:
                greeting.cancel()
            else:
                protocol.give_way()

    def _say(self, message: str, *values: object) -> None:
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_S:
            self._logged_s = now_s
            logger.warning(message, *values)
