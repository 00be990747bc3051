"""The composition root: settings in, an ASGI application out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket

from vitalcast import __version__
from vitalcast.config import Settings, load_settings
from vitalcast.live.service import Service
from vitalcast.web.pages import mount_pages
from vitalcast.web.ws import serve_socket


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

    app = FastAPI(
        title="Vitalcast",
        version=__version__,
        description="A machine's vital signs, live.",
        lifespan=lifespan,
        root_path=settings.server.root_path,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service

    @app.websocket("/ws")
    async def websocket_endpoint(websocket: WebSocket) -> None:
        await serve_socket(websocket, service.manager)

    mount_pages(app)
    return app
