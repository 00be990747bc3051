"""Answers that are pictures: how long they may be kept, who may show them, and what they say where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from vitalcast.core.vocabulary import Scope
from vitalcast.web.edge.addresses import path_of
from vitalcast.web.edge.caching import cache_headers, etag_of, knows
from vitalcast.web.edge.caller import CredentialSource, credential_source, grant_of
from vitalcast.web.edge.refusals import Refusal, RefusalForm

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope as AsgiScope

    from vitalcast.core.drawing.panel_svg import Look

MEDIA_TYPE = "image/svg+xml"
_SHORT = {401: "no access", 403: "no access", 429: "too many requests", 503: "no value yet"}

# A picture that is opened by itself runs nothing and asks nobody.
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_ON_EVERY_SITE = {"Cross-Origin-Resource-Policy": "cross-origin"}  # without it, the edge says same-origin


def image(
    request: Request, body: bytes, *, max_age_s: int, fixed: bool = False, media_type: str = MEDIA_TYPE
) -> Response:
    """Return a picture that may be shown for as long as it is true: of a `fixed` time that is past, for long.

    Pages of other sites get it where a token in its address says so, or where whoever comes may see it, and not where
    only the visitor may: a badge is as wide as its number, and so tells them what they may not read.
    """
    way = credential_source(request)
    meant = way is CredentialSource.URL or (way is None and grant_of(request).scope is not Scope.ADMIN)
    etag = etag_of(body)
    headers = _POLICY | (_ON_EVERY_SITE if meant else {})
    headers |= cache_headers(request, fixed=fixed, max_age_s=max(1, max_age_s)) | {"ETag": etag}
    if knows(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type)


def refused_badge(name: str, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    from vitalcast.core.drawing.badge_svg import Badge, draw_badge

    badge = Badge(name, _SHORT.get(status, message), "unknown", f"{name}: {message}")
    return _refused(draw_badge(badge), status, headers)


def refused_image(
    status: int, message: str, headers: Mapping[str, str] | None = None, look: Look | None = None
) -> Response:
    from vitalcast.core.drawing.panel_svg import Look, draw_message

    return _refused(draw_message(message, look or Look()), status, headers)


def _refused(svg: str, status: int, headers: Mapping[str, str] | None) -> Response:
    return Response(
        svg, status, _POLICY | _ON_EVERY_SITE | {"Cache-Control": "no-store"} | dict(headers or {}), MEDIA_TYPE
    )


def _as_panel_image(_: AsgiScope, refusal: Refusal) -> Response:
    return refused_image(refusal.status, refusal.message, refusal.headers)


def _as_badge(scope: AsgiScope, refusal: Refusal) -> Response:
    name = path_of(scope).rpartition("/")[2].removesuffix(".svg")
    return refused_badge(name, refusal.status, refusal.message, refusal.headers)


# Who looks at the page sees what is wrong, and no broken image.
PANEL_IMAGE: Final = RefusalForm(MEDIA_TYPE, _as_panel_image, drawn=True)
BADGE: Final = RefusalForm(MEDIA_TYPE, _as_badge, drawn=True)
