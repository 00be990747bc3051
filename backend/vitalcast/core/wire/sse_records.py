"""What `/api/v1/stream` sends in its form `named`: the data of each kind of event. The other form has the messages."""

from __future__ import annotations

from typing import Annotated, Literal

from vitalcast.core.vocabulary import CloseCode, ErrorCode
from vitalcast.core.wire.command_fields import about
from vitalcast.core.wire.panel_records import Level, Value
from vitalcast.core.wire.record import LEFT_OUT, Record, listed


class NamedHeadline(Record):
    """The number that stands for a panel."""

    label: Annotated[str, about("Its words.")]
    value: Annotated[Value, about("Its value at the tick.")]
    unit: Annotated[str, about("In UCUM.")]
    level: Annotated[Level, about("The panel's level; empty for good or unknown.")]


class NamedTick(Record):
    """One tick, each value under the key of its series."""

    time: Annotated[int, about("The tick's time in Unix milliseconds.")]
    offset: Annotated[int, about("The number of the tick; left out of a step of the past that has none.")] = LEFT_OUT
    panel: Annotated[str, about("The panel's id, where the stream is one's.")] = LEFT_OUT
    headline: Annotated[NamedHeadline | None, about("Of a panel: its number; null while there are no lines.")] = (
        LEFT_OUT
    )
    metrics: Annotated[
        dict[str, Value], about("Each value by the key of its series, as in `max(…)` with several aggregates.")
    ]


class NamedGap(Record):
    """Ticks that will not come."""

    from_: Annotated[int, about("The first of them.", alias="from")]
    to: Annotated[int | None, about("The last of them; null where it is not known.")]
    why: Annotated[
        Literal["slow", "sampler", "expired"],
        about("`slow` (this client could not take them), `sampler` (not sampled), or `expired` (no longer kept)."),
    ]


class NamedError(Record):
    """Why the stream ends, where it was refused after it had begun."""

    code: Annotated[int, about(f"What was wrong: {listed(ErrorCode)}.")]
    message: Annotated[str, about("What was wrong, in words.")]
    temporary: Annotated[bool, about("Whether the same may be accepted later.")]


class NamedBye(Record):
    """The server is about to end the stream."""

    code: Annotated[int, about(f"Why, as the close code of a WebSocket: {listed(CloseCode)}.")]
    reconnect_after_ms: Annotated[int | None, about("When to come back; null for not at all.")]


# By the kind of event.
SSE_RECORDS: dict[str, tuple[type[Record], ...]] = {
    "metrics": (NamedTick,),
    "gap": (NamedGap,),
    "error": (NamedError,),
    "bye": (NamedBye,),
}
