"""The number that stands for a panel, for one row of values or for many at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.panels.bars import BarSums, by_key
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.reduce import (
    NOBODY,
    highest,
    item,
    items,
    maxima,
    share,
    shares,
    take,
    total,
    totals,
    where_highest,
    where_maxima,
    width_of,
)
from vitalcast.core.panels.resolve import Mark, Resolved, mark_of, way_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]
    Columns = npt.NDArray[np.intp]

FEW = 64  # up to so many columns a row is read without numpy


@dataclass(frozen=True, slots=True)
class Number:
    """A number to show, in its unit, and the word beside it; `mark` is the triangle before it, if any."""

    value: float
    unit: str
    label: str
    mark: Mark = ""


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


class HeadlineRows(NamedTuple):
    """A panel's numbers in some rows, one an entry; `nan` where there is none.

    `which` says whose the number is, the place among the rule's `names`, `NOBODY` where it is nobody's alone. `up` and
    `down` are those of the two directions, for panels that have both. `wholes` and `bar_shares` have a column for each
    bar.
    """

    value: Floats
    share: Floats
    which: Columns
    up: Floats
    down: Floats
    whole: Floats
    wholes: Floats
    bar_shares: Floats


class HeadlineRow(NamedTuple):
    """The same in one row."""

    value: float
    share: float
    which: int
    up: float
    down: float
    whole: float
    wholes: Sequence[float]
    bar_shares: Sequence[float]


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
        read = [self._counted, self._all] if self._bars is None else [*self._bars.used, *self._bars.rest]
        self._few = sum(map(len, read)) <= FEW
        self._width = width_of(read)

    def _columns(self, lines: Iterable[Line]) -> Columns:
        places = self._places
        columns = [line.column for line in lines]
        return np.array(columns if places is None else [places.get(at, -1) for at in columns], dtype=np.intp)

    def _made_bars(self) -> BarSums:
        drawn, left = by_key(self.resolved.lines), by_key(self.resolved.remainder)
        used = [self._columns(own) for own in drawn.values()]
        return BarSums(
            tuple(own[0] for own in drawn.values()), used, [self._columns(left.get(key, ())) for key in drawn]
        )

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
        reduce = maxima if self._highest else totals
        block = take(rows, self._counted)
        value, whole = reduce(block), self._whole(rows)
        up = down = nothing
        if self.panel.below:
            up, down = reduce(take(rows, self._up)), reduce(take(rows, self._down))
        which = where_maxima(block) if self._highest else np.full(len(rows), NOBODY, dtype=np.intp)
        no_bars = np.zeros((len(rows), 0))
        return HeadlineRows(value, shares(value, whole), which, up, down, whole, no_bars, no_bars)

    @staticmethod
    def _over_bars(rows: Floats, bars: BarSums, nothing: Floats) -> HeadlineRows:
        used, wholes = bars.over(rows)
        parts = shares(used, wholes)
        which = where_maxima(parts)
        picked = np.arange(len(rows)), which
        known = which != NOBODY
        value, part, whole = (
            np.where(known, block[picked], np.nan) if block.shape[1] else nothing for block in (used, parts, wholes)
        )
        return HeadlineRows(value, part, which, nothing, nothing, whole, wholes, parts)

    def _whole(self, rows: Floats) -> Floats:
        if self.panel.headline.per == "rest":
            return totals(take(rows, self._all))
        return take(rows, np.array([self._per], dtype=np.intp))[:, 0]

    # --- one row: of few columns Python is faster than numpy -----------------------------------------------------

    def at(self, row: Floats) -> HeadlineRow:
        """Return the numbers in one row, as `over` does in many."""
        if not self._few or len(row) < self._width:
            rows = self.over(row[None, :])
            value, part, which, up, down, whole = (column[0].item() for column in rows[:6])
            return HeadlineRow(
                value, part, which, up, down, whole, rows.wholes[0].tolist(), rows.bar_shares[0].tolist()
            )
        if self._bars is not None:
            return self._bars_at(row, self._bars)
        reduce = highest if self._highest else total
        values = items(row, self._counted)
        value = reduce(values)
        per_rest = self.panel.headline.per == "rest"
        whole = total(items(row, self._all)) if per_rest else item(row, self._per)
        up = down = math.nan
        if self.panel.below:
            up, down = reduce(items(row, self._up)), reduce(items(row, self._down))
        which = where_highest(values) if self._highest else NOBODY
        return HeadlineRow(value, share(value, whole), which, up, down, whole, (), ())

    @staticmethod
    def _bars_at(row: Floats, bars: BarSums) -> HeadlineRow:
        used = [total(items(row, columns)) for columns in bars.used]
        wholes = [total((own, total(items(row, left)))) for own, left in zip(used, bars.rest, strict=True)]
        parts = [share(own, whole) for own, whole in zip(used, wholes, strict=True)]
        which = where_highest(parts)
        if which == NOBODY:
            return HeadlineRow(math.nan, math.nan, which, math.nan, math.nan, math.nan, wholes, parts)
        return HeadlineRow(used[which], parts[which], which, math.nan, math.nan, wholes[which], wholes, parts)

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

    def judged_at(self, found: HeadlineRow) -> float:
        """Return what thresholds judge in one row."""
        return found.share if self.judges_share else found.value

    def unit(self, *, share: bool) -> str:
        return "1" if share else self.resolved.unit

    @cached_property
    def bar_keys(self) -> tuple[str, ...]:
        """The key of each bar, in the order of their shares."""
        return () if self._bars is None else tuple(line.key for line in self._bars.lines)

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
        label, judged = self.label(found.which), self.judged_at(found)
        main = Number(found.share if self.shows_share else found.value, self.unit(share=self.shows_share), label)
        return HeadlineNow(tuple(self._numbers(found, main, label)), main, found.value, found.share, judged)

    def _numbers(self, found: HeadlineRow, main: Number, label: str) -> Iterable[Number]:
        panel, unit = self.panel, self.resolved.unit
        if panel.chart == "bar":
            yield main
            return
        if panel.below:
            for down, value in ((False, found.up), (True, found.down)):
                word, mark = way_of(panel, self.resolved, down=down), mark_of(panel, self.resolved, down=down)
                yield Number(value, unit, word, mark)
            return
        yield Number(found.value, unit, label)
        if self.resolved.per >= 0:
            yield Number(found.whole, unit, self.whole_label)

    @property
    def whole_label(self) -> str:
        """The word beside the whole that the number is a share of."""
        return self.panel.labels.get(self.panel.headline.per, "total")


def headline_of(panel: Panel, resolved: Resolved, row: Floats) -> HeadlineNow:
    """Return the panel's number in one row of values, of which `row[i]` is that of column i."""
    return HeadlineRule(panel, resolved).now(row)
