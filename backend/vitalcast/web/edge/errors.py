"""What the HTTP API answers where it cannot answer: JSON that says what was wrong and what would be right."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError

LIVE = {"Cache-Control": "no-store"}
SHOWN_CHARS_MAX = 100


def error_body(code: ErrorCode, message: str) -> bytes:
    """Return the JSON of an error answer, in the words of the WebSocket's `error`."""
    return orjson.dumps({"error": {"code": int(code), "message": message}})


def shown(text: str) -> str:
    """Return a stranger's text as it may stand in a log line or an answer: quoted, in ASCII, cut."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN_CHARS_MAX else quoted[: SHOWN_CHARS_MAX - 1] + "…"


def json_response(value: object, status: int = 200) -> Response:
    """Return an answer that nobody keeps."""
    return Response(orjson.dumps(value), status, LIVE, "application/json")


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Raise ApiError that names the parameters which this address does not take."""
    unknown = [shown(name) for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise ApiError(
            400,
            ErrorCode.BAD_REQUEST,
            f"unknown parameter {', '.join(unknown[:5])}; this address takes {', '.join(known) or 'none'}",
        )
