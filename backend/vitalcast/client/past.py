"""An answer about the past as it comes from a server: lines of values over shared times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from vitalcast.client.api import NONSENSE
from vitalcast.core.metrics.model import series_key
from vitalcast.errors import AskError

Value = float | None


class PastLine(NamedTuple):
    """One aggregate of one series: its key, name and unit, the aggregate, and a value for each time."""

    key: str
    name: str
    unit: str
    aggregate: str
    values: list[Value]

    @property
    def known(self) -> list[float]:
        """The values without those that are missing."""
        return [value for value in self.values if value is not None]


class PastReach(NamedTuple):
    """Which tier brought what is between two times."""

    tier: str
    start_ms: int
    end_ms: int


class PastAnswer(NamedTuple):
    """The answer to a query: each of `times_ms` is the end of a step of `step_s`.

    `expired_ms` is the time before which nothing is kept of what was asked for.
    """

    start_ms: int
    end_ms: int
    step_s: float
    reaches: list[PastReach]
    expired_ms: int | None
    approximate: bool
    aggregates: list[str]
    times_ms: list[int]
    lines: list[PastLine]


def read_result(result: Mapping[str, Any]) -> PastAnswer:
    """Return what a `result` says. Raises AskError where it is none."""
    try:
        aggregates = [str(one) for one in result["aggregate"]]
        times = [int(one) for one in result["times"]]
        names = [(one, aggregate) for one in result["series"] for aggregate in aggregates]
        columns = [[_value(one) for one in column] for column in result["values"]]
        if len(columns) != len(names) or any(len(column) != len(times) for column in columns):
            raise AskError(NONSENSE)
        expired = result.get("expired")
        return PastAnswer(
            start_ms=int(result["start"]),
            end_ms=int(result["end"]),
            step_s=float(result["step"]),
            reaches=[PastReach(str(one["tier"]), int(one["start"]), int(one["end"])) for one in result["tiers"]],
            expired_ms=None if expired is None else int(expired),
            approximate=bool(result.get("approximate", False)),
            aggregates=aggregates,
            times_ms=times,
            lines=[_line(pair, column) for pair, column in zip(names, columns, strict=True)],
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise AskError(NONSENSE) from None


def _line(series: tuple[Mapping[str, Any], str], values: list[Value]) -> PastLine:
    one, aggregate = series
    attributes = tuple((str(key), str(value)) for key, value in one.get("attributes", {}).items())
    unit = "" if aggregate == "count" else str(one["unit"])
    return PastLine(series_key(str(one["name"]), attributes), str(one["name"]), unit, aggregate, values)


def _value(given: object) -> Value:
    if given is None or isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if math.isfinite(given) else None


def squeezed(values: Sequence[Value], width: int) -> list[Value]:
    """Return so many values at most: of several in one place the one farthest from zero, so that no peak is lost."""
    if len(values) <= width:
        return list(values)
    edges = [round(at * len(values) / width) for at in range(width + 1)]
    parts = (values[first:last] for first, last in pairwise(edges))
    return [max((one for one in part if one is not None), key=abs, default=None) for part in parts]
