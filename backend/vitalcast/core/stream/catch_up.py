"""How much of the past a stream brings when it joins a group: what `since` missed, or a backfill."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.kept_ticks import JoinedRows, KeptTicks, Rows
from vitalcast.core.stream.replay import Replay, after_offset, newest_of
from vitalcast.core.vocabulary import ErrorCode, GapReason
from vitalcast.core.wire.commands import Since
from vitalcast.core.wire.limits import Limits
from vitalcast.core.wire.messages import Message, gap
from vitalcast.errors import ProtocolError

READS_A_SNAPSHOT_VALUE = 4  # at most, of the values that a snapshot may have


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A replay of some rows that is within the limits, and yet to be made.

    `recovered` says that it goes on where the client left off; `lost` spans the ticks that are no longer there.
    """

    group: Group
    rows: Rows
    replay: Replay
    recovered: bool
    lost: tuple[int, int] | None = None

    @property
    def nbytes(self) -> int:
        return self.group.replay_bytes(self.replay)

    @property
    def reads(self) -> int:
        """How many values are looked at for it."""
        return self.group.replay_reads(self.replay)

    def messages(self) -> list[Message]:
        """Return the snapshot and the gaps that come with it."""
        before = [gap(self.group.id, *self.lost, GapReason.EXPIRED)] if self.lost else []
        return [*before, *self.group.snapshot(self.rows, self.replay)]


def plan_catch_up(
    timeline: Timeline,
    group: Group,
    since: Since | None,
    backfill_s: float,
    grant: Grant,
    limits: Limits,
    *,
    goes_on: bool = True,
    kept: KeptTicks | None = None,
) -> CatchUp:
    """Choose what a stream gets as it joins, no further back than its caller may look.

    Unless it `goes_on` with series that the client has, what came after `since` would not be enough. `kept` is what a
    history had of the time before the ring, of which as much is shown as a snapshot may hold.

    Raises ProtocolError where what the ring has of it is more than that.
    """
    rows = _rows(timeline, group, kept)
    known = since is not None and since.is_of(timeline.id, timeline.epoch)
    if since is not None and known and goes_on:
        replay = group.plan_since(rows, since.offset)
        if replay is not None and _age_s(rows, replay) * 1000 <= reach_ms(group, math.inf, grant):
            caught_up = CatchUp(group, rows, replay, recovered=True)
            if rows is timeline.ring and not group.is_named:
                return _checked(caught_up, limits)
            if _excess(caught_up, limits) is None:  # else a part would be missing in silence
                return caught_up
    replay = group.plan_backfill(rows, round(reach_ms(group, backfill_s, grant)))
    if since is not None and resumes(timeline, group, since):
        replay = after_offset(rows, replay, since.offset)
    if rows is not timeline.ring or group.is_named:
        replay = _fitted(group, replay, limits)
    lost = None
    if since is not None and known and len(replay.ends):
        first = int(rows.offsets()[replay.start_row - rows.first_row])
        if first - 1 > since.offset:
            lost = (since.offset + 1, first - 1)
    return _checked(CatchUp(group, rows, replay, recovered=False, lost=lost), limits)


def resumes(timeline: Timeline, group: Group, since: Since) -> bool:
    """Say whether a client gets all that is kept of what came after its position, be it only a part.

    That is so where it keeps no columns in mind; others say how much of the past they want instead.
    """
    known = since.is_of(timeline.id, timeline.epoch)
    return group.is_named and known and since.offset <= timeline.newest.offset


def reach_ms(group: Group, wanted_s: float, grant: Grant) -> float:
    """Return how long ago an interval may have ended of which a caller gets the value: all of it may be seen."""
    wanted_ms = grant.reach_s(wanted_s) * 1000
    if grant.since_s is None or group.only_last:
        return wanted_ms
    return max(0.0, min(wanted_ms, grant.since_s * 1000 - group.needs * group.interval_ms))


def _rows(timeline: Timeline, group: Group, kept: KeptTicks | None) -> Rows:
    ring = timeline.ring
    if kept is None or kept.epoch != timeline.epoch or not JoinedRows.are_whole(kept, ring):
        return ring
    if not kept.whole and group.counts_gone:
        return ring
    return JoinedRows(kept, ring, group.read_places)


def _age_s(rows: Rows, replay: Replay) -> float:
    """Return how old the oldest value of a replay is."""
    if not len(replay.ends):
        return 0.0
    return float(rows.ages()[replay.start_row + replay.ends[0] - rows.first_row]) / 1000


def _fitted(group: Group, replay: Replay, limits: Limits) -> Replay:
    """Return as much of a replay as a snapshot may hold, the newest."""
    replay = newest_of(replay, max(1, limits.snapshot_values // max(group.row_values, 1)))
    while len(replay.ends) > 1 and group.replay_reads(replay) > READS_A_SNAPSHOT_VALUE * limits.snapshot_values:
        replay = newest_of(replay, len(replay.ends) // 2)
    return replay


def _checked(catch_up: CatchUp, limits: Limits) -> CatchUp:
    if (excess := _excess(catch_up, limits)) is not None:
        raise excess
    return catch_up


def _excess(catch_up: CatchUp, limits: Limits) -> ProtocolError | None:
    """Return what is to be said of a catch-up that is more than a snapshot may hold."""
    limit, values = limits.snapshot_values, catch_up.group.replay_values(catch_up.replay)
    if values > limit:
        return ProtocolError(
            ErrorCode.LIMIT,
            f"backfill: {values} values and a snapshot has {limit} at most; "
            "ask for fewer series, a shorter backfill or a longer interval",
        )
    if catch_up.reads > READS_A_SNAPSHOT_VALUE * limit:
        return ProtocolError(
            ErrorCode.LIMIT,
            f"backfill: {catch_up.reads} values to aggregate and a snapshot reads {READS_A_SNAPSHOT_VALUE * limit} "
            "at most; ask for fewer series or a shorter backfill",
        )
    return None
