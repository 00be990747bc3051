"""What stands between an endpoint's guard and its handler: only known parameters pass, and errors get its form."""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, HistoryError, ProtocolError
from vitalcast.web.edge.endpoint import Endpoint
from vitalcast.web.edge.errors import api_error, shown
from vitalcast.web.edge.fields import Parameter
from vitalcast.web.edge.refusals import TOO_LITTLE, Refusal

logger = logging.getLogger(__name__)


def checked(endpoint: Endpoint) -> Callable[[Request], Any]:
    """Return what answers at an endpoint of the API: its handler, which a request reaches with known parameters alone.

    It is a coroutine function where the handler is one; else it runs in a thread as that does.
    """
    handler = endpoint.handler

    @functools.cache  # not before it is asked for: parameters may need modules that most servers never load
    def query() -> list[Parameter]:
        return [one for one in endpoint.all_parameters() if not one.in_path]

    def check(request: Request) -> None:
        if 400 in endpoint.errors:
            check_names(request.query_params, query())

    def refused(request: Request, raised: ApiError | ProtocolError | HistoryError) -> Response:
        error = as_api_error(raised)
        headers = TOO_LITTLE if error.status == 403 else None
        refusal = Refusal(error.status, error.message, ErrorCode(error.code), headers)
        return endpoint.refusal.respond(request.scope, refusal)

    async def answer(request: Request) -> Response:
        try:
            check(request)
            response: Response = await handler(request)
        except (ApiError, ProtocolError, HistoryError) as error:
            return refused(request, error)
        return response

    def answer_in_thread(request: Request) -> Response:
        try:
            check(request)
            response: Response = handler(request)
        except (ApiError, ProtocolError, HistoryError) as error:
            return refused(request, error)
        return response

    return answer if inspect.iscoroutinefunction(handler) else answer_in_thread


def as_api_error(error: ApiError | ProtocolError | HistoryError) -> ApiError:
    """Return what an error is in HTTP. Where the past lies is not said, but logged."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ProtocolError):
        return api_error(error)
    logger.warning("the past could not be read: %s", error)
    return ApiError(503, ErrorCode.INTERNAL, "the past cannot be read now; the server's log says why")


def check_names(names: Iterable[str], parameters: Iterable[Parameter]) -> None:
    """Raise ApiError that names the parameters which are none of these."""
    known = [one.name for one in parameters if one.names is None]
    patterns = [one.names for one in parameters if one.names is not None]
    unknown = [
        shown(name)
        for name in dict.fromkeys(names)
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]
    if unknown:
        raise ApiError(
            400,
            ErrorCode.BAD_REQUEST,
            f"unknown parameter {', '.join(unknown[:5])}; this address takes {', '.join(known) or 'none'}",
        )
