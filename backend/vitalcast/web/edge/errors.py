"""What the HTTP API answers where it cannot answer: JSON that says what was wrong and what would be right."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, ProtocolError

LIVE = {"Cache-Control": "no-store"}
SHOWN_CHARS_MAX = 100


def error_body(code: ErrorCode, message: str) -> bytes:
    """Return the JSON of an error answer, in the words of the WebSocket's `error`."""
    return orjson.dumps({"error": {"code": int(code), "message": message}})


_STATUS = {ErrorCode.UNKNOWN_METRIC: 404, ErrorCode.DENIED: 403, ErrorCode.INTERNAL: 500}


def api_error(error: ProtocolError) -> ApiError:
    """Return what an error of the protocol is in HTTP; one that may pass is a 503."""
    code = ErrorCode(error.code)
    return ApiError(503 if error.temporary else _STATUS.get(code, 400), code, error.message)


def shown(text: str) -> str:
    """Return a stranger's text as it may stand in a log line or an answer: quoted, in ASCII, cut."""
    quoted = ascii(text)
    return quoted if len(quoted) <= SHOWN_CHARS_MAX else quoted[: SHOWN_CHARS_MAX - 1] + "…"


def json_response(value: object, status: int = 200) -> Response:
    """Return an answer that nobody keeps."""
    return Response(orjson.dumps(value), status, LIVE, "application/json")
