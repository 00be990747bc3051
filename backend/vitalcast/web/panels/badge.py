"""`/badge/{name}.svg`: one number of a metric or a panel, for a README, a wiki, or wherever a picture may stand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from starlette.requests import Request
from starlette.responses import Response

from vitalcast import clocks
from vitalcast.core.drawing.clock import stale_after_s
from vitalcast.core.drawing.window import recent_of
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.schema import FOR_S, KEEP_S, Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.shown_then import shown_then
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, HistoryError, ProtocolError
from vitalcast.live.service import Service
from vitalcast.web.edge.caller import grant_of, may_show
from vitalcast.web.edge.checked import as_api_error
from vitalcast.web.edge.fields import Parameter, bad
from vitalcast.web.edge.moments import AT, is_fixed
from vitalcast.web.edge.where import WHERE, where_of
from vitalcast.web.panels.image_response import image, refused_badge
from vitalcast.web.panels.panel_reader import PanelSource
from vitalcast.web.panels.past_reader import PastReader

if TYPE_CHECKING:
    from vitalcast.core.drawing.badge_svg import Badge
    from vitalcast.core.drawing.badge_value import BadgeQuery
    from vitalcast.core.stream.grants import Grant

LABEL_MAX = 100
_LEVEL: Final = "a number in the metric's own unit, such as 0.8 for 80 %"
WARNING: Final = Parameter(
    "warning", "Lowest value that is a warning, in the metric's own unit.", {"type": "number"}, _LEVEL
)
CRITICAL: Final = Parameter("critical", "Lowest value that is critical.", {"type": "number"}, _LEVEL)


@functools.cache
def badge_parameters() -> dict[str, Parameter]:
    """Return the parameters of a badge by their names, but for the attributes that stand for themselves."""
    from vitalcast.core.drawing.badge_svg import Style  # which most servers never need
    from vitalcast.core.drawing.badge_value import Reduce

    parameters = (
        Parameter("label", f"The label at its left; {LABEL_MAX} characters are shown.", {"type": "string"}),
        WHERE,
        Parameter(
            "reduce",
            "How several series are combined.",
            {"type": "string", "enum": list(get_args(Reduce))},
            "sum, max, avg or min",
        ),
        WARNING,
        CRITICAL,
        Parameter(
            "style",
            "Its corners.",
            {"type": "string", "enum": list(get_args(Style)), "default": "flat"},
            "flat or flat-square",
        ),
    )
    return {one.name: one for one in parameters}


class _Wanted(NamedTuple):
    """What a badge is about: a panel, or a metric by the rule of its owner."""

    name: str
    asked: BadgeQuery
    panel: Panel | None
    owner: Panel | None


class Badges:
    """Answers with badges of a service's newest readings. `steady_ms` is the clock that frames are stamped with."""

    def __init__(
        self,
        service: Service,
        source: PanelSource,
        past: PastReader,
        *,
        steady_ms: Callable[[], int] = clocks.steady_ms,
    ) -> None:
        self._timeline = service.timeline
        self._source = source
        self._past = past
        self._steady_ms = steady_ms

    async def svg(self, request: Request) -> Response:
        """Return the badge of a metric, or of the panel with this id."""
        from vitalcast.core.drawing.badge_svg import draw_badge  # which most servers never need

        name, at_ms = request.path_params["metric"], None
        try:
            style = badge_parameters()["style"].of(request)
            at_ms = self._past.moment_of(request)
            badge = self._badge(request) if at_ms is None else await self._badge_then(request, at_ms)
            body = draw_badge(badge, style).encode()
        except (ApiError, ProtocolError, HistoryError) as raised:
            error = as_api_error(raised)
            return refused_badge(name, error.status, error.message)
        fixed = at_ms is not None and is_fixed(request, AT) and self._past.is_settled(at_ms)
        return image(request, body, max_age_s=round(self._timeline.interval_ms / 1000), fixed=fixed)

    def _wanted(self, request: Request) -> _Wanted:
        """Return what the address names. Raises ApiError where there is no such, or the caller may not know."""
        from vitalcast.core.drawing.badge_value import owner_of

        name, asked, grant = request.path_params["metric"], asked_of(request), grant_of(request)
        mine = [panel for panel in self._source.dashboards.panels.values() if may_show(grant, panel)]
        panel = next((one for one in mine if one.id == name), None)
        if panel is None:
            self._check_metric(name, asked, grant)
        return _Wanted(name, asked, panel, panel or owner_of(name, mine))

    async def _badge_then(self, request: Request, at_ms: int) -> Badge:
        from vitalcast.core.drawing.badge_svg import Badge
        from vitalcast.core.drawing.badge_value import metric_badge, panel_badge
        from vitalcast.core.drawing.past_window import recent_then

        name, asked, panel, owner = self._wanted(request)
        grant = grant_of(request)
        span_ms = _judged_ms(owner) + 2 * max(1000, self._timeline.interval_ms)  # as long as a level takes, and more
        result = await self._past.before(request, _selection(name, panel, owner), at_ms, span_ms)
        recent = recent_then(result, at_ms, self._timeline.interval_ms)
        if recent is None:
            return Badge(_label(name, owner, asked), "no value", "unknown")
        seen = [one if grant.allows(one) else None for one in result.series]
        if panel is not None:
            return panel_badge(shown_then(panel, result.series, recent.rows), seen, recent, asked)
        return metric_badge(name, owner, seen, recent, asked)

    def _badge(self, request: Request) -> Badge:
        from vitalcast.core.drawing.badge_value import metric_badge, panel_badge, stale_badge

        name, asked, panel, owner = self._wanted(request)
        grant = grant_of(request)
        frame = self._source.newest()
        age_s = (self._steady_ms() - frame.steady_ms) / 1000
        if age_s > stale_after_s(self._timeline.interval_ms / 1000):
            return stale_badge(_label(name, owner, asked), age_s)
        recent = recent_of(self._timeline.ring, _judged_ms(owner))
        seen = [one if one is not None and grant.allows(one) else None for one in frame.layout.series]
        if panel is not None:
            drawn = self._source.shown(panel, named=self._source.named(request, panel))
            return panel_badge(drawn, seen, recent, asked)
        return metric_badge(name, owner, seen, recent, asked)

    def _check_metric(self, name: str, asked: BadgeQuery, grant: Grant) -> None:
        """Raise ApiError where there is no such metric, or the caller may not know."""
        try:
            covered = grant.covers(Selection.of([name], dict(asked.where)))
        except ValueError:  # no name at all
            covered = grant.within is None
        if not covered:
            raise ApiError(403, ErrorCode.DENIED, "your token does not cover this")
        if name not in self._timeline.catalogue.descriptors:
            raise ApiError(404, ErrorCode.UNKNOWN_METRIC, "unknown metric")


def _label(name: str, owner: Panel | None, asked: BadgeQuery) -> str:
    from vitalcast.core.drawing.badge_value import label_of

    return asked.label or label_of((owner.vital or owner.title) if owner else name, owner, dict(asked.where))


def _selection(name: str, panel: Panel | None, owner: Panel | None) -> Selection:
    """Return all that a badge may be computed from: the metric, and what its panel's rule needs."""
    own = () if owner is None else request_selection(owner).patterns
    return Selection.of([*own] if panel is not None else [name, *own])


def _judged_ms(owner: Panel | None) -> int:
    """Return how far back a level looks that is of a badge alone."""
    own = None if owner is None else owner.thresholds
    lasts_s = [FOR_S + KEEP_S] + ([own.for_s + own.keep_s] if own else [])
    return round(max(lasts_s) * 1000)


def asked_of(request: Request) -> BadgeQuery:
    """Return what the address asks for. Raises ApiError that says what would be right."""
    from vitalcast.core.drawing.badge_value import BadgeQuery

    query, parameters = request.query_params, badge_parameters()
    reduce = parameters["reduce"].of(request)
    warning, critical = WARNING.of(request), CRITICAL.of(request)
    if warning is not None and critical is not None and warning > critical:
        raise bad(f"warning: {warning:g} is more than critical, {critical:g}; give the same or less")
    return BadgeQuery(query.get("label", "")[:LABEL_MAX], _where(request), reduce, warning, critical)


def _where(request: Request) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what is wanted of which attributes: of `where=cpu.mode=user`, and of the attributes that stand alone."""
    alone = [(name, value) for name, value in request.query_params.multi_items() if "." in name]
    return tuple(where_of(request, alone).items())
