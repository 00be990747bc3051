"""`/docs`: serves the reference manual."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vitalcast.web.edge.addresses import upwards
from vitalcast.web.edge.endpoint import WHOLE, Endpoint, EndpointGroup
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.pages.login_page import PAGE

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.web.pages.manual_html import Book

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'"),
}


class Manual:
    """Answers at /docs and below. The manual is read when somebody first asks for it, and kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(__file__).resolve().parents[2] / "reference"
        self._book: Book | None = None

    async def index(self, request: Request) -> Response:
        """Return the first page, or what a search for `?q=` found."""
        book, up = await self._loaded(), upwards(request.scope)
        query = request.query_params.get("q", "").strip()
        return _html(book.results(query, up) if query else book.page("", up) or book.missing(up))

    async def page(self, request: Request) -> Response:
        """Return one page; 404 with the list of pages where there is none of that name."""
        book, up = await self._loaded(), upwards(request.scope)
        text = book.page(request.path_params["page"], up)
        return _html(book.missing(up), 404) if text is None else _html(text)

    async def _loaded(self) -> Book:
        if self._book is None:
            self._book = await run_in_threadpool(_read, self._folder)
        return self._book


def _read(folder: Path) -> Book:
    from vitalcast.web.pages.manual_html import Book  # no start waits for what only who reads the manual needs

    return Book(folder)


def manual_endpoints(manual: Manual) -> EndpointGroup:
    """Return the addresses of the manual."""
    index = Endpoint(
        "GET", "/docs", manual.index, WHOLE, "The reference manual; `?q=` searches it", refusal=PAGE, cost=2
    )
    page = Endpoint("GET", "/docs/{page}", manual.page, WHOLE, "A page of the manual", refusal=PAGE, cost=2)
    return EndpointGroup("Manual", (index, page))


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, _HEADERS, "text/html")
