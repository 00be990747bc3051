"""Equal subscriptions share one group: its values are encoded once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Choice
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream import named
from vitalcast.core.stream.group_past import GroupPast
from vitalcast.core.stream.keys import GROUP_BYTES, Form, PanelKey, SeriesKey, key_bytes
from vitalcast.core.stream.replay import Snapshots
from vitalcast.core.stream.run import Run
from vitalcast.core.vocabulary import GapReason
from vitalcast.core.wire.emission import FEW, Emission, TickValues
from vitalcast.core.wire.messages import Message, describe_series, gap

if TYPE_CHECKING:
    import numpy.typing as npt

VALUE_BYTES_HELD = 50  # of a value's place in a tick, and in what is written at one go


class Group(GroupPast):
    """A subscription that any number of streams share.

    `streams` counts those who share it, `emitted_offset` is the tick of the newest emission and `series_version` grows
    whenever the list of series changes. `gap` holds the ticks that the sampler missed just before the newest emission.
    """

    __slots__ = (
        "_anew_version",
        "_emissions",
        "_encoding",
        "_resync",
        "_run",
        "_run_turns",
        "_tick",
        "_values_per_series",
        "gap",
        "head",
        "held_bytes",
        "series_version",
        "streams",
    )

    def __init__(
        self, id_: int, key: SeriesKey | PanelKey, choice: Choice, snapshots: Snapshots, timeline: Timeline
    ) -> None:
        super().__init__(id_, key, choice, snapshots, timeline)
        self.series_version = 1
        self._anew_version = 1  # since which the source is in the epoch that it is in
        self.streams = 0
        self.gap: tuple[int, int] | None = None
        self.held_bytes = 0  # as the hub has counted it
        self._encoding = key.encoding
        self._values_per_series = len(key.aggregates)
        self.head = key.encoding.head(id_)
        self._emissions = 0  # outside runs
        self._run: Run | None = None
        self._run_turns = 0  # that the run had when the group entered it
        self._tick: TickValues | None = None  # of the newest emission outside a run
        self._resync = True  # somebody's newest state is not the newest emission: the next must be whole

    @property
    def emitted_offset(self) -> int:
        """The tick of the newest emission, 0 before the first in the order that the series have now."""
        tick = self._newest_tick
        return 0 if tick is None else tick.offset

    @property
    def emissions(self) -> int:
        return self._emissions + (0 if self._run is None else self._run.turns - self._run_turns)

    @property
    def _newest_tick(self) -> TickValues | None:
        run = self._run
        return self._tick if run is None or run.turns == self._run_turns else run.tick

    @property
    def can_run(self) -> bool:
        """Whether an emission is just the values of what was chosen, and no more of them than are written in bulk."""
        return self.key.form is Form.COLUMNS and 0 < self.width <= FEW

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as if it shared its series with no other."""
        held = VALUE_BYTES_HELD + (named.VALUE_BYTES if self.is_named else 0)
        return GROUP_BYTES + key_bytes(self.key) + len(self.series) * 16 + self.width * held

    def resolve(self) -> list[Message]:
        """Take over what the selection means after the layout changed; return what says so if the series changed."""
        before, self.chosen = self.chosen, self._choice.chosen
        if before is self.chosen:
            return []
        self.resync()
        self._tick = None  # whose columns mean something else now
        series = self.chosen.series
        if before.series == series and [one.labels for one in before.series] == [one.labels for one in series]:
            return []
        self.series_version += 1
        return self._series_said()

    def restart(self) -> None:
        """Begin anew, since the source has: what is said next is a snapshot."""
        self._pending_gap = None
        self.resync()
        self.series_version += 1
        self._anew_version = self.series_version

    # --- the live stream ---------------------------------------------------------------------------------------

    def missed(self, from_offset: int, to_offset: int) -> None:
        """Note that the sampler missed these ticks; said before the next data."""
        self.step_out()
        self._pending_gap = (self._pending_gap[0] if self._pending_gap else from_offset, to_offset)

    def resync(self) -> None:
        """Have the next emission be whole."""
        self.step_out()
        self._resync = True

    def emit(self, tick: TickValues) -> list[Message]:
        """Return what a member in step gets for the interval that has ended with this tick."""
        self._tick = tick
        self._emissions += 1
        self.gap, self._pending_gap = self._pending_gap, None
        data = self._message(tick, whole=self._resync)
        self._resync = False
        if self.gap is None or self.key.form is Form.SELF_DESCRIBING:
            return [data]
        return [gap(self.id, *self.gap, GapReason.SAMPLER), data]

    def _message(self, tick: TickValues, *, whole: bool) -> Message:
        emission = self._emission(tick)
        if self.key.form is Form.SELF_DESCRIBING:
            return self._self_describing(tick.offset, tick.time_ms, emission.values)
        if self.is_named:
            return self._named_ticks().event(tick.offset, tick.time_ms, emission.values)
        encoding = self._encoding
        payload = self._data_head(tick) + encoding.body(emission, whole=whole)
        return encoding.message(payload, self._timeline.epoch, tick.offset)

    def _data_head(self, _tick: TickValues) -> bytes:
        return self.head

    def _emission(self, tick: TickValues) -> Emission:
        return tick.emission(self.chosen, self._values_per_series)

    def _last_emitted(self) -> npt.NDArray[np.float64] | None:
        tick = self._newest_tick
        return None if tick is None else self._emission(tick).values

    def _self_describing(self, offset: int, time_ms: int, values: npt.NDArray[np.float64]) -> Message:
        names = [one.key for one in self.series]
        return Message.of(
            {
                "type": "metrics",
                "host": self._timeline.name,
                "time": time_ms,
                "offset": offset,
                "metrics": dict(zip(names, values.tolist(), strict=True)),
            }
        )

    # --- in a run ----------------------------------------------------------------------------------------------

    def enter(self, run: Run) -> None:
        """Go on in this run, which has a row of the group's, unless something is to be said besides the values."""
        if not self._resync and self._pending_gap is self.gap is None:
            self._run, self._run_turns = run, run.turns
            run.left.remove(self.id)

    def step_out(self) -> None:
        """Go on alone, as if it had always been so. Safe to call again."""
        run = self._run
        if run is not None:
            self._emissions, self._tick, self._run = self.emissions, self._newest_tick, None
            run.left.add(self.id)

    # --- joining and catching up -------------------------------------------------------------------------------

    def latest(self) -> Message | None:
        """Return the newest emission as a whole, for a socket that missed some; None before the first.

        It is made when somebody asks: who keeps up does not.
        """
        tick = self._newest_tick
        return None if tick is None else self._message(tick, whole=True)

    def newest(self, frame: Frame) -> Message:
        """Return this tick in the self-describing form, for a plain socket that has just come."""
        return self._self_describing(frame.offset, frame.time_ms, frame.values[self.chosen.columns])

    def _series_said(self) -> list[Message]:
        """Return what says to members that the series are others than before, if anything has to."""
        return [self.series_message()] if self.key.form is Form.COLUMNS else []

    def series_message(self) -> Message:
        return Message.of({"type": "series", "group": self.id, "series": describe_series(self.described)})

    def made_up(self, latest: Message | None, known_version: int) -> list[Message]:
        """Return what makes a socket whole that knows the series of this version; `latest` is the newest emission."""
        if known_version < self._anew_version:
            ring = self._timeline.ring
            return self.snapshot(ring, self.plan_backfill(ring, 0))
        return [*self._series_said(), *([latest] if latest is not None else [])]
