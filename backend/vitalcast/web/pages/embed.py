"""The pages that other pages frame: one panel, or several as a dashboard, and nothing around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from vitalcast.live.service import Service
from vitalcast.web.edge.login import upwards
from vitalcast.web.edge.policy import framing, grant_of, may_show
from vitalcast.web.pages.pages import CONTENT_SECURITY_POLICY, frontend_dir

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

PAGE: Final = "embed.html"


class Frames:
    """Answers with the page that a frame holds. What it shows is the page's own to find out, and to say."""

    def __init__(self, service: Service, root: Path) -> None:
        self._page = root / PAGE
        self._ancestors = service.settings.server.frame_ancestors
        self._dashboards = service.dashboards

    async def panel(self, request: Request) -> Response:
        """Return the page of one panel; its status tells whether there is such a panel for this caller."""
        panel = self._dashboards.panels.get(request.path_params["id"])
        there = panel is not None and may_show(grant_of(request), panel)
        return await self._respond(request, 200 if there else 404)

    async def dashboard(self, request: Request) -> Response:
        """Return the page of a dashboard."""
        return await self._respond(request, 200)

    async def _respond(self, request: Request, status: int) -> Response:
        text = await run_in_threadpool(self._page.read_text)
        body = text.replace('="static/', f'="{upwards(request.scope)}static/')
        # Its address may hold a token.
        headers = {"Cache-Control": "private, no-cache"} | framing(request, CONTENT_SECURITY_POLICY, self._ancestors)
        return Response(body, status, headers, "text/html")


def mount_embed(app: FastAPI, service: Service, *, root: Path | None = None) -> None:
    """Add `/embed/panel/{id}` and `/embed/dashboard` to `app`."""
    frames = Frames(service, root or frontend_dir())
    app.router.routes += [
        Route("/embed/panel/{id}", frames.panel, methods=["GET"]),
        Route("/embed/dashboard", frames.dashboard, methods=["GET"]),
    ]
