"""The addresses of panels: the list, each as a figure and as a picture, and badges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from vitalcast import clocks
from vitalcast.core.panels.schema import Panel
from vitalcast.live.service import Service
from vitalcast.web.edge.endpoint import PANELS, Endpoint, EndpointGroup
from vitalcast.web.edge.fields import Parameter, path_parameter
from vitalcast.web.edge.moments import AT
from vitalcast.web.edge.schemas import REVISION, Json, answer, json_answer, list_of, object_of, ref
from vitalcast.web.panels import png
from vitalcast.web.panels.badge import Badges, badge_parameters
from vitalcast.web.panels.figures import CELLS_MAX, POINTS_MAX, Figures
from vitalcast.web.panels.image_response import BADGE, MEDIA_TYPE, PANEL_IMAGE
from vitalcast.web.panels.panel_reader import THEME
from vitalcast.web.panels.panel_svg import PanelImages, image_parameters
from vitalcast.web.panels.panels import FIGURE_POINTS, Panels
from vitalcast.web.panels.past_reader import RANGE_PARAMETERS

ID: Final = path_parameter("id", "The panel's id.", "cpu")
METRIC: Final = path_parameter("metric", "A metric's name, or a panel's id.", "cpu")
ATTRIBUTES: Final = Parameter(
    "attributes",
    "Attributes as parameters, as in `cpu.mode=user`; their names contain a dot.",
    {"type": "object", "propertyNames": {"pattern": r"\."}, "additionalProperties": {"type": "string"}},
    more={"style": "form", "explode": True},
)
_SVG: Final[Json] = {MEDIA_TYPE: {"schema": {"type": "string"}}}
_PNG: Final[Json] = {png.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_ERRORS: Final = {
    400: "A parameter is unknown or not valid.",
    404: "There is no panel with this id.",
    503: "Nothing has been sampled yet, or the past cannot be read now.",
}


def panel_endpoints(
    service: Service,
    *,
    figures: Figures | None = None,
    steady_ms: Callable[[], int] = clocks.steady_ms,
    now_ms: Callable[[], int] = clocks.wall_ms,
) -> EndpointGroup:
    """Return the addresses of a service's panels. `steady_ms` is the clock that frames are stamped with."""
    panels = Panels(service, figures=figures, now_ms=now_ms)
    images = PanelImages(service, panels, steady_ms=steady_ms)
    badges = Badges(service, panels.source, panels.past, steady_ms=steady_ms)

    def figure_parameters() -> Iterable[Parameter]:
        return ID, panels.source.range, *RANGE_PARAMETERS, THEME

    def svg_parameters() -> Iterable[Parameter]:
        return ID, *image_parameters(panels.source.range)

    def shield_parameters() -> Iterable[Parameter]:
        return METRIC, AT, *badge_parameters().values(), ATTRIBUTES

    return EndpointGroup(
        "Panels",
        (
            Endpoint(
                "GET",
                "/api/v1/panels",
                panels.listing,
                PANELS,
                "List panels",
                "The panels of the dashboard in their order, with all their settings and the number of series that "
                "each has now. The dashboard hides a panel while it has none.",
                answers={200: json_answer("The panels.", ref("Panels"))},
                errors={400: "A parameter is unknown."},
            ),
            Endpoint(
                "GET",
                "/api/v1/panels/{id}/figure",
                panels.figure,
                PANELS,
                "A panel as a Plotly figure",
                "A panel with the samples of the last seconds, or of `start` to `end` with about "
                f"{FIGURE_POINTS} points, as JSON that Plotly draws in any language. Values are "
                "in the units of the metrics, times in UTC; those that are drawn downwards are negative. A gap is "
                f"null. A line has at most {POINTS_MAX} points and a row of a heatmap about {CELLS_MAX}: of more "
                "samples, the lowest and the highest of each interval are kept. The first figure takes a second "
                "longer than the others.",
                parameters=figure_parameters,
                answers={200: json_answer("The figure.", ref("Figure"))},
                errors=_ERRORS,
                cost=10,
            ),
            Endpoint(
                "GET",
                "/api/v1/panels/{id}.svg",
                images.svg,
                PANELS,
                "A panel as an image",
                "A panel with its number, its chart and its legend as SVG, for places where scripts do not run. It "
                "shows its time, and says so if its samples are stale. With `start` and `end`, or `at`, it shows the "
                "panel as it was. An error is an image too, which says what is wrong.",
                parameters=svg_parameters,
                answers={200: answer("The image.", _SVG)},
                errors=_ERRORS,
                refusal=PANEL_IMAGE,
                url_token=True,
                cost=10,
            ),
            Endpoint(
                "GET",
                "/api/v1/panels/{id}.png",
                images.png,
                PANELS,
                "A panel as a PNG image",
                "The image above as PNG, for chats, mail and notes, which take no SVG: the same on every machine, "
                "fonts included. The server needs `pip install 'vitalcast[png]'`. Errors are JSON.",
                parameters=lambda: (*svg_parameters(), png.SCALE),
                answers={200: answer("The image.", _PNG)},
                errors=_ERRORS | {501: "This server draws no PNG; the message says what to install."},
                url_token=True,
                cost=20,
            ),
            Endpoint(
                "GET",
                "/badge/{metric}.svg",
                badges.svg,
                PANELS,
                "A badge",
                "One number of a metric, or of the panel with this id, as SVG: with a label, and coloured by its "
                "thresholds. A metric that a panel shows is reduced by the panel's rule. An attribute may be a "
                "parameter: `cpu.mode=user`. A badge whose samples are old says `stale` and for how long. With `at` "
                "it shows the value and the level of a moment that is past. "
                "An error is a badge too, which says what is wrong.",
                parameters=shield_parameters,
                answers={200: answer("The badge.", _SVG)},
                errors={
                    400: "A parameter is not valid, or several series are meant and none is chosen.",
                    404: "There is no such metric, panel or series.",
                    503: "Nothing has been sampled yet.",
                },
                refusal=BADGE,
                url_token=True,
                cost=3,
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    schema = Panel.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    parts: Json = schema.pop("$defs")
    schema["properties"]["series"] = {"type": "integer", "description": "How many series of its metrics there are now."}
    figure = {
        "data": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "layout": {"type": "object", "additionalProperties": True},
    }
    return parts | {
        "Panel": schema,
        "Panels": object_of("A dashboard.", {"revision": REVISION, "panels": list_of("Panel")}),
        "Figure": object_of("As Plotly's `newPlot` and `plotly.io.from_json` take it.", figure),
    }
