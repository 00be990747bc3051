"""For how long an answer may be kept, by whom, and whether a client has it already (RFC 9111; RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from vitalcast.web.edge.caller import credential_source

if TYPE_CHECKING:
    from starlette.requests import Request

FIXED_S: Final = 86_400  # for which what was at a time that is past is kept; a coarser tier may say it later


def etag_of(*parts: bytes | memoryview) -> str:
    """Return a tag that stands for exactly this content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f'"{digest.hexdigest()[:20]}"'


def knows(request: Request, etag: str) -> bool:
    """Say whether the client has what this tag stands for."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {etag, "*"})


def cache_headers(request: Request, *, fixed: bool, max_age_s: int = 0, vary: str = "") -> dict[str, str]:
    """Return the headers for an answer of now, and for one of a `fixed` time that is past.

    What a token was needed for is kept by nobody but whoever showed it, and by them no longer than they do.
    """
    who = "public" if credential_source(request) is None else "private"
    kept = f"max-age={FIXED_S}, immutable" if fixed else f"max-age={max_age_s}, must-revalidate"
    varies = ", ".join(filter(None, (vary, "Authorization, Cookie")))
    return {"Cache-Control": f"{who}, {kept}", "Vary": varies}
