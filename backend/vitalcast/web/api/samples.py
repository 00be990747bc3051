"""The newest samples: which metrics there are, their values, and what Prometheus scrapes.

The routes are Starlette's own. FastAPI's would check the same few parameters for 60 ms more of every start.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from vitalcast import __version__
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.hub import select
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.messages import describe_metric
from vitalcast.errors import ApiError
from vitalcast.live.service import Service
from vitalcast.web.api.health import Health
from vitalcast.web.api.prometheus import FORMATS, OPENMETRICS, chosen_format, render
from vitalcast.web.api.selections import METRICS, patterns_of, selection_of
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import READERS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import LIVE, json_response
from vitalcast.web.edge.refusals import TEXT
from vitalcast.web.edge.schemas import Json, answer, json_answer, list_of, object_of, ref, text_of


class Samples:
    """Answers from a service's newest frame."""

    def __init__(self, service: Service, health: Health) -> None:
        self._timeline = service.timeline
        self._health = health

    async def catalogue(self, request: Request) -> Response:
        """List the metrics that can exist here, each with the series of it that are there now."""
        frame, selection, grant = self._frame(), self._selection(request), grant_of(request)
        series: dict[str, list[Series]] = {}
        for one in filter(grant.allows, self._timeline.series()):
            series.setdefault(one.name, []).append(one)
        return self._positioned(
            frame,
            [
                describe_metric(descriptor) | {"series": [one.attributes for one in series.get(name, ())]}
                for name, descriptor in self._timeline.catalogue.descriptors.items()
                if selection.matches_name(name) and grant.allows_name(name)
            ],
        )

    async def latest(self, request: Request) -> Response:
        """Return the newest sample of each series, by the same keys as on a plain WebSocket."""
        frame, selection, grant = self._frame(), self._selection(request), grant_of(request)
        chosen = [one for one in self._timeline.series() if selection.matches(one) and grant.allows(one)]
        readings = select(chosen, frame)
        return self._positioned(frame, {one.key: readings[one.key] for one in chosen})

    # A plain function, which runs in a thread: rendering a thousand series must not hold up the stream.
    def prometheus(self, request: Request) -> Response:
        """Return the newest samples in Prometheus's text format, or OpenMetrics where that is asked for."""
        why = self._health.why_not_ready()
        if why is not None:  # a scrape that fails is a gap; old readings would look like new ones
            return PlainTextResponse(f"{why}\n", 503, LIVE)
        resource = {"host_name": self._timeline.name, "service_name": "vitalcast", "service_version": __version__}
        format_ = chosen_format(",".join(request.headers.getlist("accept")))
        if format_ is None:
            there = " and ".join(dict.fromkeys(one.type for one in FORMATS))
            return PlainTextResponse(f"this address has {there}\n", 406, LIVE | {"Vary": "Accept"})
        allows = grant_of(request).allows
        body, content_type = render(format_, self._timeline.catalogue.descriptors, self._frame(), resource, allows)
        return Response(body, headers=LIVE | {"Content-Type": content_type, "Vary": "Accept"})

    def _frame(self) -> Frame:
        frame = self._timeline.ring.newest
        if frame is None:
            raise ApiError(503, ErrorCode.INTERNAL, "nothing has been sampled yet; try again in a second")
        return frame

    def _selection(self, request: Request) -> Selection:
        patterns = patterns_of(request) or [">"]
        return selection_of(patterns, grant_of(request), self._timeline.catalogue, filtered=True)

    def _positioned(self, frame: Frame, metrics: object) -> Response:
        timeline = self._timeline
        return json_response(
            {
                "host": timeline.name,
                "epoch": timeline.epoch,
                "offset": frame.offset,
                "time": frame.time_ms,
                "metrics": metrics,
            }
        )


_TEXT: Final[Json] = {"text/plain": {"schema": {"type": "string"}}}
_ERRORS: Final = {
    400: "A pattern is malformed or a parameter unknown.",
    404: "No metric that can exist here has such a name.",
    503: "Nothing has been sampled yet.",
}


def sample_endpoints(samples: Samples) -> EndpointGroup:
    """Return the addresses of the newest samples."""
    return EndpointGroup(
        "Samples",
        (
            Endpoint(
                "GET",
                "/api/v1/metrics",
                samples.catalogue,
                READERS,
                "List metrics",
                "The metrics that can exist here, each with its current series.",
                parameters=lambda: (METRICS,),
                answers={200: json_answer("The catalogue.", ref("Catalogue"))},
                errors=_ERRORS,
                cost=4,
            ),
            Endpoint(
                "GET",
                "/api/v1/latest",
                samples.latest,
                READERS,
                "Latest samples",
                "The newest sample of each series, by the same keys as on a plain WebSocket.",
                parameters=lambda: (METRICS,),
                answers={200: json_answer("The samples.", ref("Latest"))},
                errors=_ERRORS,
                cost=4,
            ),
            Endpoint(
                "GET",
                "/metrics",
                samples.prometheus,
                READERS,
                "Metrics for Prometheus",
                "The newest samples in Prometheus's text format, or OpenMetrics where the Accept header asks for it. "
                "Rates are left out: Prometheus computes them.",
                answers={200: answer("The samples.", _TEXT | {OPENMETRICS: {"schema": {"type": "string"}}})},
                errors={406: "The Accept header takes neither format.", 503: "The samples are not fresh."},
                refusal=TEXT,
                cost=6,
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    position: Json = {
        "host": text_of("The name of the machine that is measured.", example="web-1"),
        "epoch": text_of("Names this store; offsets of another epoch mean nothing here."),
        "offset": {"type": "integer", "description": "The number of the newest tick."},
        "time": {"type": "integer", "description": "The newest tick's time in Unix milliseconds."},
    }
    metric = object_of(
        "A metric that can exist here.",
        {
            "name": text_of("In the style of OpenTelemetry's conventions.", example="system.network.io"),
            "unit": text_of("In UCUM: `By`, `s`, `1` for a ratio, `{thing}` for a count.", example="By"),
            "kind": {"type": "string", "enum": ["gauge", "counter", "updowncounter"]},
            "description": text_of("What it measures."),
            "attributes": {"type": "array", "items": {"type": "string"}, "description": "The keys of its attributes."},
            "series": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": {"type": "string"}},
                "description": "The attributes of each series that is there now.",
                "example": [{"network.interface.name": "eth0", "network.io.direction": "receive"}],
            },
        },
    )
    values: Json = {
        "type": "object",
        "additionalProperties": {"type": ["number", "null"]},
        "description": "By series; null where there is no value.",
        "example": {'system.cpu.utilization{cpu.mode="user"}': 0.31},
    }
    return {
        "Metric": metric,
        "Catalogue": object_of("What can be measured here.", position | {"metrics": list_of("Metric")}),
        "Latest": object_of("The newest samples.", position | {"metrics": values}),
    }
