"""What answers where no endpoint does, or where one fails: below /api/ in JSON, elsewhere in plain text."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.addresses import path_of
from vitalcast.web.edge.errors import LIVE, error_body
from vitalcast.web.edge.misrouted import came_by_proxy, is_served, methods_at, unknown_prefix

API_PREFIX: Final = "/api/"


def error_response(status: int, code: ErrorCode, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(error_body(code, message), status, LIVE | (headers or {}), "application/json")


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no route answers: in JSON below /api/, in plain text elsewhere."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    path = path_of(request.scope)
    query = request.scope.get("query_string", b"")
    if error.status_code == 404 and path.endswith("/") and is_served(request, path.removesuffix("/")):
        return _beside(f"../{_last(path.removesuffix('/'))}", query, headers)
    if error.status_code == 404 and not path and request.scope.get("root_path"):
        return _beside(f"{_last(request.scope['root_path'])}/", query, headers)
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(methods_at(request, path)))
    if not path.startswith(API_PREFIX):
        hint = unknown_prefix(request) if error.status_code == 404 else None
        if hint is not None and came_by_proxy(request):
            request.app.refusals.add(request.scope["state"]["address"], "request", f"nothing here; {hint}")
        return PlainTextResponse(_lines(error.detail, hint), error.status_code, headers)
    message = (
        "there is nothing at this address; /docs/http lists the addresses" if error.status_code == 404 else error.detail
    )
    return error_response(error.status_code, ErrorCode.BAD_REQUEST, message, headers)


def _lines(detail: str, hint: str | None) -> str:
    return f"{detail}\n" if hint is None else f"{detail}\n\n{hint[0].upper()}{hint[1:]}.\n"


def _last(path: str) -> str:
    return quote(path.rpartition("/")[2], safe="")


def _beside(path: str, query: bytes, headers: dict[str, str]) -> Response:
    """Send on to a relative path, and so to no other scheme or host: there may be a token in the address."""
    more = f"?{query.decode('latin-1')}" if query else ""
    return RedirectResponse(f"{path}{more}", 307, LIVE | headers)


async def _on_failure(_request: Request, _error: Exception) -> Response:
    """Answer for a fault of ours, without its details; the server logs them, since the exception goes on to it."""
    return error_response(500, ErrorCode.INTERNAL, "the server failed; its log says why")


ERROR_HANDLERS: Final[dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]] = {
    HTTPException: _on_http_error,
    Exception: _on_failure,
}
