"""The bars of a panel: what each of them is made of, and how full it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.panels.line import Line
from vitalcast.core.panels.reduce import item, take, total, totals
from vitalcast.core.panels.resolve import Resolved

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Columns = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar's parts that are drawn, each with its value, and the sums of what is drawn, left and both."""

    key: str
    label: str
    parts: tuple[tuple[Line, float], ...]
    used: float
    rest: float
    whole: float

    @property
    def share(self) -> float:
        return self.used / self.whole if self.whole > 0 else math.nan


def bars_of(resolved: Resolved, lines: Iterable[Line], row: Floats) -> list[Bar]:
    """Return what each bar is made of, for the bars that these lines belong to.

    The fullest comes first: where there is no room for all, it is the one that must be seen.
    """
    drawn, left = by_key(lines), by_key(resolved.remainder)
    bars = []
    for key, own in drawn.items():
        parts = tuple((line, item(row, line.column)) for line in own)
        used = total(value for _, value in parts)
        rest = total(item(row, line.column) for line in left.get(key, ()))
        bars.append(Bar(key, own[0].label, parts, used, rest, total((used, rest))))
    return sorted(bars, key=lambda bar: -math.inf if math.isnan(bar.share) else bar.share, reverse=True)


def by_key(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.key, []).append(line)
    return found


class BarSums:
    """Which columns each bar of a panel adds up: those that are used, and those that are left."""

    def __init__(self, lines: tuple[Line, ...], used: list[Columns], rest: list[Columns]) -> None:
        self.lines = lines
        self.used = used
        self.rest = rest
        self._used_sums = _Sums(used)
        self._rest_sums = _Sums(rest)

    def over(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return what is used of each bar and the whole, in each row."""
        used, rest = self._used_sums.over(rows), self._rest_sums.over(rows)
        return used, totals(np.stack((used, rest), axis=2).reshape(-1, 2)).reshape(used.shape)


class _Sums:
    """Sums of groups of columns: of all groups at once, for there may be thousands."""

    def __init__(self, groups: list[Columns]) -> None:
        self._columns = np.concatenate(groups) if groups else np.zeros(0, dtype=np.intp)
        sizes = np.array([len(group) for group in groups], dtype=np.intp)
        self._count = len(groups)
        self._filled = np.flatnonzero(sizes)
        self._starts = (np.cumsum(sizes) - sizes)[self._filled]

    def over(self, rows: Floats) -> Floats:
        """Return the sum of each group in each row, of what is known of it."""
        sums = np.full((len(rows), self._count), np.nan)
        if len(self._filled):
            block = take(rows, self._columns)
            known = ~np.isnan(block)
            added = np.add.reduceat(np.where(known, block, 0.0), self._starts, axis=1)
            sums[:, self._filled] = np.where(np.logical_or.reduceat(known, self._starts, axis=1), added, np.nan)
        return sums
