"""What groups emit for a frame, on its way to their members."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.websocket import taken_apart


@dataclass(frozen=True, slots=True)
class BulkOutput:
    """The data of many groups, written at one go: the frame of each, in the order of `group_ids`.

    What is said of the groups that are `left_out` is not to be told. The ids are the same list from tick to tick until
    they change, so that what is known of them can be kept with it.
    """

    group_ids: list[int]
    frames: list[bytes]
    left_out: Collection[int]

    def message(self, row: int) -> Message:
        """Return one of them as a message."""
        opcode, payload = taken_apart(self.frames[row])
        return Message(payload, opcode)


@dataclass(slots=True)
class Output:
    """What each group's members get for a frame: messages by group id, and the groups written at one go."""

    messages: dict[int, list[Message]] = field(default_factory=dict)
    bulks: list[BulkOutput] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.messages or self.bulks)

    def add(self, group_id: int, messages: list[Message]) -> None:
        """Have a group's members get these after what they get already."""
        if group_id in self.messages:
            self.messages[group_id] = [*self.messages[group_id], *messages]
        elif messages:
            self.messages[group_id] = messages

    def by_group(self) -> dict[int, list[Message]]:
        """Return all messages by group id."""
        said = dict(self.messages)
        for bulk in self.bulks:
            for row, group_id in enumerate(bulk.group_ids):
                if group_id not in bulk.left_out:
                    said[group_id] = [bulk.message(row)]
        return said
