"""`subscribe` with a panel: the server says which series that is, which of them are drawn, and how."""

from __future__ import annotations

from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.commands.checks import named_panel
from vitalcast.core.stream.commands.joining import start
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.keys import PanelKey
from vitalcast.core.vocabulary import Aggregate
from vitalcast.core.wire.commands import Subscribe
from vitalcast.core.wire.messages import Message

RANGE_S = 300.0


def subscribe_panel(conversation: Conversation, command: Subscribe) -> list[Message]:
    """Begin the stream of a panel: the ack, then a snapshot that says what its columns are."""
    panel_id = command.panel_id()
    named = named_panel(panel_id, conversation.hub, conversation.grant)
    timeline = conversation.hub.sources.find(command.host)
    interval_ms, aggregate = panel_pace(conversation, timeline, panel_id, command.interval)
    reach_ms = range_ms(conversation, RANGE_S if command.range is None else command.range)
    key = PanelKey(timeline.id, panel_id, reach_ms, interval_ms, (aggregate,), named, encoding=conversation.encoding)
    return start(conversation, command, key, since=command.since, backfill_s=command.backfill)


def panel_pace(
    conversation: Conversation, timeline: Timeline, panel_id: str, interval_s: float | None
) -> tuple[int, Aggregate]:
    """Return the interval of a panel's stream, which is its own where that is longer, and its aggregate."""
    panels = conversation.hub.panels
    assert panels is not None  # which `named_panel` has seen to
    own_ms, aggregate = panels.pace(panel_id)
    return max(conversation.interval_ms(interval_s, timeline), own_ms), aggregate


def range_ms(conversation: Conversation, range_s: float) -> int:
    """Return a range as far as the caller may look back, in whole seconds: those that are hardly another are equal."""
    return max(1, round(conversation.grant.reach_s(range_s))) * 1000
