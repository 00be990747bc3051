"""The panels over HTTP: the list that a dashboard is made from, and each panel's figure."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vitalcast import clocks
from vitalcast.core.metrics.model import Layout
from vitalcast.core.panels.resolve import selection_of
from vitalcast.core.stream.grants import NAMING_ATTRIBUTES
from vitalcast.live.service import Service
from vitalcast.web.edge.caching import cache_headers, etag_of, knows
from vitalcast.web.edge.caller import grant_of, may_show
from vitalcast.web.edge.errors import LIVE
from vitalcast.web.panels.figure_layouts import Json
from vitalcast.web.panels.figures import Figures
from vitalcast.web.panels.panel_reader import Drawings, Gather, PanelSource
from vitalcast.web.panels.past_reader import PastReader

if TYPE_CHECKING:
    from vitalcast.core.panels.schema import Panel
    from vitalcast.web.edge.moments import Range

FIGURE_POINTS: Final = 300


class Panels:
    """Answers for the panels of a service's dashboards."""

    def __init__(
        self, service: Service, *, figures: Figures | None = None, now_ms: Callable[[], int] = clocks.wall_ms
    ) -> None:
        self.past = PastReader(service, now_ms=now_ms)
        self.source = PanelSource(service)
        self.drawings = Drawings()
        self._timeline = service.timeline
        self._figures = figures or Figures()
        self.source.dashboards.changed.append(self._figures.forget)
        self._listed: tuple[Layout | None, str, dict[str, dict[bool, bytes]]] | None = None

    async def listing(self, request: Request) -> Response:
        """List the panels that the caller may see in their order, each with the number of its series there are now."""
        newest = self._timeline.ring.newest
        layout = None if newest is None else newest.layout
        dashboards = self.source.dashboards
        revision = dashboards.revision
        # The layout changes when a series comes or goes.
        if self._listed is None or self._listed[0] is not layout or self._listed[1] != revision:
            self._listed = layout, revision, self._list(layout)
        grant = grant_of(request)
        shown = [one for one in map(dashboards.panels.__getitem__, self._listed[2]) if may_show(grant, one)]
        named = {panel.id: self.source.named(request, panel) for panel in shown}
        shown = [panel for panel in shown if named[panel.id] or not panel.by or set(panel.by) - NAMING_ATTRIBUTES]
        parts = [self._listed[2][panel.id][named[panel.id]] for panel in shown]
        body = b'{"revision":"%s","panels":[%s]}' % (revision.encode(), b",".join(parts))
        return Response(body, 200, LIVE, "application/json")

    def _list(self, layout: Layout | None) -> dict[str, dict[bool, bytes]]:
        """Return each panel's entry for those who see names of programs and users, and for those who do not."""
        series = [one for one in (layout.series if layout else ()) if one is not None]
        listed = {}
        for panel in self.source.dashboards.panels.values():
            chosen = [one for one in series if selection_of(panel).matches(one)]
            counts = {True: len(chosen), False: sum(not one.says_any(NAMING_ATTRIBUTES) for one in chosen)}
            listed[panel.id] = {
                named: orjson.dumps(panel.public() | {"series": count}) for named, count in counts.items()
            }
        return listed

    async def figure(self, request: Request) -> Response:
        """Return a panel's figure, with the readings of the last `range` seconds."""
        source = self.source
        panel = source.panel(request)
        if (range_ := self.past.range_of(request, source.range)) is not None:
            return await self._past_figure(request, panel, range_)
        theme, range_s, named = source.theme(request), source.range_s(request), source.named(request, panel)

        def prepare() -> tuple[Hashable, Gather]:
            frame = source.newest()

            def gather() -> Callable[[], bytes]:
                drawn = source.shown(panel, range_s, named=named)
                window = source.window(drawn, frame.time_ms - range_s * 1000)
                meta: Json = {"host": self._timeline.name, "time": frame.time_ms}
                return lambda: self._figures.draw(drawn, window, theme, meta)

            return (frame.offset, source.dashboards.revision), gather

        body = await self.drawings.of(("figure", panel.id, range_s, theme, named), prepare)
        return Response(body, 200, LIVE, "application/json")

    async def _past_figure(self, request: Request, panel: Panel, range_: Range) -> Response:
        theme = self.source.theme(request)
        pictured = await self.past.pictured(request, panel, range_, FIGURE_POINTS)
        meta: Json = {
            "host": self._timeline.name,
            "start": range_.start_ms,
            "time": range_.end_ms,
            "step": pictured.step_ms / 1000,
        }
        shown, window = pictured.shown, pictured.window
        body = await self.drawings.once(lambda: self._figures.draw(shown, window, theme, meta, past=True))
        etag = etag_of(body)
        headers = cache_headers(request, fixed=range_.fixed) | {"ETag": etag}
        if knows(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(body, 200, headers, "application/json")
