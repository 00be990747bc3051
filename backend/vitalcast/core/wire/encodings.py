"""How the data of a stream is written: each emission once in each encoding that somebody wants it in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire.emission import Emission, TickValues
from vitalcast.core.wire.json_bulk import JsonBulk
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.websocket import OPCODE_TEXT

VALUE_BYTES_MIN = 4  # of a number in JSON, the comma counted


class Bulk(Protocol):
    """Writes the data messages of many groups at one go."""

    def frames(self, tick: TickValues) -> list[bytes]:
        """Return a WebSocket frame for each, of its head and what `Encoding.body` says where it need not be whole."""


class Encoding(ABC):
    """One way of writing data; there is one object of each, and what differs in it is another subscription.

    A data message is a head, which is the group's, and a body, which is the same for all groups that have the same
    values at a tick: so it is written once for all of them. Every other message is JSON in every encoding.
    """

    name: ClassVar[str]
    opcode: ClassVar[int] = OPCODE_TEXT  # of the WebSocket frames that hold it
    of_one_stream: ClassVar[bool] = (
        False  # whether nothing can be asked for where it is spoken once the stream has ended
    )
    named: ClassVar[bool] = False  # whether each value stands under the key of its series, which groups know

    def __init__(self) -> None:
        self._least_key = object()

    def body(self, emission: Emission, *, whole: bool) -> bytes:
        """Return the body with all values where `whole`, else the shorter of that and of what changed."""
        key = self if whole else self._least_key
        body = emission.bodies.get(key)
        if body is None:
            body = emission.bodies[key] = self._whole(emission) if whole else self._least(emission)
        return body

    @abstractmethod
    def head(self, group: int) -> bytes:
        """Return what comes before the body in each message of a group."""

    def level(self, _level: str) -> bytes:
        """Return what stands between head and body where a panel's level became another, if anything."""
        return b""

    @abstractmethod
    def _whole(self, emission: Emission) -> bytes: ...

    @abstractmethod
    def _least(self, emission: Emission) -> bytes: ...

    def message(self, payload: bytes, _epoch: str, _offset: int) -> Message:
        """Return head and body as a message, with which a client has all up to this tick of the epoch."""
        return Message(payload, self.opcode)

    def wrap(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return messages, which may be no data, as they go out where this encoding is spoken."""
        return messages

    def bulk(self, _rows: Sequence[tuple[bytes, Chosen]], _values_per_series: int) -> Bulk | None:
        """Return what writes the messages with these heads at one go, of no more than FEW values each, if anything."""
        return None

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Json(Encoding):
    """JSON text: `values`, or `changed` by position where that is shorter; a value that is missing is null.

    A panel's level that became another is said in words too.
    """

    name = "json"

    def bulk(self, rows: Sequence[tuple[bytes, Chosen]], values_per_series: int) -> Bulk:
        return JsonBulk(rows, values_per_series)

    def head(self, group: int) -> bytes:
        return b'{"type":"data","group":%d,' % group

    def level(self, level: str) -> bytes:
        return b'"level":"%b",' % level.encode()

    def _whole(self, emission: Emission) -> bytes:
        return emission.tick.stamp + b'"values":[' + emission.joined() + b"]}"

    def _least(self, emission: Emission) -> bytes:
        size = len(emission)
        members = emission.members(size // 2)
        if members is None:
            return self.body(emission, whole=True)
        part = emission.tick.stamp + b'"changed":{' + b",".join(members) + b"}}"
        # What is left out is `0.0,` at least for each value, what is more is `"12":` at most: mostly that settles it.
        if VALUE_BYTES_MIN * (size - len(members)) > len(members) * (3 + len(str(size))) + 2:
            return part
        whole = self.body(emission, whole=True)
        return part if len(part) < len(whole) else whole


JSON = Json()
