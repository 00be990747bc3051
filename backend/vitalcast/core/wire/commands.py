"""What clients send: one model a command. They are checked by `parsing`.

`/asyncapi.json` and the tables of the manual are made from them too, so each field says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitalcast.core.metrics.names import Selection
from vitalcast.core.vocabulary import Aggregate, ErrorCode
from vitalcast.core.wire.bounds import COURSE_KEYS_MAX, POINTS_MAX, STEP_S
from vitalcast.core.wire.command_fields import (
    EVENTS_BACK_S_MAX,
    ITEMS_MAX,
    TOKEN_CHARS_MAX,
    Aggregates,
    Backfill,
    Filter,
    GroupBy,
    Host,
    Interval,
    Lines,
    Metrics,
    Moment,
    Offset,
    Order,
    Pace,
    Patterns,
    RangeBack,
    ReduceBy,
    RowKey,
    ShiftBy,
    StreamName,
    Text,
    Top,
    Where,
    about,
)
from vitalcast.errors import ProtocolError


class _Strict(BaseModel):
    # Built when the first command comes: a start has no use for them.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Since(_Strict):
    """The last position that a client holds: positions are of one source each, whose epoch says which."""

    epoch: Annotated[Text, about("The store that counts the ticks.")]
    offset: Annotated[Offset, about("The newest tick that the client has.")]
    source: Annotated[Text | None, about("The id of the source.")] = None

    def is_of(self, source: str, epoch: str) -> bool:
        """Say whether the position is one of this source and epoch."""
        return self.epoch == epoch and self.source in (None, source)


class RatioTo(_Strict):
    """The series by whose values those of a selection are divided."""

    metrics: Annotated[Patterns, about("Patterns of metrics.")]
    where: Where = {}

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        return _selection(self.metrics, self.where, "ratio_to.metrics")


DividedBy = Annotated[
    RatioTo | None, about("Other series, by whose values these are divided, after all were aggregated and reduced.")
]
SinceThen = Annotated[Since | None, about("The last position that the client has: the snapshot brings what it missed.")]


class _Command(_Strict):
    id: Annotated[
        int | Annotated[str, Field(max_length=64)] | None, about("Any number or text; the answer repeats it.")
    ] = None


class Hello(_Command):
    """Show a token."""

    type: Literal["hello"]
    token: Annotated[
        Annotated[str, Field(min_length=1, max_length=TOKEN_CHARS_MAX)] | None,
        about("The token; without it the answer says what the connection's own allows."),
    ] = None


class Subscribe(_Command):
    """Begin a stream of some series, or of a panel."""

    type: Literal["subscribe"]
    stream: StreamName
    host: Host = None
    metrics: Metrics = None
    panel: Annotated[Text | None, about("The id of a panel, in place of metrics.")] = None
    range: RangeBack = None
    lines: Lines = None
    where: Where = {}
    interval: Pace = None
    aggregate: Annotated[Aggregates, about("How the samples of an interval become one value.")] = ["last"]
    group_by: GroupBy = None
    reduce: ReduceBy = None
    ratio_to: DividedBy = None
    top: Annotated[Top | None, about("Only so many series, those with the highest newest values.")] = None
    shift: ShiftBy = 0
    backfill: Backfill = 0
    since: SinceThen = None

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
        others = {"metrics", "where", "aggregate", "group_by", "reduce", "ratio_to", "top", "shift"}
        beside = sorted(self.model_fields_set & others)
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
    """Change a stream, pause it or resume it."""

    type: Literal["update"]
    stream: StreamName
    interval: Annotated[Interval | None, about("Seconds between ticks; by default it stays.")] = None
    range: RangeBack = None
    paused: Annotated[bool | None, about("Whether nothing is to come for now; by default it stays.")] = None
    backfill: Backfill = 0
    since: SinceThen = None


class Unsubscribe(_Command):
    """End a stream."""

    type: Literal["unsubscribe"]
    stream: StreamName


class List(_Command):
    """List series."""

    type: Literal["list"]
    host: Host = None
    metrics: Annotated[Patterns, about("Patterns of metrics; by default all.")] = [">"]

    def selection(self) -> Selection:
        """Raises ProtocolError for a malformed pattern."""
        return _selection(self.metrics, {})


class Table(_Command):
    """Begin a stream of a table's rows."""

    type: Literal["table"]
    stream: StreamName
    host: Host = None
    table: Annotated[Text, about("The table's name, such as `processes`.")]
    sort: Annotated[Text | None, about("The column to sort by; by default the first.")] = None
    order: Order = None
    filter: Filter = ""
    keys: Annotated[
        Annotated[list[RowKey], Field(min_length=1, max_length=100_000, fail_fast=True)] | None,
        about("Only the rows with these values of the first column."),
    ] = None
    limit: Annotated[int, about("How many rows at most.", ge=1, le=100_000)] = 15
    fold: Annotated[bool, about("Whether idle threads of the kernel are left out.")] = False
    interval: Annotated[Interval, about("Seconds between the rows.")] = 2.0


class Events(_Command):
    """Begin a stream of events."""

    type: Literal["events"]
    stream: StreamName
    host: Host = None
    kinds: Annotated[
        Annotated[list[Text], Field(min_length=1, max_length=ITEMS_MAX, fail_fast=True)] | None,
        about("Only events of these kinds."),
    ] = None
    severity: Annotated[
        Literal["info", "warning", "critical"] | None, about("Only events at least this bad; by default `info`.")
    ] = None
    backfill: Annotated[
        float,
        about("Seconds of the past whose events come first.", ge=0, le=EVENTS_BACK_S_MAX, allow_inf_nan=False),
    ] = 0


class Query(_Command):
    """Ask once for the past of some series, of a panel, or of the processes."""

    type: Literal["query"]
    stream: Annotated[Text | None, about("A name: a later query of the same name takes the place of this one.")] = None
    host: Host = None
    metrics: Metrics = None
    where: Where = {}
    panel: Annotated[Text | None, about("The id of a panel, in place of metrics.")] = None
    lines: Lines = None
    start: Annotated[Moment | None, about("Where the range begins, in Unix ms; the range is without it.")] = None
    end: Annotated[Moment | None, about("Where the range ends, in Unix ms; by default now.")] = None
    points: Annotated[
        Annotated[int, Field(ge=1, le=POINTS_MAX)] | None,
        about("At least so many steps; by default 300, of one process 120."),
    ] = None
    step: Annotated[
        Annotated[float, Field(ge=STEP_S[0], le=STEP_S[1], allow_inf_nan=False)] | None,
        about("Seconds of a step, in place of points."),
    ] = None
    aggregate: Annotated[Aggregates, about("How the samples of a step become one value.")] = ["avg"]
    group_by: GroupBy = None
    reduce: ReduceBy = None
    ratio_to: DividedBy = None
    top: Annotated[Top | None, about("Only so many series, those with the highest means.")] = None
    shift: ShiftBy = 0
    table: Annotated[Text | None, about("`processes`, in place of metrics.")] = None
    at: Annotated[Moment | None, about("Of the processes: the moment, in Unix ms, in place of a range.")] = None
    sort: Annotated[Text | None, about("The column to sort by; by default `cpu`.")] = None
    order: Order = None
    filter: Filter = ""
    limit: Annotated[int, about("How many rows at most.", ge=1, le=100_000)] = 20
    keys: Annotated[
        Annotated[list[RowKey], Field(min_length=1, max_length=COURSE_KEYS_MAX)] | None,
        about("Pids: the rows are these over time. Of several they begin with the pid, and are at most 3000."),
    ] = None

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
    """Ask whether the server is there, and for its time."""

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


def _selection(patterns: list[str], where: Mapping[str, list[str]], field: str = "metrics") -> Selection:
    try:
        return Selection.of(patterns, where)
    except ValueError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"{field}: {error}") from None
