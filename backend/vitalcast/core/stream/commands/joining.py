"""How a stream joins a group, whatever it is of: the ack, then the past."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from vitalcast.core.metrics.model import Series
from vitalcast.core.query.ask import ask
from vitalcast.core.query.limits import QueryLimits
from vitalcast.core.query.past import Past
from vitalcast.core.query.query import Result
from vitalcast.core.stream.ahead import check_shift, length_ms, question, step_before
from vitalcast.core.stream.catch_up import plan_catch_up, resumes
from vitalcast.core.stream.commands.checks import check_shift_granted
from vitalcast.core.stream.conversation import Conversation, Stream
from vitalcast.core.stream.event_group import EventGroup
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.hub import AnyGroup
from vitalcast.core.stream.kept_ticks import KeptTicks
from vitalcast.core.stream.keys import AnyKey, EventKey, PanelKey, SeriesKey, TableKey
from vitalcast.core.stream.look_back import KeptSteps, look_back
from vitalcast.core.stream.replay import plan_after
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.bounds import BACK_S_MAX
from vitalcast.core.wire.commands import Events, Since, Subscribe, Table, Unsubscribe, Update
from vitalcast.core.wire.messages import Message, reply
from vitalcast.errors import NeedsPast, ProtocolError

READS_A_MESSAGE = 20_000  # a snapshot counts as one message more for each so many values that are looked at


def start(
    conversation: Conversation,
    command: Subscribe | Table,
    key: AnyKey,
    *,
    since: Since | None = None,
    backfill_s: float = 0,
) -> list[Message]:
    """Begin a stream of this key; return what the client gets. Raises ProtocolError and begins nothing."""
    group, messages = join(conversation, command, key, since, backfill_s)
    conversation.streams[command.stream] = Stream(group.key, group)  # whose key all its streams share
    return messages


def join(
    conversation: Conversation,
    command: Subscribe | Table | Update,
    key: AnyKey,
    since: Since | None,
    backfill_s: float,
    *,
    held: Collection[Series] | None = None,
) -> tuple[AnyGroup, list[Message]]:
    """Join the group of this key; return it, and the ack with what follows. Raises ProtocolError and joins none.

    `held` are the only series whose past the client may have; None means all that were there. Where the past has to be
    read from a history first, NeedsPast is raised and none is joined.
    """
    group = conversation.hub.join(key)
    try:
        return group, _joined(conversation, command, group, since, backfill_s, held)
    except BaseException:
        conversation.hub.leave(group)
        raise


def _joined(
    conversation: Conversation,
    command: Subscribe | Table | Update,
    group: AnyGroup,
    since: Since | None,
    backfill_s: float,
    held: Collection[Series] | None,
) -> list[Message]:
    if isinstance(group, EventGroup):
        raise TypeError("events are joined by their own command")
    if isinstance(group, TableGroup):
        latest = group.latest()
        return [ack(conversation, command, group, group.key), *([latest] if latest else [])]
    if isinstance(group.key, SeriesKey) and group.key.shift_ms:
        return _joined_shifted(conversation, command, group, group.key, backfill_s)
    timeline, limits = conversation.hub.timelines[group.key.source], conversation.hub.limits
    if since is not None and resumes(timeline, group, since):
        backfill_s = BACK_S_MAX
    goes_on = held is None or set(group.series) <= set(held)
    grant, kept = conversation.grant, conversation.brought
    if kept is None:
        prepare = look_back(timeline, group, since, backfill_s, grant, limits, goes_on=goes_on)
        if prepare is not None:
            plan_catch_up(timeline, group, None, backfill_s, grant, limits)  # what memory has must not be too much
            raise NeedsPast(prepare)
    elif isinstance(kept, KeptSteps) and kept.epoch == timeline.epoch:
        if kept.goes_on_in(timeline, group.interval_ms):
            return _joined_steps(conversation, command, group, kept)
        conversation.brought = None  # too much time went by: once more
        return _joined(conversation, command, group, since, backfill_s, held)
    elif not isinstance(kept, KeptTicks):  # it could not be read: the ring alone has to do
        kept = None
    catch_up = plan_catch_up(timeline, group, since, backfill_s, grant, limits, goes_on=goes_on, kept=kept)
    conversation.afford(catch_up.nbytes, catch_up.reads / READS_A_MESSAGE)
    first = ack(conversation, command, group, group.key, recovered=catch_up.recovered)
    return [first, *catch_up.messages()]


def _joined_steps(
    conversation: Conversation, command: Subscribe | Table | Update, group: Group, kept: KeptSteps
) -> list[Message]:
    """Join with a backfill that was evaluated as a query, and the intervals that have ended since then."""
    ring = conversation.hub.timelines[group.key.source].ring
    size = kept.result.values.size
    conversation.afford(size * group.value_bytes, size / READS_A_MESSAGE)
    replay = plan_after(ring, group.interval_ms, kept.end_ms)
    return [ack(conversation, command, group, group.key), *group.stepped_snapshot(kept.result, ring, replay)]


def _joined_shifted(
    conversation: Conversation, command: Subscribe | Table | Update, group: Group, key: SeriesKey, backfill_s: float
) -> list[Message]:
    """Join a stream of what was so long before, which is read with what it will show next."""
    check_shift(key)
    check_shift_granted(key, conversation.grant)
    timeline, brought = conversation.hub.timelines[key.source], conversation.brought
    if brought is None:
        now_ms = step_before(key, timeline.newest.time_ms)
        start_ms = now_ms - max(1, -(-round(backfill_s * 1000) // key.interval_ms)) * key.interval_ms
        end_ms = now_ms + length_ms(key)
        seen_ms = conversation.grant.start_ms(start_ms, now_ms, conversation.now_ms(), shift_ms=key.shift_ms)
        start_ms = max(start_ms, step_before(key, seen_ms + key.interval_ms - 1))
        limits = QueryLimits(values=conversation.hub.limits.snapshot_values)
        hidden_ms = conversation.grant.hidden_ms(conversation.now_ms())
        asked = replace(question(key, start_ms, end_ms), hidden_ms=hidden_ms)
        raise NeedsPast(lambda: _shifted(ask(timeline, asked, limits), end_ms))
    if isinstance(brought, ProtocolError):
        raise brought
    result, until_ms = brought
    nbytes = result.values.size * group.value_bytes
    conversation.afford(nbytes, result.values.size / READS_A_MESSAGE)
    conversation.hub.seed(group, result, until_ms)
    return [ack(conversation, command, group, key), *group.shifted_snapshot(result)]


def _shifted(read: Callable[[Past], Result], end_ms: int) -> Callable[[Past], tuple[Result, int]]:
    return lambda past: (read(past), end_ms)


def ack(
    conversation: Conversation,
    command: Subscribe | Table | Events | Update | Unsubscribe,
    group: AnyGroup | None,
    key: AnyKey,
    *,
    recovered: bool = False,
) -> Message:
    """Return the answer to a command that changed a stream; without a group the stream is paused."""
    timeline = conversation.hub.timelines[key.source]
    content: dict[str, object] = {} if isinstance(key, EventKey) else {"interval": key.interval_ms / 1000}
    if isinstance(key, TableKey):
        content["columns"] = timeline.tables[key.table].columns
    elif not isinstance(key, EventKey):
        content["series"] = len(group.series) if isinstance(group, Group) else 0
        if key.aggregates != (Aggregate.LAST,):
            content["aggregate"] = key.aggregates
    if isinstance(key, SeriesKey) and key.shift_ms:
        content["shift"] = key.shift_ms / 1000
    if isinstance(key, PanelKey):
        content |= {"panel": key.panel, "range": key.range_ms / 1000}
    return reply(
        "ack",
        command.id,
        stream=command.stream,
        group=group.id if group is not None else None,
        source=timeline.id,
        epoch=timeline.epoch,
        offset=timeline.newest.offset,
        **content,
        recovered=recovered,
        paused=group is None,
    )
