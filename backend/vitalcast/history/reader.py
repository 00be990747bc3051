"""Reads a history's file: one consistent view of it, on a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vitalcast.core.events.event import ANY_EVENT, Event, EventFilter
from vitalcast.core.events.recent import matching
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.processes.usage import WindowUsage, sum_up
from vitalcast.core.query.past import Extent, Reach, Rollup, Ticks
from vitalcast.core.query.tier import Tier
from vitalcast.errors import DamagedError, HistoryError
from vitalcast.history import chunk
from vitalcast.history.axis import READY, Axis
from vitalcast.history.event_store import EventStore
from vitalcast.history.process_store import ProcessStore
from vitalcast.history.recent import Recent, RecentPast
from vitalcast.history.rollup import Steps
from vitalcast.history.schema import AHEAD_MAX_MS, Fast, address
from vitalcast.history.series_table import series_of
from vitalcast.history.tables import Tables, TickTable

if TYPE_CHECKING:
    import numpy.typing as npt

    Bools = npt.NDArray[np.bool_]
    _Stretches = Mapping[int, tuple[int, int]]

_AXES = f"{READY} AND tier = ? AND last_ms > ? AND first_ms <= ? ORDER BY stretch, first_ms"
_AXES_AFTER = f"{READY} AND tier = 0 AND epoch = ? AND last_offset > ?"
_CHUNKS = f"{chunk.ROWS} WHERE last_ms > ? AND first_ms <= ?"
_CHUNKS_AFTER = f"{chunk.ROWS} WHERE epoch = ? AND last_offset > ?"
_OFFSETS = """
SELECT min(first_offset), max(last_offset) FROM (
  SELECT first_offset, last_offset FROM axis WHERE state = 1 AND tier = 0 AND epoch = :epoch
  UNION ALL SELECT first_offset, last_offset FROM chunk WHERE epoch = :epoch)
"""
_SPANS = """
SELECT tier, stretch, first_ms, last_ms FROM axis WHERE state = 1
UNION ALL SELECT 0, stretch, first_ms, last_ms FROM chunk
"""
# Stretches of a clock that was ahead by more than a day: they wait until that time has come.
_APART = "SELECT id FROM stretch WHERE first_ms > (SELECT max(time_ms) FROM position) + ?"
_SERIES = """
SELECT key, name, unit, kind, description, attributes, labels FROM series WHERE last_ms > ? AND first_ms <= ?
ORDER BY key, unit
"""
_ID = "SELECT id FROM series WHERE key = ? AND unit = ?"


class _Span(NamedTuple):
    tier: int
    stretch: int
    first_ms: int
    last_ms: int


class FilePast:
    """The past as a file holds it, and beside it what was not yet written (`recent`). See `Past`.

    What is damaged is left out, and told to `unreadable`. It needs the file as `Database` makes it.
    """

    def __init__(
        self,
        path: Path,
        recent: RecentPast | None = None,
        *,
        nbytes_max: int = 0,
        unreadable: Callable[[], None] = lambda: None,
        at: str | None = None,
    ) -> None:
        """Open the file, which must be there; `at` is what SQLite is to call it. Raises HistoryError."""
        self._path = path
        self._recent = recent or RecentPast(Recent())
        self._nbytes_max = nbytes_max
        self._unreadable = unreadable
        self._interrupted = False
        try:
            # Not read-only: such a connection does not keep others out, so that its index would be a file once more.
            self._connection = sqlite3.connect(
                at or address(path, "rw"), uri=True, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise HistoryError(f"the history {path} cannot be read: {error}") from error
        try:
            with self._asking():
                self._connection.execute("PRAGMA query_only = ON")
                self._connection.execute("BEGIN")
                self._epochs: dict[int, str] = dict(self._all("SELECT id, name FROM epoch"))
                self._apart = {id_ for (id_,) in self._all(_APART, (AHEAD_MAX_MS,))}
        except BaseException:
            self._connection.close()
            raise

    # --- what there is -------------------------------------------------------------------------------------------

    def extent(self) -> Extent:
        recent = self._recent.extent()
        with self._asking():
            spans = [_Span(*row) for row in self._all(_SPANS) if row[1] not in self._apart]
            return Extent(
                _reaches(spans),
                _earlier(EventStore().oldest_ms(self._connection), recent.events_from_ms),
                _earlier(ProcessStore().oldest_ms(self._connection), recent.processes_from_ms),
                _size(self._path),
                self._nbytes_max,
            )

    def series(self, selection: Selection, start_ms: int, end_ms: int) -> list[Series]:
        found: list[Series] = []
        with self._asking():
            for row in self._connection.execute(_SERIES, (start_ms, end_ms)):
                try:
                    if isinstance(row[1], str) and selection.matches_name(row[1]):
                        found.append(series_of(row))
                except DamagedError:
                    self._unreadable()
        return [one for one in found if selection.matches(one)]

    # --- ticks and steps -----------------------------------------------------------------------------------------

    def ticks(self, series: Sequence[Series], start_ms: int, end_ms: int) -> Iterator[Ticks]:
        with self._asking():
            tables, places = self._tables(series)
            axes = self._axes(_AXES, (Tier.RAW, start_ms, end_ms))
            for table in tables.ticks(axes, self._all(_CHUNKS, (start_ms, end_ms))):
                self._check()
                if table.stretch in self._apart:
                    continue
                inside = (table.times_ms > start_ms) & (table.times_ms <= end_ms)
                yield from self._ticks(table, places, inside)

    def rollups(
        self, tier: Tier, series: Sequence[Series], start_ms: int, end_ms: int, *, sketches: bool = True
    ) -> Iterator[Rollup]:
        with self._asking():
            tables, places = self._tables(series)
            axes = [one for one in self._axes(_AXES, (tier, start_ms, end_ms)) if one.stretch not in self._apart]
            for stretch, steps in tables.steps(axes, sketches=sketches):
                self._check()
                inside = (steps.times_ms > start_ms) & (steps.times_ms <= end_ms)
                yield from _rollups(stretch, steps, places, inside)

    def after(self, epoch: str, offset: int, series: Sequence[Series]) -> list[Ticks] | None:
        with self._asking():
            number = next((number for number, name in self._epochs.items() if name == epoch), None)
            first, last = self._all(_OFFSETS, {"epoch": number})[0]
            if first is None or first > offset + 1 or last < offset:
                return None
            damaged: list[None] = []
            tables, places = self._tables(series, unreadable=lambda: damaged.append(None))
            found: list[Ticks] = []
            axes = self._axes(_AXES_AFTER, (number, offset))
            if any(axis.fast == Fast.THINNED for axis in axes):
                return None
            for table in tables.ticks(axes, self._all(_CHUNKS_AFTER, (number, offset))):
                self._check()
                found += self._ticks(table, places, table.offsets > offset)
            if damaged:
                self._unreadable()
                return None
            return sorted(found, key=lambda one: int(one.offsets[0]))

    def _tables(
        self, series: Sequence[Series], unreadable: Callable[[], None] | None = None
    ) -> tuple[Tables, list[int]]:
        """Return what reads tables of these series, and for each of its columns the place of the series."""
        ids: dict[int, int] = {}
        for place, one in enumerate(series):
            for (id_,) in self._connection.execute(_ID, (one.key, one.descriptor.unit)):
                ids[id_] = place
        numbers = sorted(ids)
        return Tables(self._connection, numbers, unreadable or self._unreadable), [ids[number] for number in numbers]

    def _ticks(self, table: TickTable, places: list[int], inside: Bools) -> Iterator[Ticks]:
        if not inside.any():
            return
        offsets, times_ms, values = table.offsets[inside], table.times_ms[inside], table.values[inside]
        epoch = self._epochs.get(table.epoch, "")
        for column in np.flatnonzero(~np.isnan(values).all(axis=0)).tolist():
            yield Ticks(places[column], table.stretch, epoch, offsets, times_ms, values[:, column])

    # --- events and processes ------------------------------------------------------------------------------------

    def events(self, start_ms: int, end_ms: int, wanted: EventFilter = ANY_EVENT, *, limit: int) -> list[Event]:
        fresh = self._recent.all_events()
        with self._asking():
            kept = EventStore().read(self._connection, start_ms, end_ms, wanted, limit=limit + len(fresh))
        known = {one.id for one in fresh}
        both = [*(one for one in kept if one.id not in known), *fresh]
        return matching(both, start_ms, end_ms, wanted, limit=limit)

    def processes(
        self, start_ms: int, end_ms: int, *, pids: Collection[int] | None = None
    ) -> Iterator[ProcessSnapshot]:
        newest: set[int] = set()
        fresh = list(self._recent.processes(start_ms, end_ms, pids=pids))
        with self._asking():
            for one in ProcessStore().read(self._connection, start_ms, end_ms, pids=pids):
                self._check()
                if fresh and one.time_ms >= fresh[0].time_ms:
                    newest.add(one.time_ms)  # written since `recent` was taken
                yield one
        yield from (one for one in fresh if one.time_ms not in newest)

    def process_usage(self, start_ms: int, end_ms: int) -> Iterator[WindowUsage]:
        fresh = list(self._recent.processes(start_ms, end_ms))
        written_since = [one.time_ms for one in fresh]  # as far as they are, they are in both
        with self._asking():
            for part in ProcessStore().used(self._connection, start_ms, end_ms, without_ms=written_since):
                self._check()
                yield part
        yield sum_up(fresh)

    # --- the connection ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        self._interrupted = True
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def _axes(self, statement: str, values: Sequence[int | None]) -> list[Axis]:
        return [Axis(*row) for row in self._all(statement, values)]

    def _all(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def _check(self) -> None:
        if self._interrupted:
            raise InterruptedError

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Have what fails raise as `Past` says."""
        self._check()
        try:
            yield
        except sqlite3.Error as error:
            self._check()
            raise HistoryError(f"the history {self._path} cannot be read: {error}") from error


def _rollups(stretch: int, steps: Steps, places: list[int], inside: Bools) -> Iterator[Rollup]:
    for column, place in enumerate(places):
        kept = inside & (steps.count[:, column] > 0)
        if kept.any():
            yield Rollup(
                place,
                stretch,
                steps.times_ms[kept],
                steps.minimum[kept, column],
                steps.maximum[kept, column],
                steps.total[kept, column],
                steps.count[kept, column],
                steps.last[kept, column],
                None if steps.sketches is None else steps.sketches[column].only(kept),
            )


def _reaches(spans: Sequence[_Span]) -> tuple[Reach, ...]:
    """Return how far each tier goes."""
    found: list[Reach] = []
    raw = _by_stretch(span for span in spans if span.tier == Tier.RAW)
    for tier in Tier:
        of_tier = _by_stretch(span for span in spans if span.tier == tier)
        if of_tier:
            first_ms = min(first_ms for first_ms, _ in of_tier.values())
            found.append(Reach(tier, first_ms - max(1, tier), max(first_ms, _end_ms(tier, of_tier, raw))))
    return tuple(found)


def _by_stretch(spans: Iterable[_Span]) -> dict[int, tuple[int, int]]:
    """Return the first and the last time in each stretch."""
    found: dict[int, tuple[int, int]] = {}
    for span in spans:
        first_ms, last_ms = found.get(span.stretch, (span.first_ms, span.last_ms))
        found[span.stretch] = min(first_ms, span.first_ms), max(last_ms, span.last_ms)
    return found


def _end_ms(tier: Tier, of_tier: _Stretches, raw: _Stretches) -> int:
    """Return the time up to which a tier has all there was: where ticks go on in a stretch, it ends before them."""
    ends = [last_ms for _, last_ms in of_tier.values()]
    if tier is Tier.RAW:
        return max(ends)
    unrolled = []
    for stretch, (first_ms, last_ms) in raw.items():
        end_ms = of_tier[stretch][1] if stretch in of_tier else first_ms - 1
        if last_ms > end_ms:
            unrolled.append(end_ms)
    return min(unrolled, default=max(ends))


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _size(path: Path) -> int:
    """Return how many bytes a file and its log take."""
    found = 0
    for end in ("", "-wal"):
        try:
            found += path.with_name(f"{path.name}{end}").stat().st_size
        except OSError:  # the log comes and goes
            continue
    return found
