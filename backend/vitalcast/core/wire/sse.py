"""Server-sent events: what a stream says as a `text/event-stream` has it, ready for any number of HTTP responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import orjson

from vitalcast.core.wire.commands import Since
from vitalcast.core.wire.emission import Emission
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.messages import Message

EVENT_STREAM = "text/event-stream"
LAST_CHUNK = b"0\r\n\r\n"  # RFC 9112, 7.1: ends a body in chunks
ID_CHARS_MAX = 1024
ID_PATTERN = "((?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+):([0-9]{1,16})"
_ID = re.compile(ID_PATTERN)
_ODD = re.compile(rb"[^A-Za-z0-9._~-]")
_ESCAPED = re.compile(rb"%([0-9A-F]{2})")
NO_POSITION = "is not a position; give the id of an event, as in <epoch>:<offset>"
_TYPE = re.compile(rb'\{"type":"([a-z]+)"')
# Where a snapshot says up to which tick it is. A quote within a text has a backslash before it, so that none fakes it.
_POSITION = re.compile(rb'"epoch":("(?:[^"\\]|\\.)*"),"offset":([0-9]+),')
_POSITION_BYTES_MAX = 8192


class Event(Message):
    """Some events, or a comment, as they are written: `payload` is text of the stream, and `frame` a chunk of a body.

    RFC 9112, 7.1: a chunk is its size in hexadecimal, a line end, the data, and a line end.
    """

    __slots__ = ()

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = b"%x\r\n%b\r\n" % (len(self.payload), self.payload)
        return self._frame


BEAT = Event(b":\n\n")  # a comment, which programs never see and proxies count as a sign of life


def event_text(kind: bytes, data: bytes, position: bytes = b"") -> bytes:
    """Return one event; with a position, a client that comes back says it in `Last-Event-ID`."""
    head = b"id: %b\n" % position if position else b""
    return b"%bevent: %b\ndata: %b\n\n" % (head, kind, data)


def type_of(payload: bytes) -> bytes:
    """Return the type of a message, empty where it has none."""
    found = _TYPE.match(payload)
    return b"" if found is None else found[1]


def position_of(epoch: str, offset: int) -> bytes:
    """Return the id of an event: where a client is that has all up to it. An epoch may be any text, and is escaped."""
    return b"%b:%d" % (_ODD.sub(lambda found: b"%%%02X" % found[0][0], epoch.encode()), offset)


def since_of(id_: str) -> Since:
    """Return the position that a client has brought back. Raises ValueError where it is none of ours."""
    found = _ID.fullmatch(id_) if len(id_) <= ID_CHARS_MAX else None
    if found is None:
        raise ValueError(NO_POSITION)
    try:
        epoch = _ESCAPED.sub(lambda one: bytes([int(one[1], 16)]), found[1].encode()).decode()
        return Since(epoch=epoch, offset=int(found[2]))
    except ValueError:  # no UTF-8, or more than a position may be, of which pydantic's error is one too
        raise ValueError(NO_POSITION) from None


class ServerSentEvents(Encoding):
    """What both forms have in common: a beat is a comment, and a client has one stream."""

    of_one_stream: ClassVar[bool] = True

    def wrap(self, messages: Sequence[Message]) -> list[Message]:
        return [event for one in messages if (event := self._event(one)) is not None]

    def _event(self, message: Message) -> Event | None:
        """Return what says this; None where it is nothing to a client of this form."""
        if isinstance(message, Event):
            return message if message.payload else None  # an empty chunk would be the end
        kind = type_of(message.payload)
        if kind == b"heartbeat":
            return BEAT
        return self._told(kind, message.payload) if kind not in (b"", b"welcome") else None

    def _told(self, kind: bytes, payload: bytes) -> Event | None:
        """Return what says a message of this type."""
        raise NotImplementedError


class Columns(ServerSentEvents):
    """The messages of `vitalcast.v1.json` as they are, each under an event of its type."""

    name = "sse-columns"

    def head(self, group: int) -> bytes:
        return JSON.head(group)

    def level(self, level: str) -> bytes:
        return JSON.level(level)

    def _whole(self, emission: Emission) -> bytes:
        return JSON.body(emission, whole=True)

    def _least(self, emission: Emission) -> bytes:
        return JSON.body(emission, whole=False)

    def message(self, payload: bytes, epoch: str, offset: int) -> Message:
        return Event(event_text(b"data", payload, position_of(epoch, offset)))

    def _told(self, kind: bytes, payload: bytes) -> Event:
        found = _POSITION.search(payload, 0, _POSITION_BYTES_MAX) if kind == b"snapshot" else None
        position = b"" if found is None else position_of(orjson.loads(found[1]), int(found[2]))
        return Event(_retry(kind, payload) + event_text(kind, payload, position))


class Named(ServerSentEvents):
    """One event a tick, with each value under the key of its series. Groups write it themselves, who know the keys."""

    name = "sse-named"
    named: ClassVar[bool] = True

    def head(self, _group: int) -> bytes:
        return b""

    def _whole(self, emission: Emission) -> bytes:
        raise NotImplementedError

    def _least(self, emission: Emission) -> bytes:
        raise NotImplementedError

    def _told(self, kind: bytes, payload: bytes) -> Event | None:
        fields = _NAMED_FIELDS.get(kind)
        if fields is None:
            return None
        said = orjson.loads(payload)
        data = orjson.dumps({name: said[name] for name in fields})
        return Event(_retry(kind, payload) + event_text(kind, data))


def _retry(kind: bytes, payload: bytes) -> bytes:
    """Return what says to a browser when to come back, for a good-bye that does."""
    after_ms = orjson.loads(payload)["reconnect_after_ms"] if kind == b"bye" else None
    return b"" if after_ms is None else retry_text(after_ms)


_NAMED_FIELDS: Mapping[bytes, tuple[str, ...]] = {
    b"gap": ("from", "to", "why"),
    b"error": ("code", "message", "temporary"),
    b"bye": ("code", "reconnect_after_ms"),
}

COLUMNS = Columns()
NAMED = Named()


def retry_text(after_ms: int) -> bytes:
    """Return how long a browser should wait before it comes back."""
    return b"retry: %d\n" % after_ms


def gap_text(first: int, last: int | None, why: str) -> bytes:
    """Return the event that says what is missing; with None the last is not known."""
    return event_text(b"gap", orjson.dumps({"from": first, "to": last, "why": why}))


def in_order(rows: Iterable[tuple[int | None, bytes]], holes: Sequence[tuple[int, int]], why: str) -> Iterator[bytes]:
    """Yield the events of ticks, each with its offset, and those of the holes between them where they belong."""
    ahead = list(holes)
    for offset, text in rows:
        while offset is not None and ahead and ahead[0][0] <= offset:
            yield gap_text(*ahead.pop(0), why)
        yield text
    for hole in ahead:
        yield gap_text(*hole, why)
