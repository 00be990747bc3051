"""What several messages of the server have in them."""

from __future__ import annotations

from typing import Annotated, Literal

from vitalcast.core.wire.command_fields import about
from vitalcast.core.wire.record import LEFT_OUT, Record

Id = Annotated[int | str, about("That of the command; left out where it had none.")]
Epoch = Annotated[str, about("Names the store that counts the ticks.")]
Offset = Annotated[int, about("The number of the newest tick.")]
Group = Annotated[int, about("The number that the stream's messages carry.")]
SourceId = Annotated[str, about("The id of the source.")]
Value = Annotated[float | None, about("A value; null is none.")]
Values = Annotated[list[list[Value]], about("A list for each series, or for each series and aggregate.")]
Times = Annotated[list[int], about("The end of each step, in Unix milliseconds.")]
Attributes = dict[str, str]
Cell = str | float | bool | None


class Series(Record):
    """A series of a stream or an answer."""

    name: Annotated[str, about("The metric's name; what is computed of a panel begins with `@`.")]
    unit: Annotated[str, about("In UCUM, empty for none.")]
    attributes: Annotated[Attributes, about("What tells it from other series of the metric.")]
    labels: Annotated[Attributes, about("What else is known of it.")] = LEFT_OUT


class ListedSeries(Series):
    """A series of the catalogue."""

    kind: Annotated[Literal["gauge", "counter", "updowncounter"], about("What kind of metric it is of.")]
    description: Annotated[str, about("What the metric is.")]


class Column(Record):
    """A column of a table."""

    name: Annotated[str, about("Its name.")]
    unit: Annotated[str, about("In UCUM, empty for text.")]
    description: Annotated[str, about("What it says.")]


class Tier(Record):
    """What a tier of the history brought."""

    tier: Annotated[Literal["raw", "1m", "10m", "1h"], about("Its name: `raw` has ticks as they came.")]
    start: Annotated[int, about("Where its part begins, in Unix milliseconds.")]
    end: Annotated[int, about("Where it ends.")]


class Limits(Record):
    """What one socket may ask for."""

    message_bytes: Annotated[int, about("Of one message.")]
    streams: Annotated[int, about("Of the socket.")]
    series: Annotated[int, about("Of all its streams.")]
    messages_per_second: Annotated[int, about("That it sends.")]
    snapshot_values: Annotated[int, about("Of one snapshot or result.")]
    table_rows: Annotated[int, about("Of one table.")]
    queries_per_socket: Annotated[int, about("Which are answered at once.")]
