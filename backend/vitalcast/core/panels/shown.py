"""Which of a panel's lines are drawn, where it has room for fewer: those that its number stands for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from vitalcast.core.panels.bars import bars_of
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.palette import COLORS, GREYISH, OTHERS_COLOR, paint_key, told_apart
from vitalcast.core.panels.resolve import Resolved, stands_for_others

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]

Level = Literal["", "warning", "critical"]

FEW = 3  # so few lines are all shown, whether they move or not
STAYING = 0.02  # of two about as high the one that is shown stays: nobody could read a legend that changes all the time


@dataclass(frozen=True, slots=True)
class Seen:
    """The lowest and the highest of each column in the time that is shown, and its newest; `nan` for no value.

    `sums` are of how far from zero it was each time, None where nobody added them up.
    """

    lowest: Floats
    highest: Floats
    newest: Floats
    sums: Floats | None = None

    @property
    def sizes(self) -> Floats:
        """How far from zero each column was."""
        return np.fmax(np.abs(self.lowest), np.abs(self.highest))


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel as it is drawn: what it means here, which of its lines are shown, in what colours, and its level.

    `bar_levels` has that of each bar that is shown, by its key.
    """

    panel: Panel
    resolved: Resolved
    lines: tuple[Line, ...]
    level: Level = ""
    bar_levels: Mapping[str, Level] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns of which the past is drawn, each once."""
        beside = [self.resolved.reference] if self.resolved.reference >= 0 else []
        return tuple(dict.fromkeys([*(line.column for line in self.lines), *beside]))

    @property
    def more(self) -> int:
        """How many keys there are whose lines are not shown."""
        return len({line.key for line in self.resolved.lines} - {line.key for line in self.lines})


def choose(panel: Panel, resolved: Resolved, seen: Seen, staying: Collection[str] = ()) -> list[Line]:
    """Return the lines to draw: of a stack all, else those of the keys that rank highest.

    Bars rank by the share that is used, lines whose number is the highest of all by how high they were, and others by
    how far from zero they were. The line that the number is now is always among them, and of two about as high the one
    whose key is `staying`. Of many, those at rest are left out; not so rows of a heatmap and bars, which say something
    by being empty. Bars come in the order of their rank, all others in that of the panel.
    """
    if draws_all(panel):
        return _coloured_first(panel, resolved, seen, staying) if panel.others else list(resolved.lines)
    ranked = ranked_of(panel, resolved, seen, staying)
    kept = set(ranked[: panel.lines_max])
    if panel.chart == "line" and len(ranked) > FEW and not _below_zero(resolved, seen):
        sizes = seen.sizes
        kept &= {line.key for line in resolved.lines if sizes[line.column] > 0}
    kept = kept or set(ranked[: min(FEW, panel.lines_max)])
    lines = [line for line in resolved.lines if line.key in kept or stands_for_others(panel, line)]
    if panel.chart == "bar":
        places = {key: at for at, key in enumerate(ranked)}
        lines.sort(key=lambda line: places[line.key])
    return lines


def _coloured_first(panel: Panel, resolved: Resolved, seen: Seen, staying: Collection[str]) -> list[Line]:
    """Return all lines: those that rank highest in the panel's order, then those that have no colour of their own."""
    own = [line for line in resolved.lines if not stands_for_others(panel, line)]
    keys = {line.key for line in own}
    first = set([key for key in ranked_of(panel, resolved, seen, staying) if key in keys][: _coloured_max(panel)])
    return [
        *(line for line in own if line.key in first),
        *(line for line in own if line.key not in first),
        *(line for line in resolved.lines if line.key not in keys),
    ]


def _coloured_max(panel: Panel) -> int:
    """Return how many lines can have a colour that is not taken for that of all others."""
    return min(panel.lines_max, COLORS - 1)


def coloured(
    panel: Panel,
    lines: Sequence[Line],
    staying: Mapping[str, int],
    before: Mapping[str, int] = MappingProxyType({}),
) -> list[Line]:
    """Return lines that are drawn together in the colours of `told_apart`; what is one of many others is grey."""
    if not panel.others:
        return told_apart(lines, staying, before)
    own = [line for line in lines if not stands_for_others(panel, line)]
    first = set(list(dict.fromkeys(map(paint_key, own)))[: _coloured_max(panel)])
    told = told_apart([line for line in own if paint_key(line) in first], staying, before, without=(GREYISH,))
    colors = {paint_key(line): line.color for line in told}
    return [line._replace(color=colors.get(paint_key(line), OTHERS_COLOR)) for line in lines]


def draws_all(panel: Panel) -> bool:
    """Say whether all lines are drawn, whatever was seen of them: half a stack is no whole."""
    return panel.stack and not panel.below


def shows_all(panel: Panel, resolved: Resolved) -> bool:
    """Say whether all lines that there are are shown, whatever was seen of them."""
    keys = len({line.key for line in resolved.lines})
    return draws_all(panel) or keys <= (min(FEW, panel.lines_max) if panel.chart == "line" else panel.lines_max)


def ranked_of(panel: Panel, resolved: Resolved, seen: Seen, staying: Collection[str] = ()) -> list[str]:
    """Return the keys of all lines, what the panel's number is about first.

    Of many others, which come and go, what had most in all and what was highest take turns: neither a short peak nor
    what went on all the time is lost among them.
    """
    leaders = _leaders(panel, resolved, seen.newest)
    highest = _ordered(_ranks(panel, resolved, seen), leaders, staying)
    if not panel.others or seen.sums is None:
        return highest
    most = _ordered(_highest_of(resolved, seen.sums.tolist()), set(), staying)
    return list(dict.fromkeys(key for pair in zip(most, highest, strict=True) for key in pair))


def _ordered(ranks: Mapping[str, float], leaders: Collection[str], staying: Collection[str]) -> list[str]:
    """Return the keys from the highest rank down, after the leaders; of two about as high the one that stays first."""

    def rank(key: str) -> tuple[bool, float]:
        value = ranks[key]
        if math.isnan(value):
            return key not in leaders, math.inf
        return key not in leaders, -value - (STAYING * abs(value) if key in staying else 0.0)

    return sorted(ranks, key=rank)


def _ranks(panel: Panel, resolved: Resolved, seen: Seen) -> dict[str, float]:
    if panel.chart == "bar":
        return {bar.key: bar.share for bar in bars_of(resolved, resolved.lines, seen.newest)}
    by_column = seen.highest if panel.headline.reduce == "max" and not panel.below else seen.sizes
    return _highest_of(resolved, by_column.tolist())


def _highest_of(resolved: Resolved, by_column: Sequence[float]) -> dict[str, float]:
    """Return the highest that each key has in any of its columns."""
    ranks: dict[str, float] = {}
    for line in resolved.lines:
        rank, before = by_column[line.column], ranks.get(line.key, math.nan)
        ranks[line.key] = before if before >= rank or math.isnan(rank) else rank
    return ranks


def _leaders(panel: Panel, resolved: Resolved, newest: Floats) -> set[str]:
    """Return the keys of the lines that are the panel's number now, which may have been low until now."""
    if panel.headline.reduce != "max" or panel.chart == "bar":
        return set()
    known = [line for line in resolved.counted if not math.isnan(newest[line.column])]
    ways = ([line for line in known if line.down == down] for down in (False, True))
    return {max(lines, key=lambda line: newest[line.column]).key for lines in ways if lines}


def _below_zero(resolved: Resolved, seen: Seen) -> bool:
    """Say whether some are below zero, which is a value like others then and no rest."""
    return bool((seen.lowest[[line.column for line in resolved.lines]] < 0).any())
