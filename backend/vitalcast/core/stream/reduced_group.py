"""A group whose series are reduced before they are sent: one for each value of some attributes, or only the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Places
from vitalcast.core.query.reduction import Grouping, top_of
from vitalcast.core.stream.groups import Group
from vitalcast.core.wire.emission import Emission, TickValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.choices import Choice, Chosen
    from vitalcast.core.metrics.model import Series
    from vitalcast.core.metrics.timeline import Timeline
    from vitalcast.core.stream.kept_ticks import Rows
    from vitalcast.core.stream.keys import SeriesKey
    from vitalcast.core.stream.replay import Replay, Snapshots
    from vitalcast.core.wire.messages import Message

    Floats = npt.NDArray[np.float64]
    Columns = npt.NDArray[np.intp]

STAY_MS = 10_000  # for which a series that came among the highest stays there at least
MEMBER_BYTES = 40  # of a series that is reduced


class ReducedGroup(Group):
    """All subscriptions that want the same series reduced alike, which is done once for all of them.

    What is sent is the groups that there are, or the highest of them, by key; when that changes, a `series` says so.
    """

    __slots__ = ("_came_ms", "_candidates", "_columns", "_grouped", "_grouping", "_places", "_reduced_key", "_shown")

    _candidates: tuple[Series, ...]  # of which the highest are sent
    _columns: Columns  # that are read for them
    _grouping: Grouping | None
    _shown: Columns  # the places of those that are sent

    def __init__(self, id_: int, key: SeriesKey, choice: Choice, snapshots: Snapshots, timeline: Timeline) -> None:
        super().__init__(id_, key, choice, snapshots, timeline)
        self._reduced_key = key
        self._came_ms: dict[Series, int] = {}  # when each of the highest came among them
        self._shown = np.zeros(0, dtype=np.intp)
        self._places = Places(self._shown, 1)
        self._grouped: tuple[Chosen | None, tuple[Series, ...]] = None, ()  # for which the grouping was made
        self._grouping, self._candidates = None, ()
        self._regroup()

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(self._candidates[place] for place in self._shown.tolist())

    @property
    def width(self) -> int:
        return len(self._shown) * len(self.key.aggregates)

    @property
    def can_run(self) -> bool:
        return False  # what is sent is its own

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as if it shared its series with no other."""
        return super().nbytes + len(self._columns) * MEMBER_BYTES

    # --- what is reduced to what -------------------------------------------------------------------------------

    def resolve(self) -> list[Message]:
        """Take over what the selection means after the layout changed; return what says so if the series changed."""
        before = self.series
        self.chosen = self._choice.chosen
        self._regroup()
        return self._changed(before)

    def _regroup(self) -> None:
        """Say anew what is reduced to what. A series that is gone still counts in the past that memory has of it."""
        key, shown = self._reduced_key, self.series if len(self._shown) else ()
        if key.group_by is None:
            self._grouping, self._candidates, self._columns = None, self.chosen.series, self.chosen.columns
        else:
            places = self._timeline.catalogue.remembered(key.selection)
            self._columns = np.array([column for _, column in places], dtype=np.intp)
            if self._grouped != (self.chosen, series := tuple(one for one, _ in places)):
                there = Grouping.of(self.chosen.series, key.group_by, key.reduce).series
                grouping = Grouping.of(series, key.group_by, key.reduce).only(frozenset(there))
                self._grouped = self.chosen, series
                self._grouping, self._candidates = grouping, grouping.series
        frame = self._timeline.newest
        self._shown = np.array([at for at, one in enumerate(self._candidates) if one in shown], dtype=np.intp)
        self._choose(self._reduced(frame.values[None, self._columns, None])[0, :, 0], frame.time_ms)

    def _choose(self, newest: Floats, time_ms: int) -> None:
        """Choose what is sent: the highest by their newest values, and those that have not been there for long."""
        top = self._reduced_key.top
        if top is None or top >= len(self._candidates):
            shown = np.arange(len(self._candidates))
        else:
            held = [place for place in self._shown.tolist() if self._stays(self._candidates[place], time_ms)][:top]
            scores = np.where(np.isnan(newest), -np.inf, newest)
            scores[held] = np.inf
            shown = top_of(scores, top) if len(held) < top else np.array(held, dtype=np.intp)
        if top is not None:
            self._came_ms = {
                one: self._came_ms.get(one, time_ms) for one in map(self._candidates.__getitem__, shown.tolist())
            }
        self._shown = shown
        self._places = Places(np.arange(len(shown)), len(self.key.aggregates))

    def _stays(self, one: Series, time_ms: int) -> bool:
        came_ms = self._came_ms.get(one)
        return came_ms is not None and 0 <= time_ms - came_ms < STAY_MS  # the clock may have been set back

    def _changed(self, before: tuple[Series, ...]) -> list[Message]:
        """Return what says that the series are others than before, if they are."""
        series = self.series
        if before == series and [one.labels for one in before] == [one.labels for one in series]:
            return []
        self.resync()
        self._tick = None  # whose columns mean something else now
        self.series_version += 1
        return self._series_said()

    def _reduced(self, values: Floats) -> Floats:
        """Reduce values of the columns that are read, of the shape (steps, columns, aggregates)."""
        return values if self._grouping is None else self._grouping.apply(values)

    # --- the live stream ---------------------------------------------------------------------------------------

    def emit(self, tick: TickValues) -> list[Message]:
        """Return what a member in step gets for the interval that has ended with this tick."""
        aggregates = len(self.key.aggregates)
        reduced = self._reduced(tick.values.reshape(1, -1, aggregates)[:, self._columns])[0]
        changes: list[Message] = []
        if self._reduced_key.top is not None:
            before = self.series
            self._choose(reduced[:, 0], tick.time_ms)
            changes = self._changed(before)
        newest = None if self._tick is None else self._tick.values
        own = TickValues(tick.offset, tick.time_ms, reduced[self._shown].ravel(), before=newest)
        messages = super().emit(own)
        own.settle()
        return [*changes, *messages]

    def _emission(self, tick: TickValues) -> Emission:
        return Emission(tick, self._places)

    # --- joining and catching up -------------------------------------------------------------------------------

    @property
    def read_columns(self) -> Columns:
        return self._columns

    @property
    def read_places(self) -> Sequence[tuple[Series, int]]:
        if self._grouping is None:
            return super().read_places
        return self._timeline.catalogue.remembered(self._reduced_key.selection)

    def project(self, values: Floats) -> Floats:
        return self._reduced(values)[:, self._shown].reshape(len(values), self.width)

    def replay_reads(self, replay: Replay) -> int:
        """Return how many readings are looked at for it."""
        rows = int(replay.ends[-1]) + 1 if len(replay.ends) else 0
        return rows * len(self._columns)

    def _replayed(self, ring: Rows, replay: Replay) -> Floats:
        aggregates = self.key.aggregates
        series = [one for one, _ in self.read_places]
        values = self._read(ring, replay, series, self._columns)
        reduced = self._reduced(values.reshape(len(values), len(self._columns), len(aggregates)))
        return reduced[:, self._shown].reshape(len(values), self.width)
