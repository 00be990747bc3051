"""What answers a browser where no endpoint does, or where one fails: a page. All others get what the edge says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.web.edge.accept import Offer, best_offer
from vitalcast.web.edge.addresses import path_of, upwards
from vitalcast.web.edge.error_handlers import API_PREFIX, ERROR_HANDLERS
from vitalcast.web.edge.misrouted import unknown_prefix
from vitalcast.web.pages.document import document, site_header

_HTML: Final = Offer("text/html")
# The first of equals: who takes anything is a program, and gets what it always got.
_FORMS: Final = (Offer("text/plain"), _HTML)
_TITLES: Final = {404: "Page not found", 405: "Not possible at this address", 500: "The server failed"}
_WORDS: Final = {
    404: "There is nothing at this address.",
    405: "This address answers to other methods.",
    500: "The server failed to answer this request. Its log says why.",
}
_HEADERS: Final = {"Cache-Control": "no-store"}

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def _with_page(answer: Handler) -> Handler:
    """Have a browser see a page in place of what this handler answers where that is an error and no redirect."""

    async def handler(request: Request, error: Any) -> Response:
        response = await answer(request, error)
        if response.status_code < 400 or not _wants_page(request):
            return response
        return _page(request, response)

    return handler


def _wants_page(request: Request) -> bool:
    # Under a prefix that nobody told us of, a page would find neither its styles nor the way back.
    if path_of(request.scope).startswith(API_PREFIX) or unknown_prefix(request) is not None:
        return False
    return best_offer(",".join(request.headers.getlist("accept")), _FORMS) == _HTML


def _page(request: Request, response: Response) -> Response:
    up, status = upwards(request.scope), response.status_code
    title = _TITLES.get(status, "That did not work")
    words = f"<p>{_WORDS[status]}</p>\n" if status in _WORDS else ""
    links = f'<p><a href="{up or "./"}">Open the dashboard</a> or <a href="{up}docs">the manual</a>.</p>'
    main = f'<main class="entry small">\n<h1>{title}</h1>\n{words}{links}\n</main>'
    text = document(up, f"{title} · Vitalcast", f"{site_header(up)}\n{main}", style="login.css")
    kept = {name: value for name, value in response.headers.items() if name == "allow"}
    return Response(text, status, _HEADERS | kept, "text/html")


PAGE_HANDLERS: Final = {kind: _with_page(handler) for kind, handler in ERROR_HANDLERS.items()}
