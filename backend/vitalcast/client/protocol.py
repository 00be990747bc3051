"""One client's side of the conversation as a state machine: messages come in, news and commands go out.

No socket, no clock, no task. A shell connects and calls `connected`, sends what `outgoing` gives, hands each message to
`receive`, and calls `disconnected` when the line is lost: then everything is asked for again on the next connection,
streams from where they stood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from vitalcast.client.binary import decode
from vitalcast.client.events import EventStream
from vitalcast.client.outbox import Outbox, written
from vitalcast.client.reading import Json, moment, number, whole, words
from vitalcast.client.streams import MetricStream, Stream
from vitalcast.core.vocabulary import BINARY_SUBPROTOCOL, SUBPROTOCOL, ErrorCode
from vitalcast.errors import ClientError, LostError, RefusedError

RECONNECT_AFTER_S_MAX: Final = 300.0
HEARTBEAT_S_MAX: Final = 300.0
SUBPROTOCOLS: Final = (BINARY_SUBPROTOCOL, SUBPROTOCOL)
WITHOUT_ACCESS: Final = (
    "the server requires a token; create one on its machine with `vitalcast token create --scope stream "
    "--metrics 'system.>'` and give it: --token, VITALCAST_TOKEN, or `token=` in a program"
)

AStream = TypeVar("AStream", bound=Stream)


@dataclass(slots=True, eq=False)
class Question:
    """A command that is answered once; asked again on each connection until then."""

    fields: Json
    id: int


class News(NamedTuple):
    """Something that a stream brings: a `Tick`, `Rows` or an `Event`."""

    stream: Stream
    item: Any


class Answer(NamedTuple):
    """A question was answered: with a message, or an error."""

    question: Question
    message: Json | None
    error: RefusedError | None = None


class Changed(NamedTuple):
    """A change of a stream was granted, or refused, and then it goes on as before."""

    stream: Stream
    error: RefusedError | None = None


class Ended(NamedTuple):
    """The server refused a stream, or ended it. It is no longer asked for."""

    stream: Stream
    error: RefusedError


class Bye(NamedTuple):
    """The server is about to close."""

    reconnect_after_s: float | None


class Welcome(NamedTuple):
    """The server has said who it is. `heartbeat_s` is how often it says something at least.

    `rate` is how many messages a second it reads.
    """

    heartbeat_s: float | None
    rate: float | None = None


class Hurried(NamedTuple):
    """The server did not read a command, for it came too fast. It is among what is to be sent, after a while."""


Happening = News | Answer | Changed | Ended | Bye | Welcome | Hurried


class Protocol:
    """The streams and questions of one client, over as many connections as it takes."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._questions: dict[int, Question] = {}
        self._asked: dict[int, Stream] = {}  # by the ids of commands that have no answer yet
        self._changing: dict[int, tuple[Stream, Json]] = {}  # with its fields before, by the ids of commands
        self._joined = set[int]()
        self._joining: dict[int, Stream] = {}  # whose snapshot comes next, of those of a group
        self._outbox = Outbox()
        self._connected = False
        self._named = 0
        self._heard_ms: int | None = None  # the server's time, up to which nothing it told can be missing

    @property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(self._streams.values())

    # --- what the shell's user asks for ------------------------------------------------------------------------------

    def add(self, kind: type[AStream], fields: Json, **options: Any) -> AStream:
        """Begin a stream. Raises ValueError where its fields cannot be sent."""
        written(fields)
        self._named += 1
        stream = kind(f"s{self._named}", fields, **options)
        self._streams[stream.name] = stream
        self._begin(stream)
        return stream

    def remove(self, stream: Stream) -> None:
        """End a stream. Safe to call again."""
        if self._streams.pop(stream.name, None) is not None and self._connected:
            for id_ in [id_ for id_, asked in self._asked.items() if asked is stream]:
                self._outbox.answered(id_)
            self._send(stream.unsubscribe(self._outbox.number()))

    def change(self, stream: Stream, changes: Json) -> bool:
        """Change a stream from now on; return whether it will be told by `Changed` if that was granted.

        Without a connection it is asked for so on the next one. Raises ValueError where it cannot be sent.
        """
        written(changes)
        id_, before = self._outbox.number(), dict(stream.fields)
        command = stream.update(id_, changes)
        if not self._connected or stream.name not in self._streams:
            return False
        self._changing[id_] = stream, before
        self._send(command)
        return True

    def ask(self, fields: Json) -> Question:
        """Ask once. Raises ValueError where that cannot be sent."""
        written(fields)
        question = Question(fields, self._outbox.number())
        self._questions[question.id] = question
        if self._connected:
            self._send({**fields, "id": question.id})
        return question

    def forget(self, question: Question) -> None:
        """Wait no longer for an answer."""
        self._outbox.answered(question.id)
        self._questions.pop(question.id, None)

    # --- the line ----------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """Take note of a new connection, and ask for everything."""
        self.disconnected()
        self._connected = True
        for stream in self._streams.values():
            if not self._goes_on(stream):
                self._begin(stream)
        for question in self._questions.values():
            self._send({**question.fields, "id": question.id})

    def disconnected(self) -> list[Happening]:
        """Take note that there is no connection; what was to be sent will be asked anew.

        Changes that were under way count as granted: streams will be asked for as they are to be.
        """
        settled: list[Happening] = [Changed(stream) for stream, _ in self._changing.values()]
        self._connected = False
        self._outbox.clear()
        self._asked.clear()
        self._changing.clear()
        self._joining.clear()
        self._joined.clear()
        for stream in self._streams.values():
            stream.group = None
        return settled

    def outgoing(self) -> list[str]:
        """Return the texts to send now, in their order."""
        return self._outbox.take()

    def receive(self, message: str | bytes) -> list[Happening]:
        """Return what a message says.

        Raises ClientError where there is no use in going on: the server wants a token, or does not keep to the
        contract; and LostError where a new connection may fare better.
        """
        try:
            return list(self._frame(message) if isinstance(message, bytes) else self._read(json.loads(message)))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError) as error:
            shown = f"{message[:80]!r}" if isinstance(message, str) else f"{len(message)} bytes ({words(error)})"
            raise ClientError(f"the server does not follow {SUBPROTOCOL}, it sent {words(shown)}") from None

    # --- what comes --------------------------------------------------------------------------------------------------

    def _frame(self, message: bytes) -> Iterator[Happening]:
        frame = decode(message)
        self._joining.pop(frame.group, None)
        self._heard_ms = frame.time_ms
        for stream in self._of_group(frame.group):
            if isinstance(stream, MetricStream):
                for tick in stream.take_frame(frame):
                    yield News(stream, tick)

    def _read(self, message: dict[str, Any]) -> Iterator[Happening]:
        match message["type"]:
            case "welcome" if message.get("auth") == "required":
                raise RefusedError(WITHOUT_ACCESS, code=ErrorCode.UNAUTHORIZED)
            case "welcome":
                self._welcomed(moment(message["time"]) if "time" in message else None)
                heartbeat_s = number(message.get("heartbeat"))
                yield Welcome(
                    None if heartbeat_s is None else min(max(heartbeat_s, 0.1), HEARTBEAT_S_MAX),
                    number((message.get("limits") or {}).get("messages_per_second")),
                )
            case "ack":
                yield from self._acknowledged(message)
            case "catalogue" | "result":
                yield from self._answered(message)
            case "bye":
                after_ms = number(message["reconnect_after_ms"])
                yield Bye(None if after_ms is None else min(max(after_ms / 1000, 0.0), RECONNECT_AFTER_S_MAX))
            case "error":
                yield from self._refused(message)
            case "heartbeat":
                self._heard_ms = moment(message["time"])
            case "snapshot" | "series" | "data" | "gap" | "rows" | "event":
                if message["type"] in ("data", "rows"):
                    self._heard_ms = moment(message["time"])
                for stream in self._meant(whole(message["group"]), message["type"]):
                    for item in stream.take(message):
                        yield News(stream, item)

    def _goes_on(self, stream: Stream) -> bool:
        """Say whether it is asked for once the server has told its time, as what happened since then is."""
        return isinstance(stream, EventStream) and stream.acknowledged and self._heard_ms is not None

    def _welcomed(self, time_ms: int | None) -> None:
        for stream in self._streams.values():
            if self._goes_on(stream) and stream.group is None:
                if isinstance(stream, EventStream) and time_ms is not None and self._heard_ms is not None:
                    stream.go_on(time_ms - self._heard_ms)
                self._begin(stream)
        self._heard_ms = time_ms if time_ms is not None else self._heard_ms

    def _meant(self, group: int, kind: str) -> list[Stream]:
        """Return the streams that a message is for: of a past, equal streams have each their own."""
        joining = self._joining.get(group)
        if joining is not None and (kind == "gap" or (kind == "snapshot" and group not in self._joined)):
            if kind == "snapshot":
                self._joined.add(group)  # whose gaps may follow
            return [joining]
        self._joining.pop(group, None)
        return self._of_group(group)

    def _of_group(self, group: int) -> list[Stream]:
        return [stream for stream in self._streams.values() if stream.group == group]

    def _acknowledged(self, message: dict[str, Any]) -> Iterator[Happening]:
        id_: Any = message.get("id")
        self._outbox.answered(id_)
        changed = self._changing.pop(id_)[0] if id_ in self._changing else None
        # One that nobody asked for says that the stream of a panel has another group from now on.
        stream = (changed or self._asked.pop(id_, None)) if id_ is not None else self._streams.get(message["stream"])
        if stream is not None and stream.name in self._streams and message.get("group") is not None:
            if stream.group is not None:
                self._joining.pop(stream.group, None)
                self._joined.discard(stream.group)
            stream.group = whole(message["group"])
            stream.acknowledged = True
            stream.acknowledge(message)
            if isinstance(stream, MetricStream):
                self._joining[stream.group] = stream
                self._joined.discard(stream.group)
        if changed is not None:
            yield Changed(changed)

    def _answered(self, message: dict[str, Any]) -> Iterator[Happening]:
        self._outbox.answered(message["id"])
        question = self._questions.pop(message["id"], None)
        if question is not None:
            yield Answer(question, message)

    def _refused(self, message: dict[str, Any]) -> Iterator[Happening]:
        code, temporary = whole(message["code"]), message["temporary"] is True
        error = RefusedError(f"{words(message['message'])} (error {code})", code=code, temporary=temporary)
        id_: Any = message.get("id")
        name: Any = message.get("stream")
        if code == ErrorCode.RATE_LIMITED and id_ is not None and self._outbox.again(id_):
            yield Hurried()
            return
        self._outbox.answered(id_)
        if (question := self._questions.pop(id_, None) if id_ is not None else None) is not None:
            yield Answer(question, None, error)
        elif id_ in self._changing:
            changed, before = self._changing.pop(id_)
            changed.fields = dict(before)
            yield Changed(changed, error)
        elif (stream := self._asked.pop(id_, None) if id_ is not None else self._streams.get(name)) is not None:
            yield from self._stream_refused(stream, error)
        elif id_ is None and code in (ErrorCode.UNAUTHORIZED, ErrorCode.TOKEN_EXPIRED) and not temporary:
            raise error  # the server closes then
        elif id_ is None and name is None and not temporary:  # it could not even be read for whom this is
            for one in list(self._asked.values()):
                yield from self._stream_refused(one, error)
            for question in list(self._questions.values()):
                self.forget(question)
                yield Answer(question, None, error)

    def _stream_refused(self, stream: Stream, error: RefusedError) -> Iterator[Happening]:
        if error.temporary and stream.acknowledged:  # it was granted before, and will be again
            raise LostError(str(error))
        if self._streams.pop(stream.name, None) is not None:
            yield Ended(stream, error)

    # --- what goes ---------------------------------------------------------------------------------------------------

    def _begin(self, stream: Stream) -> None:
        if self._connected:
            id_ = self._outbox.number()
            self._asked[id_] = stream
            self._send(stream.command(id_))

    def _send(self, command: Json) -> None:
        self._outbox.put(command)
