"""The panels over HTTP: the list that a dashboard is made from, and each panel's figure."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, cast, get_args

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.aggregate import Aggregate, aggregate_runs, boundaries
from vitalcast.core.panel_lines import Reading, reading_of, selection_of
from vitalcast.core.protocol import ErrorCode
from vitalcast.core.thin import with_holes
from vitalcast.live.service import Service
from vitalcast.model import Frame, Layout
from vitalcast.panel import Panel
from vitalcast.web.errors import LIVE, ApiError, check_parameters
from vitalcast.web.figure_templates import Json, Theme
from vitalcast.web.figures import Figures, Past
from vitalcast.web.security import shown

if TYPE_CHECKING:
    import numpy.typing as npt

    Times = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]

RANGE_S = 300.0
FIGURES_KEPT_MAX = 32


class Panels:
    """Answers for the panels of a service's settings."""

    def __init__(self, service: Service, *, figures: Figures | None = None) -> None:
        self._hub = service.hub
        self._panels = {panel.id: panel for panel in service.settings.panels}
        self._window_s = float(service.settings.ring.window_s)
        self._figures = figures or Figures()
        self._drawing = asyncio.Lock()  # one at a time: the stream comes first
        self._listed: tuple[Layout | None, bytes] | None = None
        self._readings: dict[str, tuple[Layout, Reading]] = {}
        self._kept: OrderedDict[tuple[str, float, Theme], tuple[int, bytes]] = OrderedDict()

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
        listed = [
            panel.public() | {"series": sum(map(selection_of(panel).matches, series))}
            for panel in self._panels.values()
        ]
        return orjson.dumps({"panels": listed})

    async def figure(self, request: Request) -> Response:
        """Return a panel's figure, with the readings of the last `range` seconds."""
        panel, range_s, theme = self._asked(request)
        key = panel.id, range_s, theme
        async with self._drawing:
            frame = self._hub.ring.newest
            if frame is None:
                raise ApiError(503, ErrorCode.INTERNAL, "nothing has been read yet; try again in a second")
            offset, body = self._kept.pop(key, (0, b""))
            if offset != frame.offset:
                reading = self._reading(panel, frame.layout)
                past = self._past(panel, reading, frame, range_s)
                meta: Json = {"host": self._hub.host, "time": frame.time_ms}
                body = await run_in_threadpool(self._figures.draw, panel, reading, past, theme, meta)
            self._kept[key] = frame.offset, body
            if len(self._kept) > FIGURES_KEPT_MAX:
                self._kept.popitem(last=False)
        return Response(body, 200, LIVE, "application/json")

    def _asked(self, request: Request) -> tuple[Panel, float, Theme]:
        id_ = request.path_params["id"]
        panel = self._panels.get(id_)
        if panel is None:
            there = ", ".join(self._panels) or "no panels"
            raise ApiError(404, ErrorCode.BAD_REQUEST, f"no panel is called {shown(id_)}; there are {there}")
        check_parameters(request, ("range", "theme"))
        theme = request.query_params.get("theme", "light")
        if theme not in get_args(Theme):
            raise ApiError(400, ErrorCode.BAD_REQUEST, f"theme: {shown(theme)} is none; give dark or light")
        return panel, self._range(request.query_params.get("range")), cast("Theme", theme)

    def _range(self, text: str | None) -> float:
        if text is None:
            return min(RANGE_S, self._window_s)
        try:
            range_s = float(text)
        except ValueError:
            range_s = math.nan
        if not 1 <= range_s <= self._window_s:
            raise ApiError(
                400,
                ErrorCode.BAD_REQUEST,
                f"range: {shown(text)} is not valid; give seconds from 1 to {self._window_s:g}, which are kept",
            )
        return range_s

    def _reading(self, panel: Panel, layout: Layout) -> Reading:
        known = self._readings.get(panel.id)
        if known is None or known[0] is not layout:
            known = self._readings[panel.id] = layout, reading_of(panel, layout.series)
        return known[1]

    def _past(self, panel: Panel, reading: Reading, frame: Frame, range_s: float) -> Past:
        """Copy what the figure needs, so that it can be drawn in a thread while the ring goes on."""
        ring, columns = self._hub.ring, reading.columns
        times, offsets = ring.times(), ring.offsets()
        skipped = int(np.argmax(times >= frame.time_ms - range_s * 1000))
        most = self._hub.limits.snapshot_values
        if (len(times) - skipped) * len(columns) > most:
            raise ApiError(
                400,
                ErrorCode.LIMIT,
                f"range: {len(times) - skipped} ticks of {len(columns)} series are more than {most} values; give less",
            )
        values = ring.read(np.array(columns, dtype=np.intp), ring.first_row + skipped, ring.end_row)
        times, offsets = times[skipped:], offsets[skipped:]
        if panel.interval and len(times):
            times, values, missing = _at_intervals(panel, times, values)
        else:
            missing = np.diff(offsets) > 1
        return Past(*with_holes(times, values, missing), columns, frame.values)


def _at_intervals(panel: Panel, times: Times, values: Floats) -> tuple[Times, Floats, Bools]:
    """Join the ticks of each of the panel's intervals, and say after which of them some are missing."""
    interval_ms = round(panel.interval * 1000)
    ends = np.flatnonzero(boundaries(times, interval_ms)) + 1
    if len(ends) == 0:
        return times[-1:], values[-1:], np.zeros(0, dtype=np.bool_)
    starts = np.append(0, ends[:-1] + 1)
    joined = aggregate_runs(values[: ends[-1] + 1], starts, (Aggregate(panel.aggregate),))
    return times[ends], joined, np.diff(times[ends]) > 2 * interval_ms
