"""The cookie in which a browser keeps a token after the log-in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from starlette.types import Scope

COOKIE: Final = "vitalcast"
COOKIE_S_MAX: Final = 400 * 24 * 3600  # what browsers keep at most


def cookie(scope: Scope) -> str | None:
    """Return the token that the log-in left with the browser."""
    for text in _cookies(scope["headers"]):
        name, equals, value = text.partition("=")
        if equals and name.strip() == COOKIE and value.strip():
            return value.strip()
    return None


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str]:
    for name, value in headers:
        if name == b"cookie":
            yield from value.decode("latin-1").split(";")


def cookie_header(scope: Scope, token: str, expires_ms: int | None) -> str:
    """Return the Set-Cookie header that keeps a token for as long as it is good; an empty one removes it."""
    left_s = COOKIE_S_MAX if expires_ms is None else (expires_ms - time.time_ns() // 1_000_000) // 1000
    parts = [
        f"{COOKIE}={token}",
        f"Path={quote(scope.get('root_path', '')) or '/'}",
        f"Max-Age={max(0, min(left_s, COOKIE_S_MAX)) if token else 0}",
        "HttpOnly",
        "SameSite=Lax",
    ]
    return "; ".join([*parts, "Secure"] if scope["scheme"] == "https" else parts)
