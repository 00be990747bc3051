"""From what a program writes to the fields of commands, as the wire has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from vitalcast import clocks
from vitalcast.client.ticks import Position
from vitalcast.core.durations import seconds_of
from vitalcast.core.query.times import time_of

P = ParamSpec("P")
R = TypeVar("R")

Texts = str | Iterable[str]
Where = Mapping[str, Texts]
Seconds = float | timedelta | str
Moment = int | datetime | timedelta | str
Since = Position | Sequence[Any] | Mapping[str, Any]
RatioTo = Texts | Mapping[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given; None leaves the choice to the server."""
    return {name: value for name, value in fields.items() if value is not None}


def texts(value: Texts | None) -> list[str] | None:
    """Return one text or several as a list."""
    if value is None:
        return None
    return [value] if isinstance(value, str) else list(value)


def where_of(value: Where | None) -> dict[str, list[str]] | None:
    return None if value is None else {key: texts(one) or [] for key, one in value.items()}


def ratio_of(value: RatioTo | None) -> dict[str, Any] | None:
    """Return the divisor of a ratio: patterns, or a mapping with `metrics` and `where`."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return given(metrics=texts(value.get("metrics")), where=where_of(value.get("where")))
    return {"metrics": texts(value)}


def seconds(value: Seconds | None) -> float | None:
    """Return a duration in seconds: a number is of seconds already, a text is `30s` or `1.5h`. Raises ValueError."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return seconds_of(value) if isinstance(value, str) else value


def moment(value: Moment, now_ms: int) -> int:
    """Return the Unix milliseconds that a time means. Raises ValueError where it is none.

    A datetime without a zone is of the local one, as everywhere in Python.
    """
    if isinstance(value, datetime):
        return (value.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, timedelta):
        return now_ms - abs(value) // timedelta(milliseconds=1)
    return time_of(str(value), now_ms)


def position_of(value: Since | None) -> Position | None:
    """Return a position that was kept, as either client writes it down in JSON. Raises ValueError."""
    match value:
        case None:
            return None
        case {"epoch": str(epoch), "offset": int(offset)} | (str(epoch), int(offset)):
            return Position(epoch, offset)
    raise ValueError(f"since: expected the `position` of a stream, got {value!r}")


def selection(metrics: Sequence[str], panel: str | None) -> dict[str, Any]:
    """Return what is selected. Raises ValueError where that is nothing, or two things."""
    if bool(metrics) == (panel is not None):
        raise ValueError("give patterns of metrics such as 'system.cpu.>', or panel=")
    return {"metrics": list(metrics)} if panel is None else {"panel": panel}


def taking(request: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[Concatenate[Any, P], R]]:
    """Return what gives a method the parameters and the words of a request, so that both clients have the same."""

    def decorate(method: Callable[..., R]) -> Callable[Concatenate[Any, P], R]:
        own, taken = inspect.signature(method), inspect.signature(request)
        first = next(iter(own.parameters.values()))
        method.__signature__ = taken.replace(  # type: ignore[attr-defined]  # what `inspect` and `help` look for
            parameters=[first, *taken.parameters.values()], return_annotation=own.return_annotation
        )
        method.__doc__ = method.__doc__ or request.__doc__
        return method

    return decorate


def subscription(
    *metrics: str,
    panel: str | None = None,
    where: Where | None = None,
    interval: Seconds | None = None,
    aggregate: Texts | None = None,
    group_by: Texts | None = None,
    reduce: str | None = None,
    top: int | None = None,
    shift: Seconds | None = None,
    ratio_to: RatioTo | None = None,
    range: Seconds | None = None,  # noqa: A002 - the wire's word
    lines: str | None = None,
    backfill: Seconds | None = None,
    since: Since | None = None,
    host: str | None = None,
) -> tuple[dict[str, Any], Position | None]:
    """Follow series by patterns of metrics, or a panel. The options are those of `subscribe` on the wire.

    Iterate over what this returns: each tick is a mapping from series to values. Nothing is asked of the server before.
    """
    fields = selection(metrics, panel) | given(
        where=where_of(where),
        interval=seconds(interval),
        aggregate=texts(aggregate),
        group_by=texts(group_by),
        reduce=reduce,
        top=top,
        shift=seconds(shift),
        ratio_to=ratio_of(ratio_to),
        range=seconds(range),
        lines=lines,
        backfill=seconds(backfill),
        host=host,
    )
    return fields, position_of(since)


def table(
    name: str,
    *,
    sort: str | None = None,
    order: str | None = None,
    filter: str | None = None,  # noqa: A002 - the wire's word
    keys: Iterable[int | str] | None = None,
    limit: int | None = None,
    fold: bool | None = None,
    interval: Seconds | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """Follow the rows of a table, such as `processes`. The options are those of `table` on the wire.

    Iterate over what this returns; a program that is slower gets the newest rows.
    """
    return {"table": name} | given(
        sort=sort,
        order=order,
        filter=filter,
        keys=None if keys is None else list(keys),
        limit=limit,
        fold=fold,
        interval=seconds(interval),
        host=host,
    )


def events(
    *,
    kinds: Texts | None = None,
    severity: str | None = None,
    backfill: Seconds | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """Follow what happens, after what happened in the seconds of `backfill`."""
    return given(kinds=texts(kinds), severity=severity, backfill=seconds(backfill), host=host)


def query(
    *metrics: str,
    panel: str | None = None,
    start: Moment = "-1h",
    end: Moment | None = None,
    points: int | None = None,
    step: Seconds | None = None,
    where: Where | None = None,
    aggregate: Texts | None = None,
    group_by: Texts | None = None,
    reduce: str | None = None,
    top: int | None = None,
    shift: Seconds | None = None,
    ratio_to: RatioTo | None = None,
    lines: str | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """Ask what series, or a panel, were between two times. The options are those of `query` on the wire.

    A time is a datetime, a timedelta (so long ago), Unix milliseconds, ISO 8601, or a text such as `-3h`.
    """
    now_ms = clocks.wall_ms()
    return (
        {"type": "query"}
        | selection(metrics, panel)
        | given(
            start=moment(start, now_ms),
            end=None if end is None else moment(end, now_ms),
            points=points,
            step=seconds(step),
            where=where_of(where),
            aggregate=texts(aggregate),
            group_by=texts(group_by),
            reduce=reduce,
            top=top,
            shift=seconds(shift),
            ratio_to=ratio_of(ratio_to),
            lines=lines,
            host=host,
        )
    )


def processes(
    *,
    at: Moment | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    sort: str | None = None,
    order: str | None = None,
    filter: str | None = None,  # noqa: A002 - the wire's word
    limit: int | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """Ask which processes used the machine: at a moment, now unless told, or between two times in all."""
    now_ms = clocks.wall_ms()
    if at is None and start is None and end is None:
        at = now_ms
    times = {name: moment(one, now_ms) for name, one in given(at=at, start=start, end=end).items()}
    more = given(sort=sort, order=order, filter=filter, limit=limit, host=host)
    return {"type": "query", "table": "processes"} | times | more


def catalogue(*metrics: str, host: str | None = None) -> dict[str, Any]:
    """Ask which series there are, by patterns of metrics; all of them unless told."""
    return {"type": "list", "metrics": list(metrics or (">",))} | given(host=host)


def mark(
    title: str = "",
    *,
    severity: str | None = None,
    time: Moment | None = None,
    end: Moment | None = None,
    ongoing: bool | None = None,
    id: str | None = None,  # noqa: A002 - the API's word
    attributes: Mapping[str, str | int | float] | None = None,
) -> dict[str, Any]:
    """Make a mark: an event of your own, such as a deployment. It takes a token of scope admin.

    With `ongoing` it goes on until the mark of that `id` is given an `end`. A mark that may have been made is not made
    again, so this raises UnreachableError where the answer is lost.
    """
    now_ms = clocks.wall_ms()
    return given(
        title=title or None,
        severity=severity,
        time=None if time is None else moment(time, now_ms),
        end=None if end is None else moment(end, now_ms),
        ongoing=ongoing,
        id=id,
        attributes=None if attributes is None else dict(attributes),
    )
