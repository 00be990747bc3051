"""`list`: which series there are for this caller."""

from __future__ import annotations

from vitalcast.core.stream.commands.checks import check_known, granted
from vitalcast.core.stream.conversation import Conversation
from vitalcast.core.wire.commands import List
from vitalcast.core.wire.messages import Message, describe_catalogue, reply

EVERYTHING = (">",)
LISTED_A_MESSAGE = 500  # series, of the answer to `list`
LISTED_BYTES = 300  # of one of them


def list_series(conversation: Conversation, command: List) -> list[Message]:
    """Describe the series that a selection means now, as far as they may be seen."""
    selection, grant, timeline = command.selection(), conversation.grant, conversation.source(command.host)
    if selection.patterns != EVERYTHING:  # which means all that there is for this caller
        selection = granted(selection, grant)
        check_known(selection, timeline)
    series = [one for one in timeline.meant(selection) if grant.allows(one)]
    conversation.afford(len(series) * LISTED_BYTES, len(series) / LISTED_A_MESSAGE)
    return [reply("catalogue", command.id, series=describe_catalogue(series))]
