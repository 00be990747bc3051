"""The HTTP API: what can be measured here, the newest readings, health, and the errors of all of it as JSON.

The routes are Starlette's own. FastAPI's would check the same few parameters for 60 ms more of every start; what its
documentation would say of them stands in `docs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import orjson
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from vitalcast import __version__, clocks
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.names import PATTERN_CHARS_MAX, Selection
from vitalcast.core.panels.schema import PATTERN
from vitalcast.core.stream.hub import select
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import describe_metric
from vitalcast.errors import ApiError
from vitalcast.live.service import Service
from vitalcast.web.api.prometheus import FORMATS, chosen_format, render
from vitalcast.web.edge.errors import LIVE
from vitalcast.web.edge.fields import Parameter, bad, check_query
from vitalcast.web.edge.misrouted import came_by_proxy, is_served, unknown_prefix
from vitalcast.web.edge.policy import grant_of
from vitalcast.web.edge.security import error_body
from vitalcast.web.panels.badge import Badges
from vitalcast.web.panels.panel_svg import Stills
from vitalcast.web.panels.panels import Panels

if TYPE_CHECKING:
    from fastapi import FastAPI

API_PREFIX = "/api/"
METRICS: Final = Parameter(
    "metrics",
    "Patterns of metric names, repeated or separated by commas. `*` stands for one token between dots and a final `>` "
    "for one or more. Without any, all metrics are meant.",
    {
        "type": "array",
        "items": {"type": "string", "pattern": PATTERN, "maxLength": PATTERN_CHARS_MAX},
        "maxItems": 64,
    },
    more={
        "style": "form",
        "explode": True,
        "examples": {
            "cpu": {"summary": "All of the CPU", "value": ["system.cpu.>"]},
            "two": {"summary": "Two metrics", "value": ["system.cpu.utilization", "system.memory.usage"]},
        },
    },
)
FRESH_S_MIN = 5.0
FRESH_TICKS = 3


# --- answers -------------------------------------------------------------------------------------------------------


class Api:
    """Answers from a service's newest frame. `steady_ms` is the clock that frames are stamped with."""

    def __init__(self, service: Service, *, steady_ms: Callable[[], int] = clocks.steady_ms) -> None:
        self._service = service
        self._hub = service.hub
        self.steady_ms = steady_ms

    async def catalogue(self, request: Request) -> Response:
        """List the metrics that can exist here, each with the series of it that are there now."""
        frame, selection, grant = self._frame(), self._selection(request), grant_of(request)
        series: dict[str, list[Series]] = {}
        for one in filter(grant.allows, self._hub.series()):
            series.setdefault(one.name, []).append(one)
        return self._positioned(
            frame,
            [
                describe_metric(descriptor) | {"series": [one.attributes for one in series.get(name, ())]}
                for name, descriptor in self._hub.catalogue.descriptors.items()
                if selection.matches_name(name) and grant.allows_name(name)
            ],
        )

    async def latest(self, request: Request) -> Response:
        """Return the newest reading of each series, by the same keys as on a plain WebSocket."""
        frame, selection, grant = self._frame(), self._selection(request), grant_of(request)
        chosen = [one for one in self._hub.series() if selection.matches(one) and grant.allows(one)]
        readings = select(chosen, frame)
        return self._positioned(frame, {one.key: readings[one.key] for one in chosen})

    async def healthz(self, _: Request) -> Response:
        """Say that the process is alive."""
        return _json({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Say whether the readings are fresh: not older than three ticks, or five seconds where ticks are faster."""
        why = self.why_not_ready()
        return _json({"status": "ok"}) if why is None else _json({"status": "not ready", "why": why}, 503)

    # A plain function, which runs in a thread: rendering a thousand series must not hold up the stream.
    def prometheus(self, request: Request) -> Response:
        """Return the newest readings in Prometheus's text format, or OpenMetrics where that is asked for."""
        why = self.why_not_ready()
        if why is not None:  # a scrape that fails is a gap; old readings would look like new ones
            return PlainTextResponse(f"{why}\n", 503, LIVE)
        resource = {"host_name": self._hub.host, "service_name": "vitalcast", "service_version": __version__}
        format_ = chosen_format(",".join(request.headers.getlist("accept")))
        if format_ is None:
            there = " and ".join(dict.fromkeys(one.type for one in FORMATS))
            return PlainTextResponse(f"this address has {there}\n", 406, LIVE | {"Vary": "Accept"})
        allows = grant_of(request).allows
        body, content_type = render(format_, self._hub.catalogue.descriptors, self._frame(), resource, allows)
        return Response(body, headers=LIVE | {"Content-Type": content_type, "Vary": "Accept"})

    def why_not_ready(self) -> str | None:
        """Return why the readings are not to be trusted, None where they are."""
        frame = self._hub.ring.newest
        if frame is None or not self._service.ready:
            return "not started, or about to stop"
        age_s = (self.steady_ms() - frame.steady_ms) / 1000
        limit_s = max(FRESH_TICKS * self._hub.interval_ms / 1000, FRESH_S_MIN)
        return None if age_s <= limit_s else f"the newest reading is {age_s:.1f} s old, the limit is {limit_s:g} s"

    def _frame(self) -> Frame:
        frame = self._hub.ring.newest
        if frame is None:
            raise ApiError(503, ErrorCode.INTERNAL, "nothing has been read yet; try again in a second")
        return frame

    def _selection(self, request: Request) -> Selection:
        """Return what is asked for.

        Raises ApiError for a pattern that is malformed, that the caller may not see, or that nothing can match.
        """
        check_query(request, (METRICS,))
        patterns = METRICS.all_of(request, separator=",") or [">"]
        if len(patterns) > (most := METRICS.schema["maxItems"]):
            raise bad(f"metrics: at most {most} patterns, these are {len(patterns)}")
        try:
            selection = Selection.of(patterns)
        except ValueError as error:
            raise bad(f"metrics: {error}") from None
        denied = grant_of(request).outside(selection) if patterns != [">"] else ()  # alone it is all that is granted
        if denied:
            raise ApiError(
                403, ErrorCode.DENIED, f"metrics: your token does not cover {', '.join(denied[:5])}; ask for less"
            )
        unknown = [one for one in selection.patterns if not self._hub.catalogue.knows(Selection.of([one]))]
        if unknown:
            raise ApiError(
                404,
                ErrorCode.UNKNOWN_METRIC,
                f"metrics: nothing here is called {', '.join(unknown[:5])}; /api/v1/metrics lists what there is",
            )
        return selection

    def _positioned(self, frame: Frame, metrics: object) -> Response:
        hub = self._hub
        return _json(
            {"host": hub.host, "epoch": hub.epoch, "offset": frame.offset, "time": frame.time_ms, "metrics": metrics}
        )


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, LIVE, "application/json")


# --- errors --------------------------------------------------------------------------------------------------------


def error_response(status: int, code: ErrorCode, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(error_body(code, message), status, LIVE | (headers or {}), "application/json")


async def _on_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error.status, ErrorCode(error.code), error.message)


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no route answers: in JSON below /api/, in plain text elsewhere."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    path = get_route_path(request.scope)
    query = request.scope.get("query_string", b"")
    if error.status_code == 404 and path.endswith("/") and is_served(request, path.removesuffix("/")):
        return _beside(f"../{_last(path.removesuffix('/'))}", query, headers)
    if error.status_code == 404 and not path and request.scope.get("root_path"):
        return _beside(f"{_last(request.scope['root_path'])}/", query, headers)
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    if not path.startswith(API_PREFIX):
        hint = unknown_prefix(request) if error.status_code == 404 else None
        if hint is not None and came_by_proxy(request):
            request.app.refusals.add(request.scope["state"]["address"], "request", f"nothing is there; {hint}")
        return PlainTextResponse(_lines(error.detail, hint), error.status_code, headers)
    message = "there is nothing here; /docs lists what there is" if error.status_code == 404 else error.detail
    return error_response(error.status_code, ErrorCode.BAD_REQUEST, message, headers)


def _lines(detail: str, hint: str | None) -> str:
    return f"{detail}\n" if hint is None else f"{detail}\n\n{hint[0].upper()}{hint[1:]}.\n"


def _methods_at(request: Request) -> set[str]:
    """Return the methods of all routes at an address; a 405 of Starlette's names those of the first one."""
    matching = (route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching if isinstance(route, Route) for method in route.methods or ()}


def _last(path: str) -> str:
    return quote(path.rpartition("/")[2], safe="")


def _beside(path: str, query: bytes, headers: dict[str, str]) -> Response:
    """Send on to a relative path, and so to no other scheme or host: there may be a token in the address."""
    more = f"?{query.decode('latin-1')}" if query else ""
    return RedirectResponse(f"{path}{more}", 307, LIVE | headers)


async def _on_failure(_request: Request, _error: Exception) -> Response:
    """Answer for a fault of ours, without its details; the server logs them, since the exception goes on to it."""
    return error_response(500, ErrorCode.INTERNAL, "the server failed; its log says why")


# --- mounting ------------------------------------------------------------------------------------------------------


def mount_api(app: FastAPI, service: Service, *, api: Api | None = None, panels: Panels | None = None) -> None:
    """Add the API's addresses and the handlers of its errors to `app`."""
    api = api or Api(service)
    panels = panels or Panels(service)
    stills = Stills(service, panels, steady_ms=api.steady_ms)
    badges = Badges(service, panels.source, steady_ms=api.steady_ms)
    app.router.routes += [
        Route("/api/v1/metrics", api.catalogue),
        Route("/api/v1/latest", api.latest),
        Route("/api/v1/panels", panels.listing),
        Route("/api/v1/panels/{id}/figure", panels.figure),
        Route("/api/v1/panels/{id}.svg", stills.svg),
        Route("/api/v1/panels/{id}.png", stills.png),
        Route("/badge/{metric}.svg", badges.svg),
        Route("/metrics", api.prometheus),
        Route("/healthz", api.healthz),
        Route("/readyz", api.readyz),
    ]
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_failure)
