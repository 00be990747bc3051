"""Joins the axes of hours into those of days, and these into longer ones, so that a long range is few blocks.

Beside that it thins out ticks that came faster than once a second, and rolls up anew what has no rollup. The new axis
becomes READY in the same transaction in which the old ones go: each step is in one of them at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.errors import DamagedError
from vitalcast.history.axis import Axis, axes, blocks, series_in
from vitalcast.history.blocks import unpack_values
from vitalcast.history.compaction import (
    AxisWriter,
    add_rollup,
    add_steps,
    add_values,
    batches,
    rollup_axes,
)
from vitalcast.history.damage import reading
from vitalcast.history.database import Database
from vitalcast.history.rollup import Steps, joined
from vitalcast.history.room import Room
from vitalcast.history.schema import DAY_MS, HOUR_MS, Fast, State, hour_of
from vitalcast.history.step_blocks import unpack_steps

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

SPANS_MS = {  # of the axes of a tier, from level 1 on; those of level 0 span an hour
    Tier.MINUTE: (DAY_MS,),
    Tier.TEN_MINUTES: (DAY_MS, 7 * DAY_MS),
    Tier.HOUR: (DAY_MS, 30 * DAY_MS),
}
THINNED_MS = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """Axes of one tier and stretch that are to become one of the next level."""

    tier: Tier
    level: int
    axes: tuple[Axis, ...]


class Joiner:
    """Rewrites axes. Those that cannot be read are dropped and counted."""

    def __init__(self, database: Database, room: Room, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._room = room
        self._stopping = stopping
        self.unreadable = 0

    # --- longer axes -------------------------------------------------------------------------------------------

    def groups(self) -> Iterator[Group]:
        """Yield what is to be joined: the axes of each span of time that is over."""
        over = self._over_until()
        for tier, spans in SPANS_MS.items():
            for level, span_ms in enumerate(spans):
                found = axes(self._database.connection, tier, level=level)
                spans_of = [((one.stretch, _end(one.last_ms, span_ms)), one) for one in found]
                for (stretch, end_ms), group in groupby(spans_of, itemgetter(0)):
                    if stretch not in over or end_ms <= over[stretch]:
                        yield Group(tier, level + 1, tuple(one for _, one in group))

    def _over_until(self) -> dict[int, int]:
        """Return of each stretch that may get more steps until when it has all of them."""
        over = {stretch: hour_of(last_ms) - HOUR_MS for stretch, last_ms in self._database.growing().items()}
        for stretch, first_ms in self._database.connection.execute(
            "SELECT stretch, min(first_ms) FROM chunk GROUP BY stretch"
        ):
            with reading():
                over[stretch] = hour_of(first_ms) - HOUR_MS
        return over

    def join(self, group: Group) -> bool:
        """Make one axis of several; say whether that was done, rather than stopped by `stopping`."""
        with self._room.holding(group.axes):
            return not self._are_there(group.axes) or self._join(group)

    def _join(self, group: Group) -> bool:
        if len(group.axes) == 1:
            with self._database.writing():
                self._database.connection.execute(
                    "UPDATE axis SET level = ? WHERE id = ?", (group.level, group.axes[0].id)
                )
            return True
        readable = self._readable(group.axes)
        if len(readable) < len(group.axes):
            return True  # with what is left it is another group
        if self._let_doubles_go(group.axes, [times for times, _ in readable]):
            return True
        times = np.concatenate([times for times, _ in readable])
        order = np.argsort(times, kind="stable")
        connection = self._database.connection
        ids = sorted(set().union(*(ids for _, ids in readable)) & self._known())
        writer = AxisWriter(self._database, self._room)
        with self._database.writing():
            making = writer.begin(
                group.tier,
                group.level,
                group.axes[0].stretch,
                times[order],
                kept_ms=max(one.kept_ms for one in group.axes),
            )
        for batch in batches(ids, len(times), sketches=group.tier.has_histogram):
            if self._stopping():
                return False
            parts = [
                unpack_steps(
                    [block or b"" for block in blocks(connection, one.id, batch)],
                    times,
                    histogram=group.tier.has_histogram,
                )
                for one, (times, _) in zip(group.axes, readable, strict=True)
            ]
            add_rollup(making, batch, _ordered(joined(parts), order))
            writer.write(at_least=self._room.transaction_bytes // 2)
        self._replace(writer, group.axes, ids)
        return True

    def _are_there(self, some: Sequence[Axis]) -> bool:
        """Say whether none of these axes was pruned since they were listed."""
        left = {one.id for one in axes(self._database.connection, Tier(some[0].tier))}
        return all(one.id in left for one in some)

    def _readable(self, group: Sequence[Axis]) -> list[tuple[Integers, list[int]]]:
        """Return of each axis its times and its series; drop those that cannot be read."""
        found = []
        for one in group:
            try:
                with reading():
                    ids = series_in(self._database.connection, one.id)
                    times = one.times_ms()
                    for batch in batches(ids, len(times), sketches=Tier(one.tier).has_histogram):
                        parts = [block or b"" for block in blocks(self._database.connection, one.id, batch)]
                        if one.tier == Tier.RAW:
                            unpack_values(parts, len(times))
                        else:
                            unpack_steps(parts, times, histogram=Tier(one.tier).has_histogram)
                    found.append((times, ids))
            except DamagedError:
                self.unreadable += 1
                self._room.let_go([one])
        return found

    def _let_doubles_go(self, group: Sequence[Axis], times: Sequence[Integers]) -> bool:
        """Drop the axes that have steps which one before them has; say whether there were any."""
        seen: set[int] = set()
        doubles = []
        for one, steps in zip(group, times, strict=True):
            if not seen.isdisjoint(steps.tolist()):
                doubles.append(one)
            seen.update(steps.tolist())
        self.unreadable += len(doubles)
        self._room.let_go(doubles)
        return bool(doubles)

    def _known(self) -> set[int]:
        return {id_ for (id_,) in self._database.connection.execute("SELECT id FROM series")}

    def _replace(self, writer: AxisWriter, old: Sequence[Axis], ids: Sequence[int]) -> None:
        writer.write_rest()
        with self._database.writing():
            writer.finish()
            self._database.series.note_axis(ids, self._database.newest_axis())
            self._database.connection.executemany(
                "UPDATE axis SET state = ? WHERE id = ?", [(State.GOING, one.id) for one in old]
            )

    # --- faster ticks ------------------------------------------------------------------------------------------

    def fast(self, before_kept_ms: int) -> list[Axis]:
        """Return the axes of fast ticks that were written before the file had been written for so long."""
        return axes(self._database.connection, Tier.RAW, fast=True, before_kept_ms=before_kept_ms)

    def thin(self, old: Axis) -> bool:
        """Keep of an axis the last tick of each second; say whether that was done."""
        with self._room.holding([old]):
            return not self._are_there([old]) or self._thin(old)

    def _thin(self, old: Axis) -> bool:
        readable = self._readable([old])
        if not readable:
            return True
        ((times, ids),) = readable
        offsets = old.tick_offsets()
        seconds = -(-times // THINNED_MS)
        kept = np.append(np.flatnonzero(np.diff(seconds)), len(times) - 1)
        writer = AxisWriter(self._database, self._room)
        with self._database.writing():
            making = writer.begin(
                Tier.RAW,
                0,
                old.stretch,
                times[kept],
                kept_ms=old.kept_ms,
                epoch=old.epoch,
                offsets=offsets[kept],
                fast=Fast.THINNED,
            )
        for batch in batches(ids, len(times)):
            if self._stopping():
                return False
            parts = [block or b"" for block in blocks(self._database.connection, old.id, batch)]
            add_values(making, batch, unpack_values(parts, len(times))[kept])
            writer.write(at_least=self._room.transaction_bytes // 2)
        self._replace(writer, [old], ids)
        return True

    # --- rollups anew ------------------------------------------------------------------------------------------

    def unrolled(self) -> list[tuple[list[Axis], list[Tier]]]:
        """Return the raw axes of each hour that lacks rollups, and in which tiers.

        Hours before the oldest of a tier are not lacking: they were pruned.
        """
        covered = {tier: self._covered(tier) for tier in ROLLUPS}
        raw = axes(self._database.connection, Tier.RAW)
        found = []
        for hour, group in groupby(raw, lambda one: (one.stretch, hour_of(one.last_ms))):
            tiers = [tier for tier, hours in covered.items() if hour not in hours and hour > min(hours, default=(0, 0))]
            if tiers:
                found.append((list(group), tiers))
        return found

    def _covered(self, tier: Tier) -> set[tuple[int, int]]:
        """Return the stretches and hours of which a tier has steps."""
        covered: set[tuple[int, int]] = set()
        for one in axes(self._database.connection, tier):
            with suppress(DamagedError), reading():
                covered.update((one.stretch, hour) for hour in np.unique(_hours(one.times_ms())).tolist())
        return covered

    def roll_up(self, hour: Sequence[Axis], tiers: Sequence[Tier]) -> bool:
        """Make the rollups of an hour in some tiers from its ticks; say whether that was done."""
        with self._room.holding(hour):
            return not self._are_there(hour) or self._roll_up(hour, tiers)

    def _roll_up(self, hour: Sequence[Axis], tiers: Sequence[Tier]) -> bool:
        readable = self._readable(hour)
        if len(readable) < len(hour):
            return True
        times = np.concatenate([times for times, _ in readable])
        ids = sorted(set().union(*(ids for _, ids in readable)) & self._known())
        writer = AxisWriter(self._database, self._room)
        with self._database.writing():
            kept_ms = max(one.kept_ms for one in hour)
            rollups = rollup_axes(writer, hour[0].stretch, times, kept_ms, tiers)
        for batch in batches(ids, len(times)):
            if self._stopping():
                return False
            values = np.concatenate(
                [
                    unpack_values([b or b"" for b in blocks(self._database.connection, one.id, batch)], one.rows)
                    for one in hour
                ]
            )
            add_steps(rollups, batch, times, values)
            writer.write(at_least=self._room.transaction_bytes // 2)
        self._replace(writer, [], ids)
        return True


def _end(time_ms: int, span_ms: int) -> int:
    return -(-time_ms // span_ms) * span_ms


def _hours(times_ms: Integers) -> Integers:
    hours: Integers = -(-times_ms // HOUR_MS) * HOUR_MS
    return hours


def _ordered(steps: Steps, order: npt.NDArray[np.intp]) -> Steps:
    """Put steps into this order, which is by their times unless axes lay within each other."""
    if (order == np.arange(len(order))).all():
        return steps
    places = np.argsort(order)
    return Steps(
        steps.times_ms[order],
        steps.minimum[order],
        steps.maximum[order],
        steps.total[order],
        steps.count[order],
        steps.last[order],
        None if steps.sketches is None else tuple(one.placed(places) for one in steps.sketches),
    )
