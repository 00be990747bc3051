"""The composition root: settings in, an ASGI application out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, WebSocket
from starlette.types import ASGIApp

from vitalcast import __version__
from vitalcast.access.rate_limit import Throttle
from vitalcast.config.load import load_settings
from vitalcast.config.schema import Settings
from vitalcast.live.service import Service
from vitalcast.web.api.api import mount_api
from vitalcast.web.api.docs import DESCRIPTION, described, mount_docs
from vitalcast.web.api.screens import mount_screens
from vitalcast.web.edge.login import Login, mount_login
from vitalcast.web.edge.misrouted import mount_no_upgrade
from vitalcast.web.edge.policy import Authenticator, guard, is_code
from vitalcast.web.edge.proxies import TrustedProxies
from vitalcast.web.edge.security import HostOriginCheck, RefusalLog, SecurityEdge
from vitalcast.web.edge.tls import tls_context
from vitalcast.web.edge.tokens import mount_tokens
from vitalcast.web.pages.embed import mount_embed
from vitalcast.web.pages.manual_pages import mount_manual
from vitalcast.web.pages.pages import CONTENT_SECURITY_POLICY, mount_pages
from vitalcast.web.serving.ws import serve_socket

REQUESTS_WINDOW_S = 10  # whose requests may come at once: a page asks for sixty files, and twenty screens wake together


class Application(FastAPI):
    """FastAPI inside the security edge, which also covers the answers of FastAPI's own error handling."""

    def __init__(self, *, service: Service, **kwargs: Any) -> None:
        super().__init__(**kwargs, redirect_slashes=False)  # which would name a scheme and a host
        self._service = service
        self.root_path = service.settings.server.root_path  # as an argument it is deprecated: the server should say it
        self.refusals = RefusalLog()
        limits = service.settings.limits
        self._requests = Throttle(
            total=limits.requests_per_second * REQUESTS_WINDOW_S,
            each=limits.requests_per_second_per_address * REQUESTS_WINDOW_S,
            window_s=REQUESTS_WINDOW_S,
            now_s=time.monotonic,
        )

    def build_middleware_stack(self) -> ASGIApp:
        server, limits = self._service.settings.server, self._service.settings.limits
        handshakes = Throttle(
            total=limits.handshakes_per_second,
            each=limits.handshakes_per_second_per_address,
            window_s=1,
            now_s=time.monotonic,
        )
        return SecurityEdge(
            super().build_middleware_stack(),
            gate=HostOriginCheck(server, origins=self._service.access.origins),
            content_security_policy=CONTENT_SECURITY_POLICY,
            proxies=TrustedProxies(server.trusted_proxies),
            handshakes=handshakes,
            requests=self._requests,
            is_code=is_code,
            log=self.refusals,
        )

    def guard(self) -> None:
        """Let nobody use a route but whom the table names. Raises LookupError where it says nothing of one."""
        guard(
            self.router.routes,
            Authenticator(self._service.access, self._service.attempts),
            self.refusals,
            self._requests,
        )

    def openapi(self) -> dict[str, Any]:
        return described(super().openapi(), self._service.settings)


def create_app(settings: Settings | None = None, *, service: Service | None = None) -> Application:
    """Build the application. Without settings they are read from the environment and the configuration file."""
    if service is None:
        if settings is None:
            loaded = load_settings()
            service = Service(loaded.settings, loaded=loaded)
        else:
            service = Service(settings)
    settings = settings or service.settings
    tls_context(settings.server)  # what serves this application may do without it; what is wrong is said anyway

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = Application(
        service=service,
        title="Vitalcast",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # FastAPI would export its own telemetry where the environment says so; nothing leaves for another host.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = service
    service.manager.on_refused = lambda caller, why: app.refusals.add(caller.address, "WebSocket", why)

    @app.websocket("/ws")
    async def websocket_endpoint(websocket: WebSocket) -> None:
        await serve_socket(websocket, service.manager)

    mount_no_upgrade(app, app.refusals)
    mount_api(app, service)
    mount_docs(app)
    mount_manual(app)
    mount_pages(app)
    mount_embed(app, service)
    mount_tokens(app, service.access)
    mount_screens(app, service)
    mount_login(app, Login(service.access, service.attempts, app.refusals))
    app.guard()
    return app
