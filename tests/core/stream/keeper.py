"""A machine whose ring is short and whose history keeps everything, and one beside it that remembers it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from tests.core.machine import Machine, decode

from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.past import Extent, Past, Reach, Ticks
from vitalcast.core.query.tier import Tier
from vitalcast.core.stream.session import Session
from vitalcast.errors import ProtocolError
from vitalcast.history.recent import Recent, RecentPast


class Kept(NamedTuple):
    """What one tick had; `run` is its epoch and stretch."""

    run: tuple[str, int]
    offset: int
    time_ms: int
    readings: dict[Series, float]


class Keeper:
    """Keeps the frames of a timeline, and forgets the oldest when told to."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.frames: list[Kept] = []
        self._stretch = 0

    def advanced(self, timeline: Timeline, frame: Frame) -> None:
        assert timeline is self._timeline
        if self.frames and frame.time_ms <= self.frames[-1].time_ms:
            self._stretch += 1
        values = zip(frame.layout.series, frame.values.tolist(), strict=True)
        readings = {one: value for one, value in values if one is not None}
        self.frames.append(Kept((timeline.epoch, self._stretch), frame.offset, frame.time_ms, readings))

    def past(self, *, flushed: int | None = None) -> KeeperPast:
        """Return what is kept up to now, or only so many frames of it."""
        return KeeperPast(self.frames[:flushed])


class KeeperPast(RecentPast):
    def __init__(self, frames: list[Kept]) -> None:
        super().__init__(Recent())
        self._frames = frames

    def extent(self) -> Extent:
        times = [one.time_ms for one in self._frames]
        return Extent((Reach(Tier.RAW, min(times) - 1, max(times)),) if times else ())

    def series(self, selection: Selection, start_ms: int, end_ms: int) -> list[Series]:
        there = {one for frame in self._frames if start_ms < frame.time_ms <= end_ms for one in frame.readings}
        return sorted((one for one in there if selection.matches(one)), key=lambda one: one.key)

    def ticks(self, series: Sequence[Series], start_ms: int, end_ms: int) -> Iterator[Ticks]:
        return iter(_ticks([one for one in self._frames if start_ms < one.time_ms <= end_ms], series))

    def after(self, epoch: str, offset: int, series: Sequence[Series]) -> list[Ticks] | None:
        own = [one for one in self._frames if one.run[0] == epoch]
        if not own or own[0].offset > offset + 1:
            return None
        return _ticks([one for one in own if one.offset > offset], series)


def _ticks(frames: list[Kept], series: Sequence[Series]) -> list[Ticks]:
    found = []
    for place, one in enumerate(series):
        for run in dict.fromkeys(frame.run for frame in frames):
            rows = [
                (frame.offset, frame.time_ms, frame.readings[one])
                for frame in frames
                if frame.run == run and one in frame.readings
            ]
            if rows:
                offsets, times, values = (np.array(column) for column in zip(*rows, strict=True))
                found.append(Ticks(place, run[1], run[0], offsets, times, values))
    return found


class Recorded(Machine):
    """A machine with a ring of a few minutes at most and a history."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"window_ms": 1000} | kwargs))
        self.keeper = Keeper(self.timeline)
        self.hub.advanced.append(self.keeper.advanced)
        self.timeline.recorded = True

    @property
    def oldest(self) -> int:
        """The oldest tick of the ring."""
        return self.ring.oldest_offset


def settle(session: Session, past: Past | ProtocolError) -> list[dict[str, Any]]:
    """Run all work that a session waits for; return what it then says."""
    said = []
    while (deferred := session.next_deferred()) is not None:
        outcome: object = past
        if not isinstance(past, ProtocolError):
            try:
                outcome = deferred.work(past)
            except ProtocolError as error:
                outcome = error
        said += session.settle(deferred, outcome)
    return decode(said)
