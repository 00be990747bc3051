"""A past made by hand for tests: ticks, what a file and a ring have of them, and the plain numpy answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.no_past import NoPast
from vitalcast.core.query.past import Extent, Reach, Rollup, Ticks
from vitalcast.core.query.plan import lead_ms
from vitalcast.core.query.query import Query
from vitalcast.core.query.ring_part import Anchor, RingPart
from vitalcast.core.query.sketch import sketched
from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.core.vocabulary import DERIVED, PERCENTILES, Aggregate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Method = Literal["linear", "lower", "higher"]  # what a percentile is that lies between two readings

HOUR_MS = 3_600_000
T0 = 1_790_000_000_000 // HOUR_MS * HOUR_MS
IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes.", ("device", "direction"))
LOAD = Descriptor("system.load", "1", Kind.GAUGE, "Load.")


def disk(device: str, direction: str) -> Series:
    return Series(IO, (device, direction))


EVERYTHING = (
    disk("sda", "read"),
    disk("sda", "write"),
    disk("sdb", "read"),
    Series(LOAD),
)


@dataclass
class Recorded:
    """Ticks of some series, in the order in which they came: `values` has the shape (ticks, series)."""

    series: tuple[Series, ...]
    times_ms: Integers
    values: Floats
    epochs: list[str] = field(default_factory=list)
    offsets: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if not self.epochs:
            self.epochs = ["epoch-1"] * len(self.times_ms)
        if not len(self.offsets):
            self.offsets = np.arange(1, len(self.times_ms) + 1)
        self.stretches = np.append(0, np.cumsum(np.diff(self.times_ms) <= 0)) + 7

    def ring(self, first: int, query: Query, *, interval_ms: int = 1000) -> RingPart:
        """Return what a ring has that begins with this tick."""
        low, high = query.start_ms - query.shift_ms, query.end_ms - query.shift_ms
        low -= lead_ms(query, interval_ms)
        rows = [row for row in range(first, len(self.times_ms)) if low < self.times_ms[row] <= high]
        columns = [place for place, one in enumerate(self.series) if query.selection.matches(one)]
        there = first < len(self.times_ms)
        return RingPart(
            self.epochs[-1],
            interval_ms,
            int(self.offsets[first]) if there else None,
            int(self.times_ms[first]) if there else None,
            tuple(self.series[column] for column in columns),
            self.offsets[rows],
            self.times_ms[rows],
            (self.stretches - self.stretches[min(first, len(self.stretches) - 1)])[rows],
            self.values[np.ix_(rows, columns)],
            self._anchor(first),
        )

    def _anchor(self, first: int) -> Anchor | None:
        seen = ~np.isnan(self.values[first:])
        if not seen.any():
            return None
        row = first + int(seen.any(axis=1).argmax())
        there = tuple(one for one, value in zip(self.series, self.values[row], strict=True) if not np.isnan(value))
        turn = int(self.stretches[row] - self.stretches[first])
        return Anchor(int(self.offsets[row]), int(self.times_ms[row]), turn, there)

    def answer(
        self, query: Query, step_ms: int, method: Method = "linear"
    ) -> tuple[list[tuple[int, int]], dict[tuple[str, Aggregate], list[float]]]:
        """Return the steps, (stretch, end), and for each series and aggregate its values, by numpy alone."""
        low, high = query.start_ms - query.shift_ms, query.end_ms - query.shift_ms
        inside = (self.times_ms > low) & (self.times_ms <= high)
        steps: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero(inside).tolist():
            end = -(-(int(self.times_ms[row]) + query.shift_ms) // step_ms) * step_ms
            steps.setdefault((int(self.stretches[row]), end), []).append(row)
        meant = [place for place, one in enumerate(self.series) if query.selection.matches(one)]
        steps = {
            key: rows for key, rows in sorted(steps.items()) if not np.isnan(self.values[np.ix_(rows, meant)]).all()
        }
        found: dict[tuple[str, Aggregate], list[float]] = {}
        for place in meant:
            columns = [self.values[rows, place] for rows in steps.values()]
            if np.isnan(np.concatenate([*columns, np.full(1, np.nan)])).all():
                continue
            key = self.series[place].key
            for aggregate in query.aggregates:
                if aggregate in DERIVED:
                    found[key, aggregate] = self._growth(aggregate, place, list(steps), query, step_ms)
                else:
                    found[key, aggregate] = [by_numpy(one, aggregate, method) for one in columns]
        return list(steps), found

    def _growth(
        self, aggregate: Aggregate, place: int, steps: list[tuple[int, int]], query: Query, step_ms: int
    ) -> list[float]:
        """Return how much a series grew in each step, as plainly as can be."""
        newest, inside = dict[tuple[int, int], int](), dict[tuple[int, int], int]()
        for row in np.flatnonzero(~np.isnan(self.values[:, place])).tolist():
            time_ms = int(self.times_ms[row])
            if query.hidden_ms < time_ms <= query.end_ms - query.shift_ms:
                step = int(self.stretches[row]), -(-(time_ms + query.shift_ms) // step_ms) * step_ms
                newest[step] = row
                if time_ms > query.start_ms - query.shift_ms:
                    inside[step] = row
        found = []
        for stretch, end in steps:
            now, before = inside.get((stretch, end)), newest.get((stretch, end - step_ms))
            if now is None or before is None:
                found.append(float("nan"))
                continue
            value, other = self.values[now, place], self.values[before, place]
            began_anew = self.series[place].descriptor.kind is Kind.COUNTER and value < other
            delta = value if began_anew else value - other
            seconds = (self.times_ms[now] - self.times_ms[before]) / 1000
            found.append(float(delta if aggregate is Aggregate.DELTA else delta / seconds))
        return found


def by_numpy(values: Floats, aggregate: Aggregate, method: Method = "linear") -> float:
    """Return one aggregate of some readings, as plainly as can be."""
    seen = values[~np.isnan(values)]
    if not len(seen):
        return float("nan")
    if len(seen) == 1 and aggregate is not Aggregate.COUNT:
        return float(seen[0])  # as numpy says too, in a hundred times as long
    if aggregate in PERCENTILES:
        return float(np.percentile(seen, PERCENTILES[aggregate] * 100, method=method))
    return float(
        {
            Aggregate.LAST: lambda: seen[-1],
            Aggregate.AVG: seen.mean,
            Aggregate.MIN: seen.min,
            Aggregate.MAX: seen.max,
            Aggregate.SUM: seen.sum,
            Aggregate.COUNT: lambda: len(seen),
        }[aggregate]()
    )


class HandPast(NoPast):
    """What a file has of what was recorded: the ticks from row `raw` up to row `written`, and rollups.

    `rolled` is the row up to which ticks were rolled up, of each tier those after its time in `since_ms`.
    """

    def __init__(
        self,
        recorded: Recorded,
        *,
        written: int,
        rolled: int = 0,
        raw: int = 0,
        since_ms: dict[Tier, int] | None = None,
    ) -> None:
        self._recorded = recorded
        self._written = written
        self._rolled = rolled
        self._raw = raw
        self._since_ms = dict.fromkeys(ROLLUPS, 0) if since_ms is None else since_ms
        self.interrupted = False
        self.reads: list[Tier] = []

    def extent(self) -> Extent:
        times = self._recorded.times_ms
        reaches = []
        if self._raw < self._written:
            kept = times[self._raw : self._written]
            gone = times[: self._raw]
            start = int(gone.max()) if len(gone) else int(kept.min()) - 1
            reaches.append(Reach(Tier.RAW, start, max(start, int(kept.max()))))
        if self._rolled:
            # Where the clock was set back, one of the pasts may not be rolled up as far as the other.
            unrolled = times[self._rolled : self._written]
            end = int(times[: self._rolled].max())
            end = min(end, int(unrolled.min()) - 1) if len(unrolled) else end
            for tier, since_ms in self._since_ms.items():
                start = max(since_ms, (int(times.min()) - 1) // tier * tier)
                reaches.append(Reach(tier, start, max(end, start)))
        return Extent(tuple(reaches))

    def series(self, selection: Selection, start_ms: int, end_ms: int) -> list[Series]:
        assert start_ms < end_ms
        there = ~np.isnan(self._recorded.values[: self._written]).all(axis=0)
        return [one for one, seen in zip(self._recorded.series, there, strict=True) if seen and selection.matches(one)]

    def ticks(self, series: Sequence[Series], start_ms: int, end_ms: int) -> Iterator[Ticks]:
        self._check(Tier.RAW)
        kept = np.arange(self._raw, self._written)
        yield from self._ticks(series, kept, start_ms, end_ms)

    def _ticks(self, series: Sequence[Series], kept: Integers, start_ms: int, end_ms: int) -> Iterator[Ticks]:
        recorded = self._recorded
        kept = kept[(recorded.times_ms[kept] > start_ms) & (recorded.times_ms[kept] <= end_ms)]
        runs = [(int(recorded.stretches[row]), recorded.epochs[row]) for row in kept]
        of_run = {run: kept[[own == run for own in runs]] for run in dict.fromkeys(runs)}
        for place, one in enumerate(series):
            if one not in recorded.series:
                continue
            column = recorded.series.index(one)
            for run, rows in of_run.items():
                yield Ticks(
                    place,
                    *run,
                    recorded.offsets[rows],
                    recorded.times_ms[rows],
                    recorded.values[rows, column],
                )

    def rollups(
        self, tier: Tier, series: Sequence[Series], start_ms: int, end_ms: int, *, sketches: bool = True
    ) -> Iterator[Rollup]:
        self._check(tier)
        assert start_ms % tier == end_ms % tier == 0
        start_ms = max(start_ms, self._since_ms[tier])
        for part in self._ticks(series, np.arange(self._rolled), start_ms, end_ms):
            seen = ~np.isnan(part.values)
            ends = -(-part.times_ms[seen] // tier) * tier
            if not len(ends):
                continue
            steps, rows = np.unique(ends, return_inverse=True)
            groups = np.split(part.values[seen], np.flatnonzero(np.diff(rows)) + 1)
            yield Rollup(
                part.series,
                part.stretch,
                steps,
                np.array([min(one) for one in groups]),
                np.array([max(one) for one in groups]),
                np.array([sum(one) for one in groups]),
                np.array([len(one) for one in groups], dtype=float),
                np.array([one[-1] for one in groups]),
                sketched(rows.astype(np.int64), part.values[seen]) if sketches and tier.has_histogram else None,
            )

    def interrupt(self) -> None:
        self.interrupted = True

    def _check(self, tier: Tier) -> None:
        self.reads.append(tier)
        if self.interrupted:
            raise InterruptedError
