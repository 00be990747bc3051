"""uvicorn's server as it is run here: it says where it listens, sleeps until a signal, and ends cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Sequence
from types import FrameType

import uvicorn

from vitalcast.core.vocabulary import CloseCode
from vitalcast.live.service import Service
from vitalcast.web.edge.proxies import TrustedProxies
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.tls import Certificate
from vitalcast.web.serving.acceptor import Acceptor, Room
from vitalcast.web.serving.descriptors import sockets_max
from vitalcast.web.serving.fast_events import FastHttpProtocol
from vitalcast.web.serving.http_protocol import READ_BYTES, Bounds, House, HttpProtocol
from vitalcast.web.serving.supervisor import tell

STDIN = 0
DATE_S = 1.0
GOODBYE_S = 0.2  # for the good-byes to go out where that takes turns of the loop


class Server(uvicorn.Server):
    """uvicorn's server, which says where it is, sleeps, says good-bye to its sockets, and ends with exit code 0.

    uvicorn itself would close sockets with 1012 before the application hears of the shutdown, and raise the signal
    that stopped it again.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        service: Service,
        listeners: Sequence[socket.socket],
        certificate: Certificate | None,
        descriptors: int | None,
        refusals: RefusalLog,
        urls: Sequence[str],
        open_browser: bool,
    ) -> None:
        super().__init__(config)
        self._service = service
        self._listeners = listeners
        self._certificate = certificate
        self._descriptors = descriptors
        self._refusals = refusals
        self._http = FastHttpProtocol if service.settings.server.fast_path else HttpProtocol
        self._acceptor: Acceptor | None = None
        self._urls = urls
        self._open_browser = open_browser
        self._in_terminal = os.isatty(STDIN)
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        # Refused here it is one line; in the application's own start, which does it where this did not, a traceback.
        await self._service.recorder.resume()
        await super().startup(sockets)
        self._acceptor = self._new_acceptor()
        self._acceptor.start()
        if self.started:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came while this started comes now
            if self._service.control is not None:
                self._service.control.server = " and ".join(self._urls)
            sys.stdout.write(f"Vitalcast is live on {' and '.join(self._urls)} (Ctrl-C stops it)\n")
            if note := self._service.history.note:
                sys.stdout.write(f"{note}\n")
            sys.stdout.flush()
            tell("READY=1", f"STATUS=Live on {' and '.join(self._urls)}")
            if self._open_browser:
                webbrowser.open(self._urls[0])

    def _new_acceptor(self) -> Acceptor:
        settings = self._service.settings
        limits, timeouts = settings.limits, settings.timeouts
        sockets = sockets_max(self._descriptors)
        acceptor = Acceptor(
            self._listeners,
            room=Room(sockets, limits.http_connections, limits.http_connections_per_address),
            open_sockets=lambda: len(self.server_state.connections),
            new_protocol=lambda: self._http(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state, house=house
            ),
            tls=lambda: None if self._certificate is None else self._certificate.context,
            handshake_s=timeouts.header_s,
            refusals=self._refusals,
            is_proxy=TrustedProxies(settings.server.trusted_proxies).trusts,
        )
        bounds = Bounds(
            header_bytes=limits.header_bytes,
            body_bytes=limits.body_bytes,
            pipelined_requests=limits.pipelined_requests,
            header_s=timeouts.header_s,
            body_s=timeouts.body_s,
            slow_s=timeouts.slow_s,
        )
        house = House(bounds, self._refusals, acceptor.may_upgrade, acceptor.left, memoryview(bytearray(READ_BYTES)))
        return acceptor

    async def main_loop(self) -> None:
        """Wait for a signal; uvicorn would wake up ten times a second for that, a fifth of what idling costs."""
        assert self._loop is not None
        while not await self.on_tick(0):  # which renews the Date header
            if self._certificate is not None:
                self._certificate.refresh()
            timer = self._loop.call_later(DATE_S, self._stop.set)
            await self._stop.wait()
            timer.cancel()
            self._stop.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        tell("STOPPING=1")
        if self._acceptor is not None:
            await self._acceptor.close()
        manager = self._service.manager
        if manager.active_connections:
            manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
            await asyncio.sleep(GOODBYE_S)
        timer = asyncio.get_running_loop().call_later(self._service.settings.timeouts.shutdown_s, self._abort_all)
        await super().shutdown(sockets)
        timer.cancel()
        if self.force_exit:  # uvicorn leaves the application as it is then, and prints a traceback over it
            self._abort_all()
            await self.lifespan.shutdown()

    def _abort_all(self) -> None:
        """End what is still open. The tasks behind it end by themselves then; uvicorn would cancel them, and say so."""
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def handle_reload(self, sig: int, frame: FrameType | None) -> None:
        """Read anew what can be, as others do on SIGHUP: the certificate, and what the reloader knows of.

        Where the terminal that this was started in has been closed, the signal means what it once did: that is the end.
        """
        if self._in_terminal and not os.isatty(STDIN):
            self.handle_exit(sig, frame)
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._reload)

    def _reload(self) -> None:
        if self._certificate is not None:
            self._certificate.reload()
        if self._service.reloader is not None and not self.should_exit:
            self._service.reloader.reload_soon()
