"""Collects what parts of the past bring of one series, and makes one value of all that lies in a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.aggregate import between, mean_of
from vitalcast.core.metrics.growth import Newest, derives, growth
from vitalcast.core.query.sketch import Sketches, merged, sketched
from vitalcast.core.query.steps import ends_of, runs_of
from vitalcast.core.vocabulary import DERIVED, PERCENTILES, Aggregate

if TYPE_CHECKING:
    import numpy.typing as npt

    from vitalcast.core.query.past import Rollup

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steps:
    """One series in its steps: `values` has the shape (steps, aggregates).

    Steps are sorted by stretch, then by their ends; those without a reading are left out. `approximate` says that
    percentiles come from sketches.
    """

    stretches: Integers
    ends_ms: Integers
    values: Floats
    approximate: bool


class Partials:
    """The parts of one series. They come in the order of time, within each stretch.

    Steps lie in the time that is shown, which is `shift_ms` after the one that was. `counter` says that the series only
    grows, unless it begins anew. What is added while `leading` was before the range: of that only the newest value of a
    step counts, for the step after it.
    """

    def __init__(self, aggregates: Sequence[Aggregate], shift_ms: int = 0, *, counter: bool = False) -> None:
        self.leading = False
        self._counter = counter
        self._aggregates = tuple(aggregates)
        self._shift_ms = shift_ms
        self._fractions = tuple(PERCENTILES[one] for one in aggregates if one in PERCENTILES)
        self._pieces: list[_Piece] = []

    def add_ticks(self, stretch: int, times_ms: Integers, values: Floats, step_ms: int) -> None:
        """Take in ticks, whose times do not fall; `nan` is no reading."""
        seen = ~np.isnan(values)
        if not seen.all():
            times_ms, values = times_ms[seen], values[seen]
        if not len(values):
            return
        ends = ends_of(times_ms, step_ms, shift_ms=self._shift_ms)
        starts, rows = runs_of(ends)
        stops = np.append(starts[1:], len(values))
        piece = _Piece(
            np.full(len(starts), stretch),
            ends[starts],
            step_ms,
            (stops - starts).astype(np.float64),
            self._totals(stretch, int(ends[0]), values, rows, len(starts)),
            np.minimum.reduceat(values, starts),
            np.maximum.reduceat(values, starts),
            values[stops - 1],
            times_ms[stops - 1],
            of_ticks=True,
        )
        if self._fractions:
            piece.rows = rows
            piece.readings = values
        self._add(piece)

    def _add(self, piece: _Piece) -> None:
        self._pieces.append(piece.leading() if self.leading else piece)

    def _totals(self, stretch: int, end_ms: int, values: Floats, rows: Integers, count: int) -> Floats:
        """Add up values in `count` steps, each in that of `rows`, and onto what the first has of ticks already: so it
        is the same in whatever parts they come."""
        latest = self._pieces[-1] if self._pieces else None
        if latest is not None and latest.of_ticks and (latest.stretches[-1], latest.ends_ms[-1]) == (stretch, end_ms):
            rows, values = np.append(0, rows), np.append(latest.total[-1], values)
            latest.total[-1] = 0.0
        totals: Floats = np.bincount(rows, values, count).astype(
            np.float64, copy=False
        )  # one after the other, as sums_of_runs does
        return totals

    def add_rollup(self, part: Rollup, step_ms: int) -> None:
        """Take in steps of a rollup tier, of which those of `step_ms` consist."""
        if len(part.times_ms):
            ends = ends_of(part.times_ms, step_ms, shift_ms=self._shift_ms)
            stretches = np.full(len(ends), part.stretch)
            self._add(
                _Piece(
                    stretches,
                    ends,
                    step_ms,
                    part.count,
                    part.total,
                    part.minimum,
                    part.maximum,
                    part.last,
                    part.times_ms,
                    part.sketches,
                )
            )

    def steps(self) -> Steps:
        """Merge all parts."""
        pieces = self._pieces
        if not pieces:
            nothing = np.zeros(0, dtype=np.int64)
            return Steps(nothing, nothing, np.zeros((0, len(self._aggregates))), approximate=False)
        stretches = np.concatenate([piece.stretches for piece in pieces])
        ends = np.concatenate([piece.ends_ms for piece in pieces])
        order = np.lexsort((ends, stretches))  # stable: what came later stays later
        stretches, ends = stretches[order], ends[order]
        changes = (ends[1:] != ends[:-1]) | (stretches[1:] != stretches[:-1])
        starts = np.append(0, np.flatnonzero(changes) + 1)
        columns = _Columns(pieces, order, starts)
        rows = np.empty(len(order), dtype=np.int64)  # of each step of a part, the step that it becomes part of
        rows[order] = np.append(0, np.cumsum(changes))
        percentiles, approximate = self._percentiles(rows, len(starts)) if self._fractions else (None, False)
        values = np.empty((len(starts), len(self._aggregates)))
        at = 0
        for column, aggregate in enumerate(self._aggregates):
            if aggregate in PERCENTILES:
                assert percentiles is not None
                values[:, column] = columns.within(percentiles[:, at])
                at += 1
            elif aggregate not in DERIVED:
                values[:, column] = columns.of(aggregate)
        stretches, ends = stretches[starts], ends[starts]
        if derives(self._aggregates):
            self._add_growth(values, columns, stretches, ends)
            kept = columns.of(Aggregate.COUNT) > 0  # in the range
            stretches, ends, values = stretches[kept], ends[kept], values[kept]
        return Steps(stretches, ends, values, approximate)

    def _add_growth(self, values: Floats, columns: _Columns, stretches: Integers, ends_ms: Integers) -> None:
        """Put how much there was more than in the step before where it belongs."""
        newest, widths = columns.newest(), columns.widths()
        follows = (stretches[1:] == stretches[:-1]) & (ends_ms[1:] - ends_ms[:-1] == widths[1:])
        before = Newest.nothing(len(ends_ms))
        before.values[1:][follows] = newest.values[:-1][follows]
        before.times_ms[1:] = newest.times_ms[:-1]
        counters = np.full(len(ends_ms), self._counter)
        for column, aggregate in enumerate(self._aggregates):
            if aggregate in DERIVED:
                values[:, column] = growth(aggregate, newest, before, counters)

    def _percentiles(self, rows: Integers, count: int) -> tuple[Floats, bool]:
        """Return the percentiles of `count` steps, and whether any comes from a sketch: those of ticks are exact."""
        steps: list[Integers] = []
        readings: list[Floats] = []
        sketches: list[Sketches] = []
        first = 0
        for piece in self._pieces:
            own = rows[first : first + len(piece.ends_ms)]
            first += len(own)
            if piece.readings is not None and piece.rows is not None:
                steps.append(own[piece.rows])
                readings.append(piece.readings)
            elif piece.sketches is not None:
                sketches.append(piece.sketches.placed(own))
        all_steps = np.concatenate([np.zeros(0, dtype=np.int64), *steps])
        all_readings = np.concatenate([np.zeros(0), *readings])
        exact = percentiles_of(all_steps, all_readings, self._fractions, count)
        if not sketches:
            return exact, False
        touched = np.zeros(count, dtype=np.bool_)
        for part in sketches:
            touched[part.steps] = True
        mixed = touched[all_steps]
        both = merged([*sketches, sketched(all_steps[mixed], all_readings[mixed])])
        exact[touched] = both.percentiles(self._fractions, count)[touched]
        return exact, True


@dataclass(slots=True, eq=False)
class _Piece:
    """Steps of one part, each as long as `width_ms`, and the newest value of each with its time.

    `readings` are those of ticks, each in the step `rows` of these.
    """

    stretches: Integers
    ends_ms: Integers
    width_ms: int
    count: Floats
    total: Floats
    minimum: Floats
    maximum: Floats
    last: Floats
    last_ms: Integers
    sketches: Sketches | None = None
    of_ticks: bool = False
    rows: Integers | None = None
    readings: Floats | None = None

    def leading(self) -> _Piece:
        """Return the same with nothing in it but the newest values."""
        none, nothing = np.zeros(len(self.ends_ms)), np.full(len(self.ends_ms), np.nan)
        return _Piece(
            self.stretches, self.ends_ms, self.width_ms, none, none, nothing, nothing, self.last, self.last_ms
        )


class _Columns:
    """The columns of all pieces, in an order, and made one value for each run of steps that begins at `starts`."""

    def __init__(self, pieces: list[_Piece], order: npt.NDArray[np.intp], starts: npt.NDArray[np.intp]) -> None:
        self._pieces = pieces
        self._order = order
        self._starts = starts

    def of(self, aggregate: Aggregate) -> Floats:
        if aggregate is Aggregate.AVG:
            parts = (Aggregate.SUM, Aggregate.COUNT, Aggregate.MIN, Aggregate.MAX)
            return mean_of(*(self.of(one) for one in parts))
        if aggregate is Aggregate.LAST:
            return self.newest().values
        if aggregate is Aggregate.MIN:
            return np.fmin.reduceat(self._column("minimum"), self._starts)
        if aggregate is Aggregate.MAX:
            return np.fmax.reduceat(self._column("maximum"), self._starts)
        return _sum(self._column("total" if aggregate is Aggregate.SUM else "count"), self._starts)

    def newest(self) -> Newest:
        """Return the newest values, and when they were read: of a rollup, when its step ended."""
        newest = np.append(self._starts[1:], len(self._order)) - 1
        times_ms = np.concatenate([piece.last_ms for piece in self._pieces])[self._order]
        return Newest(self._column("last")[newest], times_ms[newest])

    def widths(self) -> Integers:
        """Return how long the steps are."""
        widths = [np.full(len(piece.ends_ms), piece.width_ms) for piece in self._pieces]
        return np.concatenate(widths)[self._order][self._starts]

    def within(self, values: Floats) -> Floats:
        """Return one value for each run, none outside its extremes, as one of a sketch may be."""
        inside = np.fmin(np.fmax(values, self.of(Aggregate.MIN)), self.of(Aggregate.MAX))
        return np.where(np.isnan(values), np.nan, inside)

    def _column(self, name: str) -> Floats:
        joined: Floats = np.concatenate([getattr(piece, name) for piece in self._pieces])[self._order]
        return joined


def percentiles_of(steps: Integers, readings: Floats, fractions: Sequence[float], count: int) -> Floats:
    """Return percentiles of the readings in each of the steps 0 to `count` - 1, in the shape (steps, fractions).

    Where one lies between two readings it is on the straight line between them, as numpy's are. No reading is `nan`; a
    step without any has `nan`.
    """
    result = np.full((count, len(fractions)), np.nan)
    if not len(readings):
        return result
    ordered = readings[np.lexsort((readings, steps))]
    sizes = np.bincount(steps, minlength=count)
    firsts = np.cumsum(sizes) - sizes
    present = np.flatnonzero(sizes)
    for column, fraction in enumerate(fractions):
        rank = fraction * (sizes[present] - 1)
        lower = np.floor(rank).astype(np.int64)
        low = ordered[firsts[present] + lower]
        high = ordered[firsts[present] + np.ceil(rank).astype(np.int64)]
        result[present, column] = between(low, high, rank - lower)
    return result


def _sum(values: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):  # what others send may be too large to add up
        result: Floats = np.add.reduceat(values, starts)
    return result
