"""/docs: the HTTP API's documentation, with a Swagger UI that is vendored and asks nobody else for anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from vitalcast.web.pages import StaticFiles, frontend_dir

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

PAGE = "vendor/swagger-ui/docs.html"


def mount_docs(app: FastAPI, *, root: Path | None = None) -> None:
    """Add `/docs` to `app`. Its script and styles are static files, its schema is `/openapi.json`."""
    files = StaticFiles(root or frontend_dir())

    def docs(request: Request) -> Response:
        return files.respond(request, PAGE)

    app.router.routes.append(Route("/docs", docs, methods=["GET"], name="docs"))
