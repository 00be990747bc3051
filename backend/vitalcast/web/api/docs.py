"""/docs/api and /openapi.json: the HTTP API's documentation, with a Swagger UI that asks nobody else for anything.

An address that is added to the API is described here, in `paths`; what FastAPI finds out about routes of its own is
kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from vitalcast.core.panels.schema import Panel
from vitalcast.web.api.api import METRICS
from vitalcast.web.api.openapi import REVISION, Json, answer, get, in_path, json_of, list_of, object_of, ref, text_of
from vitalcast.web.api.prometheus import OPENMETRICS
from vitalcast.web.edge.fields import Parameter
from vitalcast.web.pages.pages import StaticFiles, frontend_dir
from vitalcast.web.panels.figures import CELLS_MAX, POINTS_MAX
from vitalcast.web.panels.panel_reader import THEME, range_parameter

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

    from vitalcast.config.schema import Settings

PAGE = "vendor/swagger-ui/docs.html"
DESCRIPTION = """A machine's vital signs, live.

The stream itself is the WebSocket `/ws`. Without a subprotocol it sends the default metrics once a second; with
`vitalcast.v1.json` it answers `subscribe`, `list` and the other commands. `/metrics` is for Prometheus.

Where others can connect, a token is needed: in the header `Authorization: Bearer …`, on the WebSocket in `hello` too,
and in a browser by logging in at `/login`. Its scope says what it opens: `view` all that can be read, `stream` some
metrics, `embed` some panels, `admin` everything. Errors are `401` without a good token and `403` beyond one; nothing
that lies outside a token is named by them.
"""


def mount_docs(app: FastAPI, *, root: Path | None = None) -> None:
    """Add `/docs/api` to `app`. Its script and styles are static files, its schema is `/openapi.json`.

    The page lives under the same policy as the dashboard: Swagger UI needs no inline script and no `eval`.
    """
    files = StaticFiles(root or frontend_dir())

    def docs(request: Request) -> Response:
        return files.respond(request, PAGE)

    app.router.routes.append(Route("/docs/api", docs, methods=["GET"], name="docs"))


def described(schema: Json, settings: Settings) -> Json:
    """Return FastAPI's schema with the addresses that FastAPI does not know, as these settings have them."""
    from vitalcast.web.api.docs_access import SECURITY_SCHEMES, access_paths, access_schemas, secured

    components = schema.get("components", {})
    schemas = components.get("schemas", {}) | _schemas() | access_schemas()
    described = {"schemas": schemas, "securitySchemes": SECURITY_SCHEMES}
    known = paths(settings.ring.window_s) | access_paths()
    return schema | {"paths": secured(schema["paths"] | known), "components": components | described}


def _described(parameters: Iterable[Parameter]) -> list[Json]:
    return [one.described() for one in parameters]


def paths(window_s: float) -> Json:
    """Return the OpenAPI description of each address, where so many seconds are kept."""
    from vitalcast.web.panels.badge import badge_parameters
    from vitalcast.web.panels.panel_svg import still_parameters

    range_ = range_parameter(window_s)
    status = ref("Status")
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "/api/v1/metrics": get(
            "What there is",
            "The metrics that can exist here, each with the series of it that are there now.",
            {"200": answer("The catalogue.", json_of(ref("Catalogue")))} | _READING_ERRORS,
            _described((METRICS,)),
        ),
        "/api/v1/latest": get(
            "The newest readings",
            "The newest reading of each series, by the same keys as on a plain WebSocket.",
            {"200": answer("The readings.", json_of(ref("Latest")))} | _READING_ERRORS,
            _described((METRICS,)),
        ),
        "/api/v1/panels": get(
            "The panels",
            "The panels of the dashboard in their order, as the settings have them. A panel without series is not "
            "shown until there are some.",
            {
                "200": answer("The panels.", json_of(ref("Panels"))),
                "400": answer("A parameter is unknown.", json_of(ref("Error"))),
            },
        ),
        "/api/v1/panels/{id}/figure": get(
            "A panel as a figure",
            "A panel with the readings of the last seconds, as JSON that Plotly draws in any language. Values are in "
            "the units of the metrics, times in UTC; those that are drawn downwards are negative. A hole is null. A "
            f"line has {POINTS_MAX} points at most and a row of a heatmap about {CELLS_MAX}: of more readings, the "
            "lowest and the highest of each stretch are kept. The first figure takes a second longer than the others.",
            {
                "200": answer("The figure.", json_of(ref("Figure"))),
                "400": answer("A parameter is unknown or not valid.", json_of(ref("Error"))),
                "404": answer("No panel has such an id.", json_of(ref("Error"))),
                "503": answer("Nothing has been read yet.", json_of(ref("Error"))),
            },
            [_PANEL_ID, *_described((range_, THEME))],
        ),
        "/api/v1/panels/{id}.svg": get(
            "A panel as a picture",
            "A panel with its number, its chart and its legend as SVG, for places where no script runs. It says of "
            "which moment it is, and that it is stale where the readings are old. What cannot be shown is a picture "
            "too, which says why.",
            {
                "200": answer("The picture.", _SVG),
                "400": answer("A parameter is unknown or not valid.", _SVG),
                "404": answer("No panel has such an id.", _SVG),
                "503": answer("Nothing has been read yet.", _SVG),
            },
            [_PANEL_ID, *_described(still_parameters(range_))],
        ),
        "/api/v1/panels/{id}.png": get(
            "No picture",
            "Pictures are SVG here; the answer names the address.",
            {"404": answer("There is none.", json_of(ref("Error")))},
            [_PANEL_ID],
        ),
        "/badge/{metric}.svg": get(
            "A badge",
            "One number of a metric, or of the panel with this id, with a label and coloured by how alarming it is, as "
            "SVG. A metric that a panel is about is reduced by the panel's rule. An attribute may stand for itself as "
            "a parameter: `cpu.mode=user`. A badge whose readings are old says `stale` and for how long; what cannot "
            "be shown is a badge too, which says why.",
            {
                "200": answer("The badge.", _SVG),
                "400": answer("A parameter is not valid, or several series are meant and none is chosen.", _SVG),
                "404": answer("No metric, panel or series is such a one.", _SVG),
                "503": answer("Nothing has been read yet.", _SVG),
            },
            [
                _PANEL_ID | {"name": "metric", "description": "A metric's name, or a panel's id."},
                *_described(badge_parameters().values()),
                _ATTRIBUTES,
            ],
        ),
        "/metrics": get(
            "For Prometheus",
            "The newest readings in Prometheus's text format, or OpenMetrics where the Accept header asks for it. "
            "Rates are left out: Prometheus computes them.",
            {
                "200": answer("The readings.", text | {OPENMETRICS: {"schema": {"type": "string"}}}),
                "406": answer("The Accept header takes neither format.", text),
                "503": answer("The readings are not fresh.", text),
            },
        ),
        "/healthz": get(
            "Alive",
            "Answers as long as the process does.",
            {"200": answer("Alive.", json_of(status))},
        ),
        "/readyz": get(
            "Fresh",
            "Whether the newest reading is at most three ticks old, or five seconds where ticks are faster.",
            {"200": answer("Fresh.", json_of(status)), "503": answer("Not fresh, and why.", json_of(status))},
        ),
    }


_PANEL_ID = in_path("id", "The panel's id.", "cpu")
_ATTRIBUTES: Json = {
    "name": "attributes",
    "in": "query",
    "description": "Attributes that stand for themselves, as in `cpu.mode=user`: their names have a dot.",
    "schema": {"type": "object", "propertyNames": {"pattern": r"\."}, "additionalProperties": {"type": "string"}},
    "style": "form",
    "explode": True,
}
_SVG: Json = {"image/svg+xml": {"schema": {"type": "string"}}}
_READING_ERRORS: Json = {
    "400": answer("A pattern is malformed or a parameter unknown.", json_of(ref("Error"))),
    "404": answer("No metric that can exist here has such a name.", json_of(ref("Error"))),
    "503": answer("Nothing has been read yet.", json_of(ref("Error"))),
}


def _schemas() -> Json:
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
            "description": text_of("What it says."),
            "attributes": {"type": "array", "items": {"type": "string"}, "description": "The keys of its attributes."},
            "series": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": {"type": "string"}},
                "description": "The attributes of each series that is there now.",
                "example": [{"network.interface.name": "eth0", "network.io.direction": "receive"}],
            },
        },
    )
    readings: Json = {
        "type": "object",
        "additionalProperties": {"type": ["number", "null"]},
        "description": "By series; null where there is no reading.",
        "example": {'system.cpu.utilization{cpu.mode="user"}': 0.31},
    }
    status = object_of("What a health check is told.", {"status": text_of("`ok` or `not ready`.")})
    status["properties"]["why"] = text_of("What is wrong, where something is.")
    error = {
        "code": {"type": "integer", "description": "As in the WebSocket's errors."},
        "message": text_of("What was wrong, and what would be right."),
    }
    return {
        "Metric": metric,
        "Catalogue": object_of("What can be measured here.", position | {"metrics": list_of("Metric")}),
        "Latest": object_of("The newest readings.", position | {"metrics": readings}),
        "Status": status,
        **_panel_schemas(),
        "Figure": object_of(
            "As Plotly's `newPlot` and `plotly.io.from_json` take it.",
            {
                "data": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                "layout": {"type": "object", "additionalProperties": True},
            },
        ),
        "Error": object_of("Every error of the API.", {"error": object_of("What was wrong.", error)}),
    }


def _panel_schemas() -> Json:
    schema = Panel.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    parts: Json = schema.pop("$defs")
    schema["properties"]["series"] = {
        "type": "integer",
        "description": "How many series of its metrics are there now.",
    }
    return parts | {
        "Panel": schema,
        "Panels": object_of("A dashboard.", {"revision": REVISION, "panels": list_of("Panel")}),
    }
