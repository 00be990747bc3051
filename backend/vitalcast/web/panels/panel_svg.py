"""`/api/v1/panels/{id}.svg` and `.png`: a panel as a picture, for places where no script runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from vitalcast import clocks
from vitalcast.core.drawing.clock import stale_after_s
from vitalcast.core.metrics.model import Frame
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, HistoryError, ProtocolError
from vitalcast.live.service import Service
from vitalcast.web.edge.caching import etag_of
from vitalcast.web.edge.checked import as_api_error
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.fields import Parameter, fits
from vitalcast.web.edge.schemas import Json
from vitalcast.web.panels import png
from vitalcast.web.panels.image_response import image, refused_image
from vitalcast.web.panels.panel_reader import THEME, Gather, PanelSource
from vitalcast.web.panels.panels import Panels
from vitalcast.web.panels.past_reader import RANGE_PARAMETERS

if TYPE_CHECKING:
    from vitalcast.core.drawing.panel_svg import Look, Span
    from vitalcast.web.edge.moments import Range

POINTS_MAX = 1000
PIXELS_A_POINT = 2
_ZONE = Parameter(
    "tz",
    "The time zone, such as `Europe/Berlin`.",
    {"type": "string", "default": "UTC", "pattern": "^[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,3}$"},
)


@functools.cache
def look_parameters() -> tuple[Parameter, Parameter, Parameter]:
    """Return the parameters that say how wide and how high an image is, and what it is called."""
    from vitalcast.core.drawing import panel_svg  # which most servers never need

    return (
        _pixels("width", "Width in pixels.", panel_svg.WIDTH, panel_svg.WIDTH_MIN, panel_svg.WIDTH_MAX),
        _pixels("height", "Height in pixels.", panel_svg.HEIGHT, panel_svg.HEIGHT_MIN, panel_svg.HEIGHT_MAX),
        Parameter(
            "title",
            f"A title in place of the panel's own; {panel_svg.TITLE_MAX} characters are shown.",
            {"type": "string"},
        ),
    )


def image_parameters(range_: Parameter) -> tuple[Parameter, ...]:
    """Return all the parameters of an image, of which `range_` depends on how much is kept."""
    return (range_, *RANGE_PARAMETERS, THEME, *look_parameters(), _ZONE)


def _pixels(name: str, description: str, usual: int, least: int, most: int) -> Parameter:
    schema: Json = {"type": "integer", "minimum": least, "maximum": most, "default": usual}
    return Parameter(name, description, schema, f"pixels from {least} to {most}")


class PanelImages:
    """Answers with pictures of a service's panels. `steady_ms` is the clock that frames are stamped with."""

    def __init__(
        self,
        service: Service,
        panels: Panels,
        *,
        steady_ms: Callable[[], int] = clocks.steady_ms,
    ) -> None:
        self._timeline = service.timeline
        self._source = panels.source
        self._past = panels.past
        self._drawings = panels.drawings
        self._steady_ms = steady_ms

    async def svg(self, request: Request) -> Response:
        """Return a panel as it looks now, or as it last looked where the readings are old."""
        look = None
        try:
            look = look_of(request)
            body, fixed = await self._svg(request, look)
        except (ApiError, ProtocolError, HistoryError) as raised:
            error = as_api_error(raised)
            return refused_image(error.status, error.message, look=look)
        return image(request, body, max_age_s=self._max_age_s, fixed=fixed)

    async def png(self, request: Request) -> Response:
        """Return the same picture as PNG. Errors are none: who links to it sees that something is missing."""
        panel = self._source.panel(request)
        png.check_available()
        look, scale = look_of(request), png.SCALE.of(request)
        png.check_size(look.width, look.height, scale)
        svg, fixed = await self._svg(request, look)
        zone, named = request.query_params.get(_ZONE.name), self._source.named(request, panel)
        key = ("png", panel.id, request.query_params.get("range"), look, scale, zone, named, fixed and etag_of(svg))
        body = await self._drawings.of(key, lambda: (svg, lambda: lambda: png.png_of(svg.decode(), scale)))
        return image(request, body, max_age_s=self._max_age_s, fixed=fixed, media_type=png.MEDIA_TYPE)

    @property
    def _max_age_s(self) -> int:
        return round(self._timeline.interval_ms / 1000)

    async def _svg(self, request: Request, look: Look) -> tuple[bytes, bool]:
        """Return a panel as SVG, and whether it is of a fixed time that is past."""
        range_ = self._past.range_of(request, self._source.range)
        if range_ is None:
            return await self._drawn(request, look), False
        return await self._drawn_then(request, look, range_), range_.fixed

    async def _drawn_then(self, request: Request, look: Look, range_: Range) -> bytes:
        """Return a panel as it was. What is past does not change, so that it is drawn once for all who ask."""
        from vitalcast.core.drawing.panel_svg import Span, draw_panel

        source = self._source
        panel = source.panel(request)
        zone, named = _zone(request), source.named(request, panel)
        key = ("past image", panel.id, range_, look, zone, named)
        if range_.fixed and (kept := self._drawings.kept(key, source.dashboards.revision)) is not None:
            return kept
        pictured = await self._past.pictured(request, panel, range_, min(POINTS_MAX, look.width // PIXELS_A_POINT))
        step_s = pictured.step_ms / 1000
        span = Span(self._timeline.name, range_.start_ms, range_.end_ms, range_.end_ms, step_s, zone, past=True)
        body = await self._drawings.once(lambda: draw_panel(pictured.shown, pictured.window, look, span).encode())
        if range_.fixed:
            self._drawings.keep(key, source.dashboards.revision, body)
        return body

    async def _drawn(self, request: Request, look: Look) -> bytes:
        source = self._source
        panel = source.panel(request)
        zone, range_s, named = _zone(request), source.range_s(request), source.named(request, panel)

        def prepare() -> tuple[Hashable, Gather]:
            from vitalcast.core.drawing.panel_svg import draw_panel  # which most servers never need

            frame = source.newest()
            span = self._span(frame, range_s, zone)

            def gather() -> Callable[[], bytes]:
                drawn = source.shown(panel, range_s, named=named)
                window = source.window(drawn, span.from_ms)
                return lambda: draw_panel(drawn, window, look, span).encode()

            return (frame.offset, span.to_ms, source.dashboards.revision), gather

        return await self._drawings.of(("image", panel.id, range_s, look, zone, named), prepare)

    def _span(self, newest: Frame, range_s: float, zone: tzinfo) -> Span:
        """While readings come, the newest stands at the edge; when they do not, time goes on without them."""
        from vitalcast.core.drawing.panel_svg import Span

        interval_s = self._timeline.interval_ms / 1000
        age_ms = self._steady_ms() - newest.steady_ms
        stale = age_ms / 1000 > stale_after_s(interval_s)
        to_ms = (newest.time_ms + age_ms) // 1000 * 1000 if stale else newest.time_ms
        age_s = age_ms / 1000 if stale else None
        return Span(self._timeline.name, to_ms - range_s * 1000, to_ms, newest.time_ms, interval_s, zone, age_s)


def look_of(request: Request) -> Look:
    """Return how an image is to look. Raises ApiError for what cannot be."""
    from vitalcast.core.drawing import panel_svg

    width, height, title = (one.of(request) for one in look_parameters())
    return panel_svg.Look(width, height, PanelSource.theme(request), (title or "")[: panel_svg.TITLE_MAX])


def _zone(request: Request) -> tzinfo:
    name = request.query_params.get(_ZONE.name, "UTC")
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        if fits(name, _ZONE.schema):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or the name of a folder
        pass
    raise ApiError(
        400, ErrorCode.BAD_REQUEST, f"tz: {shown(name)} is not a known time zone; give a name such as Europe/Berlin"
    )
