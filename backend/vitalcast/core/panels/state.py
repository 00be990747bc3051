"""What is known of one panel on one source: what it means, its colours, and which of its lines are shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

import numpy as np

from vitalcast.core.panels.headline import HeadlineRule
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.palette import Palette, paint_key
from vitalcast.core.panels.resolve import Resolved, resolve
from vitalcast.core.panels.shown import Seen, Shown, choose, coloured, draws_all, shows_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.choices import Choice, Chosen
    from vitalcast.core.metrics.ring import Ring
    from vitalcast.core.panels.schema import Panel

    Floats = npt.NDArray[np.float64]
    Offsets = npt.NDArray[np.int64]

CHOOSE_EVERY_MS = 5000
RANGES_KEPT = 16  # that nobody is watching
COLORS_KEPT = 256
SEEN_VALUES_MAX = 500_000  # that are looked at to choose lines, the newest: some 10 ms
SEEN_VALUES_AT_ONCE = 50_000


def no_rule(_whole: float) -> str:
    """Return the rule of a panel that is not judged."""
    return ""


class LevelsAt(Protocol):
    """What says the levels of a panel."""

    def at(self, offsets: Offsets) -> Floats:
        """Return the level at each of these ticks: 0, 1 for a warning, 2 for critical, `nan` where nothing is known."""
        ...

    def at_tick(self, offset: int) -> float:
        """Return the level at one tick."""
        ...

    def bars_at(self, keys: Sequence[str], offsets: Offsets) -> Floats:
        """Return the level of each of these bars at each of these ticks, of the shape (ticks, bars)."""
        ...

    def bars_at_tick(self, keys: Sequence[str], offset: int) -> list[float]:
        """Return the level of each of these bars at one tick."""
        ...


class PanelState:
    """One panel on one source. `choice` is that of the panel's request selection there, and `ring` the source's past.

    Everything that shows the panel asks here, so that all show the same. `levels` judges it, and `rule` says in words
    how, given the whole that its number is a share of; a panel that is not judged has neither. `palette` and `colors`
    are what its lines had before, if anything. `peaks` says how high each column was where the ring has but means.
    """

    def __init__(
        self,
        panel: Panel,
        choice: Choice,
        ring: Ring,
        *,
        palette: Palette | None = None,
        colors: Mapping[str, int] = MappingProxyType({}),
        peaks: Floats | None = None,
    ) -> None:
        self.panel = panel
        self.ring = ring
        self.peaks = peaks
        self.levels: LevelsAt | None = None
        self.rule: Callable[[float], str] = no_rule
        self._withdrawn = False
        self.palette = palette or Palette()
        self._colors = colors
        self._choice = choice
        self._chosen: Chosen | None = None
        self._ranges: WeakValueDictionary[tuple[int, bool], ShownOver] = WeakValueDictionary()
        self._kept: OrderedDict[tuple[int, bool], ShownOver] = OrderedDict()
        self._follow()

    def _follow(self) -> None:
        chosen = self._choice.chosen
        if chosen is not self._chosen:
            self._chosen = chosen
            series, columns = ((), ()) if self._withdrawn else (chosen.series, chosen.columns.tolist())
            self._resolved = resolve(self.panel, series, columns=columns, palette=self.palette)
            self._headline = HeadlineRule(self.panel, self._resolved)

    @property
    def resolved(self) -> Resolved:
        """What the panel means in the newest layout."""
        self._follow()
        return self._resolved

    @property
    def headline(self) -> HeadlineRule:
        self._follow()
        return self._headline

    def over(self, range_ms: int, *, all_lines: bool = False) -> ShownOver:
        """Return what is shown of the panel where charts reach so far back, or `all_lines` whether drawn or not."""
        which = (range_ms, all_lines)
        found = self._ranges.get(which)
        if found is None:
            found = self._ranges[which] = ShownOver(self, range_ms, all_lines=all_lines)
        self._kept[which] = found
        self._kept.move_to_end(which)
        if len(self._kept) > RANGES_KEPT:
            self._kept.popitem(last=False)
        return found

    def colors_before(self) -> dict[str, int]:
        """Return the colours that its lines had before."""
        return dict(self._colors)

    def remember(self, colors: Mapping[str, int]) -> None:
        """Keep in mind the colours in which lines of some past were drawn. Good for any thread."""
        self._colors = remembered(self._colors, colors)

    @property
    def colors(self) -> dict[str, int]:
        """The colours in which lines were drawn, by what has them."""
        found = dict(self._colors)
        for over in self._kept.values():
            found |= over.colors
        return found

    def redefine(self, panel: Panel, choice: Choice) -> None:
        """Take over another definition of the same panel, withdrawn or not; devices keep their colours."""
        self._withdrawn = False
        self.panel = panel
        self._choice = choice
        self._chosen = None

    def withdraw(self) -> None:
        """Show nothing from now on: the panel is no more, and somebody may still watch it."""
        self.levels, self.rule = None, no_rule
        self._withdrawn = True
        self._chosen = None


class ShownOver:
    """Which lines of a panel are shown where charts reach so far back: chosen anew every few seconds, or simply all.

    `came_offset` is the tick at which a line came last that was not shown before, and `reads` counts the values that
    were looked at to choose the last time.
    """

    def __init__(self, state: PanelState, range_ms: int, *, all_lines: bool = False) -> None:
        self.state = state
        self.range_ms = range_ms
        self._all_lines = all_lines
        self.came_offset = 0
        self.reads = 0
        self._resolved: Resolved | None = None
        self._chosen_ms = 0
        self._lines: tuple[Line, ...] = ()
        self.colors = state.colors_before()  # of lines that were drawn
        self._shown: Shown | None = None

    def now(self) -> Shown:
        """Return what is shown now: the same object for as long as nothing changes."""
        state = self.state
        newest = state.ring.newest
        time_ms = 0 if newest is None else newest.time_ms
        if newest is not None and newest.offset < self.came_offset:  # the source has begun anew
            self.came_offset = newest.offset
        resolved = state.resolved
        if self._shown is None or resolved is not self._resolved or abs(time_ms - self._chosen_ms) >= CHOOSE_EVERY_MS:
            self._choose(resolved)
            self._chosen_ms = time_ms
        assert self._shown is not None
        return self._shown

    def _choose(self, resolved: Resolved) -> None:
        panel = self.state.panel
        lines = self._every(resolved) if self._all_lines else self._chosen(resolved)
        keys = set(map(paint_key, self._lines))
        drawn = {key: color for key, color in self.colors.items() if key in keys and color}
        painted = tuple(coloured(panel, lines, drawn, self.state.colors_before() | self.colors))
        if self._shown is None or resolved is not self._resolved or painted != self._lines:
            held = {line.series for line in self._lines}
            if self.state.ring.newest is not None and any(line.series not in held for line in painted):
                newest = self.state.ring.newest.offset
                self.came_offset = newest if self._shown is not None else self._first_came(resolved, painted, newest)
            self.colors = remembered(self.colors, colors_of(painted))
            self._lines, self._resolved = painted, resolved
            self._shown = Shown(panel, resolved, painted)

    def _first_came(self, resolved: Resolved, lines: Sequence[Line], newest: int) -> int:
        """Return the tick at which the last of the lines came, as far as the ring tells, of those chosen first.

        Where lines are chosen by what was seen, others may have been shown before: then they all come now.
        """
        if not (self._all_lines or shows_all(self.state.panel, resolved)):
            return newest
        ring = self.state.ring
        columns = np.array(sorted({line.column for line in lines}), dtype=np.intp)
        row = last_to_come(ring.read(columns, ring.first_row, ring.end_row))
        return int(ring.offsets()[row]) if row else 0

    def _chosen(self, resolved: Resolved) -> list[Line]:
        return choose(self.state.panel, resolved, self._seen(resolved), {line.key for line in self._lines})

    def _every(self, resolved: Resolved) -> list[Line]:
        """Return all lines, those that only count included; what is of one key stays together."""
        lines = self.state.palette.number((*resolved.lines, *resolved.remainder))
        places = {key: at for at, key in enumerate(dict.fromkeys(line.key for line in lines))}
        return sorted(lines, key=lambda line: places[line.key])

    @property
    def _all_drawn_alike(self) -> bool:
        """Whether what was seen of the lines makes no difference."""
        return draws_all(self.state.panel) and not self.state.panel.others

    def _seen(self, resolved: Resolved) -> Seen:
        ring = self.state.ring
        columns = sorted({line.column for line in (*resolved.lines, *resolved.remainder)})
        width = max(columns, default=-1) + 1 if ring.newest is None else len(ring.newest.values)
        if ring.newest is None or not columns or self._all_drawn_alike:
            nothing = np.full(width, np.nan)
            return Seen(nothing, nothing, nothing if ring.newest is None else ring.newest.values)
        rows = rows_seen(ring, len(columns), self.range_ms)
        self.reads = rows * len(columns)
        seen = seen_in(ring, np.array(columns, dtype=np.intp), rows)
        peaks = self.state.peaks
        return seen if peaks is None else replace(seen, highest=np.fmax(seen.highest, peaks))


def colors_of(lines: Iterable[Line]) -> dict[str, int]:
    """Return the colours of lines that have one, by what is coloured."""
    return {paint_key(line): line.color for line in lines if line.color}


def remembered(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Return the colours of now, and as many of before as are kept."""
    kept = {key: color for key, color in before.items() if key not in now}
    return {**dict(list(kept.items())[-COLORS_KEPT:]), **now}


def last_to_come(values: Floats) -> int:
    """Return the first row in which every column that has a value anywhere has had one."""
    seen = ~np.isnan(values)
    rows = seen.argmax(axis=0)[seen.any(axis=0)]
    return int(rows.max()) if len(rows) else 0


def rows_seen(ring: Ring, columns: int, range_ms: int) -> int:
    """Return how many of the newest rows are looked at: those of the range, but no more than are read in passing."""
    return min(int(np.count_nonzero(ring.ages() <= range_ms)), max(1, SEEN_VALUES_MAX // columns))


def seen_in(ring: Ring, columns: npt.NDArray[np.intp], rows: int) -> Seen:
    """Return what was seen of these columns in so many of the newest rows."""
    assert ring.newest is not None
    newest = ring.newest.values
    lowest, highest = (np.full(len(newest), np.nan) for _ in range(2))
    sums = np.zeros(len(newest))
    step = max(1, SEEN_VALUES_AT_ONCE // len(columns))
    for start in range(ring.end_row - rows, ring.end_row, step):
        block = ring.read(columns, start, min(start + step, ring.end_row))
        lowest[columns] = np.fmin(lowest[columns], np.fmin.reduce(block, axis=0, initial=np.nan))
        highest[columns] = np.fmax(highest[columns], np.fmax.reduce(block, axis=0, initial=np.nan))
        with np.errstate(over="ignore"):  # values of others may be too large to add up
            sums[columns] += np.nansum(np.abs(block), axis=0)
    return Seen(lowest, highest, newest, sums)
