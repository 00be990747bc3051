"""The types of the fields that commands have, with their bounds and what the documentation says of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.core.wire.bounds import (
    AGGREGATES_MAX,
    ATTRIBUTES_MAX,
    BACK_S_MAX,
    FILTER_CHARS_MAX,
    TOP_MAX,
)

ITEMS_MAX = 64  # of a list or mapping in a command, unless another bound is named
ATTRIBUTE_CHARS_MAX = 4096  # a mountpoint may be as long
EVENTS_BACK_S_MAX = 100 * 365 * 86_400
TOKEN_CHARS_MAX = 4000  # a cookie, with its name and its attributes, has 4096


def about(description: str, **more: Any) -> Any:
    """Say what a field is, for the documentation."""
    return Field(description=description, **more)


Text = Annotated[str, Field(min_length=1, max_length=256)]
# At the first item that is wrong the rest of a list is not looked at: nobody reads a thousand errors.
Patterns = Annotated[list[Text], Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True)]
Values = Annotated[
    list[Annotated[str, Field(max_length=ATTRIBUTE_CHARS_MAX)]],
    Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True),
]
Interval = Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)]
Range = Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=BACK_S_MAX, allow_inf_nan=False)]
Offset = Annotated[int, Field(ge=0, le=2**53)]
Moment = Annotated[int, Field(ge=0, le=TIME_MAX_MS)]
AggregateName = Literal["last", "avg", "min", "max", "sum", "count", "p50", "p90", "p95", "p99", "delta", "rate"]
ReduceName = Literal["sum", "avg", "min", "max", "count", "p50", "p90", "p95", "p99"]
Attributes = Annotated[list[Text], Field(max_length=ATTRIBUTES_MAX, fail_fast=True)]
Top = Annotated[int, Field(ge=1, le=TOP_MAX)]
Shift = Annotated[float, Field(ge=0, le=BACK_S_MAX, allow_inf_nan=False)]
# Told apart by type alone, so that a wrong one is told once; the tags are what pydantic calls the members by itself.
RowKey = Annotated[
    Annotated[Offset, Tag("int")] | Annotated[Text, Tag("constrained-str")],
    Discriminator(lambda value: "constrained-str" if isinstance(value, str) else "int"),
]

Aggregates = Annotated[list[AggregateName], Field(min_length=1, max_length=AGGREGATES_MAX, fail_fast=True)]
# Fields that several commands have.
StreamName = Annotated[Text, about("The client's own name for the stream.")]
Host = Annotated[Text | None, about("Id or name of the source; by default this machine, or the only source.")]
Metrics = Annotated[Patterns | None, about("Patterns of metrics: `*` is one token, a final `>` one or more.")]
Where = Annotated[
    dict[Text, Values],
    about("Attributes or labels, and the values of each that are wanted.", max_length=ITEMS_MAX),
]
Pace = Annotated[Interval | None, about("Seconds between ticks; by default the source's own interval.")]
GroupBy = Annotated[Attributes | None, about("Attributes by which series are made one.")]
ReduceBy = Annotated[ReduceName | None, about("How series are made one; by default `sum`.")]
ShiftBy = Annotated[Shift, about("Seconds: the values of so long before, under the times of now.")]
Lines = Annotated[
    Literal["drawn", "all"] | None,
    about("Of a panel. `all`: also the lines that a chart does not draw; by default `drawn`."),
]
Order = Annotated[
    Literal["ascending", "descending"] | None,
    about("By default numbers are descending and text is ascending."),
]
Filter = Annotated[
    str,
    about(
        "Text to find in a name, user, pid, unit or visible command line, in any case; in double quotes, all of it.",
        max_length=FILTER_CHARS_MAX,
    ),
]
RangeBack = Annotated[
    Range | None, about("Of a panel: seconds of the past by which its lines are chosen; by default 300.")
]
Backfill = Annotated[Seconds, about("Seconds of the past that the snapshot begins with.")]
