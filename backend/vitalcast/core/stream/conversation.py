"""What the commands of one socket share: its caller, its streams, and what an answer may cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.deferred import Deferrals
from vitalcast.core.stream.flood_gate import FloodGate
from vitalcast.core.stream.grants import Caller, Grant
from vitalcast.core.stream.hub import AnyGroup, Hub
from vitalcast.core.stream.keys import AnyKey
from vitalcast.core.text import few
from vitalcast.core.vocabulary import CloseCode, ErrorCode
from vitalcast.core.wire.commands import Command
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.messages import Message, error_reply
from vitalcast.errors import AccessError, ProtocolError

Verify = Callable[[str, Caller], Grant]  # raises AccessError, or ProtocolError to have it tried later


def no_tokens(_token: str, _caller: Caller) -> Grant:
    raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")


def token_needed() -> ProtocolError:
    """Return the one answer to everything that comes before a token."""
    return ProtocolError(
        ErrorCode.UNAUTHORIZED, 'this server requires a token; send {"type":"hello","token":"…"} before anything else'
    )


@dataclass(slots=True)
class Stream:
    """A subscription under the client's own name; `group` is None while it is paused.

    `asked_ms` is the interval that the client asked for, where the panel's own may be longer.
    """

    key: AnyKey
    group: AnyGroup | None
    asked_ms: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Conversation:
    """The state of one socket that commands read and change.

    `now_ms` gives the wall clock in Unix milliseconds. `room` says whether an answer of about so many bytes may be
    made now, and `dashboards` names the panels and playlists that there are. `encoding` is that of the data that its
    streams bring. `ending` is why the socket is to be closed, if it is, and `errors` counts the refusals.
    `deferrals` are the answers to come, and `joining` the streams that are among them, with the commands that came for
    each meanwhile. `brought` is what was read of the past for the command that is being answered;
    None while nothing was, or a ProtocolError that says why it could not be.
    """

    hub: Hub
    caller: Caller
    verify: Verify
    gate: FloodGate
    now_ms: Callable[[], int]
    room: Callable[[int], bool]
    heartbeat_s: float
    dashboards: Callable[[], str]
    encoding: Encoding = JSON
    ending: tuple[CloseCode, str] | None = None
    errors: int = 0
    streams: dict[str, Stream]
    deferrals: Deferrals
    joining: dict[str, deque[Command]] = field(default_factory=dict)
    brought: Any = None

    @property
    def grant(self) -> Grant:
        """What the caller may. Raises ProtocolError while it has yet to show a token."""
        if self.caller.grant is None:
            raise token_needed()
        return self.caller.grant

    def refuse(self, id_: int | str | None, error: ProtocolError, **fields: object) -> Message:
        self.errors += 1
        return error_reply(id_, error, **fields)

    # --- streams -------------------------------------------------------------------------------------------------

    def stream(self, name: str) -> Stream:
        """Return the stream of this name. Raises ProtocolError where there is none."""
        stream = self.streams.get(name)
        if stream is None:
            known = few(map(repr, self.streams)) or "none"
            raise ProtocolError(ErrorCode.BAD_REQUEST, f"stream: there is no {name!r}; this socket has {known}")
        return stream

    def check_new(self, name: str) -> None:
        """Raise ProtocolError where a stream of this name may not be begun."""
        if name in self.streams:
            raise ProtocolError(
                ErrorCode.DUPLICATE_STREAM, f"stream: {name!r} is taken; update or unsubscribe it, or choose another"
            )
        if len(self.streams.keys() | self.joining.keys()) >= self.hub.limits.streams:
            raise ProtocolError(ErrorCode.LIMIT, f"a socket has {self.hub.limits.streams} streams at most")

    def release(self, stream: Stream) -> None:
        """End what a stream has in the hub: its part in a group, or its place while it is paused."""
        if stream.group is not None:
            self.hub.leave(stream.group)
            stream.group = None
        else:
            self.hub.drop(stream.key)

    def end(self, name: str) -> None:
        """Forget a stream."""
        self.release(self.streams.pop(name))

    # --- what may be asked for -----------------------------------------------------------------------------------

    def source(self, host: str | None) -> Timeline:
        """Return the source of this id or name. Raises ProtocolError, which names others to who may see everything."""
        return self.hub.sources.find(host, advised=self.grant.within is None)

    def interval_ms(self, interval_s: float | None, timeline: Timeline, *, shortest_ms: int = 0) -> int:
        """Return the interval asked for, the usual one for None. Raises ProtocolError for one that is too short."""
        granted_ms = self.grant.interval_min_ms
        if interval_s is None:
            return max(timeline.interval_ms, granted_ms)
        interval_ms, shortest_ms = round(interval_s * 1000), max(shortest_ms, timeline.interval_min_ms)
        if interval_ms < max(shortest_ms, granted_ms):
            where, least_ms = ("here", shortest_ms) if shortest_ms >= granted_ms else ("for this token", granted_ms)
            raise ProtocolError(
                ErrorCode.LIMIT, f"interval: the shortest {where} is {least_ms / 1000:g} s, got {interval_s:g}"
            )
        return interval_ms

    def afford(self, nbytes: int, messages: float) -> None:
        """Take what an answer costs: so many bytes until it is read, and the work of so many messages.

        Raises ProtocolError where there is no room for it now.
        """
        if not self.room(nbytes):
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"clients have yet to take {self.hub.limits.unread_mib} MiB that they asked for; try again later",
                temporary=True,
            )
        self.gate.charge(messages)
