"""What has to be read of a history before a stream can join: what the ring no longer has of its past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.past import Past, Ticks
from vitalcast.core.query.query import Query, Result
from vitalcast.core.stream.catch_up import READS_A_SNAPSHOT_VALUE, reach_ms, resumes
from vitalcast.core.stream.grants import Grant
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.kept_ticks import KeptTicks
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.stream.replay import interval_ends
from vitalcast.core.wire.commands import Since
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import ProtocolError

FASTER_TICKS = 400  # more than a burst of tenths of a second has
LEAD_MS = 600_000  # before the first interval that is wanted: the ticks before show where it began, whatever was missed


@dataclass(frozen=True, slots=True)
class KeptSteps:
    """A backfill up to a time, in whole intervals."""

    epoch: str
    result: Result
    end_ms: int

    def goes_on_in(self, timeline: Timeline, interval_ms: int) -> bool:
        """Say whether the ring has all intervals whole that have ended since, if any has."""
        ended = timeline.newest.time_ms // interval_ms * interval_ms > self.end_ms
        return not ended or int(timeline.ring.times()[0]) <= self.end_ms


Work = Callable[[Past], "KeptTicks | KeptSteps"]


@dataclass(frozen=True, slots=True)
class _LookBack:
    """Which ticks of some series: those `after` an offset if they are all there, else those from `start_ms` on.

    And of what else the selections `beside` mean: a series that is gone counts in what several were made, and one may
    come while this is read.
    """

    epoch: str
    series: tuple[Series, ...]
    beside: tuple[Selection, ...]
    values_max: int
    rows_max: int
    after: int | None
    after_ms: int  # no later than that
    start_ms: int | None
    end_ms: int

    def read(self, past: Past) -> KeptTicks:
        """Read them, in a thread."""
        if self.after is not None:
            series = self._all(past, self.after_ms)
            if (parts := past.after(self.epoch, self.after, series)) is not None:
                return self._kept(parts, series)
        if self.start_ms is None:
            return self._kept((), self.series)
        series = self._all(past, self.start_ms)
        return self._kept(past.ticks(series, self.start_ms, self.end_ms), series)

    def _kept(self, parts: Iterable[Ticks], series: Sequence[Series]) -> KeptTicks:
        rows_max, values_max, needed = self.rows_max, self.values_max, len(self.series)
        return KeptTicks.of(parts, series, self.epoch, rows_max=rows_max, values_max=values_max, needed=needed)

    def _all(self, past: Past, start_ms: int) -> tuple[Series, ...]:
        """Return the series that a stream has now, and then the others."""
        others = [one for selection in self.beside for one in past.series(selection, start_ms, self.end_ms)]
        return tuple(dict.fromkeys((*self.series, *others)))


def look_back(
    timeline: Timeline,
    group: Group,
    since: Since | None,
    backfill_s: float,
    grant: Grant,
    limits: Limits,
    *,
    goes_on: bool = True,
) -> Callable[[], Work] | None:
    """Return what reads the past that a stream wants beyond the ring; None where there is no more of it to be had."""
    series = tuple(one for one, _ in group.read_places)
    if not timeline.recorded or not series or (timeline.ring.first_row == 0 and not timeline.recorded_before):
        return None
    rows_max = _rows_max(group, timeline.interval_ms, len(series), limits)
    in_steps = since is None or not resumes(timeline, group, since)  # of which each has to have its tick
    after = _after(timeline, group, since, rows_max) if since is not None and goes_on else None
    newest, ages = timeline.newest, timeline.ring.ages()
    wanted_ms = round(reach_ms(group, backfill_s, grant))
    start_ms = None
    steps_ms = 0
    if wanted_ms > int(ages[0]) or _is_cut(timeline.ring, group, wanted_ms):
        most_ms = int(ages[0]) + rows_max * timeline.interval_ms
        if (
            after is None
            and in_steps
            and isinstance(group.key, SeriesKey)
            and (group.key.is_reduced or wanted_ms > most_ms)
        ):
            steps_ms = wanted_ms
        wanted_ms = min(wanted_ms, most_ms)
        start_ms = newest.time_ms - wanted_ms - (1 + max(group.needs, 1)) * group.interval_ms - LEAD_MS
    if after is None and start_ms is None:
        return None
    rows_max += _lead(group, timeline.interval_ms) + LEAD_MS // timeline.interval_ms
    values_max = READS_A_SNAPSHOT_VALUE * limits.snapshot_values
    after_ms = 0  # offsets go on after a pause, however long it was
    if after is not None and not group.counts_gone:  # then only one that comes meanwhile would be missed
        after_ms = max(0, newest.time_ms - 2 * (newest.offset - after) * timeline.interval_ms - LEAD_MS)
    read = _LookBack(
        timeline.epoch, series, group.selections, values_max, rows_max, after, after_ms, start_ms, newest.time_ms
    ).read
    if steps_ms and isinstance(group.key, SeriesKey):
        hidden_ms = grant.hidden_ms(newest.time_ms)
        return _steps(timeline, group, group.key, steps_ms, limits, read, hidden_ms=hidden_ms)
    return lambda: read


def _is_cut(ring: Ring, group: Group, wanted_ms: int) -> bool:
    """Say whether an interval is wanted for which the ring has no longer all that it needs."""
    ends = interval_ends(ring, group.interval_ms)
    first = max(group.needs, 1) - 1  # whose beginning, or the one before it, may be lost
    ages = ring.ages()[ends]
    return wanted_ms > 0 and ring.first_row > 0 and (len(ages) <= first or int(ages[first]) < wanted_ms)


def _steps(
    timeline: Timeline, group: Group, key: SeriesKey, reach_ms: int, limits: Limits, ticks: Work, *, hidden_ms: int
) -> Callable[[], Work]:
    """Have a backfill evaluated as a query is: for more than can be made of ticks, or of series gone since.

    As much of it as a snapshot may hold, the newest; or `ticks`, where that is more than a query may have.
    """
    step_ms = key.interval_ms
    end_ms = timeline.newest.time_ms // step_ms * step_ms
    steps = min(reach_ms // step_ms, limits.snapshot_values // max(1, group.row_values))
    question = Query(
        selection=key.selection,
        start_ms=max(hidden_ms, end_ms - max(1, steps) * step_ms, 0),
        end_ms=end_ms,
        step_ms=step_ms,
        aggregates=key.aggregates,
        group_by=key.group_by,
        reduce=key.reduce,
        hidden_ms=hidden_ms,
        ratio_to=key.ratio_to,
    )
    if question.start_ms >= end_ms:  # no whole step of it may be seen
        return lambda: ticks
    most = QueryLimits(values=limits.snapshot_values)

    def prepare() -> Work:
        try:
            read = ask(timeline, question, most)
        except ProtocolError:  # it is more than a query looks at
            return ticks

        def work(past: Past) -> KeptTicks | KeptSteps:
            try:
                return KeptSteps(timeline.epoch, read(past), end_ms)
            except ProtocolError:
                return ticks(past)

        return work

    return prepare


def _after(timeline: Timeline, group: Group, since: Since, rows_max: int) -> int | None:
    """Return the tick after which all are needed to go on after `since`; None where the ring has them, or has to do."""
    newest, oldest = timeline.newest.offset, timeline.ring.oldest_offset
    if not since.is_of(timeline.id, timeline.epoch) or since.offset > newest or not group.may_follow(since.offset):
        return None
    if group.plan_since(timeline.ring, since.offset) is not None:
        return None
    after = max(0, since.offset - 1 - _lead(group, timeline.interval_ms))
    return after if after + 1 < oldest and newest - after <= rows_max else None


def _lead(group: Group, interval_ms: int) -> int:
    """Return how many ticks before a position are needed too: those of the interval under way then, at least."""
    return 1 if group.only_last else group.needs * -(-group.interval_ms // interval_ms) + FASTER_TICKS


def _rows_max(group: Group, interval_ms: int, series: int, limits: Limits) -> int:
    """Return of how many ticks a snapshot can be made."""
    ticks_each = max(1, group.interval_ms // interval_ms)
    held = limits.snapshot_values * ticks_each // max(1, group.row_values)
    return max(1, min(held, READS_A_SNAPSHOT_VALUE * limits.snapshot_values // series))
