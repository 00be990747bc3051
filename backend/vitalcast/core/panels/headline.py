"""The number that stands for a panel, and whether it is alarming.

The dashboard's `charts/model/headline.js` does the same; a test holds the two to the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from vitalcast.core.panels.lines import Line, Reading, way_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel, Thresholds

    Row = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.float64]

ROUNDING = 1e-9  # parts that add up to a threshold may add up to a hair less
Level = Literal["", "warning", "critical"]
LEVELS: tuple[Level, ...] = ("", "warning", "critical")
LASTS_MS = 5000


@dataclass(frozen=True, slots=True)
class Number:
    """A number to show, in its unit, and the word beside it."""

    value: float
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class HeadlineNow:
    """`value` is the panel's number, `share` what part of the whole it is; `nan` where there is none."""

    numbers: tuple[Number, ...]
    value: float
    share: float
    level: Level


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


def headline_of(panel: Panel, reading: Reading, row: Row) -> HeadlineNow:
    """Return the panel's number in one row of readings, of which `row[i]` is that of column i."""
    head = panel.headline
    if panel.chart == "bar":
        value, share, label = _fullest(panel, reading, row)
        shown = Number(share, "1", label) if head.show == "share" else Number(value, reading.unit, label)
        return HeadlineNow((shown,), value, share, level_of(panel.thresholds, share))
    value, label = _reduced(panel, reading.counted, row)
    whole = _whole(panel, reading, row)
    share = value / whole if whole > 0 else math.nan
    numbers = [Number(value, reading.unit, label)]
    if panel.below:
        numbers = [_one_way(panel, reading, row, down=down) for down in (False, True)]
    elif reading.per >= 0:
        numbers.append(Number(whole, reading.unit, panel.labels.get(head.per, "total")))
    return HeadlineNow(tuple(numbers), value, share, level_of(panel.thresholds, share if head.per else value))


def headline_over(panel: Panel, reading: Reading, rows: Sequence[Row] | Rows) -> HeadlineNow:
    """Return the panel's number in the last of some rows, and the level that it has kept to in all of them.

    A number that is past its threshold for a moment is a spike, and nothing is wrong.
    """
    now = headline_of(panel, reading, rows[-1])
    level = now.level
    for row in rows[:-1]:
        if level:
            level = min(level, headline_of(panel, reading, row).level, key=LEVELS.index)
    return replace(now, level=level)


def level_of(thresholds: Thresholds | None, judged: float) -> Level:
    if thresholds is None or math.isnan(judged) or judged < thresholds.warning - ROUNDING:
        return ""
    return "critical" if judged >= thresholds.critical - ROUNDING else "warning"


def bars_of(reading: Reading, lines: Iterable[Line], row: Row) -> list[Bar]:
    """Return what each bar is made of, for the bars that these lines belong to.

    The fullest comes first: where there is no room for all, it is the one that must be seen.
    """
    drawn, left = _by_key(lines), _by_key(reading.remainder)
    bars = []
    for key, own in drawn.items():
        parts = tuple((line, _at(row, line.column)) for line in own)
        used = total(value for _, value in parts)
        rest = total(_at(row, line.column) for line in left.get(key, ()))
        bars.append(Bar(key, own[0].label, parts, used, rest, total((used, rest))))
    return sorted(bars, key=lambda bar: -math.inf if math.isnan(bar.share) else bar.share, reverse=True)


def _by_key(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.key, []).append(line)
    return found


def total(values: Iterable[float]) -> float:
    """Return the sum of what is known; `nan` where nothing is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


def _at(row: Row, column: int) -> float:
    return float(row[column]) if 0 <= column < len(row) else math.nan


def _reduced(panel: Panel, counted: Sequence[Line], row: Row) -> tuple[float, str]:
    known = [(value, line.label) for line in counted if not math.isnan(value := _at(row, line.column))]
    label = panel.headline.label or (counted[0].label if len(counted) == 1 else "")  # of a single line its own will do
    if panel.headline.reduce == "sum":
        return total(value for value, _ in known), label
    value, which = max(known, key=lambda entry: entry[0], default=(math.nan, ""))
    return value, " ".join(word for word in (label, which if len(counted) > 1 else "") if word)


def _whole(panel: Panel, reading: Reading, row: Row) -> float:
    if panel.headline.per == "rest":
        return total(_at(row, line.column) for line in (*reading.lines, *reading.remainder))
    return _at(row, reading.per)


def _fullest(panel: Panel, reading: Reading, row: Row) -> tuple[float, float, str]:
    bars = bars_of(reading, reading.lines, row)
    known = [bar for bar in bars if not math.isnan(bar.share)]
    if not known:
        return math.nan, math.nan, panel.headline.label
    bar = max(known, key=lambda bar: bar.share)
    words = (panel.headline.label, bar.label if len(bars) > 1 else "")
    return bar.used, bar.share, " ".join(word for word in words if word)


def _one_way(panel: Panel, reading: Reading, row: Row, *, down: bool) -> Number:
    values = [_at(row, line.column) for line in reading.counted if line.down == down]
    known = [value for value in values if not math.isnan(value)]
    value = max(known, default=math.nan) if panel.headline.reduce == "max" else total(known)
    return Number(value, reading.unit, way_of(panel, reading, down=down))
