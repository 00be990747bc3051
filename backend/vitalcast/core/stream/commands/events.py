"""`events`: a stream of what happens, after what happened before."""

from __future__ import annotations

from vitalcast.core.events.event import Event, EventFilter, EventKind, Severity
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.commands.checks import check_events
from vitalcast.core.stream.commands.joining import ack
from vitalcast.core.stream.conversation import Conversation, Stream
from vitalcast.core.stream.event_group import EVENT_BYTES, EventGroup
from vitalcast.core.stream.keys import EventKey
from vitalcast.core.text import advice_for
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.commands import Events
from vitalcast.core.wire.messages import Message
from vitalcast.errors import NeedsPast, ProtocolError

BACKFILL_MAX = 1000  # events, the newest
FAR_MS = 2**62  # a mark may have been given a time that is yet to come


def events(conversation: Conversation, command: Events) -> list[Message]:
    """Begin a stream of events: the ack, then those of the backfill."""
    conversation.check_new(command.stream)
    grant = conversation.grant
    check_events(grant)
    timeline = conversation.source(command.host)
    wanted = EventFilter(_kinds(command), Severity(command.severity or Severity.INFO))
    key = EventKey(timeline.id, wanted, named=grant.sees_names)
    return _begin(conversation, command, key, _before(conversation, command, timeline, key))


def _kinds(command: Events) -> frozenset[str] | None:
    """Return the kinds that are asked for, None for all. Raises ProtocolError where one is not known."""
    known = [kind.value for kind in EventKind]
    for kind in command.kinds or ():
        if kind not in known:
            raise ProtocolError(ErrorCode.BAD_REQUEST, f"kinds: {kind!r} is none of them; {advice_for(kind, known)}")
    return None if command.kinds is None else frozenset(command.kinds)


def _before(conversation: Conversation, command: Events, timeline: Timeline, key: EventKey) -> list[Event]:
    """Return the events of the backfill, as far back as the caller may look, oldest first.

    Of this machine they are kept, so NeedsPast is raised before they have been read. Of another source memory has the
    newest. Raises ProtocolError where what is kept could not be read: a part in silence would pass for the whole.
    """
    if not command.backfill:
        return []
    start_ms = conversation.now_ms() - round(conversation.grant.reach_s(command.backfill) * 1000)
    kept = conversation.brought
    if kept is None and timeline is conversation.hub.sources.home:
        raise NeedsPast(lambda: lambda past: past.events(start_ms, FAR_MS, key.wanted, limit=BACKFILL_MAX))
    if isinstance(kept, ProtocolError):
        raise kept
    # What has happened while they were read, or become of one, is in memory.
    recent = conversation.hub.events(key.source).read(start_ms, FAR_MS, key.wanted)
    events = {event.id: event for event in (*(kept or ()), *recent)}
    return sorted(events.values(), key=lambda one: (one.time_ms, one.id))[-BACKFILL_MAX:]


def _begin(conversation: Conversation, command: Events, key: EventKey, before: list[Event]) -> list[Message]:
    conversation.afford(len(before) * EVENT_BYTES, len(before) / BACKFILL_MAX)
    group = conversation.hub.join(key)
    assert isinstance(group, EventGroup)
    conversation.streams[command.stream] = Stream(group.key, group)
    return [ack(conversation, command, group, group.key), *map(group.message, before)]
