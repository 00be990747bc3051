"""`/badge/{name}.svg`: one number of a metric or a panel, for a README, a wiki, or wherever a picture may stand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.clock import stale_after_s
from vitalcast.core.names import Selection
from vitalcast.core.past import recent_of
from vitalcast.core.protocol import ErrorCode
from vitalcast.errors import ProtocolError
from vitalcast.live.service import Service
from vitalcast.web.errors import ApiError, check_parameters
from vitalcast.web.images import image, refused_badge
from vitalcast.web.panel_source import PanelSource
from vitalcast.web.policy import grant_of, may_show
from vitalcast.web.security import shown

if TYPE_CHECKING:
    from vitalcast.core.badge import Badge, Style
    from vitalcast.core.badge_number import Asked
    from vitalcast.core.grants import Grant

PARAMETERS = ("label", "where", "reduce", "warning", "critical", "style", "token")
LABEL_MAX = 100
WHERE_MAX = 16


class Badges:
    """Answers with badges of a service's newest readings. `now_ms` gives the wall clock in Unix milliseconds."""

    def __init__(
        self,
        service: Service,
        source: PanelSource,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._hub = service.hub
        self._source = source
        self._now_ms = now_ms

    async def svg(self, request: Request) -> Response:
        """Return the badge of a metric, or of the panel with this id."""
        from vitalcast.core.badge import draw_badge  # which most servers never need

        name = request.path_params["metric"]
        try:
            style = _style(request)
            body = draw_badge(self._badge(request), style).encode()
        except ApiError as error:
            return refused_badge(name, error.status, error.message)
        except ProtocolError as error:
            return refused_badge(name, 404 if error.code == ErrorCode.UNKNOWN_METRIC else 400, error.message)
        return image(request, body, max_age_s=round(self._hub.interval_ms / 1000))

    def _badge(self, request: Request) -> Badge:
        from vitalcast.core.badge_number import label_of, metric_badge, owner_of, panel_badge, stale_badge

        name, asked, grant = request.path_params["metric"], asked_of(request), grant_of(request)
        mine = [panel for panel in self._source.panels.values() if may_show(grant, panel)]
        panel = next((one for one in mine if one.id == name), None)
        owner = panel or owner_of(name, mine)
        if panel is None:
            self._check_metric(name, asked, grant)
        frame = self._source.newest()
        age_s = (self._now_ms() - frame.time_ms) / 1000
        if age_s > stale_after_s(self._hub.interval_ms / 1000):
            called = (owner.vital or owner.title) if owner else name
            return stale_badge(asked.label or label_of(called, owner, dict(asked.where)), age_s)
        rows = recent_of(self._hub.ring)
        if panel is not None:
            return panel_badge(panel, self._source.reading(panel, frame.layout), frame.layout.series, rows, asked)
        series = [one if one is not None and grant.allows(one) else None for one in frame.layout.series]
        return metric_badge(name, owner, series, rows, asked)

    def _check_metric(self, name: str, asked: Asked, grant: Grant) -> None:
        """Raise ApiError where there is no such metric, or the caller may not know."""
        try:
            covered = grant.covers(Selection.of([name], dict(asked.where)))
        except ValueError:  # no name at all
            covered = grant.within is None
        if not covered:
            raise ApiError(403, ErrorCode.DENIED, "your token does not cover this")
        if name not in self._hub.catalogue.descriptors:
            raise ApiError(404, ErrorCode.UNKNOWN_METRIC, "unknown metric")


def asked_of(request: Request) -> Asked:
    """Return what the address asks for. Raises ApiError that says what would be right."""
    from vitalcast.core.badge_number import Asked, Reduce

    query = request.query_params
    check_parameters(request, {*PARAMETERS, *(name for name in query if "." in name)})
    reduce = query.get("reduce")
    if reduce not in (None, *get_args(Reduce)):
        raise _bad(f"reduce: {shown(reduce or '')} is none; give sum, max, avg or min")
    warning, critical = _threshold(request, "warning"), _threshold(request, "critical")
    if warning is not None and critical is not None and warning > critical:
        raise _bad(f"warning: {warning:g} is more than critical, {critical:g}; give the same or less")
    return Asked(query.get("label", "")[:LABEL_MAX], _where(request), cast("Reduce | None", reduce), warning, critical)


def _where(request: Request) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what is wanted of which attributes: of `where=cpu.mode=user`, and of the attributes that stand alone."""
    pairs = [(name, value) for name, value in request.query_params.multi_items() if "." in name]
    for text in request.query_params.getlist("where"):
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise _bad(f"where: {shown(text)} is not valid; give an attribute and its value, such as cpu.mode=user")
        pairs.append((name, value))
    if len(pairs) > WHERE_MAX:
        raise _bad(f"where: {len(pairs)} values are more than {WHERE_MAX}")
    names = dict.fromkeys(name for name, _ in pairs)
    return tuple((name, tuple(value for other, value in pairs if other == name)) for name in names)


def _threshold(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _bad(f"{name}: {shown(text)} is no number; give one in the metric's own unit, such as 0.8 for 80 %")
    return value


def _style(request: Request) -> Style:
    from vitalcast.core.badge import Style

    style = request.query_params.get("style", "flat")
    if style not in get_args(Style):
        raise _bad(f"style: {shown(style)} is none; give flat or flat-square")
    return cast("Style", style)


def _bad(message: str) -> ApiError:
    return ApiError(400, ErrorCode.BAD_REQUEST, message)
