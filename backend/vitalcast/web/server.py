"""Runs the application under uvicorn: binds, says where it listens, and ends cleanly."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
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

from vitalcast.core.intake import Rate
from vitalcast.core.protocol import CloseCode
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError
from vitalcast.live.service import Service
from vitalcast.settings import Settings
from vitalcast.web.tls import tls_context
from vitalcast.web.uvicorn_ws import SEND_BUFFER_BYTES, AsgiWebSocketProtocol, FastWebSocketProtocol, Inbound

BACKLOG = 4096  # connections that may wait
ACCEPTED_AT_ONCE = 64  # of them, so that a storm of handshakes lets the ticks through
DATE_S = 1.0
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

    def __init__(self, config: uvicorn.Config, *, service: Service, urls: Sequence[str], open_browser: bool) -> None:
        super().__init__(config)
        self._service = service
        self._urls = urls
        self._open_browser = open_browser
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        # Refused here it is one line; in the application's own start, which does it where this did not, a traceback.
        await self._service.keeper.resume()
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # asyncio has made the queue as short as its backlog, which is two things to it
        if self.started:
            sys.stdout.write(f"Vitalcast is live on {' and '.join(self._urls)} (Ctrl-C stops it)\n")
            sys.stdout.flush()
            if self._open_browser:
                webbrowser.open(self._urls[0])

    async def main_loop(self) -> None:
        """Wait for a signal; uvicorn would wake up ten times a second for that, a fifth of what idling costs."""
        assert self._loop is not None
        while not await self.on_tick(0):  # which renews the Date header
            timer = self._loop.call_later(DATE_S, self._stop.set)
            await self._stop.wait()
            timer.cancel()
            self._stop.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        manager = self._service.manager
        if manager.active_connections:
            manager.close_all(CloseCode.SHUTDOWN, "the server is shutting down")
            await asyncio.sleep(GOODBYE_S)
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn leaves the application as it is then, and prints a traceback over it
            await self.lifespan.shutdown()

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)


def serve(settings: Settings, *, open_browser: bool = False) -> int:
    """Serve until a signal ends it; return the exit code. Raises ConfigError where the address cannot be bound."""
    raise_descriptor_limit()
    tls = tls_context(settings.server)
    listener = bind(settings.server.host, settings.server.port)
    if not settings.server.fast_path:  # accepted sockets inherit it, and an application by ASGI has no hand on them
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    host, port = listener.getsockname()[:2]
    service = Service(settings)
    service.history.check()
    service.sampler.prime()

    with models_when_used():
        from vitalcast.web.app import create_app  # FastAPI is imported while the first reading gets ready

    config = uvicorn.Config(
        create_app(settings, service=service),
        loop="asyncio",  # a direct write to the socket costs less than uvloop's queue
        http="httptools",
        ws=(FastWebSocketProtocol if settings.server.fast_path else AsgiWebSocketProtocol).sharing(
            Inbound(Rate.of(service.hub.limits))
        ),
        ws_max_size=settings.limits.message_bytes * OVERSIZE_FACTOR,
        ws_ping_interval=settings.timeouts.ping_interval_s,
        ws_ping_timeout=settings.timeouts.ping_timeout_s,
        ws_per_message_deflate=False,
        ssl_context_factory=None if tls is None else lambda *_: tls,
        log_level=settings.server.log_level,
        access_log=settings.server.log_level == "debug",
        server_header=False,
        proxy_headers=False,  # the application looks at them itself
        backlog=ACCEPTED_AT_ONCE,
        timeout_graceful_shutdown=max(1, round(settings.timeouts.shutdown_s)),
    )
    gc.freeze()  # what is loaded now stays: later collections need not look at it
    gc.enable()  # which is off while the command imports all this
    log_printable()
    logging.getLogger("vitalcast").setLevel(settings.server.log_level.upper())
    for name in UVICORN_LOGS:
        log = logging.getLogger(name)
        log.addFilter(without_tokens)
        log.setLevel(max(log.level, logging.INFO))  # below, each header and frame is written down, tokens and all
    scheme = "http" if tls is None else "https"
    urls = [f"{scheme}://{name}:{port}{settings.server.root_path}/" for name in reachable_as(host)]
    server = Server(config, service=service, urls=urls, open_browser=open_browser)
    if hasattr(signal, "SIGHUP"):  # a terminal that closes ends the server as a signal to stop does
        signal.signal(signal.SIGHUP, server.handle_exit)
    server.run(sockets=[listener])
    return 0 if server.started else 1


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


def reachable_as(host: str) -> list[str]:
    """Return how to write the host in an address, this machine's first: nobody can open 0.0.0.0."""
    if host == "0.0.0.0":  # noqa: S104 - a comparison
        return ["127.0.0.1", *_own_name()]
    if host == "::":
        return ["[::1]", *_own_name()]
    return [f"[{host}]" if ":" in host else host]


def _own_name() -> list[str]:
    """Return this machine's name where it may stand in an address (RFC 3986, section 3.2.2): it may be any bytes."""
    name = socket.gethostname()
    return [name] if re.fullmatch(r"[A-Za-z0-9._~-]+", name) else []


def bind(host: str, port: int) -> socket.socket:
    """Return a listening-ready socket. Raises ConfigError that names the key at fault."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ConfigError("server.host", f"{host!r} is not an address of this machine; try 127.0.0.1") from None
    listener = socket.socket(family, kind, proto)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _explain(error, host, port) from None
    listener.setblocking(False)
    return listener


def _explain(error: OSError, host: str, port: int) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            "server.port", f"{port} on {host} is taken by another program; stop it, or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return ConfigError("server.port", f"{port} needs more rights than this user has; choose one from 1024 on")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError("server.host", f"{host} is not an address of this machine; try 127.0.0.1")
    return ConfigError("server.host", f"cannot listen on {host}:{port}: {error.strerror}")


def raise_descriptor_limit() -> None:
    """Allow as many open sockets as the system lets this process have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):
            logging.getLogger(__name__).info("the limit of open files stays at %d", soft)
