"""Equal subscriptions to events share one group: each event is encoded once for all of them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import orjson

from vitalcast.core.events.event import Event
from vitalcast.core.stream.keys import GROUP_BYTES, EventKey, key_bytes
from vitalcast.core.wire.messages import Message

KEPT_MAX = 32  # for sockets that cannot take more for a while
KEPT_BYTES = 120
EVENT_BYTES = 500


class EventText:
    """An event in JSON, encoded once for all groups: with names, and without for those who may not see them."""

    __slots__ = ("_bodies", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._bodies: dict[bool, bytes] = {}

    def message(self, group_id: int, *, named: bool) -> Message:
        """Return it as a group's members get it."""
        body = self._bodies.get(named)
        if body is None:
            body = self._bodies[named] = orjson.dumps(self.event.shown(named=named))
        return Message(b'{"type":"event","group":%d,%b' % (group_id, body[1:]))


class Kept(NamedTuple):
    """An event that went out: which emission of the group it was, and the newest tick by then.

    Its text is that of all groups, so that what they keep takes little, however many they are.
    """

    emission: int
    offset: int
    text: EventText


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
        return GROUP_BYTES + key_bytes(self.key) + KEPT_MAX * KEPT_BYTES

    def wants(self, event: Event) -> bool:
        return self.key.wanted.takes(event)

    def message(self, event: Event) -> Message:
        """Return an event as its members may see it."""
        return EventText(event).message(self.id, named=self.key.named)

    def emit(self, text: EventText, offset: int) -> Message:
        """Return what members get for an event that has just happened, `offset` being that of the newest tick."""
        self.emissions += 1
        self.emitted_offset = max(self.emitted_offset, offset)
        self._kept.append(Kept(self.emissions, self.emitted_offset, text))
        return text.message(self.id, named=self.key.named)

    def missed(self, count: int) -> tuple[list[Message], int, int]:
        """Return what is left of the newest so many emissions, oldest first; with it how many of them are gone, and
        the offset up to which they are.
        """
        kept = [one for one in self._kept if one.emission > self.emissions - count]
        messages = [one.text.message(self.id, named=self.key.named) for one in kept]
        return messages, count - len(kept), kept[0].offset if kept else self.emitted_offset
