"""From what a program writes to the fields of commands, as the wire has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from vitalcast.client.ticks import Position
from vitalcast.core.durations import seconds_of

P = ParamSpec("P")
R = TypeVar("R")

Texts = str | Iterable[str]
Where = Mapping[str, Texts]
Seconds = float | timedelta | str
Moment = int | datetime | timedelta | str
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
    since: Position | tuple[str, int] | None = None,
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
    return fields, None if since is None else Position(*since)
