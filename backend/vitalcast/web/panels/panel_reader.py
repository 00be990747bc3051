"""What requests for a panel's picture ask for, what it is drawn from, and what was drawn already."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from vitalcast.core.drawing.theme import THEMES, Theme
from vitalcast.core.drawing.window import Window, rows_since, window_of
from vitalcast.core.metrics.model import Frame
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.panels.shown import Shown
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.live.service import Service
from vitalcast.web.edge.caller import grant_of, panel_called
from vitalcast.web.edge.fields import Parameter

RANGE_S = 300.0
KEPT_MAX = 32
THEME: Final = Parameter(
    "theme", "Its colours.", {"type": "string", "enum": sorted(THEMES), "default": "light"}, "dark or light"
)

Gather = Callable[[], Callable[[], bytes]]


def range_parameter(window_s: float) -> Parameter:
    """Return the parameter by which one says how far back a picture reaches, where so many seconds are kept."""
    return Parameter(
        "range",
        "The last so many seconds, up to `memory.window_s`.",
        {"type": "number", "minimum": 1, "maximum": window_s, "default": min(RANGE_S, window_s)},
        f"seconds from 1 to {window_s:g}; start reaches further",
    )


class Pictured(NamedTuple):
    """A panel as it was: what is drawn, its values, and how far apart they are."""

    shown: Shown
    window: Window
    step_ms: int


class PanelSource:
    """The panels of a service's dashboards and their values."""

    def __init__(self, service: Service) -> None:
        self.dashboards = service.dashboards
        self._timeline = service.timeline
        self._limits = service.hub.limits
        self.range = range_parameter(service.settings.memory.window_s)
        self._board = service.panels

    def panel(self, request: Request) -> Panel:
        """Return the panel of the address. Raises ApiError where there is none, or none for this caller."""
        return panel_called(request.path_params["id"], self.dashboards.panels, grant_of(request))

    @staticmethod
    def theme(request: Request) -> Theme:
        return cast("Theme", THEME.of(request))

    def range_s(self, request: Request) -> float:
        """Return how many seconds back the picture reaches: no further than its caller may look."""
        return grant_of(request).reach_s(float(self.range.of(request)))

    @staticmethod
    def named(request: Request, panel: Panel) -> bool:
        """Say whether the caller sees all of a panel's series, those that name a program or a user included."""
        return not grant_of(request).narrowed(request_selection(panel)).without

    def newest(self) -> Frame:
        frame = self._timeline.ring.newest
        if frame is None:
            raise ApiError(503, ErrorCode.INTERNAL, "nothing has been sampled yet; try again in a second")
        return frame

    def shown(self, panel: Panel, range_s: float = RANGE_S, *, named: bool) -> Shown:
        """Return the panel as every viewer has it whose charts reach so far back, and who sees as much."""
        return self._board.shown(self._timeline, panel, round(range_s) * 1000, named=named)

    def window(self, shown: Shown, from_ms: float) -> Window:
        """Return the values of what is shown since then. Raises ApiError where these are too many."""
        ring, columns = self._timeline.ring, shown.columns
        rows, most = rows_since(ring, from_ms), self._limits.snapshot_values
        if len(rows) * len(columns) > most:
            raise ApiError(
                400,
                ErrorCode.LIMIT,
                f"range: {len(rows)} ticks of {len(columns)} series are more than {most} values; give less",
            )
        return window_of(shown.panel, columns, ring, rows)


class Drawings:
    """The pictures that were drawn last, each as of a moment. Only one is drawn at a time: the stream comes first."""

    def __init__(self) -> None:
        self._drawing = asyncio.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, bytes]] = OrderedDict()

    def kept(self, key: Hashable, moment: Hashable) -> bytes | None:
        """Return the picture of this key and moment, if it was drawn lately."""
        known, body = self._kept.get(key, (None, b""))
        return body if known == moment else None

    async def once(self, draw: Callable[[], bytes]) -> bytes:
        """Draw a picture in a thread, when it is its turn."""
        async with self._drawing:
            return await run_in_threadpool(draw)

    def keep(self, key: Hashable, moment: Hashable, body: bytes) -> None:
        """Keep a picture, and forget the one that was asked for longest ago."""
        self._kept[key] = moment, body
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    async def of(self, key: Hashable, prepare: Callable[[], tuple[Hashable, Gather]]) -> bytes:
        """Return the picture of this key.

        `prepare` returns the moment that it is of, and what gathers its readings and returns what draws it in a thread,
        unless that was done already.
        """
        async with self._drawing:
            moment, gather = prepare()
            kept, body = self._kept.pop(key, (None, b""))
            if kept != moment:
                body = await run_in_threadpool(gather())
            self.keep(key, moment, body)
        return body
