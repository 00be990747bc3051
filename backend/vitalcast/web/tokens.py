"""What a caller may do here, and tokens for embedding, which an admin makes in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from vitalcast.core.grants import Scope
from vitalcast.core.protocol import ErrorCode
from vitalcast.errors import ConfigError
from vitalcast.web.errors import LIVE, ApiError, check_parameters
from vitalcast.web.policy import grant_of
from vitalcast.web.security import shown

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

    from vitalcast.access.access import Access

BODY_BYTES_MAX: Final = 16_384
LIST_MAX: Final = 64
EXPIRES_S: Final = (60, 100 * 365 * 86_400)
FIELDS: Final = ("scope", "panels", "dashboard", "origins", "expires", "name")


class Tokens:
    """Answers about the caller's own token, and makes others."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def access(self, request: Request) -> Response:
        """Say what this caller may do, and whether a token is needed at all."""
        check_parameters(request, ())
        grant = grant_of(request)
        return _json({"required": self._access.required, "scope": grant.scope.value, "expires": grant.expires_ms})

    async def make(self, request: Request) -> Response:
        """Make a token for embedding. Its text is told this once."""
        check_parameters(request, ())
        wanted = limits_of(await _body(request))
        if not self._access.required:
            raise ApiError(
                409,
                ErrorCode.BAD_REQUEST,
                "no token is needed here; the first one is made with `vitalcast token create`, "
                "since from then on nobody comes in without",
            )
        from vitalcast.access.tokens import LimitsError

        try:
            text, record = await run_in_threadpool(self._access.mint, Scope.EMBED, **wanted)
        except LimitsError as error:
            raise ApiError(400, ErrorCode.BAD_REQUEST, str(error)) from None
        except ConfigError as error:
            raise ApiError(503, ErrorCode.INTERNAL, str(error)) from None
        answer = {
            "token": text,
            "id": record.id,
            "scope": record.scope.value,
            "panels": record.panels,
            "dashboard": record.dashboard,
            "origins": record.origins,
            "expires": record.expires_ms,
        }
        return _json(answer, 201)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, ErrorCode.LIMIT, f"a body has {BODY_BYTES_MAX} bytes at most here")
    return body


def limits_of(body: bytes) -> dict[str, Any]:
    """Return what a token is to be limited to. Raises ApiError that names the field and says what would be right."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad("the body is no JSON") from None
    if not isinstance(given, dict):
        raise _bad('the body is no object; give one such as {"scope": "embed", "panels": ["cpu"]}')
    unknown = [shown(name) for name in given if name not in FIELDS]
    if unknown:
        raise _bad(f"unknown field {', '.join(unknown[:5])}; there are {', '.join(FIELDS)}")
    if given.get("scope") != Scope.EMBED:
        raise _bad("scope: give embed; tokens of other scopes are made with `vitalcast token create`")
    dashboard, name = given.get("dashboard", False), given.get("name", "")
    if not isinstance(dashboard, bool):
        raise _bad("dashboard: give true or false")
    if not isinstance(name, str):
        raise _bad("name: give a text")
    return {
        "name": name,
        "expires_s": _expires(given.get("expires")),
        "panels": _texts(given, "panels"),
        "dashboard": dashboard,
        "origins": _texts(given, "origins"),
    }


def _texts(given: dict[str, Any], key: str) -> list[str]:
    value = given.get(key, [])
    if not isinstance(value, list) or len(value) > LIST_MAX or not all(isinstance(one, str) for one in value):
        raise _bad(f"{key}: give a list of texts, {LIST_MAX} at most")
    return value


def _expires(value: object) -> float | None:
    if value is None:
        return None
    least, most = EXPIRES_S
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise _bad(f"expires: give seconds from {least} to {most}, or null for never")
    return float(value)


def _bad(message: str) -> ApiError:
    return ApiError(400, ErrorCode.BAD_REQUEST, message)


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, LIVE, "application/json")


def mount_tokens(app: FastAPI, access: Access) -> None:
    """Add `/api/v1/access` and `/api/v1/tokens` to `app`."""
    tokens = Tokens(access)
    app.router.routes += [
        Route("/api/v1/access", tokens.access),
        Route("/api/v1/tokens", tokens.make, methods=["POST"]),
    ]
