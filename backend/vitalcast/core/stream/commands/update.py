"""`update` and `unsubscribe`: a stream that is there is paused, resumed, given another interval, or ended."""

from __future__ import annotations

from vitalcast.core.stream.commands.checks import check_granted
from vitalcast.core.stream.commands.joining import ack, join
from vitalcast.core.stream.commands.panel import paced, range_ms
from vitalcast.core.stream.conversation import Conversation, Stream
from vitalcast.core.stream.keys import AnyKey, EventKey, PanelKey, TableKey
from vitalcast.core.stream.panel_group import PanelGroup
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.commands import Unsubscribe, Update
from vitalcast.core.wire.messages import Message
from vitalcast.errors import ProtocolError


def update(conversation: Conversation, command: Update) -> list[Message]:
    """Change a stream, or leave it as it was where that is refused."""
    stream = conversation.stream(command.stream)
    if isinstance(stream.key, EventKey):
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"stream: {command.stream!r} is of events; unsubscribe it instead")
    if command.interval is None and command.paused is None and command.range is None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, "interval, paused or range: an update changes at least one of them")
    if isinstance(stream.key, PanelKey):
        check_granted(stream.key, conversation.hub, conversation.grant)
    asked_ms = stream.asked_ms if command.interval is None else _asked_ms(conversation, stream.key, command.interval)
    key = _changed_key(conversation, stream, command, asked_ms)
    if stream.group is None if command.paused is None else command.paused:
        stream.asked_ms = asked_ms
        return [_pause(conversation, stream, key, command)]
    if stream.group is not None and key == stream.key and command.since is None and not command.backfill:
        stream.asked_ms = asked_ms
        return [ack(conversation, command, stream.group, key)]
    held = stream.group.series if isinstance(stream.group, PanelGroup) else ()
    other_lines = isinstance(key, PanelKey) and isinstance(stream.key, PanelKey) and key.range_ms != stream.key.range_ms
    group, messages = join(
        conversation, command, key, command.since, command.backfill, held=held if other_lines else None
    )
    conversation.release(stream)
    stream.key, stream.group, stream.asked_ms = key, group, asked_ms
    return messages


def _asked_ms(conversation: Conversation, key: AnyKey, interval_s: float) -> int:
    timeline = conversation.hub.timelines[key.source]
    shortest_ms = timeline.tables[key.table].interval_min_ms if isinstance(key, TableKey) else 0
    return conversation.interval_ms(interval_s, timeline, shortest_ms=shortest_ms)


def _changed_key(conversation: Conversation, stream: Stream, command: Update, asked_ms: int) -> AnyKey:
    key = stream.key
    assert not isinstance(key, EventKey)  # which have no pace
    if command.range is not None:
        if not isinstance(key, PanelKey):
            raise ProtocolError(ErrorCode.BAD_REQUEST, "range: only the stream of a panel has one; give backfill")
        key = key._replace(range_ms=range_ms(conversation, command.range))
    if command.interval is None:
        return key
    return paced(conversation, key, asked_ms) if isinstance(key, PanelKey) else key._replace(interval_ms=asked_ms)


def _pause(conversation: Conversation, stream: Stream, key: AnyKey, command: Update) -> Message:
    conversation.release(stream)
    stream.key = key
    conversation.hub.hold(key)
    return ack(conversation, command, None, key)


def unsubscribe(conversation: Conversation, command: Unsubscribe) -> list[Message]:
    """End a stream."""
    stream = conversation.stream(command.stream)
    message = ack(conversation, command, stream.group, stream.key)
    conversation.end(command.stream)
    return [message]
