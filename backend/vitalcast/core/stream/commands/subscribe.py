"""`subscribe`: a stream of some series, or of a panel."""

from __future__ import annotations

from vitalcast.core.stream.commands.checks import check_known, divisor_of, granted
from vitalcast.core.stream.commands.joining import start
from vitalcast.core.stream.commands.panel import subscribe_panel
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.vocabulary import Reduce
from vitalcast.core.wire.commands import Subscribe
from vitalcast.core.wire.messages import Message


def subscribe(conversation: Conversation, command: Subscribe) -> list[Message]:
    """Begin a stream: the ack, then a snapshot."""
    conversation.check_new(command.stream)
    if command.panel is not None:
        return subscribe_panel(conversation, command)
    selection = granted(command.selection(), conversation.grant)
    timeline = conversation.source(command.host)
    check_known(selection, timeline)
    interval_ms = conversation.interval_ms(command.interval, timeline)
    key = SeriesKey(
        timeline.id,
        selection,
        interval_ms,
        command.aggregates(),
        form=Form.of(conversation.encoding),
        encoding=conversation.encoding,
        group_by=command.grouping(),
        reduce=Reduce(command.reduce or Reduce.SUM),
        top=command.top,
        shift_ms=round(command.shift * 1000),
        ratio_to=divisor_of(command.ratio_to, timeline, conversation.grant),
    )
    return start(conversation, command, key, since=command.since, backfill_s=command.backfill)
