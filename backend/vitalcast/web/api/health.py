"""Whether the process lives, and whether its samples are fresh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from vitalcast import clocks
from vitalcast.live.service import Service
from vitalcast.web.edge.endpoint import ANYBODY, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.schemas import Json, json_answer, object_of, ref, text_of

FRESH_S_MIN: Final = 5.0
FRESH_TICKS: Final = 3


class Health:
    """Answers for a service. `steady_ms` is the clock that frames are stamped with."""

    def __init__(self, service: Service, *, steady_ms: Callable[[], int] = clocks.steady_ms) -> None:
        self._service = service
        self._timeline = service.timeline
        self._steady_ms = steady_ms

    async def healthz(self, _: Request) -> Response:
        """Say that the process is alive."""
        return json_response({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Say whether the readings are fresh: not older than three ticks, or five seconds where ticks are faster."""
        why = self.why_not_ready()
        if why is not None:
            return json_response({"status": "not ready", "why": why}, 503)
        return json_response({"status": "ok"})

    def why_not_ready(self) -> str | None:
        """Return why the readings are not to be trusted, None where they are."""
        frame = self._timeline.ring.newest
        if frame is None or not self._service.ready:
            return "not started, or about to stop"
        age_s = (self._steady_ms() - frame.steady_ms) / 1000
        limit_s = max(FRESH_TICKS * self._timeline.interval_ms / 1000, FRESH_S_MIN)
        return None if age_s <= limit_s else f"the newest value is {age_s:.1f} s old, the limit is {limit_s:g} s"


def health_endpoints(health: Health) -> EndpointGroup:
    """Return the addresses that orchestrators ask."""
    return EndpointGroup(
        "Health",
        (
            Endpoint(
                "GET",
                "/healthz",
                health.healthz,
                ANYBODY,
                "Liveness",
                "Answers as long as the process runs.",
                answers={200: json_answer("Alive.", ref("Status"))},
            ),
            Endpoint(
                "GET",
                "/readyz",
                health.readyz,
                ANYBODY,
                "Readiness",
                "Whether the newest sample is at most three ticks old, or five seconds where ticks are faster.",
                answers={
                    200: json_answer("Fresh.", ref("Status")),
                    503: json_answer("Not fresh, and why.", ref("Status")),
                },
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    status = object_of("The answer to a health check.", {"status": text_of("`ok` or `not ready`.")})
    status["properties"]["why"] = text_of("What is wrong, if anything.")
    return {"Status": status}
