"""Keeps one connection to a server, for as long as it takes, and moves messages between it and the protocol."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from vitalcast.client.backoff import Backoff
from vitalcast.client.pace import Pace
from vitalcast.client.protocol import SUBPROTOCOLS, Bye, Happening, Hurried, Protocol, Welcome
from vitalcast.client.refusals import explained
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.errors import ClientError, LostError, UnreachableError

if TYPE_CHECKING:
    import ssl

    from websockets.asyncio.client import ClientConnection

CONNECTED: Final = "connected"
MESSAGE_BYTES_MAX: Final = 64 * 2**20  # a snapshot of a million values is some 20 MB of JSON
SILENT_HEARTBEATS: Final = 3  # so many may be missing; the server sends one where it has nothing else to say
LATE_S: Final = 0.5  # what came while the program was stopped, or busy with something else, is read first
SILENT_S: Final = 30.0  # while it has not said how often

# What went wrong with a connection is told in a line; the library would put its own tracebacks beside it.
_library = logging.getLogger("vitalcast.client.websockets")
_library.propagate = False
_library.addHandler(logging.NullHandler())
logger = logging.getLogger(__name__)

Connect = Callable[[str], "Awaitable[ClientConnection]"]


def connector(*, token: str | None, context: ssl.SSLContext | None = None, binary: bool = True) -> Connect:
    """Return what connects with the subprotocol. It raises what `explained` knows."""

    async def connect(url: str) -> ClientConnection:
        from websockets.asyncio.client import connect as library
        from websockets.typing import Subprotocol

        class Stay(library):
            """Follows nowhere: the token is for this server alone."""

            def process_redirect(self, exc: Exception) -> Exception | str:
                return exc

        secure = url.startswith("wss:")
        return await Stay(
            url,
            subprotocols=[Subprotocol(one) for one in (SUBPROTOCOLS if binary else (SUBPROTOCOL,))],
            additional_headers=None if token is None else {"Authorization": f"Bearer {token}"},
            max_size=MESSAGE_BYTES_MAX,
            close_timeout=1,
            ping_interval=None,  # a line that is not read for now is not dead; silence is looked for here
            logger=_library,
            ssl=(context or True) if secure else None,
        )

    return connect


class Link:
    """Connects, and connects again after pauses. What happens is handed to `deliver`.

    The line is read while `readable` says so; where it is `crowded`, whoever takes something has a turn before. Call
    `stir` when that may have changed, and when there is something to send. `status` is told why the line is down, and
    when it is tried again.
    """

    def __init__(
        self,
        url: str,
        protocol: Protocol,
        *,
        connect: Connect,
        deliver: Callable[[Happening], None],
        crowded: Callable[[], bool],
        readable: Callable[[], bool],
        status: Callable[[str], None],
        reconnect: bool = True,
        wait: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        backoff: Backoff | None = None,
    ) -> None:
        self.stood = asyncio.Event()  # set once a server has welcomed us
        self._url = url
        self._protocol = protocol
        self._connect = connect
        self._deliver = deliver
        self._crowded = crowded
        self._readable = readable
        self._status = status
        self._reconnect = reconnect
        self._wait = wait
        self._sleep = sleep
        self._backoff = backoff or Backoff()
        self._stirred = asyncio.Event()
        self._unsent = asyncio.Event()
        self._pace = Pace()
        self._heard_s = 0.0
        self._silent_after_s = SILENT_S
        self._reading = False
        self._silent = False

    def stir(self) -> None:
        """Look again whether there is something to send, and whether to read."""
        self._unsent.set()
        self._stirred.set()

    async def run(self) -> None:
        """Stay connected. Raises ClientError where there is no use in trying again."""
        while True:
            try:
                await self._connection()
            except LostError as lost:
                if not (self._reconnect and (self._wait or self.stood.is_set())):
                    raise UnreachableError(f"{printable(self._url)}: {lost}{lost.advice}") from None
                pause_s = self._backoff.pause_s(lost)
                self._status(f"{lost}; trying again in {pause_s:.1f} s")
                await self._sleep(pause_s)

    async def _connection(self) -> None:
        """Do what one connection is for. Ends with LostError, or ClientError where a new one would not help."""
        after_s: float | None = None
        told = False
        try:
            async with await self._connect(self._url) as socket:
                if socket.subprotocol not in SUBPROTOCOLS:
                    raise ClientError(f"{printable(self._url)}: the server does not speak {SUBPROTOCOL}")
                self._protocol.connected()
                self._pace = Pace()
                sender = asyncio.create_task(self._send(socket))
                watcher = asyncio.create_task(self._watch(socket))
                try:
                    while True:
                        happenings = self._protocol.receive(await self._next(socket))
                        if not told:
                            told = True
                            self._status(CONNECTED)
                        for happening in happenings:
                            if isinstance(happening, Bye):
                                after_s = happening.reconnect_after_s
                            elif isinstance(happening, Welcome):
                                self._greeted(happening)
                            elif isinstance(happening, Hurried):
                                self._pace.rest()
                                self.stir()
                            else:
                                self._backoff.reset()
                                self.stood.set()
                                self._deliver(happening)
                finally:
                    for happening in self._protocol.disconnected():
                        self._deliver(happening)
                    sender.cancel()
                    watcher.cancel()
                    await asyncio.wait((sender, watcher))
        except (LostError, ClientError):
            raise
        except Exception as error:
            if self._silent:
                self._silent = False
                raise LostError(f"nothing came for {self._silent_after_s:.0f} s") from None
            raise explained(error, url=printable(self._url), after_s=after_s) from None

    async def _next(self, socket: ClientConnection) -> str | bytes:
        if self._crowded():
            await asyncio.sleep(0)  # who is about to take something does so first
        while not self._readable():
            self._stirred.clear()
            await self._stirred.wait()
        self._heard_s, self._reading = asyncio.get_running_loop().time(), True
        try:
            return await socket.recv()
        finally:
            self._reading = False

    def _greeted(self, welcome: Welcome) -> None:
        self.stood.set()
        if welcome.rate is not None:
            self._pace.rate = welcome.rate
        if welcome.heartbeat_s is not None:
            self._silent_after_s = max(SILENT_HEARTBEATS * welcome.heartbeat_s, SILENT_HEARTBEATS)

    async def _send(self, socket: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # which whoever reads is told, too
            while True:
                self._unsent.clear()
                for text in self._protocol.outgoing():
                    if (pause_s := self._pace.pause_s(asyncio.get_running_loop().time())) > 0:
                        await asyncio.sleep(pause_s)
                    await socket.send(text)
                await self._unsent.wait()

    async def _watch(self, socket: ClientConnection) -> None:
        """Break a line on which nothing comes any more though it is read: the other side may be gone without a word."""
        loop = asyncio.get_running_loop()
        while True:
            left_s = self._heard_s + self._silent_after_s - loop.time() if self._reading else self._silent_after_s
            if left_s > 0:
                await asyncio.sleep(min(left_s, SILENT_HEARTBEATS))  # the server may have said another time by then
                continue
            heard_s = self._heard_s
            await asyncio.sleep(LATE_S)
            if self._reading and self._heard_s == heard_s:
                self._silent = True
                socket.transport.abort()
                return
