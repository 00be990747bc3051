"""Runs the application under uvicorn: binds, says where it listens, and ends cleanly."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Number
from types import FrameType
from typing import Any

import uvicorn
from pydantic import BaseModel

from vitalcast.config.load import Loaded
from vitalcast.config.schema import is_loopback, is_loopback_address
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.intake import Rate
from vitalcast.errors import ConfigError
from vitalcast.live.service import Service
from vitalcast.web.edge.proxies import TrustedProxies
from vitalcast.web.edge.security import RefusalLog
from vitalcast.web.edge.tls import Certificate, bound_buffers, read_certificate
from vitalcast.web.serving.acceptor import Acceptor, Room, sockets_max
from vitalcast.web.serving.listeners import hosts_of, listen
from vitalcast.web.serving.uvicorn_app import ServedApp
from vitalcast.web.serving.uvicorn_http import READ_BYTES, Bounds, House, HttpProtocol
from vitalcast.web.serving.uvicorn_ws import SEND_BUFFER_BYTES, AsgiWebSocketProtocol, FastWebSocketProtocol, Inbound

DATE_S = 1.0
HTTP_SEND_BUFFER_BYTES = 131_072  # the kernel grows to megabytes what is not set, and a peer may never read them
GOODBYE_S = 0.2  # for the good-byes to go out where that takes turns of the loop
UVICORN_LOGS = ("uvicorn.access", "uvicorn.error")
# However the name is written: `%74oken` is `token` too.
_TOKEN = re.compile(r"([?&;](?:t|%74)(?:o|%6f)(?:k|%6b)(?:e|%65)(?:n|%6e)=)[^&;\s]*", re.IGNORECASE)
OVERSIZE_FACTOR = 16  # messages up to this many times the limit are answered with an error, longer ones by a close


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
        self._acceptor: Acceptor | None = None
        self._urls = urls
        self._open_browser = open_browser
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        # Refused here it is one line; in the application's own start, which does it where this did not, a traceback.
        await self._service.keeper.resume()
        await super().startup(sockets)
        self._acceptor = self._new_acceptor()
        self._acceptor.start()
        if self.started:
            if self._service.control is not None:
                self._service.control.server = " and ".join(self._urls)
            sys.stdout.write(f"Vitalcast is live on {' and '.join(self._urls)} (Ctrl-C stops it)\n")
            sys.stdout.flush()
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
            new_protocol=lambda: HttpProtocol(
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

    def handle_reload(self, _sig: int, _frame: FrameType | None) -> None:
        """Read anew what can be, as others do on SIGHUP: the certificate, and what the reloader knows of."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._reload)

    def _reload(self) -> None:
        if self._certificate is not None:
            self._certificate.reload()
        if self._service.reloader is not None and not self.should_exit:
            self._service.reloader.reload_soon()


def serve(loaded: Loaded, *, open_browser: bool = False) -> int:
    """Serve until a signal ends it; return the exit code. Raises ConfigError where the address cannot be bound."""
    settings = loaded.settings
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    descriptors = raise_descriptor_limit()
    certificate = read_certificate(settings.server)
    bound_buffers()
    listeners = listen(settings.server.host, settings.server.port)
    if is_loopback(settings.server.host) and not all(map(_is_loopback_listener, listeners)):
        # The name has changed its meaning since tokens were decided about.
        raise ConfigError("server.host", f"{settings.server.host} can be reached from other machines; try 127.0.0.1")
    for listener in listeners:  # accepted sockets inherit it; an application by ASGI has no hand on them
        send_buffer_bytes = HTTP_SEND_BUFFER_BYTES if settings.server.fast_path else SEND_BUFFER_BYTES
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    service = Service(settings, loaded=loaded)
    service.history.check()
    service.sampler.prime()

    with models_when_used():
        from vitalcast.web.app import create_app  # FastAPI is imported while the first reading gets ready

        app = create_app(settings, service=service)

    config = uvicorn.Config(
        ServedApp(app),
        interface="asgi3",
        loop="asyncio",  # a direct write to the socket costs less than uvloop's queue
        http=HttpProtocol,
        ws=(FastWebSocketProtocol if settings.server.fast_path else AsgiWebSocketProtocol).sharing(
            Inbound(Rate.of(service.hub.limits))
        ),
        ws_max_size=settings.limits.message_bytes * OVERSIZE_FACTOR,
        ws_ping_interval=settings.timeouts.ping_interval_s,
        ws_ping_timeout=settings.timeouts.ping_timeout_s,
        ws_per_message_deflate=False,
        log_level=settings.server.log_level,
        access_log=settings.server.log_level == "debug",
        server_header=False,
        proxy_headers=False,  # the application looks at them itself
        timeout_keep_alive=settings.timeouts.idle_s,
        timeout_graceful_shutdown=max(1, round(settings.timeouts.shutdown_s)) + 1,  # we end what is left before
    )
    gc.freeze()  # what is loaded now stays: later collections need not look at it
    gc.enable()  # which is off while the command imports all this
    log_printable()
    logging.getLogger("vitalcast").setLevel(settings.server.log_level.upper())
    for name in UVICORN_LOGS:
        log = logging.getLogger(name)
        log.addFilter(without_tokens)
        log.setLevel(max(log.level, logging.INFO))  # below, each header and frame is written down, tokens and all
    scheme = "http" if certificate is None else "https"
    port = listeners[0].getsockname()[1]
    urls = [f"{scheme}://{host}:{port}{settings.server.root_path}/" for host in hosts_of(listeners)]
    server = Server(
        config,
        service=service,
        listeners=listeners,
        certificate=certificate,
        descriptors=descriptors,
        refusals=app.refusals,
        urls=urls,
        open_browser=open_browser,
    )
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, server.handle_reload)
    server.run(sockets=[])  # the listeners are for the acceptor
    return 0 if server.started else 1


def _is_loopback_listener(listener: socket.socket) -> bool:
    return is_loopback_address(listener.getsockname()[0])


@contextmanager
def models_when_used() -> Iterator[None]:
    """Have pydantic build the models of this block at their first use: those for OpenAPI are a twelfth of a start."""
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


class _Told:
    """What a log line tells of, in words that print."""

    def __init__(self, one: object) -> None:
        self._one = one

    def __str__(self) -> str:
        return printable(str(self._one))

    def __repr__(self) -> str:
        return printable(repr(self._one))


def _as_it_reads(one: object) -> object:
    if isinstance(one, str):
        return printable(one)
    return one if isinstance(one, Number) else _Told(one)


def log_printable() -> None:
    """Have what log lines tell of stand there as it reads: names that others chose, and faults that quote them."""

    def make(*args: Any, **named: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **named)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_as_it_reads, record.args))
        if record.exc_info:
            told = logging.Formatter().formatException(record.exc_info)
            record.exc_text = "\n".join(map(printable, told.split("\n")))
        return record

    logging.setLogRecordFactory(make)


def without_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens out of the addresses in a log line, whose arguments are kept apart from its text."""
    if isinstance(record.args, tuple):
        record.args = tuple(_TOKEN.sub(r"\1…", one) if isinstance(one, str) else one for one in record.args)
    return True


def raise_descriptor_limit() -> int | None:
    """Allow as many open files as the system lets this process have; return how many, None where there is no limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):  # macOS has a lower one that it does not tell
            logging.getLogger(__name__).info("the limit of open files stays at %d", soft)
    return None if soft == resource.RLIM_INFINITY else soft
