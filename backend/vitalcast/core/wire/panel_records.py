"""What the server says of a panel, in a snapshot, when something changes, and in an answer."""

from __future__ import annotations

from typing import Annotated, Literal

from vitalcast.core.wire.command_fields import about
from vitalcast.core.wire.record import LEFT_OUT, Record

Value = float | None
Level = Literal["", "warning", "critical"]


class Line(Record):
    """A line to draw, or a part of a bar."""

    id: Annotated[int, about("Names what the line is of, the same in later messages.")]
    key: Annotated[str, about("What the line is of, such as a device.")]
    label: Annotated[str, about("Its words in a legend.")]
    name: Annotated[str, about("Its words where it stands alone.")]
    color: Annotated[int, about("1 to 8, which stays with the line; 0, grey, for what is one of many others.")]
    direction: Annotated[Literal["up", "down"], about("`down` is drawn below the axis.")]
    part: Annotated[str, about("Of bars: which part it is; else empty.")]
    column: Annotated[int, about("The series whose values it has.")]
    part_label: Annotated[str, about("Of bars: the word for the part.")] = LEFT_OUT
    whole: Annotated[int, about("Of bars: the series with the bar's whole.")] = LEFT_OUT
    levels: Annotated[int, about("Of bars with thresholds: the series with the bar's level.")] = LEFT_OUT


class Axis(Record):
    """Where the axis of a panel ends."""

    max: Annotated[float | None, about("At this number, if it is one.")]
    column: Annotated[int | None, about("Else at the newest value of this series, if it is one.")]
    span_min: Annotated[float | None, about("Its shortest span.")]


class Reference(Record):
    """A line that is drawn dashed."""

    label: Annotated[str, about("Its words.")]
    column: Annotated[int, about("The series whose values it has.")]


class Number(Record):
    """A number at the head of a panel."""

    label: Annotated[str, about("Its words.")]
    value: Annotated[Value, about("Its newest value.")]
    unit: Annotated[str, about("In UCUM.")]
    column: Annotated[int, about("The series whose values it has.")]
    direction: Annotated[Literal["up", "down"], about("Of two directions: which one.")] = LEFT_OUT
    mark: Annotated[Literal["up", "down", ""], about("Of two directions: which triangle marks it.")] = LEFT_OUT


class Headline(Record):
    """The number that stands for a panel."""

    label: Annotated[str, about("Its words.")]
    value: Annotated[Value, about("Its newest value.")]
    unit: Annotated[str, about("In UCUM.")]
    level: Annotated[Level, about("The panel's level; empty for good or unknown.")]
    column: Annotated[int, about("The series whose values it has.")]
    which: Annotated[int | None, about("The series with the `id` of the line whose number it is, if it is one's.")]
    levels: Annotated[
        int | None,
        about("The series of its level, 0 good, 1 warning, 2 critical; null where it has no thresholds."),
    ]
    end: Annotated[Value, about("Where a small chart of it ends at least.")]
    rule: Annotated[str, about("The rule of the level, in words.")]
    numbers: Annotated[list[Number], about("What the head of the panel shows.")]


class PanelHead(Record):
    """What is said of a panel beside its series."""

    panel: Annotated[str, about("The panel's id.")]
    unit: Annotated[str, about("Of the lines' values, in UCUM.")]
    lines: Annotated[list[Line], about("The lines to draw, in order.")]
    more: Annotated[int, about("How many keys are not drawn.")]
    axis: Annotated[Axis, about("Where the axis ends.")]
    reference: Annotated[Reference | None, about("A dashed line, or null.")]
    headline: Annotated[Headline | None, about("The number that stands for the panel; null while there are no lines.")]
