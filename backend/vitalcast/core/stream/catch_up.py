"""How much of the past a stream brings when it joins a group: what `since` missed, or a backfill."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.replay import Replay
from vitalcast.core.vocabulary import ErrorCode, GapReason
from vitalcast.core.wire.commands import Since
from vitalcast.core.wire.limits import Limits
from vitalcast.core.wire.messages import Message, gap
from vitalcast.errors import ProtocolError

READS_A_SNAPSHOT_VALUE = 4  # at most, of the values that a snapshot may have


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A replay that is within the limits, and yet to be made.

    `recovered` says that it goes on where the client left off; `lost` spans the ticks that are no longer there.
    """

    group: Group
    replay: Replay
    recovered: bool
    lost: tuple[int, int] | None = None

    @property
    def nbytes(self) -> int:
        return self.group.replay_bytes(self.replay)

    @property
    def reads(self) -> int:
        """How many values of the ring are looked at for it."""
        return self.group.replay_reads(self.replay)

    def messages(self, ring: Ring) -> list[Message]:
        """Return the snapshot and the gaps that come with it."""
        before = [gap(self.group.id, *self.lost, GapReason.EXPIRED)] if self.lost else []
        return [*before, *self.group.snapshot(ring, self.replay)]


def plan_catch_up(
    timeline: Timeline,
    group: Group,
    since: Since | None,
    backfill_s: float,
    grant: Grant,
    limits: Limits,
    *,
    goes_on: bool = True,
) -> CatchUp:
    """Choose what a stream gets as it joins, no further back than its caller may look.

    Unless it `goes_on` with series that the client has, what came after `since` would not be enough.

    Raises ProtocolError where that is more than a snapshot may hold.
    """
    ring, known = timeline.ring, since is not None and since.is_of(timeline.id, timeline.epoch)
    if since is not None and known and goes_on:
        replay = group.plan_since(ring, since.offset)
        if replay is not None and _age_s(ring, replay) <= grant.reach_s(math.inf):
            return _checked(CatchUp(group, replay, recovered=True), limits)
    replay = group.plan_backfill(ring, round(grant.reach_s(backfill_s) * 1000))
    lost = None
    if since is not None and known:
        first = int(ring.offsets()[replay.start_row - ring.first_row])
        if first - 1 > since.offset:
            lost = (since.offset + 1, first - 1)
    return _checked(CatchUp(group, replay, recovered=False, lost=lost), limits)


def _age_s(ring: Ring, replay: Replay) -> float:
    """Return how old the oldest value of a replay is."""
    if not len(replay.ends):
        return 0.0
    return float(ring.ages()[replay.start_row + replay.ends[0] - ring.first_row]) / 1000


def _checked(catch_up: CatchUp, limits: Limits) -> CatchUp:
    limit, values = limits.snapshot_values, catch_up.group.replay_values(catch_up.replay)
    if values > limit:
        raise ProtocolError(
            ErrorCode.LIMIT,
            f"backfill: {values} values and a snapshot has {limit} at most; "
            "ask for fewer series, a shorter backfill or a longer interval",
        )
    if catch_up.reads > READS_A_SNAPSHOT_VALUE * limit:
        raise ProtocolError(
            ErrorCode.LIMIT,
            f"backfill: {catch_up.reads} values to aggregate and a snapshot reads {READS_A_SNAPSHOT_VALUE * limit} "
            "at most; ask for fewer series or a shorter backfill",
        )
    return catch_up
