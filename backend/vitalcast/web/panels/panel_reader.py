"""What requests for a panel's picture ask for, what it is drawn from, and what was drawn already."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from vitalcast.core.drawing.theme import THEMES, Theme
from vitalcast.core.drawing.window import Past, past_of, rows_since, seen_of
from vitalcast.core.metrics.model import Frame, Layout
from vitalcast.core.panels.lines import Line, Reading, reading_of
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.shown import busiest
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.live.service import Service
from vitalcast.web.edge.caller import grant_of, may_show
from vitalcast.web.edge.errors import shown
from vitalcast.web.edge.fields import Parameter

if TYPE_CHECKING:
    from vitalcast.core.drawing.window import Rows

RANGE_S = 300.0
KEPT_MAX = 32
SEEN_VALUES_MAX = 10_000_000  # that are looked at to choose lines, the newest
THEME: Final = Parameter(
    "theme", "Its colours.", {"type": "string", "enum": sorted(THEMES), "default": "light"}, "dark or light"
)

Gather = Callable[[], Awaitable[Callable[[], bytes]]]


def range_parameter(window_s: float) -> Parameter:
    """Return the parameter by which one says how far back a picture reaches, where so many seconds are kept."""
    return Parameter(
        "range",
        "How many seconds back it reaches, up to what `ring.window_s` keeps.",
        {"type": "number", "minimum": 1, "maximum": window_s, "default": min(RANGE_S, window_s)},
        f"seconds from 1 to {window_s:g}, which are kept",
    )


class PanelSource:
    """The panels of a service's dashboards and their readings."""

    def __init__(self, service: Service) -> None:
        self.dashboards = service.dashboards
        self._hub = service.hub
        self.range = range_parameter(service.settings.ring.window_s)
        self._readings: dict[str, tuple[Panel, Layout, Reading]] = {}
        self.dashboards.changed.append(self._readings.clear)

    def panel(self, request: Request) -> Panel:
        """Return the panel of the address. Raises ApiError where there is none, or none for this caller."""
        id_, grant = request.path_params["id"], grant_of(request)
        panel = self.dashboards.panels.get(id_)
        if panel is not None and may_show(grant, panel):
            return panel
        if panel is None and grant.panels is not None and id_ in grant.panels:
            raise ApiError(404, ErrorCode.BAD_REQUEST, f"the panel {shown(id_)} was removed from this server")
        if grant.within is not None:  # whether there is one is not for this caller to know
            raise ApiError(403, ErrorCode.DENIED, f"your token does not cover a panel called {shown(id_)}")
        there = ", ".join(self.dashboards.panels) or "no panels"
        raise ApiError(404, ErrorCode.BAD_REQUEST, f"no panel is called {shown(id_)}; there are {there}")

    @staticmethod
    def theme(request: Request) -> Theme:
        return cast("Theme", THEME.of(request))

    def range_s(self, request: Request) -> float:
        """Return how many seconds back the picture reaches."""
        return float(self.range.of(request))

    def newest(self) -> Frame:
        frame = self._hub.ring.newest
        if frame is None:
            raise ApiError(503, ErrorCode.INTERNAL, "nothing has been read yet; try again in a second")
        return frame

    async def reading(self, panel: Panel, layout: Layout) -> Reading:
        """Return the panel read from these series: for a new layout in a thread, as there may be thousands."""
        known = self._readings.get(panel.id)
        if known is None or known[0] is not panel or known[1] is not layout:
            reading = await run_in_threadpool(reading_of, panel, layout.series)
            known = self._readings[panel.id] = panel, layout, reading
        return known[2]

    async def past(self, panel: Panel, reading: Reading, from_ms: float) -> Past:
        """Return the panel's readings since then, of too many lines only those to draw.

        Raises ApiError where these are too many as well.
        """
        ring, columns = self._hub.ring, reading.columns
        rows, most = rows_since(ring, from_ms), self._hub.limits.snapshot_values
        if len(rows) * len(columns) > most and (panel.below or not panel.stack):
            drawn = await self._drawn(panel, reading, rows)
            columns, rows = replace(reading, lines=drawn, remainder=()).columns, rows_since(ring, from_ms)
        if len(rows) * len(columns) > most:
            raise ApiError(
                400,
                ErrorCode.LIMIT,
                f"range: {len(rows)} ticks of {len(columns)} series are more than {most} values; give less",
            )
        return past_of(panel, columns, ring, rows)

    async def _drawn(self, panel: Panel, reading: Reading, rows: Rows) -> tuple[Line, ...]:
        """Choose the lines to draw without holding up the stream."""
        columns = reading.columns
        steps = seen_of(columns, self._hub.ring, rows[-max(1, SEEN_VALUES_MAX // len(columns)) :])
        seen = next(steps)
        for further in steps:
            seen = further
            await asyncio.sleep(0)
        return tuple(busiest(panel, reading, seen))


class Drawings:
    """The pictures that were drawn last, each as of a moment. Only one is drawn at a time: the stream comes first."""

    def __init__(self) -> None:
        self._drawing = asyncio.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, bytes]] = OrderedDict()

    async def of(self, key: Hashable, prepare: Callable[[], tuple[Hashable, Gather]]) -> bytes:
        """Return the picture of this key.

        `prepare` returns the moment that it is of, and what gathers its readings and returns what draws it in a thread,
        unless that was done already.
        """
        async with self._drawing:
            moment, gather = prepare()
            kept, body = self._kept.pop(key, (None, b""))
            if kept != moment:
                body = await run_in_threadpool(await gather())
            self._kept[key] = moment, body
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return body
