"""A group whose series are reduced before they are sent: one for each value of some attributes, divided by others, or
only the highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Places
from vitalcast.core.query.reduction import top_of
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.kept_ticks import JoinedRows
from vitalcast.core.stream.members import Members
from vitalcast.core.wire.emission import Emission, TickValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from vitalcast.core.metrics.choices import Choice
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

    __slots__ = ("_came_ms", "_members", "_places", "_reduced_key", "_shown")

    _shown: Columns  # the places of those that are sent, among what becomes of the members

    def __init__(self, id_: int, key: SeriesKey, choice: Choice, snapshots: Snapshots, timeline: Timeline) -> None:
        super().__init__(id_, key, choice, snapshots, timeline)
        self._reduced_key = key
        self._came_ms: dict[Series, int] = {}  # when each of the highest came among them
        self._shown = np.zeros(0, dtype=np.intp)
        self._places = Places(self._shown, 1)
        self._members = Members(key, choice, timeline)
        self._show(())

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(self._members.series[place] for place in self._shown.tolist())

    @property
    def described(self) -> tuple[Series, ...]:
        return self.series if self._reduced_key.ratio_to is not None else super().described  # whose units are said

    @property
    def width(self) -> int:
        return len(self._shown) * len(self.key.aggregates)

    @property
    def can_run(self) -> bool:
        return False  # what is sent is its own

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as if it shared its series with no other."""
        return super().nbytes + len(self._members.columns) * MEMBER_BYTES

    # --- what is reduced to what -------------------------------------------------------------------------------

    def resolve(self) -> list[Message]:
        """Take over what the selection means after the layout changed; return what says so if the series changed."""
        before = self.series
        self.chosen = self._choice.chosen
        self._members.look()
        self._show(before)
        return self._changed(before)

    def _show(self, shown: Sequence[Series]) -> None:
        """Choose what is sent, after these were."""
        frame, members = self._timeline.newest, self._members
        self._shown = np.array([at for at, one in enumerate(members.series) if one in shown], dtype=np.intp)
        values = frame.values[None, members.columns, None]
        if self.grows and self._reduced_key.top is not None:  # a tick alone says nothing of that
            ring = self._timeline.ring
            read = self._read(ring, self.plan_backfill(ring, 0), [one for one, _ in members.places], members.columns)
            values = read[-1:].reshape(1, len(members.places), -1)[:, :, :1]
        self._choose(members.apply(values)[0, :, 0], frame.time_ms)

    def _choose(self, newest: Floats, time_ms: int) -> None:
        """Choose what is sent: the highest by their newest values, and those that have not been there for long."""
        top = self._reduced_key.top
        candidates = self._members.series
        if top is None or top >= len(candidates):
            shown = np.arange(len(candidates))
        else:
            held = [place for place in self._shown.tolist() if self._stays(candidates[place], time_ms)][:top]
            scores = np.where(np.isnan(newest), -np.inf, newest)
            scores[held] = np.inf
            shown = top_of(scores, top) if len(held) < top else np.array(held, dtype=np.intp)
        if top is not None:
            self._came_ms = {
                one: self._came_ms.get(one, time_ms) for one in map(candidates.__getitem__, shown.tolist())
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

    # --- the live stream ---------------------------------------------------------------------------------------

    def emit(self, tick: TickValues) -> list[Message]:
        """Return what a member in step gets for the interval that has ended with this tick."""
        aggregates = len(self.key.aggregates)
        reduced = self._members.apply(tick.values.reshape(1, -1, aggregates)[:, self._members.columns])[0]
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
        return self._members.columns

    @property
    def read_places(self) -> Sequence[tuple[Series, int]]:
        return self._members.places

    def project(self, values: Floats) -> Floats:
        return self._projected(self._members, values)

    def _projected(self, members: Members, values: Floats) -> Floats:
        return members.apply(values)[:, self._shown].reshape(len(values), self.width)

    def replay_reads(self, replay: Replay) -> int:
        """Return how many readings are looked at for it."""
        rows = int(replay.ends[-1]) + 1 if len(replay.ends) else 0
        return rows * len(self._members.columns)

    def _replayed(self, ring: Rows, replay: Replay) -> Floats:
        members = self._members
        if isinstance(ring, JoinedRows) and ring.gone:
            members = Members(self._reduced_key, self._choice, self._timeline, ring.gone)
        values = self._read(ring, replay, [one for one, _ in members.places], members.columns)
        return self._projected(members, values.reshape(len(values), len(members.columns), len(self.key.aggregates)))
