"""The composition root: settings in, an ASGI application out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from vitalcast import __version__
from vitalcast.access.rate_limit import Throttle
from vitalcast.config.load import load_settings
from vitalcast.config.schema import Settings
from vitalcast.live.service import Service
from vitalcast.web.api.asyncapi import asyncapi_endpoints
from vitalcast.web.api.events import Events, event_endpoints
from vitalcast.web.api.health import Health, health_endpoints
from vitalcast.web.api.history import HistoryAnswers, history_endpoints
from vitalcast.web.api.openapi import DESCRIPTION, described, openapi_endpoints
from vitalcast.web.api.processes import Processes, process_endpoints
from vitalcast.web.api.samples import Samples, sample_endpoints
from vitalcast.web.api.screen_endpoints import screen_endpoints
from vitalcast.web.api.screens import Walls
from vitalcast.web.api.stream import Streams, stream_endpoints
from vitalcast.web.api.tokens import Tokens, token_endpoints
from vitalcast.web.edge.authenticator import Authenticator
from vitalcast.web.edge.endpoint import EndpointGroup, EndpointTable
from vitalcast.web.edge.guard import check_guarded, guarded_routes
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.edge.host_origin import HostOriginCheck
from vitalcast.web.edge.local_api import LocalApi
from vitalcast.web.edge.proxies import TrustedProxies
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.security import SecurityEdge
from vitalcast.web.edge.tls import tls_context
from vitalcast.web.pages.login import Login, login_endpoints
from vitalcast.web.pages.lost_page import PAGE_HANDLERS
from vitalcast.web.pages.manual_pages import Manual, manual_endpoints
from vitalcast.web.pages.pages import Pages, page_endpoints
from vitalcast.web.pages.static_files import frontend_dir
from vitalcast.web.pages.version import Version
from vitalcast.web.panels import png
from vitalcast.web.panels.endpoints import panel_endpoints
from vitalcast.web.serving.event_stream import EventStream
from vitalcast.web.serving.ws import socket_endpoints

REQUESTS_WINDOW_S = 10  # whose requests may come at once: a page asks for sixty files, and twenty screens wake together


class Application(FastAPI):
    """FastAPI inside the security edge, which also covers the answers of FastAPI's own error handling.

    Its routes are those of `endpoints`, each behind its guard; with any other it does not start.
    """

    def __init__(self, service: Service, **kwargs: Any) -> None:
        super().__init__(
            title="Vitalcast",
            version=__version__,
            description=DESCRIPTION,
            openapi_url=None,
            redirect_slashes=False,  # which would name a scheme and a host
            # FastAPI would export its own telemetry where the environment says so; nothing leaves for another host.
            telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
            exception_handlers=PAGE_HANDLERS,
            **kwargs,
        )
        self._service = service
        self.root_path = service.settings.server.root_path  # as an argument it is deprecated: the server should say it
        self.refusals = RefusalLog()
        self.endpoints = EndpointTable(())
        limits = service.settings.limits
        self._requests = Throttle(
            total=limits.requests_per_second * REQUESTS_WINDOW_S,
            each=limits.requests_per_second_per_address * REQUESTS_WINDOW_S,
            window_s=REQUESTS_WINDOW_S,
            now_s=time.monotonic,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the settings, and no reason not to start."""
        return self._service.warnings

    def mount_endpoints(self, *groups: EndpointGroup) -> None:
        """Have these endpoints answer, and no others."""
        self.endpoints = EndpointTable(groups)
        self.router.routes[:] = guarded_routes(
            self.endpoints.in_order(),
            authenticator=Authenticator(self._service.access, self._service.attempts),
            log=self.refusals,
            requests=self._requests,
        )

    def charge(self, address: str, cost: int) -> None:
        """Count what an answer took as so many requests more of this address."""
        self._requests.count(address, cost)

    def local_api(self, server: Callable[[], str]) -> LocalApi:
        """Return what answers commands of this server's own user; `server` says what it is called."""
        return LocalApi(self.endpoints, server=server, log=self.refusals)

    def build_middleware_stack(self) -> ASGIApp:
        check_guarded(self.router.routes)
        server, limits = self._service.settings.server, self._service.settings.limits
        handshakes = Throttle(
            total=limits.handshakes_per_second,
            each=limits.handshakes_per_second_per_address,
            window_s=1,
            now_s=time.monotonic,
        )
        return SecurityEdge(
            super().build_middleware_stack(),
            check=HostOriginCheck(server, origins=self._service.access.origins),
            content_security_policy=CONTENT_SECURITY_POLICY,
            proxies=TrustedProxies(server.trusted_proxies),
            handshakes=handshakes,
            requests=self._requests,
            endpoint_of=self.endpoints.find,
            log=self.refusals,
        )

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = described(super().openapi(), self.endpoints)
        return self.openapi_schema


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

    app = Application(service, lifespan=lifespan)
    app.state.service = service
    service.manager.on_refused = lambda caller, why: app.refusals.add(caller.address, "WebSocket", why)
    app.mount_endpoints(*endpoint_groups(service, app.refusals, charge=app.charge))
    if (control := service.control) is not None:
        control.relay = app.local_api(lambda: control.server)
    return app


def endpoint_groups(
    service: Service, log: RefusalLog, *, charge: Callable[[str, int], object]
) -> tuple[EndpointGroup, ...]:
    """Return all endpoints of a service, in the order of the documentation; `charge` is as for Streams."""
    root, health = frontend_dir(), Health(service)
    return (
        page_endpoints(Pages(service.settings, service.dashboards, root)),
        manual_endpoints(Manual()),
        login_endpoints(Login(service.access, service.attempts, log)),
        socket_endpoints(service.manager, log),
        stream_endpoints(Streams(service.manager, EventStream, charge)),
        sample_endpoints(Samples(service, health)),
        history_endpoints(HistoryAnswers(service)),
        panel_endpoints(service),
        event_endpoints(Events(service)),
        process_endpoints(Processes(service)),
        token_endpoints(Tokens(service.access, service.settings.server, draws_png=png.is_available())),
        screen_endpoints(Walls(service, Version(root))),
        health_endpoints(health),
        openapi_endpoints(),
        asyncapi_endpoints(),
    )
