"""Answers that are pictures: how long they may be kept, who may show them, and what they say where there is none."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.badge import badge_of

BADGES = "/badge/"

# A picture that is opened by itself runs nothing and asks nobody.
POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
MEDIA_TYPE = "image/svg+xml"


def image(request: Request, svg: str | bytes, *, max_age_s: int, private: bool) -> Response:
    """Return a picture that may be shown for as long as it is true."""
    body = svg.encode() if isinstance(svg, str) else svg
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    who = "private" if private else "public"
    headers = POLICY | {"Cache-Control": f"{who}, max-age={max(1, max_age_s)}, must-revalidate", "ETag": etag}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, MEDIA_TYPE)


def refusal(path: str, status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    """Return a picture that says why there is no other: whoever embeds it sees that and no broken image.

    `path` is the address without the prefix under which all is served.
    """
    label = path.removeprefix(BADGES).removesuffix(".svg") if path.startswith(BADGES) else "Vitalcast"
    body = badge_of(label, words)
    return Response(body, status, POLICY | {"Cache-Control": "no-store"} | (headers or {}), MEDIA_TYPE)
