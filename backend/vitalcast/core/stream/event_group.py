"""Equal subscriptions to events share one group: each event is encoded once for all of them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from vitalcast.core.events.event import Event
from vitalcast.core.stream.keys import GROUP_BYTES, EventKey, key_bytes
from vitalcast.core.wire.messages import Message

KEPT_MAX = 32  # for sockets that cannot take more for a while
EVENT_BYTES = 500


class Kept(NamedTuple):
    """An event that went out: which emission of the group it was, and the newest tick by then."""

    emission: int
    offset: int
    message: Message


class EventGroup:
    """A subscription to events that any number of streams share."""

    gap = None
    series_version = 0

    __slots__ = ("_kept", "emissions", "emitted_offset", "held_bytes", "id", "key", "streams")

    def __init__(self, id_: int, key: EventKey) -> None:
        self.id = id_
        self.key = key
        self.streams = 0
        self.emissions = 0
        self.emitted_offset = 0
        self.held_bytes = 0  # as the hub has counted it
        self._kept: deque[Kept] = deque(maxlen=KEPT_MAX)

    @property
    def nbytes(self) -> int:
        """About how much memory this group takes, as many events as it may keep counted."""
        return GROUP_BYTES + key_bytes(self.key) + KEPT_MAX * EVENT_BYTES

    def wants(self, event: Event) -> bool:
        return event.is_of(self.key.kinds, self.key.severity)

    def message(self, event: Event) -> Message:
        """Return an event as its members may see it."""
        return Message.of({"type": "event", "group": self.id} | event.shown(named=self.key.named))

    def emit(self, event: Event, offset: int) -> Message:
        """Return what members get for an event that has just happened, `offset` being that of the newest tick."""
        message = self.message(event)
        self.emissions += 1
        self.emitted_offset = max(self.emitted_offset, offset)
        self._kept.append(Kept(self.emissions, self.emitted_offset, message))
        return message

    def missed(self, count: int) -> tuple[list[Message], int, int]:
        """Return what is left of the newest so many emissions, oldest first; with it how many of them are gone, and
        the offset up to which they are.
        """
        kept = [one for one in self._kept if one.emission > self.emissions - count]
        return [one.message for one in kept], count - len(kept), kept[0].offset if kept else self.emitted_offset
