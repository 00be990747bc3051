"""The panels over HTTP: the list that a dashboard is made from."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.names import Selection
from vitalcast.live.service import Service
from vitalcast.model import Layout
from vitalcast.web.errors import LIVE, check_parameters


class Panels:
    """Answers for the panels of a service's settings."""

    def __init__(self, service: Service) -> None:
        self._hub = service.hub
        self._panels = service.settings.panels
        self._wanted = [Selection.of(panel.metrics, panel.where) for panel in self._panels]
        self._listed: tuple[Layout | None, bytes] | None = None

    async def listing(self, request: Request) -> Response:
        """List the panels in their order, each with the number of its series that are there now."""
        check_parameters(request, ())
        newest = self._hub.ring.newest
        layout = None if newest is None else newest.layout
        if self._listed is None or self._listed[0] is not layout:  # which changes when a series comes or goes
            self._listed = layout, self._list(layout)
        return Response(self._listed[1], 200, LIVE, "application/json")

    def _list(self, layout: Layout | None) -> bytes:
        series = [one for one in (layout.series if layout else ()) if one is not None]
        counts = [sum(map(wanted.matches, series)) for wanted in self._wanted]
        listed = zip(self._panels, counts, strict=True)
        return orjson.dumps({"panels": [panel.public() | {"series": count} for panel, count in listed]})
