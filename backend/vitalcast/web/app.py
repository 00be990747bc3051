"""The composition root: settings in, an ASGI application out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, WebSocket
from starlette.types import ASGIApp

from vitalcast import __version__
from vitalcast.config import load_settings
from vitalcast.live.service import Service
from vitalcast.settings import Settings
from vitalcast.web.api import mount_api
from vitalcast.web.docs import DESCRIPTION, described, mount_docs
from vitalcast.web.pages import CONTENT_SECURITY_POLICY, mount_pages
from vitalcast.web.security import Gate, SecurityEdge
from vitalcast.web.ws import serve_socket


class Application(FastAPI):
    """FastAPI inside the security edge, which also covers the answers of FastAPI's own error handling."""

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.root_path = settings.server.root_path  # as an argument it is deprecated: the server should say it
        self._gate = Gate(settings.server)

    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()
        return SecurityEdge(inner, gate=self._gate, content_security_policy=CONTENT_SECURITY_POLICY)

    def openapi(self) -> dict[str, Any]:
        return described(super().openapi())


def create_app(settings: Settings | None = None, *, service: Service | None = None) -> FastAPI:
    """Build the application. Without settings they are read from the environment and the configuration file."""
    settings = settings or (service.settings if service is not None else load_settings().settings)
    service = service or Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = Application(
        settings=settings,
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

    @app.websocket("/ws")
    async def websocket_endpoint(websocket: WebSocket) -> None:
        await serve_socket(websocket, service.manager)

    mount_api(app, service)
    mount_docs(app)
    mount_pages(app)
    return app
