"""The streams of panels: the server says which series that is, which of them are drawn, how, and at which pace."""

from __future__ import annotations

from vitalcast.core.stream.commands.checks import named_panel
from vitalcast.core.stream.commands.joining import ack, start
from vitalcast.core.stream.conversation import Conversation, Stream
from vitalcast.core.stream.keys import Form, PanelKey
from vitalcast.core.stream.panel_group import PanelGroup
from vitalcast.core.wire.commands import Subscribe, Update
from vitalcast.core.wire.messages import Message
from vitalcast.errors import ProtocolError

RANGE_S = 300.0


def subscribe_panel(conversation: Conversation, command: Subscribe) -> list[Message]:
    """Begin the stream of a panel: the ack, then a snapshot that says what its columns are."""
    panel_id = command.panel_id()
    named = named_panel(panel_id, conversation.hub, conversation.grant)
    timeline = conversation.source(command.host)
    asked_ms = conversation.interval_ms(command.interval, timeline)
    reach_ms = range_ms(conversation, RANGE_S if command.range is None else command.range)
    all_lines, encoding = command.lines == "all", conversation.encoding
    key = PanelKey(
        timeline.id,
        panel_id,
        reach_ms,
        asked_ms,
        named=named,
        all_lines=all_lines,
        form=Form.of(encoding),
        encoding=encoding,
    )
    key = paced(conversation, key, asked_ms)
    messages = start(conversation, command, key, since=command.since, backfill_s=command.backfill)
    conversation.streams[command.stream].asked_ms = asked_ms
    return messages


def paced(conversation: Conversation, key: PanelKey, asked_ms: int) -> PanelKey:
    """Return a key with the pace that its panel has now: its interval where that is longer, and its aggregate."""
    panels = conversation.hub.panels
    assert panels is not None  # by whom the key was made
    own_ms, aggregate = panels.pace(key.panel)
    interval_ms = max(asked_ms, own_ms, conversation.grant.interval_min_ms)
    return key._replace(interval_ms=interval_ms, aggregates=(aggregate,))


def follow_panels(conversation: Conversation) -> list[Message]:
    """Move the streams of panels whose pace has changed; return the acks that say so, each with a snapshot anew.

    There must be no stream of a panel that is no more. One that there is no room for at its new pace goes on as it was.
    """
    messages: list[Message] = []
    for name, stream in list(conversation.streams.items()):
        if isinstance(stream.key, PanelKey):
            key = paced(conversation, stream.key, stream.asked_ms)
            if key != stream.key:
                messages += _move(conversation, name, stream, key)
    return messages


def _move(conversation: Conversation, name: str, stream: Stream, key: PanelKey) -> list[Message]:
    said = Update(type="update", stream=name)
    if stream.group is None:
        stream.key = key
        return [ack(conversation, said, None, key)]
    try:
        group = conversation.hub.join(key)
    except ProtocolError:  # at a limit of all subscriptions: then it goes on as its ack said
        return []
    conversation.release(stream)
    stream.key, stream.group = group.key, group
    assert isinstance(group, PanelGroup)
    return [ack(conversation, said, group, key), *group.whole_range()]


def range_ms(conversation: Conversation, range_s: float) -> int:
    """Return a range as far as the caller may look back, in whole seconds: those that are hardly another are equal."""
    return max(1, round(conversation.grant.reach_s(range_s))) * 1000
