"""The pages: the dashboard, what other pages frame, wall screens and those who look after them, and the documentation.

A page is a file of the frontend. What it shows, it finds out itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vitalcast.web.edge.addresses import upwards
from vitalcast.web.edge.caller import grant_of, may_show
from vitalcast.web.edge.endpoint import ADMINS, ANYBODY, PANELS, WHOLE, Endpoint, EndpointGroup
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY, framed_by
from vitalcast.web.pages.login_page import FRAME, PAGE
from vitalcast.web.pages.static_files import StaticFiles, frontend_dir

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.config.schema import Settings
    from vitalcast.dashboards.store import DashboardStore


class Pages:
    """Answers with pages and their files. `root` is the frontend's folder; without it, the package's own."""

    def __init__(self, settings: Settings, dashboards: DashboardStore, root: Path | None = None) -> None:
        self._root = root or frontend_dir()
        self._files = StaticFiles(self._root)
        self._ancestors = settings.server.frame_ancestors
        self._dashboards = dashboards

    # --- as they are ---------------------------------------------------------------------------------------------

    async def _respond(self, request: Request, name: str) -> Response:
        kept = self._files.kept(request, name)
        # In a thread, so that reading a file never stops the loop.
        return kept if kept is not None else await run_in_threadpool(self._files.respond, request, name)

    async def dashboard(self, request: Request) -> Response:
        return await self._respond(request, "index.html")

    async def embed_script(self, request: Request) -> Response:
        return await self._respond(request, "embed.js")

    async def client(self, request: Request) -> Response:
        return await self._respond(request, "client.js")

    async def client_types(self, request: Request) -> Response:
        return await self._respond(request, "entry/client.d.ts")

    async def static(self, request: Request) -> Response:
        return await self._respond(request, request.path_params["path"])

    async def api_docs(self, request: Request) -> Response:
        """Return Swagger UI, which lives under the dashboard's policy: it needs no inline script and no `eval`."""
        return await self._respond(request, "vendor/swagger-ui/docs.html")

    # --- that lie deeper than their files ------------------------------------------------------------------------

    async def _deep(self, request: Request, name: str, headers: Mapping[str, str], status: int = 200) -> Response:
        text = await run_in_threadpool((self._root / name).read_text)
        body = text.replace('="static/', f'="{upwards(request.scope)}static/')
        return Response(body, status, headers, "text/html")

    async def framed_panel(self, request: Request) -> Response:
        """Return the page of one panel; its status tells whether there is such a panel for this caller."""
        panel = self._dashboards.panels.get(request.path_params["id"])
        there = panel is not None and may_show(grant_of(request), panel)
        return await self._framed(request, 200 if there else 404)

    async def framed_dashboard(self, request: Request) -> Response:
        return await self._framed(request, 200)

    async def _framed(self, request: Request, status: int) -> Response:
        sites = [*self._ancestors, *sorted(grant_of(request).origins or ())]
        # Its address may hold a token.
        headers = {"Cache-Control": "private, no-cache"} | framed_by(CONTENT_SECURITY_POLICY, sites)
        return await self._deep(request, "embed.html", headers, status)

    async def wall(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-cache"} | framed_by(CONTENT_SECURITY_POLICY, self._ancestors)
        return await self._deep(request, "wall.html", headers)

    async def screens(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return await self._deep(request, "screens.html", headers)


def page_endpoints(pages: Pages) -> EndpointGroup:
    """Return the addresses of the pages and of their files."""
    return EndpointGroup(
        "Pages",
        (
            Endpoint("GET", "/", pages.dashboard, WHOLE, "The dashboard", refusal=PAGE),
            Endpoint("GET", "/docs/api", pages.api_docs, WHOLE, "The HTTP API, interactive", refusal=PAGE, cost=2),
            Endpoint("GET", "/screens", pages.screens, ADMINS, "Manage wall screens", refusal=PAGE),
            # Which show how to pair a screen.
            Endpoint("GET", "/wall", pages.wall, ANYBODY, "A wall screen that waits for approval", refusal=PAGE),
            Endpoint("GET", "/wall/{name}", pages.wall, ANYBODY, "A wall screen with this playlist", refusal=PAGE),
            Endpoint(
                "GET",
                "/embed/panel/{id}",
                pages.framed_panel,
                PANELS,
                "A panel, for a frame",
                refusal=FRAME,
                url_token=True,
            ),
            Endpoint(
                "GET",
                "/embed/dashboard",
                pages.framed_dashboard,
                PANELS,
                "The dashboard, for a frame",
                refusal=FRAME,
                url_token=True,
            ),
            Endpoint("GET", "/embed.js", pages.embed_script, ANYBODY, "The elements for other sites", public=True),
            Endpoint("GET", "/client.js", pages.client, ANYBODY, "The JavaScript client, one module", public=True),
            Endpoint("GET", "/client.d.ts", pages.client_types, ANYBODY, "Its TypeScript types", public=True),
            Endpoint("GET", "/static/{path:path}", pages.static, ANYBODY, "Scripts and styles", public=True),
        ),
    )
