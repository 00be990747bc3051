"""One socket's side of the conversation as a state machine: a text comes in, replies go out."""

from __future__ import annotations

import enum
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.commands.events import events
from vitalcast.core.stream.commands.hello import hello, welcome, withdraw
from vitalcast.core.stream.commands.listing import list_series
from vitalcast.core.stream.commands.panel import follow_panels
from vitalcast.core.stream.commands.query import query
from vitalcast.core.stream.commands.subscribe import subscribe
from vitalcast.core.stream.commands.table import table
from vitalcast.core.stream.commands.update import unsubscribe, update
from vitalcast.core.stream.conversation import Conversation, Stream, Verify, no_tokens, token_needed
from vitalcast.core.stream.deferred import Deferrals, Deferred, Prepare
from vitalcast.core.stream.flood_gate import FloodGate
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.vocabulary import CloseCode, ErrorCode, Scope
from vitalcast.core.wire.commands import (
    Command,
    Events,
    Hello,
    List,
    Ping,
    Query,
    Subscribe,
    Table,
    Unsubscribe,
    Update,
)
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.messages import Message, reply
from vitalcast.core.wire.parsing import command_id, is_command, load_object, parse_command
from vitalcast.errors import NeedsPast, ProtocolError

logger = logging.getLogger(__name__)


def _ping(conversation: Conversation, command: Ping) -> list[Message]:
    return [reply("pong", command.id, time=conversation.now_ms())]


HELD_MAX = 16  # commands for a stream that is being joined

HANDLERS: dict[type[Command], Callable[[Conversation, Any], list[Message]]] = {
    Hello: hello,
    Subscribe: subscribe,
    Update: update,
    Unsubscribe: unsubscribe,
    List: list_series,
    Table: table,
    Events: events,
    Query: query,
    Ping: _ping,
}


OF_A_STREAM = (Subscribe, Update, Unsubscribe, Table, Events)  # which are answered in their order for each stream


class Mode(enum.Enum):
    """How a socket is spoken to. The one move is from PLAIN to PROTOCOL, by the first command."""

    PLAIN = "plain"
    PROTOCOL = "protocol"


class Session:
    """Keeps a socket's streams and answers its messages, within what its caller may.

    `now_ms` gives the wall clock in Unix milliseconds and `now_s` a monotonic time. A caller without a grant is
    answered nothing until a `hello` has brought a token that `verify` knows. `room` says whether an answer of about so
    many bytes may be made now, and `dashboards` names the panels and playlists that there are. `encoding` is that of
    the data that its streams bring. After `receive`, `group_ids` says which groups the socket belongs to, and `ending`
    why it is to be closed, if it is. Nothing escapes from here but replies.
    """

    __slots__ = ("_conversation", "_default", "mode")

    def __init__(
        self,
        hub: Hub,
        *,
        plain: SeriesKey | None,
        encoding: Encoding = JSON,
        now_ms: Callable[[], int],
        now_s: Callable[[], float],
        heartbeat_s: float = 10.0,
        caller: Caller = OPEN,
        verify: Verify = no_tokens,
        room: Callable[[int], bool] = lambda _nbytes: True,
        dashboards: Callable[[], str] = lambda: "",
    ) -> None:
        self._conversation = Conversation(
            hub=hub,
            caller=caller,
            verify=verify,
            gate=FloodGate(hub.limits.messages_per_second, now_s),
            now_ms=now_ms,
            room=room,
            heartbeat_s=heartbeat_s,
            dashboards=dashboards,
            encoding=encoding,
            streams={},
            deferrals=Deferrals(hub.limits.queries_per_socket),
        )
        default = _narrowed(plain, caller.grant, hub.timelines[plain.source].catalogue) if plain is not None else None
        self._default = hub.join(default) if default is not None else None
        self.mode = Mode.PROTOCOL if default is None else Mode.PLAIN

    @property
    def caller(self) -> Caller:
        return self._conversation.caller

    @property
    def encoding(self) -> Encoding:
        """In which its streams' data is written, and all else wrapped."""
        return self._conversation.encoding

    @property
    def ending(self) -> tuple[CloseCode, str] | None:
        return self._conversation.ending

    @property
    def errors(self) -> int:
        """How many errors it has answered with."""
        return self._conversation.errors

    @property
    def streams(self) -> dict[str, Stream]:
        """Its subscriptions, by the client's own name; for its owner to read."""
        return self._conversation.streams

    @property
    def group_ids(self) -> tuple[int, ...]:
        """The groups whose emissions go to this socket, in order."""
        ids = {stream.group.id for stream in self.streams.values() if stream.group is not None}
        if self._default is not None:
            ids.add(self._default.id)
        return tuple(sorted(ids))

    def open(self, *, plain: bool = False) -> list[Message]:
        """Return what the client gets before it asks: the newest metrics, or the welcome.

        `plain` says that it waits for the metrics: where it may not have them, it is told.
        """
        conversation = self._conversation
        if isinstance(self._default, Group):
            return [self._default.newest(conversation.hub.timelines[self._default.key.source].newest)]
        if plain and conversation.caller.grant is not None:
            why = "the default stream is more than this token may see; subscribe to what it may"
            return [conversation.refuse(None, ProtocolError(ErrorCode.DENIED, why)), welcome(conversation)]
        return [welcome(conversation)]

    def dashboards_changed(self, grant: Grant) -> list[Message]:
        """Say that there are other panels or playlists; end the streams of panels that went, and have others follow.

        `grant` is what the caller's token stands for with these: streams that it covers no more end too.
        """
        conversation = self._conversation
        conversation.caller = conversation.caller._replace(grant=grant)
        news = reply("dashboards", None, revision=conversation.dashboards())
        return [news, *withdraw(conversation, grant), *follow_panels(conversation)]

    def close(self) -> None:
        """Leave all groups, and wait for no answer. Safe to call again."""
        self._conversation.deferrals.clear()
        self._leave_default()
        for name in list(self.streams):
            self._conversation.end(name)

    def receive(self, text: str | bytes) -> list[Message]:
        """Answer one text message. `bytes` are UTF-8."""
        if not self._conversation.gate.admit():
            return self._throttled(text)
        if too_long := self._too_long(text):
            return [self._conversation.refuse(None, too_long)]
        value = load_object(text)
        if self.mode is Mode.PLAIN and not is_command(value):
            return [Message(b"Message text was: " + (text.encode() if isinstance(text, str) else text))]
        self.mode = Mode.PROTOCOL
        self._leave_default()
        return self._answer(value)

    def _answer(self, value: dict[str, Any] | None) -> list[Message]:
        conversation, id_ = self._conversation, command_id(value)
        try:
            if conversation.caller.grant is None and (value is None or value.get("type") != "hello"):
                raise token_needed()
            command = parse_command(value, keys_max=conversation.hub.limits.table_rows)
            if isinstance(command, OF_A_STREAM) and command.stream in conversation.joining:
                return self._hold(command)
        except ProtocolError as error:
            return [conversation.refuse(id_, error)]
        return self._handle(command)

    def _handle(self, command: Command, brought: object = None) -> list[Message]:
        """Answer a command, with what was read for it. One that needs the past is answered when that has come."""
        conversation = self._conversation
        conversation.brought = brought
        try:
            return self._guarded(command.id, lambda: HANDLERS[type(command)](conversation, command))
        except NeedsPast as need:
            prepare = need.prepare
        finally:
            conversation.brought = None
        return self._guarded(command.id, lambda: self._defer(command, prepare))

    def _guarded(self, id_: int | str | None, answer: Callable[[], list[Message]]) -> list[Message]:
        conversation = self._conversation
        try:
            return answer()
        except ProtocolError as error:
            return [conversation.refuse(id_, error)]
        except NeedsPast:
            raise
        except Exception:  # a fault of ours costs this answer and not the socket
            logger.exception("a message was not answered")
            fault = ProtocolError(ErrorCode.INTERNAL, "a fault of the server, which has logged it")
            return [conversation.refuse(id_, fault)]

    # --- answers that need the past --------------------------------------------------------------------------------

    def next_deferred(self) -> Deferred | None:
        """Return the next answer that is to be read for, for `settle`; None where there is none for now."""
        return self._conversation.deferrals.next()

    def settle(self, deferred: Deferred, outcome: object) -> list[Message]:
        """Answer with what was read, or with the ProtocolError that says why it was not."""
        if not self._conversation.deferrals.finish(deferred):
            return []
        return self._guarded(deferred.id, lambda: deferred.then(outcome))

    def _defer(self, command: Any, prepare: Prepare) -> list[Message]:
        """Have the stream of a command joined once the past has been read; what comes for it meanwhile waits."""
        conversation = self._conversation
        conversation.deferrals.add(
            Deferred(prepare=prepare, then=lambda outcome: self._join(command, outcome), id=command.id)
        )
        conversation.joining[command.stream] = deque()
        return []

    def _hold(self, command: Any) -> list[Message]:
        held = self._conversation.joining[command.stream]
        if len(held) >= HELD_MAX:
            why = f"stream: {HELD_MAX} commands for {command.stream!r} wait already for its past to be read"
            raise ProtocolError(ErrorCode.LIMIT, why, temporary=True)
        held.append(command)
        return []

    def _join(self, command: Any, outcome: object) -> list[Message]:
        joining = self._conversation.joining
        held = joining.pop(command.stream)
        messages = self._handle(command, outcome)
        for one in held:
            if command.stream in joining:
                joining[command.stream].append(one)
            else:
                messages += self._handle(one)
        return messages

    def receive_binary(self, size_bytes: int) -> list[Message]:
        """Answer a binary message: there is no use for one here."""
        conversation = self._conversation
        if not conversation.gate.admit():
            return self._throttled(b"")
        if conversation.caller.grant is None:
            return [conversation.refuse(None, token_needed())]
        why = f"a binary message of {size_bytes} bytes; send JSON as a text message"
        return [conversation.refuse(None, ProtocolError(ErrorCode.BAD_REQUEST, why))]

    def _too_long(self, text: str | bytes) -> ProtocolError | None:
        limit, size = self._conversation.hub.limits.message_bytes, len(text)
        if isinstance(text, str) and size <= limit < 4 * size:
            size = len(text.encode(errors="replace"))  # a character has up to four bytes
        if size <= limit:
            return None
        return ProtocolError(ErrorCode.LIMIT, f"a message has {limit} bytes at most, this one {size}")

    def _throttled(self, text: str | bytes) -> list[Message]:
        """Refuse a message past the rate, as long as refusals are within it."""
        conversation, gate = self._conversation, self._conversation.gate
        if not gate.may_refuse():
            return []
        short = len(text) <= conversation.hub.limits.message_bytes
        error = ProtocolError(
            ErrorCode.RATE_LIMITED,
            f"more than {gate.rate} messages a second: {gate.refused} in a row were not read; slow down",
            temporary=True,
        )
        return [conversation.refuse(command_id(load_object(text)) if short else None, error)]

    def _leave_default(self) -> None:
        if self._default is not None:
            self._conversation.hub.leave(self._default)
            self._default = None


def _narrowed(key: SeriesKey, grant: Grant | None, catalogue: Catalogue) -> SeriesKey | None:
    """Return the part of the default stream that a caller may have without asking; None where that is nothing."""
    if grant is None or grant.scope is Scope.EMBED:
        return None
    selection = key.selection
    if not grant.covers(selection):
        names = [one for one in catalogue.descriptors if selection.matches_name(one) and grant.allows_name(one)]
        selection = Selection.of(names, dict(selection.where))
        if not names or not grant.covers(selection):
            return None
    selection = grant.narrowed(selection)
    return key._replace(selection=selection, interval_ms=max(key.interval_ms, grant.interval_min_ms))
