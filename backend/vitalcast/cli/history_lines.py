"""One line of an answer about the past for each aggregate of each series, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from vitalcast.client.result import Result
from vitalcast.core.metrics.model import series_key

Value = float | None


class HistoryLine(NamedTuple):
    """One aggregate of one series: the series' key, name and unit, the aggregate, and a value for each time."""

    key: str
    name: str
    unit: str
    aggregate: str
    values: list[Value]

    @property
    def known(self) -> list[float]:
        """The values without those that are missing."""
        return [value for value in self.values if value is not None]


def lines_of(answer: Result) -> list[HistoryLine]:
    """Return the lines, those of a series beside each other."""
    return [
        HistoryLine(series_key(one.name, tuple(one.attributes.items())), one.name, one.unit, one.aggregate, column)
        for one, column in zip(answer.series, answer.columns, strict=True)
    ]


def squeezed(values: Sequence[Value], width: int) -> list[Value]:
    """Return so many values at most: of several in one place the one farthest from zero, so that no peak is lost."""
    if len(values) <= width:
        return list(values)
    edges = [round(at * len(values) / width) for at in range(width + 1)]
    parts = (values[first:last] for first, last in pairwise(edges))
    return [max((one for one in part if one is not None), key=abs, default=None) for part in parts]
