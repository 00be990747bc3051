"""What clients send: one model a command. They are checked by `parsing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.core.vocabulary import Aggregate, ErrorCode
from vitalcast.core.wire.bounds import (
    AGGREGATES_MAX,
    ATTRIBUTES_MAX,
    BACK_S_MAX,
    FILTER_CHARS_MAX,
    POINTS_MAX,
    STEP_S,
    TOP_MAX,
)
from vitalcast.errors import ProtocolError

ITEMS_MAX = 64  # of a list or mapping in a command, unless another bound is named
ATTRIBUTE_CHARS_MAX = 4096  # a mountpoint may be as long
EVENTS_BACK_S_MAX = 100 * 365 * 86_400
TOKEN_CHARS_MAX = 4000  # a cookie, with its name and its attributes, has 4096

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
AggregateName = Literal["last", "avg", "min", "max", "sum", "count", "p50", "p90", "p95", "p99"]
ReduceName = Literal["sum", "avg", "min", "max", "count", "p50", "p90", "p95", "p99"]
Attributes = Annotated[list[Text], Field(max_length=ATTRIBUTES_MAX, fail_fast=True)]
Top = Annotated[int, Field(ge=1, le=TOP_MAX)]
Shift = Annotated[float, Field(ge=0, le=BACK_S_MAX, allow_inf_nan=False)]
# Told apart by type alone, so that a wrong one is told once; the tags are what pydantic calls the members by itself.
RowKey = Annotated[
    Annotated[Offset, Tag("int")] | Annotated[Text, Tag("constrained-str")],
    Discriminator(lambda value: "constrained-str" if isinstance(value, str) else "int"),
]


class _Strict(BaseModel):
    # Built when the first command comes: a start has no use for them.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Since(_Strict):
    """The last position that a client holds: positions are of one source each, whose epoch says which."""

    epoch: Text
    offset: Offset
    source: Text | None = None

    def is_of(self, source: str, epoch: str) -> bool:
        """Say whether the position is one of this source and epoch."""
        return self.epoch == epoch and self.source in (None, source)


class _Command(_Strict):
    id: int | Annotated[str, Field(max_length=64)] | None = None


class Hello(_Command):
    type: Literal["hello"]
    token: Annotated[str, Field(min_length=1, max_length=TOKEN_CHARS_MAX)] | None = None


class Subscribe(_Command):
    type: Literal["subscribe"]
    stream: Text
    host: Text | None = None
    metrics: Patterns | None = None
    panel: Text | None = None
    range: Range | None = None
    lines: Literal["drawn", "all"] | None = None
    where: Annotated[dict[Text, Values], Field(max_length=ITEMS_MAX)] = {}
    interval: Interval | None = None
    aggregate: Annotated[list[AggregateName], Field(min_length=1, max_length=AGGREGATES_MAX, fail_fast=True)] = ["last"]
    group_by: Attributes | None = None
    reduce: ReduceName | None = None
    top: Top | None = None
    shift: Shift = 0
    backfill: Seconds = 0
    since: Since | None = None

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        if self.metrics is None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "metrics: is missing; give patterns of metrics, or a panel")
        if self.range is not None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "range: only the stream of a panel has one; give backfill")
        if self.lines is not None:
            raise ProtocolError(ErrorCode.BAD_REQUEST, "lines: only a panel has them; leave this out")
        return _selection(self.metrics, self.where)

    def panel_id(self) -> str:
        """Raises ProtocolError for fields that do not go with a panel."""
        beside = sorted(self.model_fields_set & {"metrics", "where", "aggregate", "group_by", "reduce", "top", "shift"})
        if beside or self.panel is None:
            raise ProtocolError(
                ErrorCode.BAD_REQUEST, f"{', '.join(beside)}: a panel brings its own; leave this out, or the panel"
            )
        return self.panel

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return the aggregates in the order asked, each once."""
        return tuple(Aggregate(name) for name in dict.fromkeys(self.aggregate))

    def grouping(self) -> tuple[str, ...] | None:
        """Return by which attributes series are reduced, each once; all together where only `reduce` is given."""
        if self.group_by is None:
            return None if self.reduce is None else ()
        return tuple(dict.fromkeys(self.group_by))


class Update(_Command):
    type: Literal["update"]
    stream: Text
    interval: Interval | None = None
    range: Range | None = None
    paused: bool | None = None
    backfill: Seconds = 0
    since: Since | None = None


class Unsubscribe(_Command):
    type: Literal["unsubscribe"]
    stream: Text


class List(_Command):
    type: Literal["list"]
    host: Text | None = None
    metrics: Patterns = [">"]

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        return _selection(self.metrics, {})


class Table(_Command):
    type: Literal["table"]
    stream: Text
    host: Text | None = None
    table: Text
    sort: Text | None = None
    order: Literal["ascending", "descending"] | None = None
    filter: Annotated[str, Field(max_length=FILTER_CHARS_MAX)] = ""
    keys: Annotated[list[RowKey], Field(min_length=1, max_length=100_000, fail_fast=True)] | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] = 15
    fold: bool = False
    interval: Interval = 2.0


class Events(_Command):
    type: Literal["events"]
    stream: Text
    host: Text | None = None
    kinds: Annotated[list[Text], Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True)] | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    backfill: Annotated[float, Field(ge=0, le=EVENTS_BACK_S_MAX, allow_inf_nan=False)] = 0


class Query(_Command):
    type: Literal["query"]
    stream: Text | None = None
    host: Text | None = None
    metrics: Patterns | None = None
    where: Annotated[dict[Text, Values], Field(max_length=ITEMS_MAX)] = {}
    panel: Text | None = None
    lines: Literal["drawn", "all"] | None = None
    start: Moment | None = None
    end: Moment | None = None
    points: Annotated[int, Field(ge=1, le=POINTS_MAX)] | None = None
    step: Annotated[float, Field(ge=STEP_S[0], le=STEP_S[1], allow_inf_nan=False)] | None = None
    aggregate: Annotated[list[AggregateName], Field(min_length=1, max_length=AGGREGATES_MAX, fail_fast=True)] = ["avg"]
    group_by: Attributes | None = None
    reduce: ReduceName | None = None
    top: Top | None = None
    shift: Shift = 0
    table: Text | None = None
    at: Moment | None = None
    sort: Text | None = None
    order: Literal["ascending", "descending"] | None = None
    filter: Annotated[str, Field(max_length=FILTER_CHARS_MAX)] = ""
    limit: Annotated[int, Field(ge=1, le=100_000)] = 20
    keys: Annotated[list[RowKey], Field(min_length=1, max_length=1)] | None = None

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        if self.metrics is None:
            why = "metrics: is missing; give patterns of metrics, a panel, or a table"
            raise ProtocolError(ErrorCode.BAD_REQUEST, why)
        return _selection(self.metrics, self.where)

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return the aggregates in the order asked, each once."""
        return tuple(Aggregate(name) for name in dict.fromkeys(self.aggregate))


class Ping(_Command):
    type: Literal["ping"]


Command = Hello | Subscribe | Update | Unsubscribe | List | Table | Events | Query | Ping
MODELS: dict[str, type[Command]] = {
    "hello": Hello,
    "subscribe": Subscribe,
    "update": Update,
    "unsubscribe": Unsubscribe,
    "list": List,
    "table": Table,
    "events": Events,
    "query": Query,
    "ping": Ping,
}
COMMAND_TYPES = tuple(MODELS)


def _selection(patterns: list[str], where: Mapping[str, list[str]]) -> Selection:
    try:
        return Selection.of(patterns, where)
    except ValueError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"metrics: {error}") from None
