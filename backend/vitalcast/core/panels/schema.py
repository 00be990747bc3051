"""What a panel of the dashboard is, as data.

A panel names the series it wants and says how they are to be read: what divides the lines, what they add up to, which
number stands for all of them. Every viewer draws from these same few keys: the page, the figures over HTTP, and
whoever reads `/api/v1/panels`.
"""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo

from vitalcast.core.durations import as_seconds
from vitalcast.core.metrics import names
from vitalcast.core.strict import Strict
from vitalcast.errors import Conflict, ConflictError

ID_PATTERN = r"^[a-z][a-z0-9-]*$"
ID_CHARS_MAX = 40
PATTERN = rf"^{names.PATTERN}$"
_NAME = names.NAME
REST = "rest"
FOR_S = 5.0
KEEP_S = 20.0  # a value about its threshold changes the level twice in 25 s at most

Duration = Annotated[float, BeforeValidator(as_seconds)]


def duration_form(low_s: int, high_s: int) -> str:
    """Return in words what a `Duration` within these bounds takes."""
    return f'seconds from {low_s} to {high_s}, or a duration such as "30s" or "5m"'


Patterns = Annotated[
    tuple[
        Annotated[str, StringConstraints(pattern=PATTERN, max_length=255)],
        ...,
    ],
    Field(strict=False, json_schema_extra={"form": 'a list of metric patterns, such as ["system.cpu.>"]'}),
]

_Text = Annotated[str, StringConstraints(max_length=120)]
_Key = Annotated[str, StringConstraints(max_length=120, pattern=rf"^{_NAME}$")]
_Keys = Annotated[
    tuple[_Key, ...],
    Field(strict=False, max_length=16, json_schema_extra={"form": 'a list of attributes, such as ["cpu.mode"]'}),
]
_Values = Annotated[
    tuple[_Text, ...],
    Field(strict=False, max_length=200, json_schema_extra={"form": 'a list of values, such as ["user", "system"]'}),
]
_Where = Annotated[
    dict[_Key, Annotated[tuple[_Text, ...], Field(strict=False, min_length=1, max_length=200)]],
    Field(
        max_length=16,
        json_schema_extra={"form": 'a table of attributes and lists of values, such as { "cpu.mode" = ["user"] }'},
    ),
]
_Metric = Annotated[
    str,
    StringConstraints(max_length=255, pattern=rf"^(?:{_NAME})?$"),
    Field(json_schema_extra={"form": 'the name of a metric, such as "system.memory.limit", or an empty string'}),
]


class Headline(Strict):
    """Which number stands for the panel."""

    reduce: Literal["sum", "max"] = Field(
        default="sum", description="How the lines are combined: their sum, or the highest"
    )
    metric: _Metric = Field(default="", description="Includes only the lines of this metric")
    where: _Where = Field(default={}, description="Includes only the lines with one of these values of each attribute")
    exclude: _Where = Field(
        default={},
        description="Leaves out the lines with one of these values of an attribute; those without the attribute count",
    )
    per: _Metric = Field(
        default="",
        description="Whole that the number is a share of: a metric, or rest for all lines and the rest",
        json_schema_extra={
            "form": '"rest", or the name of a metric, such as "system.memory.limit", or an empty string'
        },
    )
    show: Literal["value", "share"] = Field(
        default="value", description="Whether the vital signs at the top show the value or the share"
    )
    label: _Text = Field(
        default="", description="Word beside the number", json_schema_extra={"form": 'a string, such as "busy"'}
    )


class Thresholds(Strict):
    """From which value on the panel's number is coloured, and for how long it has to be there."""

    warning: float = Field(
        ge=-1e18,
        le=1e18,
        description="Lowest value that is a warning",
        json_schema_extra={"form": "a number, such as 0.8"},
    )
    critical: float = Field(
        ge=-1e18,
        le=1e18,
        description="Lowest value that is critical",
        json_schema_extra={"form": "a number, such as 0.95"},
    )
    for_s: Duration = Field(
        default=FOR_S,
        alias="for",
        ge=0,
        le=86_400,
        description="How long the value must last; anything shorter is a spike",
        json_schema_extra={"form": duration_form(0, 86_400)},
    )
    keep_s: Duration = Field(
        default=KEEP_S,
        alias="keep",
        ge=0,
        le=86_400,
        description="How long the value must be below before the level falls, so that it does not flicker",
        json_schema_extra={"form": duration_form(0, 86_400)},
    )


_TABLES: Mapping[str, type[Strict]] = MappingProxyType({"headline": Headline, "thresholds": Thresholds})


class Panel(Strict):
    """A panel of the dashboard: which series it shows, and how."""

    id: str = Field(
        pattern=ID_PATTERN,
        max_length=ID_CHARS_MAX,
        description="Its id in addresses, unique among panels",
        json_schema_extra={"form": 'lower-case letters, digits and hyphens, such as "disk-busy"'},
    )
    title: _Text = Field(
        min_length=1, description="Its title", json_schema_extra={"form": 'a string, such as "Disk busy"'}
    )
    metrics: Patterns = Field(min_length=1, max_length=64, description="Patterns of the metrics it shows")
    where: _Where = Field(default={}, description="Shows only series with one of these values of each attribute")
    chart: Literal["line", "heatmap", "bar"] = Field(
        default="line",
        description="Lines over time, a row of colours over time for each line, or a bar of the newest value for each",
    )
    stack: bool = Field(default=False, description="Stacks the lines on top of each other, as bands")
    unit: _Text = Field(
        default="",
        max_length=32,
        description='Unit to show, if not the unit of the series; "1" is shown as a percentage',
        json_schema_extra={"form": 'a unit in UCUM, such as "By/s", or an empty string'},
    )
    by: _Keys = Field(
        default=(),
        description="Attributes that distinguish the lines; empty: all attributes of the series",
    )
    below: _Where = Field(
        default={}, description="Series with one of these values are drawn downwards from the axis, such as bytes sent"
    )
    parts: _Key | Literal[""] = Field(
        default="",
        description="Attribute that divides each bar, such as used and shared; only for bars",
        json_schema_extra={"form": 'an attribute, such as "system.filesystem.state", or an empty string'},
    )
    order: _Values = Field(
        default=(),
        description="Order of the values of the attributes in by (for bars: in parts), from the bottom up; others "
        "follow",
    )
    rest: _Values = Field(
        default=(),
        description="Values that are the empty remainder, such as idle: part of the whole, but not drawn",
    )
    others: _Values = Field(
        default=(),
        description="Values that stand for all that has no line of its own: drawn last and in grey, and never the "
        "highest",
    )
    labels: dict[_Text, _Text] = Field(
        default={},
        max_length=200,
        description="Labels for values of attributes, and for metrics if there are several",
        json_schema_extra={"form": 'a table of strings, such as { iowait = "I/O wait" }'},
    )
    max: Annotated[float, Field(gt=0)] | _Key | None = Field(
        default=None,
        description="End of the axis, as a number or a metric; by default it follows the data",
        json_schema_extra={"form": 'a number above 0, or the name of a metric, such as "system.memory.limit"'},
    )
    span_min: float = Field(
        default=0.0,
        ge=0,
        le=1e18,
        description="Minimum span of the axis, so that noise looks like noise",
        json_schema_extra={"form": "a number from 0"},
    )
    reference: _Metric = Field(
        default="", description="Metric drawn as a level over the lines, such as the number of CPUs"
    )
    lines_max: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Maximum lines drawn: the fullest bars, or the highest peaks; bands that add up are all drawn",
    )
    headline: Headline = Field(
        default=Headline(),
        description="The number that stands for the panel; its keys follow",
        json_schema_extra={"form": 'a table, such as { reduce = "max", label = "busiest" }'},
    )
    thresholds: Thresholds | None = Field(
        default=None,
        description="Thresholds for colour, of that number or of its share of headline.per",
        json_schema_extra={"form": "a table, such as { warning = 0.8, critical = 0.95 }"},
    )
    section: _Text = Field(
        default="",
        max_length=40,
        description="Heading under which the panel stands, with others of its section",
        json_schema_extra={"form": 'a string, such as "Disk"'},
    )
    vital: _Text = Field(
        default="",
        max_length=24,
        description="Its name among the vital signs at the top; empty: not shown there",
        json_schema_extra={"form": 'a string, such as "CPU"'},
    )
    interval: Duration = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="Minimum time between values; 0 leaves it to the viewer",
        json_schema_extra={"form": duration_form(0, 3600)},
    )
    aggregate: Literal["avg", "last", "min", "max"] = Field(default="avg", description="How samples are aggregated")
    wide: bool = Field(default=False, description="Takes two columns where there is room")
    small: bool = Field(default=False, description="Takes half a row's height, so that two stand above each other")
    place: str = Field(
        default="",
        pattern=rf"{ID_PATTERN[:-1]}$|^$",
        max_length=ID_CHARS_MAX,
        description="Panels with the same place share it: the first that has series is shown, and a switch shows the "
        "others",
        json_schema_extra={"form": 'lower-case letters, digits and hyphens, such as "cpu", or an empty string'},
    )
    variant: _Text = Field(
        default="",
        max_length=24,
        description="Its name on that switch; empty: its title",
        json_schema_extra={"form": 'a string, such as "by program"'},
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        conflicts = tuple(_conflicts(self))
        if conflicts:
            raise ConflictError(conflicts)
        return self

    def named(self) -> dict[str, str]:
        """Return the metrics that stand beside the lines, by the key that names each."""
        keys = {
            "max": self.max if isinstance(self.max, str) else "",
            "reference": self.reference,
            "headline.per": "" if self.headline.per == REST else self.headline.per,
        }
        return {key: metric for key, metric in keys.items() if metric}

    def public(self) -> dict[str, Any]:
        """Return all its keys, for JSON."""
        return self.model_dump()


PANEL_FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {
        key: info
        for name, outer in Panel.model_fields.items()
        for key, info in (
            (name, outer),
            *((f"{name}.{one.alias or inner}", one) for inner, one in _TABLES.get(name, Strict).model_fields.items()),
        )
    }
)


def _conflicts(panel: Panel) -> Iterator[Conflict]:
    if panel.parts and panel.chart != "bar":
        yield Conflict(("parts", "chart"), f'only bars have parts; give chart = "bar", not "{panel.chart}"')
    if panel.stack and panel.chart != "line":
        yield Conflict(("stack", "chart"), f'only lines can be stacked; give chart = "line", not "{panel.chart}"')
    if panel.below and panel.chart != "line":
        yield Conflict(("below", "chart"), f'only lines can go downwards; give chart = "line", not "{panel.chart}"')
    if panel.reference and panel.chart != "line":
        yield Conflict(
            ("reference", "chart"), f'only lines have a level over them; give chart = "line", not "{panel.chart}"'
        )
    if panel.wide and panel.small:
        yield Conflict(("wide", "small"), "a panel cannot be both wide and small; choose")
    if panel.parts and panel.parts in panel.by:
        yield Conflict(("by", "parts"), f"{panel.parts} divides the bars already; leave it out of one of the two")
    if panel.chart == "bar" and not (panel.parts and panel.rest):
        yield Conflict(
            ("chart", "parts", "rest"),
            "a bar is a share of a whole; give in parts the attribute that divides it, and in rest what is empty",
        )
    if panel.headline.show == "share" and not panel.headline.per:
        yield Conflict(("headline.show", "headline.per"), 'a share is of something; give headline.per, or "rest"')
    if panel.headline.per == REST and not panel.rest:
        yield Conflict(("headline.per", "rest"), 'per = "rest" needs values in rest')
    if both := set(panel.others) & {*panel.order, *panel.rest}:
        yield Conflict(("others", "order", "rest"), f"{', '.join(sorted(both))} cannot be in several of them; choose")
    if both := set(panel.order) & set(panel.rest):
        yield Conflict(("rest", "order"), f"{', '.join(sorted(both))} cannot be drawn and be the rest; choose")
    limits = panel.thresholds
    if limits is not None and limits.warning > limits.critical:
        yield Conflict(
            ("thresholds.warning", "thresholds.critical"),
            f"{limits.warning:g} is more than thresholds.critical = {limits.critical:g}; give the same or less",
        )
