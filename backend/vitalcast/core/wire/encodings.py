"""How the data of a stream is written: each emission once in each encoding that somebody wants it in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from vitalcast.core.wire.emission import Emission
from vitalcast.core.wire.messages import Message


class Encoding(ABC):
    """One way of writing data; there is one object of each, and what differs in it is another subscription.

    A data message is a head, which is the group's, and a body, which is the same for all groups that have the same
    values at a tick: so it is written once for all of them. Every other message is JSON in every encoding.
    """

    name: ClassVar[str]

    def body(self, emission: Emission, *, whole: bool) -> bytes:
        """Return the body with all values where `whole`, else the shorter of that and of what changed."""
        key = (self, whole)
        body = emission.bodies.get(key)
        if body is None:
            body = emission.bodies[key] = self._whole(emission) if whole else self._least(emission)
        return body

    @abstractmethod
    def head(self, group: int) -> bytes:
        """Return what comes before the body in each message of a group."""

    @abstractmethod
    def message(self, payload: bytes) -> Message:
        """Return head and body as a message."""

    @abstractmethod
    def _whole(self, emission: Emission) -> bytes: ...

    @abstractmethod
    def _least(self, emission: Emission) -> bytes: ...

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Json(Encoding):
    """JSON text: `values`, or `changed` by position where that is shorter; a value that is missing is null."""

    name = "json"

    def head(self, group: int) -> bytes:
        return b'{"type":"data","group":%d,' % group

    def message(self, payload: bytes) -> Message:
        return Message(payload)

    def _whole(self, emission: Emission) -> bytes:
        return b'%b,"values":[%b]}' % (emission.tick.stamp, emission.joined())

    def _least(self, emission: Emission) -> bytes:
        whole = self.body(emission, whole=True)
        changed = emission.changed()
        if changed is None or len(changed) * 2 > len(emission):
            return whole
        entries = b",".join([b'"%d":%b' % one for one in zip(changed.tolist(), emission.texts(changed), strict=True)])
        part = b'%b,"changed":{%b}}' % (emission.tick.stamp, entries)
        return part if len(part) < len(whole) else whole


JSON = Json()
