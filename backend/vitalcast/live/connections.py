"""The ConnectionManager: every open socket, from the welcome to the good-bye."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vitalcast.core.stream.conversation import Verify, no_tokens
from vitalcast.core.stream.deferred import Deferred
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.keys import SeriesKey
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import STAY_AWAY_FROM, CloseCode, ErrorCode
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.messages import Message, bye, error_reply, reply
from vitalcast.errors import AccessError, ProtocolError
from vitalcast.live.back_pressure import BackPressure
from vitalcast.live.connection import Connection
from vitalcast.live.deferred_answers import DeferredAnswers, Read
from vitalcast.live.fanout import Fanout, count_sent
from vitalcast.live.registry import Registry
from vitalcast.live.token_watch import TokenWatch
from vitalcast.live.writer import Batch, Writer

if TYPE_CHECKING:
    from vitalcast.collectors.runtime_stats import RuntimeStats

TOLD_A_TURN = 500
RECONNECT_MS = (300, 1600)  # so that viewers are back within 2 s, and not all at once
RECONNECT_TOO_FAST_MS = (5000, 15_000)  # what flooded will again, more likely than not
_RANDOM = random.SystemRandom()


class ConnectionManager:
    """Holds the open sockets and gives each what it is due.

    Nothing here waits: a socket that cannot take more is set aside, told later what it missed, and closed only when
    it has taken nothing for `slow_s`. `plain` is the stream of sockets that speak no protocol. `on_demand` is called
    whenever the subscriptions have changed.

    A caller without a grant has `hello_s` to show a token that `verify` knows. What a grant allows is settled when it
    is asked for, and not with every frame: sockets whose grant ends are closed by `sweep` and by `revoke`.
    `on_refused` is told of each caller that is turned away, and why. `read` runs work on the past in a thread; without
    it there is none.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        plain: SeriesKey,
        stats: RuntimeStats,
        heartbeat_s: float = 10.0,
        slow_s: float = 30.0,
        hello_s: float = 10.0,
        verify: Verify = no_tokens,
        dashboards: Callable[[], str] = lambda: "",
        on_refused: Callable[[Caller, str], None] = lambda _caller, _why: None,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        on_demand: Callable[[], None] = lambda: None,
        call_soon: Callable[[Callable[[], None]], object] | None = None,
        read: Read | None = None,
    ) -> None:
        self.hub = hub
        self.on_demand = on_demand
        self.call_soon = call_soon
        self.on_refused = on_refused
        self._verify = verify
        self._dashboards = dashboards
        self._hello_s = hello_s
        self._plain_key = plain
        self._stats = stats
        self._heartbeat_s = heartbeat_s
        self._slow_s = slow_s
        self._now_s = now_s
        self._now_ms = now_ms
        self.fanout = Fanout(stats, now_s=now_s)
        self.tokens = TokenWatch(hello_s=hello_s, now_s=now_s, now_ms=now_ms)
        self.back_pressure = BackPressure(hub, stats, slow_s=slow_s, now_s=now_s, on_excess=self._shed_soon)
        self._deferred = DeferredAnswers(read, self._settle)
        self._registry = Registry(hub.limits)
        self._plain: dict[Connection, None] = {}
        self._departed: list[int] = []  # in this turn of the event loop
        self._shedding = False
        self._next_id = 1

    @property
    def active_connections(self) -> tuple[Connection, ...]:
        """The open sockets, oldest first."""
        return tuple(self._registry)

    # --- coming and going ----------------------------------------------------------------------------------------

    def connect(self, writer: Writer, *, plain: bool, encoding: Encoding = JSON, caller: Caller = OPEN) -> Connection:
        """Take in an accepted socket and send what it gets unasked. Raises TooManyConnections at a limit."""
        self._registry.admit(caller.address)
        session = Session(
            self.hub,
            plain=self._plain_key if plain else None,
            encoding=encoding,
            now_ms=self._now_ms,
            now_s=self._now_s,
            heartbeat_s=self._heartbeat_s,
            caller=caller,
            verify=self._verify,
            room=self.back_pressure.has_room,
            dashboards=self._dashboards,
        )
        connection = Connection(self._next_id, session, writer, self._now_s())
        self._next_id += 1
        self._registry.add(connection)
        if connection.plain:
            self._plain[connection] = None
        self.tokens.follow(connection)
        self._send(connection, session.open(plain=plain))
        if not connection.closed:
            self._regroup(connection)
        self._stats.sockets = len(self._registry)
        return connection

    def hand_over(self, connection: Connection, writer: Writer, messages: list[Message]) -> None:
        """Have an open socket that has taken all be written to by another writer from now on, first these messages."""
        self.fanout.leave(connection)
        connection.use(writer)
        self.fanout.enter(connection)
        self._send(connection, messages)

    def disconnect(self, connection: Connection) -> None:
        """Forget a socket that has gone, and tell the plain ones that remain. Safe to call again."""
        if self._forget(connection):
            self._tell_departure(connection)

    def _tell_departure(self, connection: Connection) -> None:
        if connection.session.encoding.of_one_stream:  # who only reads is in no chat, be it that they were refused
            return
        self._departed.append(connection.id)
        if len(self._departed) == 1:
            if self.call_soon is not None:
                self.call_soon(self._announce)
            else:
                self._announce()

    def _announce(self) -> None:
        departed, self._departed = self._departed, []
        batch = Batch([Message(b"Client #%d left the chat" % id_) for id_ in departed])
        for connection in list(self._plain):
            self._deliver(connection, batch)

    def _forget(self, connection: Connection) -> bool:
        if connection.closed:
            return False
        connection.closed = True
        self._registry.remove(connection)
        self._plain.pop(connection, None)
        self.tokens.forget(connection)
        self.back_pressure.forget(connection)
        self.fanout.leave(connection)
        connection.session.close()
        connection.inbox = connection.missed = None
        connection.take_outbox()
        self._stats.sockets = len(self._registry)
        self._count_streams()
        self.on_demand()
        return True

    def close(self, connection: Connection, code: CloseCode, reason: str, *, last: Iterable[Message] = ()) -> None:
        """Close a socket from this side: what is `last`, `bye`, a close frame; the plain ones that remain are told."""
        if self._forget(connection):
            self._say_bye(connection, code, reason, last)
            self._tell_departure(connection)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """Close every socket; nobody remains to be told."""
        for connection in self.active_connections:
            self._forget(connection)
            self._say_bye(connection, code, reason)

    @staticmethod
    def _say_bye(connection: Connection, code: CloseCode, reason: str, last: Iterable[Message] = ()) -> None:
        bounds_ms = RECONNECT_TOO_FAST_MS if code is CloseCode.TOO_FAST else RECONNECT_MS
        pause_ms = None if code >= STAY_AWAY_FROM else _RANDOM.randint(*bounds_ms)
        connection.writer.close(code, reason, Batch([*last, bye(code, pause_ms)]))

    # --- tokens --------------------------------------------------------------------------------------------------

    def revoke(self, token_ids: Iterable[str]) -> None:
        """Close the sockets of these tokens."""
        for token_id in token_ids:
            self.tokens.note_revoked(token_id)
            for connection in self.tokens.holders(token_id):
                self._turn_away(connection, ErrorCode.UNAUTHORIZED, CloseCode.REVOKED, "the token has been revoked")

    def revoked(self, caller: Caller) -> AccessError | None:
        """Return why a caller is not to be connected whose token has been revoked since it was looked at."""
        return self.tokens.revoked(caller)

    def _turn_away(self, connection: Connection, code: ErrorCode, close_code: CloseCode, why: str) -> None:
        self.close(connection, close_code, why, last=[error_reply(None, ProtocolError(code, why))])

    # --- messages for some or all --------------------------------------------------------------------------------

    def send_personal_message(self, message: str, connection: Connection) -> None:
        """Send a text to one socket."""
        self._deliver(connection, Batch([Message(message.encode())]))

    def broadcast(self, message: str) -> None:
        """Send a text to every socket that has been let in; one that is slow gets it later and holds up nobody."""
        batch = Batch([Message(message.encode())])
        for connection in self.active_connections:
            if not self.tokens.unauthenticated(connection):
                self._deliver(connection, batch)

    def _send(self, connection: Connection, messages: list[Message]) -> None:
        if messages:
            self._deliver(connection, Batch(messages))

    def _deliver(self, connection: Connection, batch: Batch) -> None:
        if connection.closed:
            return
        if connection.blocked:
            self.back_pressure.defer(connection, batch)
            return
        connection.last_s = self._now_s()
        count_sent(self._stats, batch, 1)
        if not connection.write(batch):
            self.block(connection)

    # --- panels and playlists ------------------------------------------------------------------------------------

    def dashboards_changed(self, grant_now: Callable[[Grant], Grant]) -> None:
        """Tell the sockets that speak the protocol that there are other panels or playlists.

        `grant_now` returns what stands for a grant with these; streams that it covers no more end with an error. Many
        sockets are told over several turns of the loop, so that the stream need not wait for it.
        """
        self._tell_dashboards(self.active_connections, grant_now)

    def _tell_dashboards(self, untold: tuple[Connection, ...], grant_now: Callable[[Grant], Grant]) -> None:
        for connection in untold[:TOLD_A_TURN]:
            session = connection.session
            grant = session.caller.grant
            if connection.closed or connection.plain or grant is None:
                continue
            errors = session.errors
            messages = session.dashboards_changed(grant_now(grant))
            self._stats.errors_sent += session.errors - errors
            self._send(connection, messages)
            if not connection.closed:
                self._regroup(connection)
        if len(untold) > TOLD_A_TURN:
            rest = functools.partial(self._tell_dashboards, untold[TOLD_A_TURN:], grant_now)
            if self.call_soon is not None:
                self.call_soon(rest)
            else:
                rest()

    # --- what clients send ---------------------------------------------------------------------------------------

    def receive(self, connection: Connection, message: str | int) -> None:
        """Answer a client's text, or a binary message of that many bytes; it waits while the client is blocked."""
        if connection.closed:
            return
        if connection.blocked:
            if not self.back_pressure.hold(connection, message):
                self.close(connection, CloseCode.TOO_FAST, "more was sent than may wait while answers are not taken")
            return
        session = connection.session
        self._stats.messages_received += 1
        errors = session.errors
        replies = session.receive(message) if isinstance(message, str) else session.receive_binary(message)
        self._stats.errors_sent += session.errors - errors
        if session.ending is not None:
            self.on_refused(session.caller, session.ending[1])
            self.close(connection, *session.ending, last=replies)
            return
        self._send(connection, replies)
        if not connection.closed:
            self.tokens.follow(connection)
            self._regroup(connection)
            self._deferred.begin(connection)

    def _settle(self, connection: Connection, deferred: Deferred, outcome: object) -> None:
        """Give a socket the answer that it waited for; while it is blocked, that waits for it."""
        session = connection.session
        errors = session.errors
        messages = session.settle(deferred, outcome)
        self._stats.errors_sent += session.errors - errors
        self._send(connection, messages)
        if not connection.closed:
            self._regroup(connection)

    def _regroup(self, connection: Connection) -> None:
        """Move a socket to where its groups' emissions reach it, if they have changed."""
        if not connection.plain:
            self._plain.pop(connection, None)
        self._count_streams()
        group_ids = connection.session.group_ids
        if group_ids == connection.group_ids:
            return
        if connection.group_ids and not group_ids and connection.session.encoding.of_one_stream:
            self.close(connection, CloseCode.DENIED, "its stream has ended")
            return
        self.fanout.leave(connection)
        connection.group_ids = group_ids
        if connection.blocked:
            self.back_pressure.regroup(connection)
        else:
            self.fanout.enter(connection)
        self.on_demand()

    def _count_streams(self) -> None:
        self._stats.groups = len(self.hub.groups)
        self._stats.streams = self.hub.streams

    # --- fan-out -------------------------------------------------------------------------------------------------

    def publish(self, out: Output) -> None:
        """Give every socket what the hub emits for it: each socket is written to once."""
        self.back_pressure.note_missed()
        for connection in self.fanout.emit(out):
            self.block(connection)

    # --- sockets that cannot take more ---------------------------------------------------------------------------

    def block(self, connection: Connection) -> None:
        """Set a socket aside whose client does not take all that it is given. Safe to call again."""
        if connection.closed or connection.blocked:
            return
        self.fanout.leave(connection)
        self.back_pressure.block(connection)

    def resume(self, connection: Connection) -> None:
        """Go on with a socket whose client took all that was written: first what waited, then what it missed."""
        if connection.closed or not connection.blocked:
            return
        messages = self.back_pressure.release(connection)
        self.fanout.enter(connection)
        self._send(connection, messages)
        while (message := connection.next_held()) is not None:
            self.receive(connection, message)
        self._deferred.begin(connection)

    def _shed_soon(self) -> None:
        if self.call_soon is not None and not self._shedding:
            self._shedding = True
            self.call_soon(self._shed)

    def _shed(self) -> None:
        self._shedding = False
        for connection in self.back_pressure.excess():
            self._stats.sockets_closed_slow += 1
            self.close(connection, CloseCode.SLOW, "all sockets together had more to take than limits.unread_mib")

    # --- once a second -------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Say that quiet sockets are alive.

        Close those that have taken nothing for too long, have not said who they are, or whose token has expired.
        """
        self._end_silent()
        for connection in self.tokens.expired():
            self._turn_away(connection, ErrorCode.TOKEN_EXPIRED, CloseCode.BAD_TOKEN, "the token has expired")
        self.tokens.forget_revoked()
        for connection in self.back_pressure.stalled():
            self._stats.sockets_closed_slow += 1
            self.close(connection, CloseCode.SLOW, f"no byte taken for {self._slow_s:g} s")
        beat = Batch([reply("heartbeat", None, time=self._now_ms())])
        for connection in self.fanout.quiet(self._now_s() - self._heartbeat_s):
            self._deliver(connection, beat)

    def _end_silent(self) -> None:
        why = f"no token came within {self._hello_s:g} s"
        for connection in self.tokens.silent():
            self.on_refused(connection.session.caller, why)
            self._turn_away(connection, ErrorCode.UNAUTHORIZED, CloseCode.BAD_TOKEN, why)
