"""Serves the application under uvicorn: binds, builds both, and runs until a signal."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from pydantic import BaseModel

from vitalcast.config.load import Loaded
from vitalcast.config.loopback import is_loopback, is_loopback_address
from vitalcast.core.wire.intake import Rate
from vitalcast.errors import ConfigError
from vitalcast.heap import share_one_heap
from vitalcast.live.service import Service
from vitalcast.web.edge.tls import read_certificate
from vitalcast.web.serving.asyncio_tls import bound_buffers
from vitalcast.web.serving.descriptors import raise_descriptor_limit
from vitalcast.web.serving.fast_path import SEND_BUFFER_BYTES, FastWebSocketProtocol
from vitalcast.web.serving.http_protocol import HttpProtocol
from vitalcast.web.serving.inbound import Inbound
from vitalcast.web.serving.listeners import hosts_of, listen
from vitalcast.web.serving.logs import set_up_logs
from vitalcast.web.serving.server import Server
from vitalcast.web.serving.uvicorn_app import ServedApp
from vitalcast.web.serving.uvicorn_ws import AsgiWebSocketProtocol

HTTP_SEND_BUFFER_BYTES = 131_072  # the kernel grows to megabytes what is not set, and a peer may never read them
OVERSIZE_FACTOR = 16  # messages up to this many times the limit are answered with an error, longer ones by a close


def serve(loaded: Loaded, *, open_browser: bool = False) -> int:
    """Serve until a signal ends it; return the exit code. Raises ConfigError where the address cannot be bound."""
    settings = loaded.settings
    share_one_heap()
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
    set_up_logs(settings.server.log_level)
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
