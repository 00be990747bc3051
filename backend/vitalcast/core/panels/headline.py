"""The number that stands for a panel, for one row of values or for many at once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.panels.line import Line
from vitalcast.core.panels.resolve import Resolved, way_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]
    Columns = npt.NDArray[np.intp]

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Number:
    """A number to show, in its unit, and the word beside it."""

    value: float
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class HeadlineNow:
    """`value` is the panel's number, `share` what part of the whole it is; `nan` where there is none.

    `numbers` are what the panel's head shows, `main` is the one that stands for it elsewhere, and `judged` is what
    thresholds are about.
    """

    numbers: tuple[Number, ...]
    main: Number
    value: float
    share: float
    judged: float


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


class HeadlineRows(NamedTuple):
    """A panel's numbers in some rows, one an entry; `nan` where there is none.

    `which` says whose the number is, the place among the rule's `names`, `NOBODY` where it is nobody's alone. `up` and
    `down` are those of the two directions, for panels that have both. `wholes` has a column for each bar.
    """

    value: Floats
    share: Floats
    which: Columns
    up: Floats
    down: Floats
    whole: Floats
    wholes: Floats


class HeadlineRule:
    """How a panel's numbers are computed where it means these lines: made once, and used for each row that comes."""

    def __init__(self, panel: Panel, resolved: Resolved) -> None:
        self.panel = panel
        self.resolved = resolved
        counted = resolved.counted
        self._counted = _columns(counted)
        self._up, self._down = (_columns([line for line in counted if line.down == down]) for down in (False, True))
        self._all = _columns((*resolved.lines, *resolved.remainder))
        self._bars = _Bars(resolved) if panel.chart == "bar" else None
        self.names = self._bars.lines if self._bars is not None else counted

    def over(self, rows: Floats) -> HeadlineRows:
        """Return the numbers in rows of the shape (rows, columns); a column that they lack has no values."""
        with np.errstate(invalid="ignore", over="ignore"):  # values of others may be infinite, or too large to add up
            return self._over(rows)

    def _over(self, rows: Floats) -> HeadlineRows:
        nothing = np.full(len(rows), np.nan)
        nobody = np.full(len(rows), NOBODY, dtype=np.intp)
        if self._bars is not None:
            return self._over_bars(rows, self._bars, nothing)
        highest = self.panel.headline.reduce == "max"
        reduce = _highest if highest else _total
        block = _take(rows, self._counted)
        value = reduce(block)
        whole = self._whole(rows)
        up = down = nothing
        if self.panel.below:
            up, down = reduce(_take(rows, self._up)), reduce(_take(rows, self._down))
        which = _where_highest(block) if highest else nobody
        return HeadlineRows(value, _share(value, whole), which, up, down, whole, np.zeros((len(rows), 0)))

    def _over_bars(self, rows: Floats, bars: _Bars, nothing: Floats) -> HeadlineRows:
        used, wholes = bars.over(rows)
        shares = _share(used, wholes)
        which = _where_highest(shares)
        picked = np.arange(len(rows)), which
        known = which != NOBODY
        value, share, whole = (
            np.where(known, block[picked], np.nan) if block.shape[1] else nothing for block in (used, shares, wholes)
        )
        return HeadlineRows(value, share, which, nothing, nothing, whole, wholes)

    def _whole(self, rows: Floats) -> Floats:
        if self.panel.headline.per == "rest":
            return _total(_take(rows, self._all))
        return _take(rows, np.array([self.resolved.per], dtype=np.intp))[:, 0]

    @property
    def judges_share(self) -> bool:
        """Whether thresholds are about the share of the whole, and not about the value."""
        return self.panel.chart == "bar" or bool(self.panel.headline.per)

    @property
    def shows_share(self) -> bool:
        """Whether the number that stands for the panel is the share."""
        return self.panel.headline.show == "share"

    def judged(self, rows: HeadlineRows) -> Floats:
        """Return what thresholds judge."""
        return rows.share if self.judges_share else rows.value

    def unit(self, *, share: bool) -> str:
        return "1" if share else self.resolved.unit

    @cached_property
    def word(self) -> str:
        """The word beside the number, whoever's it is: of a single line its own will do."""
        counted = self.resolved.counted
        alone = len(counted) == 1 and self.panel.chart != "bar"
        return self.panel.headline.label or (counted[0].label if alone else "")

    def label(self, which: int) -> str:
        """Return the word beside the number where it is the one of this place among `names`."""
        whose = self.names[which].label if which != NOBODY and len(self.names) > 1 else ""
        return " ".join(word for word in (self.word, whose) if word)

    def now(self, row: Floats) -> HeadlineNow:
        """Return the panel's numbers in one row."""
        rows = self.over(row[None, :])
        value, share, which = float(rows.value[0]), float(rows.share[0]), int(rows.which[0])
        label, judged = self.label(which), float(self.judged(rows)[0])
        main = Number(share if self.shows_share else value, self.unit(share=self.shows_share), label)
        return HeadlineNow(tuple(self._numbers(rows, main, value, label)), main, value, share, judged)

    def _numbers(self, rows: HeadlineRows, main: Number, value: float, label: str) -> Iterable[Number]:
        panel, unit = self.panel, self.resolved.unit
        if panel.chart == "bar":
            yield main
            return
        if panel.below:
            for down, values in ((False, rows.up), (True, rows.down)):
                yield Number(float(values[0]), unit, way_of(panel, self.resolved, down=down))
            return
        yield Number(value, unit, label)
        if self.resolved.per >= 0:
            yield Number(float(rows.whole[0]), unit, self.whole_label)

    @property
    def whole_label(self) -> str:
        """The word beside the whole that the number is a share of."""
        return self.panel.labels.get(self.panel.headline.per, "total")


class _Bars:
    """The bars of a panel: which columns each of them adds up, what is drawn and what is left."""

    def __init__(self, resolved: Resolved) -> None:
        drawn, left = by_key(resolved.lines), by_key(resolved.remainder)
        self.lines = tuple(own[0] for own in drawn.values())
        self._used = _Sums(list(drawn.values()))
        self._rest = _Sums([left.get(key, []) for key in drawn])

    def over(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return what is used of each bar and the whole, in each row."""
        used, rest = self._used.over(rows), self._rest.over(rows)
        return used, _total(np.stack((used, rest), axis=2).reshape(-1, 2)).reshape(used.shape)


class _Sums:
    """Sums of groups of columns: of all groups at once, for there may be thousands."""

    def __init__(self, groups: list[list[Line]]) -> None:
        self._columns = _columns(line for group in groups for line in group)
        sizes = np.array([len(group) for group in groups], dtype=np.intp)
        self._count = len(groups)
        self._filled = np.flatnonzero(sizes)
        self._starts = (np.cumsum(sizes) - sizes)[self._filled]

    def over(self, rows: Floats) -> Floats:
        """Return the sum of each group in each row, of what is known of it."""
        sums = np.full((len(rows), self._count), np.nan)
        if len(self._filled):
            block = _take(rows, self._columns)
            known = ~np.isnan(block)
            added = np.add.reduceat(np.where(known, block, 0.0), self._starts, axis=1)
            sums[:, self._filled] = np.where(np.logical_or.reduceat(known, self._starts, axis=1), added, np.nan)
        return sums


def headline_of(panel: Panel, resolved: Resolved, row: Floats) -> HeadlineNow:
    """Return the panel's number in one row of values, of which `row[i]` is that of column i."""
    return HeadlineRule(panel, resolved).now(row)


def bars_of(resolved: Resolved, lines: Iterable[Line], row: Floats) -> list[Bar]:
    """Return what each bar is made of, for the bars that these lines belong to.

    The fullest comes first: where there is no room for all, it is the one that must be seen.
    """
    drawn, left = by_key(lines), by_key(resolved.remainder)
    bars = []
    for key, own in drawn.items():
        parts = tuple((line, _at(row, line.column)) for line in own)
        used = total(value for _, value in parts)
        rest = total(_at(row, line.column) for line in left.get(key, ()))
        bars.append(Bar(key, own[0].label, parts, used, rest, total((used, rest))))
    return sorted(bars, key=lambda bar: -math.inf if math.isnan(bar.share) else bar.share, reverse=True)


def by_key(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.key, []).append(line)
    return found


def total(values: Iterable[float]) -> float:
    """Return the sum of what is known; `nan` where nothing is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


def _at(row: Floats, column: int) -> float:
    return float(row[column]) if 0 <= column < len(row) else math.nan


def _columns(lines: Iterable[Line]) -> Columns:
    return np.array([line.column for line in lines], dtype=np.intp)


def _take(rows: Floats, columns: Columns) -> Floats:
    """Return these columns of the rows, `nan` for those that they lack."""
    held = (columns >= 0) & (columns < rows.shape[1])
    if held.all():
        return rows[:, columns]
    taken = np.full((len(rows), len(columns)), np.nan)
    taken[:, held] = rows[:, columns[held]]
    return taken


def _total(block: Floats) -> Floats:
    known = ~np.isnan(block)
    return np.where(known.any(axis=1), np.where(known, block, 0.0).sum(axis=1), np.nan)


def _highest(block: Floats) -> Floats:
    result: Floats = np.fmax.reduce(block, axis=1, initial=np.nan)
    return result


def _where_highest(block: Floats) -> Columns:
    known = ~np.isnan(block)
    if not block.shape[1]:
        return np.full(len(block), NOBODY, dtype=np.intp)
    return np.where(known.any(axis=1), np.where(known, block, -np.inf).argmax(axis=1), NOBODY)


def _share(value: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(value, whole, out=np.full_like(value, np.nan), where=whole > 0)
    return share
