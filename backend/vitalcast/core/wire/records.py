"""What the server sends: one record a message.

Nothing is checked by them while it is sent. They are what `/asyncapi.json` and the tables of the manual are made from,
and what the tests hold every message to that they see.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vitalcast.core.vocabulary import CloseCode, ErrorCode
from vitalcast.core.wire.command_fields import AggregateName, about
from vitalcast.core.wire.panel_records import PanelHead
from vitalcast.core.wire.record import LEFT_OUT, Record, listed, one_of
from vitalcast.core.wire.record_parts import (
    Attributes,
    Cell,
    Column,
    Epoch,
    Group,
    Id,
    Limits,
    ListedSeries,
    Offset,
    Series,
    SourceId,
    Tier,
    Times,
    Value,
    Values,
)

# --- the conversation ---------------------------------------------------------------------------------------------


class LockedWelcome(Record):
    """The first message where a token is needed: send `hello`."""

    type: Literal["welcome"]
    version: Annotated[str, about("Of the protocol: `vitalcast.v1`.")]
    time: Annotated[int, about("The server's time in Unix milliseconds.")]
    heartbeat: Annotated[float, about("Seconds after which a `heartbeat` comes if nothing else has.")]
    auth: Annotated[Literal["required"], about("A token is needed.")]


class Welcome(Record):
    """The first message on a protocol socket."""

    type: Literal["welcome"]
    version: Annotated[str, about("Of the protocol: `vitalcast.v1`.")]
    time: Annotated[int, about("The server's time in Unix milliseconds.")]
    heartbeat: Annotated[float, about("Seconds after which a `heartbeat` comes if nothing else has.")]
    host: Annotated[str | None, about("The name of the source that is meant without `host`; null where there is none.")]
    source: Annotated[str, about("Its id.")] = LEFT_OUT
    epoch: Annotated[str, about("The store that counts its ticks.")] = LEFT_OUT
    interval: Annotated[float, about("Seconds between its ticks.")] = LEFT_OUT
    interval_min: Annotated[float, about("The shortest interval that may be requested, in seconds.")] = LEFT_OUT
    resource: Annotated[
        Attributes, about("What the source is, such as `os.description`, for tokens that may see names.")
    ] = LEFT_OUT
    limits: Annotated[Limits, about("What this socket may ask for.")]
    dashboards: Annotated[str, about("The revision of panels and playlists.")]
    schema_: Annotated[str, about("The version of OpenTelemetry's semantic conventions.", alias="schema")]


class HelloAck(Record):
    """The answer to `hello`."""

    type: Literal["ack"]
    id: Id = LEFT_OUT
    scope: Annotated[Literal["view", "embed", "stream", "admin"], about("What the token is for.")]
    expires: Annotated[int | None, about("When it expires, in Unix milliseconds; null for never.")]


class Ack(Record):
    """A command took effect: a stream has begun, changed or ended."""

    type: Literal["ack"]
    id: Id = LEFT_OUT
    stream: Annotated[str, about("The client's own name for it.")]
    group: Annotated[int | None, about("The number that its messages carry; null while it is paused.")]
    source: SourceId
    epoch: Epoch
    offset: Offset
    interval: Annotated[float, about("Seconds between ticks; none of events.")] = LEFT_OUT
    series: Annotated[int, about("How many there are; of series and panels.")] = LEFT_OUT
    aggregate: Annotated[
        list[AggregateName], about("The aggregates, in the order of each series' columns, unless it is `last` alone.")
    ] = LEFT_OUT
    shift: Annotated[float, about("The shift in seconds, where there is one.")] = LEFT_OUT
    panel: Annotated[str, about("The panel's id, where the stream is one's.")] = LEFT_OUT
    range: Annotated[float, about("Seconds of the past by which the panel's lines are chosen.")] = LEFT_OUT
    columns: Annotated[list[Column], about("Of a table.")] = LEFT_OUT
    recovered: Annotated[bool, about("Whether the snapshot has exactly what was missed after `since`.")]
    paused: Annotated[bool, about("Whether the stream is paused.")]


class Error(Record):
    """A command was refused, or a stream ended; the socket stays open."""

    type: Literal["error"]
    id: Id = LEFT_OUT
    code: Annotated[int, about(f"What was wrong: {listed(ErrorCode)}.")]
    message: Annotated[str, about("What was wrong, in words.")]
    temporary: Annotated[bool, about("Whether the same may be accepted later.")]
    stream: Annotated[str, about("The stream that has ended by it.")] = LEFT_OUT


class Heartbeat(Record):
    """Nothing else was sent for `timeouts.heartbeat_s`."""

    type: Literal["heartbeat"]
    time: Annotated[int, about("The server's time in Unix milliseconds.")]


class Pong(Record):
    """The answer to `ping`."""

    type: Literal["pong"]
    id: Id = LEFT_OUT
    time: Annotated[int, about("The server's time in Unix milliseconds.")]


class Dashboards(Record):
    """Panels or playlists changed: read `/api/v1/panels` again."""

    type: Literal["dashboards"]
    revision: Annotated[str, about("Names what is there now.")]


class Bye(Record):
    """The server is about to close the socket with `code`: reconnect, or stay away."""

    type: Literal["bye"]
    code: Annotated[int, about(f"The close code: {listed(CloseCode)}.")]
    reconnect_after_ms: Annotated[int | None, about("When to reconnect; null for not at all.")]


# --- streams of series and panels -----------------------------------------------------------------------------------


class Snapshot(Record):
    """What a stream is of, and the newest tick, the backfill, or exactly what was missed if `recovered` was true."""

    type: Literal["snapshot"]
    group: Group
    source: SourceId
    epoch: Epoch
    offset: Offset
    time: Annotated[int, about("The time of the newest tick in Unix milliseconds.")]
    series: Annotated[list[Series], about("What each column of values is of.")]
    times: Times
    offsets: Annotated[
        list[int | None],
        about("The number of the tick at each time, null for one of another epoch; of what was missed or has holes."),
    ] = LEFT_OUT
    gaps: Annotated[
        list[Annotated[list[int], Field(min_length=2, max_length=2)]],
        about("Beside `offsets`: the first and the last tick of each hole, which `gap` messages tell once more."),
    ] = LEFT_OUT
    values: Values


class PanelSnapshot(Snapshot, PanelHead):
    """The same of a panel."""


class SeriesChange(Record):
    """The list of series changed, or what is shown of a panel; the next `data` is complete."""

    type: Literal["series"]
    group: Group
    series: Annotated[list[Series], about("What each column of values is of now.")]


class PanelChange(SeriesChange, PanelHead):
    """What is shown of a panel changed; the next `data` is complete."""


class Data(Record):
    """One tick of a stream; in `vitalcast.v1.bin` it is binary."""

    model_config = one_of("values", "changed")

    type: Literal["data"]
    group: Group
    offset: Annotated[int, about("The number of the tick.")]
    time: Annotated[int, about("The tick's time in Unix milliseconds.")]
    level: Annotated[
        Literal["", "warning", "critical"], about("The panel's level, when it has changed; empty for good.")
    ] = LEFT_OUT
    values: Annotated[list[Value], about("All values, in the snapshot's order.")] = LEFT_OUT
    changed: Annotated[
        dict[Annotated[str, Field(pattern="^[0-9]+$")], Value], about("The values that changed, by column.")
    ] = LEFT_OUT


class Gap(Record):
    """Ticks that will not come."""

    type: Literal["gap"]
    group: Group
    from_: Annotated[int, about("The first of them.", alias="from")]
    to: Annotated[int, about("The last of them.")]
    why: Annotated[
        Literal["slow", "sampler", "expired"],
        about("`slow` (this socket could not take them), `sampler` (not sampled), or `expired` (no longer kept)."),
    ]


# --- answers, tables and events -------------------------------------------------------------------------------------


class Catalogue(Record):
    """The answer to `list`."""

    type: Literal["catalogue"]
    id: Id = LEFT_OUT
    series: Annotated[list[ListedSeries], about("The series that there are.")]


class Result(Record):
    """The answer to `query`."""

    type: Literal["result"]
    id: Id = LEFT_OUT
    stream: Annotated[str, about("The name that the query had.")] = LEFT_OUT
    source: SourceId
    start: Annotated[int, about("Where the range begins, in Unix milliseconds.")]
    end: Annotated[int, about("Where the range ends.")]
    step: Annotated[float, about("Seconds between the times.")]
    tiers: Annotated[list[Tier], about("Which tier of the history brought what.")]
    expired: Annotated[int, about("What was before this time is no longer kept.")] = LEFT_OUT
    approximate: Annotated[Literal[True], about("Percentiles are from histograms, within 2 %.")] = LEFT_OUT
    aggregate: Annotated[list[AggregateName], about("The aggregates, in the order of each series' columns.")]
    series: Annotated[list[Series], about("The series that have values in the range.")]
    times: Times
    values: Values


class PanelResult(Result, PanelHead):
    """The answer to `query` of a panel."""


class TableResult(Record):
    """The answer to `query` of a table."""

    type: Literal["result"]
    id: Id = LEFT_OUT
    stream: Annotated[str, about("The name that the query had.")] = LEFT_OUT
    source: SourceId
    table: Annotated[Literal["processes"], about("The table.")]
    start: Annotated[int, about("Where the time that the rows are about begins, in Unix milliseconds.")]
    end: Annotated[int, about("Where it ends.")]
    interval: Annotated[float, about("Seconds between the recordings; 0 where nothing was recorded.")]
    columns: Annotated[list[Column], about("What each cell of a row is.")]
    rows: Annotated[list[list[Cell]], about("The rows, sorted.")]
    matches: Annotated[int, about("How many rows there are without the limit.")]


class Rows(Record):
    """The rows of a table."""

    type: Literal["rows"]
    group: Group
    offset: Offset
    time: Annotated[int, about("When they were read, in Unix milliseconds.")]
    columns: Annotated[list[str], about("The names of the columns.")]
    rows: Annotated[list[list[Cell]], about("The rows, sorted.")]
    matches: Annotated[int, about("How many rows pass the filter, those beyond the limit too.")]
    total: Annotated[int, about("How many rows there are.")]
    folded: Annotated[int, about("With `fold`: how many are left out.")] = LEFT_OUT


class Event(Record):
    """Something happened, goes on, or ended. One with a known `id` replaces the earlier."""

    type: Literal["event"]
    group: Group
    id: Annotated[str, about("The event's own id.")]
    source: SourceId
    time: Annotated[int, about("When it happened or began, in Unix milliseconds.")]
    end: Annotated[int | None, about("When it ended; null for a moment, and while it goes on.")]
    kind: Annotated[str, about("What sort of thing happened.")]
    severity: Annotated[Literal["info", "warning", "critical"], about("How bad it is.")]
    title: Annotated[str, about("What happened, in words.")]
    attributes: Annotated[dict[str, str | float | list[str]], about("What else is known; those of each kind.")]


class Metrics(Record):
    """One tick of the default stream, on a plain socket."""

    type: Literal["metrics"]
    host: Annotated[str, about("The name of the source.")]
    time: Annotated[int, about("The tick's time in Unix milliseconds.")]
    offset: Annotated[int, about("The number of the tick.")]
    metrics: Annotated[dict[str, Value], about("Each value by the key of its series.")]


# What answers each command, where it is not refused by an `error`.
ANSWERS: dict[str, tuple[str, ...]] = {
    "hello": ("ack", "welcome"),
    "subscribe": ("ack", "snapshot"),
    "update": ("ack", "snapshot"),
    "unsubscribe": ("ack",),
    "list": ("catalogue",),
    "table": ("ack", "rows"),
    "events": ("ack", "event"),
    "query": ("result",),
    "ping": ("pong",),
}
# By their type, those that a protocol socket gets.
RECORDS: dict[str, tuple[type[Record], ...]] = {
    "welcome": (Welcome, LockedWelcome),
    "ack": (Ack, HelloAck),
    "snapshot": (Snapshot, PanelSnapshot),
    "data": (Data,),
    "series": (SeriesChange, PanelChange),
    "gap": (Gap,),
    "catalogue": (Catalogue,),
    "result": (Result, PanelResult, TableResult),
    "rows": (Rows,),
    "event": (Event,),
    "heartbeat": (Heartbeat,),
    "dashboards": (Dashboards,),
    "pong": (Pong,),
    "error": (Error,),
    "bye": (Bye,),
}
PLAIN_RECORDS: dict[str, tuple[type[Record], ...]] = {"metrics": (Metrics,)}
