"""The HTTP API: what can be measured here, the newest readings, health, and the errors of all of it as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from vitalcast import __version__
from vitalcast.core.hub import select
from vitalcast.core.names import Selection
from vitalcast.core.protocol import ErrorCode, describe_metric
from vitalcast.live.service import Service
from vitalcast.model import Frame, Series
from vitalcast.web.prometheus import render
from vitalcast.web.security import error_body, shown

API_PREFIX = "/api/"
PATTERNS_MAX = 64
FRESH_S_MIN = 5.0
FRESH_TICKS = 3
_LIVE = {"Cache-Control": "no-store"}


class ApiError(Exception):
    """A request that cannot be answered; becomes a JSON error."""

    def __init__(self, status: int, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


# --- what the documentation shows ----------------------------------------------------------------------------------


class MetricsQuery(BaseModel):
    """The query string of the API's reading endpoints."""

    model_config = ConfigDict(extra="forbid")

    metrics: list[str] = Field(
        default=[],
        description="Patterns of metric names, repeated or separated by commas: `system.cpu.*`, `system.>`. "
        "`*` stands for one token and a final `>` for the rest. Without any, all metrics are meant.",
        examples=[["system.cpu.>", "system.memory.usage"]],
    )


class _Position(BaseModel):
    host: str = Field(description="The name of the machine that is measured.")
    epoch: str = Field(description="Names this store; offsets of another epoch mean nothing here.")
    offset: int = Field(description="The number of the newest tick.")
    time: int = Field(description="The newest tick's time in Unix milliseconds.")


class MetricInfo(BaseModel):
    """A metric that can exist here, and the series of it that are there now."""

    name: str
    unit: str = Field(description="In UCUM: `By`, `s`, `1` for a ratio, `{thing}` for a count.")
    kind: str = Field(description="`gauge`, `counter` or `updowncounter`.")
    description: str
    attributes: list[str] = Field(description="The keys of its attributes.")
    series: list[dict[str, str]] = Field(description="The attributes of each series.")


class CatalogueAnswer(_Position):
    """What can be measured here."""

    metrics: list[MetricInfo]


class LatestAnswer(_Position):
    """The newest reading of each series."""

    metrics: dict[str, float | None] = Field(
        description='By series, as in `system.cpu.utilization{cpu.mode="user"}`; null where there is no reading.'
    )


class ErrorInfo(BaseModel):
    """What was wrong, with the codes of the WebSocket's errors."""

    code: int
    message: str


class ErrorAnswer(BaseModel):
    """Every error of the API."""

    error: ErrorInfo


class StatusAnswer(BaseModel):
    """What a health check is told."""

    status: str
    why: str | None = None


_READING_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "A pattern is malformed or a parameter unknown."},
    404: {"model": ErrorAnswer, "description": "No metric that can exist here has such a name."},
    503: {"model": ErrorAnswer, "description": "Nothing has been read yet."},
}


# --- answers -------------------------------------------------------------------------------------------------------


class Api:
    """Answers from a service's newest frame. `now_ms` gives the wall clock in Unix milliseconds."""

    def __init__(self, service: Service, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._service = service
        self._hub = service.hub
        self._now_ms = now_ms

    async def catalogue(self, query: Annotated[MetricsQuery, Query()]) -> Response:
        """List the metrics that can exist here, each with the series of it that are there now."""
        frame, selection = self._frame(), self._selection(query)
        series: dict[str, list[Series]] = {}
        for one in self._hub.series():
            series.setdefault(one.name, []).append(one)
        return self._positioned(
            frame,
            [
                describe_metric(descriptor) | {"series": [one.attributes for one in series.get(name, ())]}
                for name, descriptor in self._hub.catalogue.descriptors.items()
                if selection.matches_name(name)
            ],
        )

    async def latest(self, query: Annotated[MetricsQuery, Query()]) -> Response:
        """Return the newest reading of each series, by the same keys as on a plain WebSocket."""
        frame, selection = self._frame(), self._selection(query)
        chosen = [one for one in self._hub.series() if selection.matches(one)]
        readings = select(chosen, frame)
        return self._positioned(frame, {one.key: readings[one.key] for one in chosen})

    async def healthz(self) -> Response:
        """Say that the process is alive."""
        return _json({"status": "ok"})

    async def readyz(self) -> Response:
        """Say whether the readings are fresh: not older than three ticks, or five seconds where ticks are faster."""
        why = self.why_not_ready()
        return _json({"status": "ok"}) if why is None else _json({"status": "not ready", "why": why}, 503)

    # A plain function, which runs in a thread: rendering a thousand series must not hold up the stream.
    def prometheus(self, request: Request) -> Response:
        """Return the newest readings in Prometheus's text format, or OpenMetrics where that is asked for."""
        why = self.why_not_ready()
        if why is not None:  # a scrape that fails is a gap; old readings would look like new ones
            return PlainTextResponse(f"{why}\n", 503, _LIVE)
        resource = {"host_name": self._hub.host, "service_name": "vitalcast", "service_version": __version__}
        accept = ",".join(request.headers.getlist("accept"))
        body, content_type = render(accept, self._hub.catalogue.descriptors, self._frame(), resource)
        return Response(body, headers=_LIVE | {"Content-Type": content_type, "Vary": "Accept"})

    def why_not_ready(self) -> str | None:
        """Return why the readings are not to be trusted, None where they are."""
        frame = self._hub.ring.newest
        if frame is None or not self._service.ready:
            return "not started, or about to stop"
        age_s = (self._now_ms() - frame.time_ms) / 1000
        limit_s = max(FRESH_TICKS * self._hub.interval_ms / 1000, FRESH_S_MIN)
        if abs(age_s) <= limit_s:
            return None
        when = f"{age_s:.1f} s old" if age_s > 0 else f"{-age_s:.1f} s ahead of the clock"
        return f"the newest reading is {when}, the limit is {limit_s:g} s"

    def _frame(self) -> Frame:
        frame = self._hub.ring.newest
        if frame is None:
            raise ApiError(503, ErrorCode.INTERNAL, "nothing has been read yet; try again in a second")
        return frame

    def _selection(self, query: MetricsQuery) -> Selection:
        """Return what is asked for. Raises ApiError for a malformed pattern and for one that nothing can match."""
        patterns = [pattern.strip() for text in query.metrics for pattern in text.split(",")] or [">"]
        if len(patterns) > PATTERNS_MAX:
            raise ApiError(
                400, ErrorCode.BAD_REQUEST, f"metrics: at most {PATTERNS_MAX} patterns, these are {len(patterns)}"
            )
        try:
            unknown = [one for one in patterns if not self._hub.catalogue.knows(Selection.of([one]))]
        except ValueError as error:
            raise ApiError(400, ErrorCode.BAD_REQUEST, f"metrics: {error}") from None
        if unknown:
            raise ApiError(
                404,
                ErrorCode.UNKNOWN_METRIC,
                f"metrics: nothing here is called {', '.join(unknown[:5])}; /api/v1/metrics lists what there is",
            )
        return Selection.of(patterns)

    def _positioned(self, frame: Frame, metrics: object) -> Response:
        hub = self._hub
        return _json(
            {"host": hub.host, "epoch": hub.epoch, "offset": frame.offset, "time": frame.time_ms, "metrics": metrics}
        )


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, _LIVE, "application/json")


# --- errors --------------------------------------------------------------------------------------------------------


def error_response(status: int, code: ErrorCode, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(error_body(code, message), status, _LIVE | (headers or {}), "application/json")


async def _on_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error.status, error.code, error.message)


async def _on_bad_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(map(_describe, error.errors()[:5]))
    return error_response(400, ErrorCode.BAD_REQUEST, problems)


def _describe(problem: Any) -> str:
    name = shown(".".join(str(part) for part in problem["loc"][1:]))
    if problem["type"] == "extra_forbidden":
        known = ", ".join(MetricsQuery.model_fields)
        return f"{name} is not a parameter of this address; it takes {known}"
    return f"{name}: {problem['msg']}"


async def _on_http_error(request: Request, error: Exception) -> Response:
    """Answer what no route answers: in JSON below /api/, in plain text elsewhere."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if not path.startswith(API_PREFIX):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, headers)
    message = "there is nothing here; /docs lists what there is" if error.status_code == 404 else error.detail
    return error_response(error.status_code, ErrorCode.BAD_REQUEST, message, headers)


async def _on_failure(_request: Request, _error: Exception) -> Response:
    """Answer for a fault of ours, without its details; the server logs them, since the exception goes on to it."""
    return error_response(500, ErrorCode.INTERNAL, "the server failed; its log says why")


# --- mounting ------------------------------------------------------------------------------------------------------


def mount_api(app: FastAPI, service: Service, *, api: Api | None = None) -> None:
    """Add the API's addresses and the handlers of its errors to `app`."""
    api = api or Api(service)

    def add(path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        # RFC 9110, 9.3.2: HEAD is GET without the content. FastAPI would list it as an operation of its own, so the
        # route that answers is hidden from the documentation and the one that is documented never comes to answer.
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
        app.add_api_route(path, endpoint, methods=["GET"], **described)

    add("/api/v1/metrics", api.catalogue, response_model=CatalogueAnswer, responses=_READING_ERRORS, tags=["metrics"])
    add("/api/v1/latest", api.latest, response_model=LatestAnswer, responses=_READING_ERRORS, tags=["metrics"])
    text = {200: {"content": {"text/plain": {}}}, 503: {"content": {"text/plain": {}}, "description": "Not ready."}}
    add("/metrics", api.prometheus, response_class=PlainTextResponse, responses=text, tags=["metrics"])
    add("/healthz", api.healthz, response_model=StatusAnswer, tags=["health"])
    stale = {503: {"model": StatusAnswer, "description": "Not ready."}}
    add("/readyz", api.readyz, response_model=StatusAnswer, responses=stale, tags=["health"])

    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_bad_parameters)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_failure)
