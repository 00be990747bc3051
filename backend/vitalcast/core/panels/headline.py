"""The number that stands for a panel, for one row of values or for many at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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
FEW = 64  # up to so many columns a row is read without numpy


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


class HeadlineRow(NamedTuple):
    """The same in one row."""

    value: float
    share: float
    which: int
    up: float
    down: float
    whole: float
    wholes: Sequence[float]


class HeadlineRule:
    """How a panel's numbers are computed where it means these lines: made once, and used for each row that comes.

    `places` says where the column of each series is in the rows, by default where it is in the source's layout.
    """

    def __init__(self, panel: Panel, resolved: Resolved, places: Mapping[int, int] | None = None) -> None:
        self.panel = panel
        self.resolved = resolved
        self._places = places
        counted = resolved.counted
        self._counted = self._columns(counted)
        self._up, self._down = (self._columns(line for line in counted if line.down == down) for down in (False, True))
        added_up = (*resolved.lines, *resolved.remainder) if panel.headline.per == "rest" else ()
        self._all = self._columns(added_up)
        self._per = resolved.per if places is None else places.get(resolved.per, -1)
        self._bars = self._made_bars() if panel.chart == "bar" else None
        self.names = self._bars.lines if self._bars is not None else counted
        self._few = len(counted) + len(self._all) <= FEW if self._bars is None else self._bars.count <= FEW

    def _columns(self, lines: Iterable[Line]) -> Columns:
        places = self._places
        columns = [line.column for line in lines]
        return np.array(columns if places is None else [places.get(at, -1) for at in columns], dtype=np.intp)

    def _made_bars(self) -> _Bars:
        drawn, left = by_key(self.resolved.lines), by_key(self.resolved.remainder)
        used = [self._columns(own) for own in drawn.values()]
        return _Bars(tuple(own[0] for own in drawn.values()), used, [self._columns(left.get(key, ())) for key in drawn])

    @property
    def _highest(self) -> bool:
        return self.panel.headline.reduce == "max"

    # --- many rows -----------------------------------------------------------------------------------------------

    def over(self, rows: Floats) -> HeadlineRows:
        """Return the numbers in rows of the shape (rows, columns); a column that they lack has no values."""
        with np.errstate(invalid="ignore", over="ignore"):  # values of others may be infinite, or too large to add up
            return self._over(rows)

    def _over(self, rows: Floats) -> HeadlineRows:
        nothing = np.full(len(rows), np.nan)
        if self._bars is not None:
            return self._over_bars(rows, self._bars, nothing)
        reduce = _highest if self._highest else _total
        block = _take(rows, self._counted)
        value, whole = reduce(block), self._whole(rows)
        up = down = nothing
        if self.panel.below:
            up, down = reduce(_take(rows, self._up)), reduce(_take(rows, self._down))
        which = _where_highest(block) if self._highest else np.full(len(rows), NOBODY, dtype=np.intp)
        return HeadlineRows(value, _share(value, whole), which, up, down, whole, np.zeros((len(rows), 0)))

    @staticmethod
    def _over_bars(rows: Floats, bars: _Bars, nothing: Floats) -> HeadlineRows:
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
        return _take(rows, np.array([self._per], dtype=np.intp))[:, 0]

    # --- one row: of few columns Python is faster than numpy -----------------------------------------------------

    def at(self, row: Floats) -> HeadlineRow:
        """Return the numbers in one row, as `over` does in many."""
        if not self._few:
            rows = self.over(row[None, :])
            value, share, which, up, down, whole = (column[0].item() for column in rows[:6])
            return HeadlineRow(value, share, which, up, down, whole, rows.wholes[0].tolist())
        if self._bars is not None:
            return self._bars_at(row, self._bars)
        reduce = highest if self._highest else total
        values = _items(row, self._counted)
        value = reduce(values)
        per_rest = self.panel.headline.per == "rest"
        whole = total(_items(row, self._all)) if per_rest else _at(row, self._per)
        up = down = math.nan
        if self.panel.below:
            up, down = reduce(_items(row, self._up)), reduce(_items(row, self._down))
        which = where_highest(values) if self._highest else NOBODY
        return HeadlineRow(value, _part(value, whole), which, up, down, whole, ())

    @staticmethod
    def _bars_at(row: Floats, bars: _Bars) -> HeadlineRow:
        used = [total(_items(row, columns)) for columns in bars.used]
        wholes = [total((own, total(_items(row, left)))) for own, left in zip(used, bars.rest, strict=True)]
        shares = [_part(own, whole) for own, whole in zip(used, wholes, strict=True)]
        which = where_highest(shares)
        if which == NOBODY:
            return HeadlineRow(math.nan, math.nan, which, math.nan, math.nan, math.nan, wholes)
        return HeadlineRow(used[which], shares[which], which, math.nan, math.nan, wholes[which], wholes)

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

    def judged_at(self, row: Floats) -> float:
        """Return what thresholds judge in one row."""
        numbers = self.at(row)
        return numbers.share if self.judges_share else numbers.value

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
        found = self.at(row)
        label, judged = self.label(found.which), found.share if self.judges_share else found.value
        main = Number(found.share if self.shows_share else found.value, self.unit(share=self.shows_share), label)
        return HeadlineNow(tuple(self._numbers(found, main, label)), main, found.value, found.share, judged)

    def _numbers(self, found: HeadlineRow, main: Number, label: str) -> Iterable[Number]:
        panel, unit = self.panel, self.resolved.unit
        if panel.chart == "bar":
            yield main
            return
        if panel.below:
            for down, value in ((False, found.up), (True, found.down)):
                yield Number(value, unit, way_of(panel, self.resolved, down=down))
            return
        yield Number(found.value, unit, label)
        if self.resolved.per >= 0:
            yield Number(found.whole, unit, self.whole_label)

    @property
    def whole_label(self) -> str:
        """The word beside the whole that the number is a share of."""
        return self.panel.labels.get(self.panel.headline.per, "total")


class _Bars:
    """The bars of a panel: which columns each of them adds up, what is used and what is left."""

    def __init__(self, lines: tuple[Line, ...], used: list[Columns], rest: list[Columns]) -> None:
        self.lines = lines
        self.used = used
        self.rest = rest
        self.count = sum(map(len, (*used, *rest)))
        self._used_sums = _Sums(used)
        self._rest_sums = _Sums(rest)

    def over(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return what is used of each bar and the whole, in each row."""
        used, rest = self._used_sums.over(rows), self._rest_sums.over(rows)
        return used, _total(np.stack((used, rest), axis=2).reshape(-1, 2)).reshape(used.shape)


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


def highest(values: Iterable[float]) -> float:
    """Return the highest of what is known; `nan` where nothing is."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def where_highest(values: Sequence[float]) -> int:
    """Return the place of the highest of what is known, the first of equal ones; `NOBODY` where nothing is."""
    best = NOBODY
    for at, value in enumerate(values):
        if not math.isnan(value) and (best == NOBODY or value > values[best]):
            best = at
    return best


def _items(row: Floats, columns: Columns) -> list[float]:
    """Return these columns of the row, `nan` for those that it lacks."""
    items: list[float] = _take(row[None, :], columns)[0].tolist() if _lacks(row, columns) else row[columns].tolist()
    return items


def _lacks(row: Floats, columns: Columns) -> bool:
    return len(columns) > 0 and (int(columns.max()) >= len(row) or int(columns.min()) < 0)


def _part(value: float, whole: float) -> float:
    return value / whole if whole > 0 and not math.isinf(whole) else math.nan


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
    best: Columns = np.where(known, block, -np.inf).argmax(axis=1)
    missed = ~known[np.arange(len(block)), best]
    if missed.any():  # nothing is known, or nothing but -inf
        best[missed] = np.where(known[missed].any(axis=1), known[missed].argmax(axis=1), NOBODY)
    return best


def _share(value: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(value, whole, out=np.full_like(value, np.nan), where=(whole > 0) & np.isfinite(whole))
    return share
