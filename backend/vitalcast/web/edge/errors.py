"""What the HTTP API answers where it cannot answer: JSON that says what was wrong and what would be right."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.security import shown

LIVE = {"Cache-Control": "no-store"}


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Raise ApiError that names the parameters which this address does not take."""
    unknown = [shown(name) for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise ApiError(
            400,
            ErrorCode.BAD_REQUEST,
            f"unknown parameter {', '.join(unknown[:5])}; this address takes {', '.join(known) or 'none'}",
        )
