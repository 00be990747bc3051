"""The ConnectionManager: every open socket, and the fan-out of frames to them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vitalcast.core.metrics.model import Frame
from vitalcast.core.stream.conversation import Verify, no_tokens
from vitalcast.core.stream.grants import OPEN, Caller
from vitalcast.core.stream.groups import Group, SeriesKey
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.session import Session
from vitalcast.core.vocabulary import CloseCode, ErrorCode, GapReason
from vitalcast.core.wire.messages import Message, bye, error_reply, gap, reply
from vitalcast.errors import AccessError, ProtocolError
from vitalcast.live.connection import Backlog, Batch, Connection, Writer

if TYPE_CHECKING:
    from vitalcast.collectors.runtime import RuntimeStats

SMALL_BYTES = 65_536  # an answer that is made whatever is unread: each socket has one at most
REVOKED_KEPT_S = 600.0
RECONNECT_MS = (500, 3000)
RECONNECT_TOO_FAST_MS = (5000, 15_000)  # what flooded will again, more likely than not


class TooManyConnections(Exception):  # noqa: N818 (a refusal, not a fault)
    """The limit of open sockets is reached; the message says which."""


class FanoutSet:
    """Sockets with the same groups: what one of them gets in a tick, all get, in the same bytes.

    All its members take what they are given; one that does not is no member until it does. `direct` holds those that
    have a descriptor, by it.
    """

    __slots__ = ("direct", "group_ids", "last_s", "others")

    def __init__(self, group_ids: tuple[int, ...], now_s: float) -> None:
        self.group_ids = group_ids
        self.direct: dict[int, Connection] = {}
        self.others: dict[Connection, None] = {}
        self.last_s = now_s

    def __len__(self) -> int:
        return len(self.direct) + len(self.others)

    def members(self) -> list[Connection]:
        return [*self.direct.values(), *self.others]

    def add(self, connection: Connection) -> None:
        if connection.direct is not None:
            self.direct[connection.direct.fd] = connection
        else:
            self.others[connection] = None

    def discard(self, connection: Connection) -> None:
        if connection.direct is not None:
            self.direct.pop(connection.direct.fd, None)
        else:
            self.others.pop(connection, None)

    def write(self, batch: Batch) -> list[Connection]:
        """Give every member this batch; return those that have not taken it all.

        The first loop is where ten thousand viewers cost their time: it does nothing but the system call.
        """
        data = batch.joined if self.direct else b""
        size = len(data)
        write = os.write
        short: list[tuple[int, int]] = []
        for fd in self.direct:
            try:
                sent = write(fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                sent = -1
            if sent != size:
                short.append((fd, sent))
        blocked = [connection for connection in list(self.others) if not connection.write(batch)]
        for connection, sent in [(self.direct[fd], sent) for fd, sent in short]:
            assert connection.direct is not None
            if sent < 0:
                connection.direct.fail()
            elif not connection.direct.overflow(data[sent:]):
                blocked.append(connection)
        return blocked


class ConnectionManager:
    """Holds the open sockets and gives each what it is due.

    Nothing here waits: a socket that cannot take more is set aside, told later what it missed, and closed only when
    it has taken nothing for `slow_s`. `plain` is the stream of sockets that speak no protocol. `on_demand` is called
    whenever the subscriptions have changed.

    A caller without a grant has `hello_s` to show a token that `verify` knows. What a grant allows is settled when it
    is asked for, and not with every frame: sockets whose grant ends are closed by `sweep` and by `revoke`.
    `on_refused` is told of each caller that is turned away, and why.
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
        on_refused: Callable[[Caller, str], None] = lambda _caller, _why: None,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        on_demand: Callable[[], None] = lambda: None,
        call_soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self.hub = hub
        self.on_demand = on_demand
        self.call_soon = call_soon
        self._verify = verify
        self.on_refused = on_refused
        self._hello_s = hello_s
        self._plain_key = plain
        self._stats = stats
        self._heartbeat_s = heartbeat_s
        self._slow_s = slow_s
        self._now_s = now_s
        self._now_ms = now_ms
        self._connections: dict[int, Connection] = {}
        self._plain: dict[Connection, None] = {}
        self._blocked: dict[Connection, None] = {}
        self._cohorts: dict[tuple[int, ...], FanoutSet] = {}
        self._cohorts_of: dict[int, dict[FanoutSet, None]] = {}
        self._departed: list[int] = []
        self._unread_bytes = 0  # of the blocked sockets, as of their last count
        self._shedding = False
        self._addresses: dict[str, int] = {}
        self._strangers: dict[Connection, float] = {}  # until when each has to say hello, the first due first
        self._holders: dict[str, dict[Connection, None]] = {}  # of each token
        self._revoked: dict[str, float] = {}  # and when, the oldest first
        self._next_id = 1

    @property
    def active_connections(self) -> tuple[Connection, ...]:
        """The open sockets, oldest first."""
        return tuple(self._connections.values())

    # --- coming and going ----------------------------------------------------------------------------------------

    def connect(self, writer: Writer, *, plain: bool, caller: Caller = OPEN) -> Connection:
        """Take in an accepted socket and send what it gets unasked. Raises TooManyConnections at a limit."""
        self._admit(caller.address)
        session = Session(
            self.hub,
            plain=self._plain_key if plain else None,
            now_ms=self._now_ms,
            now_s=self._now_s,
            heartbeat_s=self._heartbeat_s,
            caller=caller,
            verify=self._verify,
            room=self._has_room,
        )
        connection = Connection(self._next_id, session, writer, self._now_s())
        self._next_id += 1
        self._connections[connection.id] = connection
        self._count_address(caller.address, 1)
        if connection.plain:
            self._plain[connection] = None
        if caller.grant is None:
            self._strangers[connection] = self._now_s() + self._hello_s
        self._note_token(connection)
        self._send(connection, session.open(plain=plain))
        self._regroup(connection)
        self._stats.sockets = len(self._connections)
        return connection

    def _admit(self, address: str) -> None:
        limits = self.hub.limits
        if len(self._connections) >= limits.connections:
            raise TooManyConnections("all connections are taken")
        if self._addresses.get(address, 0) >= limits.connections_per_address:
            raise TooManyConnections(f"all {limits.connections_per_address} connections of {address} are taken")

    def _count_address(self, address: str, change: int) -> None:
        if not address:
            return
        count = self._addresses.get(address, 0) + change
        if count:
            self._addresses[address] = count
        else:
            del self._addresses[address]

    def disconnect(self, connection: Connection) -> None:
        """Forget a socket that has gone, and tell the plain ones that remain. Safe to call again."""
        if self._forget(connection):
            self._tell_departure(connection)

    def _tell_departure(self, connection: Connection) -> None:
        self._departed.append(connection.id)
        if len(self._departed) == 1:
            if self.call_soon is not None:
                self.call_soon(self._announce)
            else:
                self._announce()

    def _forget(self, connection: Connection) -> bool:
        if connection.closed:
            return False
        connection.closed = True
        del self._connections[connection.id]
        self._count_address(connection.session.caller.address, -1)
        self._plain.pop(connection, None)
        self._strangers.pop(connection, None)
        self._drop_token(connection)
        self._blocked.pop(connection, None)
        self._count_unread(connection, 0)
        self._stats.sockets_blocked = len(self._blocked)
        self._leave_cohort(connection)
        connection.session.close()
        connection.inbox = connection.outbox = connection.missed = None
        self._stats.sockets = len(self._connections)
        self._count_streams()
        self.on_demand()
        return True

    def _announce(self) -> None:
        departed, self._departed = self._departed, []
        messages = [Message(b"Client #%d left the chat" % id_) for id_ in departed]
        batch = Batch(messages)
        for connection in list(self._plain):
            self._deliver(connection, batch)

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
        stay_away = code >= CloseCode.BAD_TOKEN
        bounds_ms = RECONNECT_TOO_FAST_MS if code is CloseCode.TOO_FAST else RECONNECT_MS
        pause_ms = None if stay_away else random.randint(*bounds_ms)  # noqa: S311 (jitter)
        connection.writer.close(code, reason, Batch([*last, bye(code, pause_ms)]))

    # --- tokens --------------------------------------------------------------------------------------------------

    def revoke(self, token_ids: Iterable[str]) -> None:
        """Close the sockets of these tokens."""
        for token_id in token_ids:
            self._revoked.pop(token_id, None)
            self._revoked[token_id] = self._now_s()
            self._end_token(token_id, ErrorCode.UNAUTHORIZED, CloseCode.REVOKED, "the token has been revoked")

    def revoked(self, caller: Caller) -> AccessError | None:
        """Return why a caller is not to be connected whose token has been revoked since it was looked at."""
        if caller.grant is None or caller.grant.token_id not in self._revoked:
            return None
        return AccessError(ErrorCode.UNAUTHORIZED, "token: it has been revoked", revoked=True)

    def _end_token(self, token_id: str, code: ErrorCode, close_code: CloseCode, why: str) -> None:
        last = error_reply(None, ProtocolError(code, why))
        for connection in list(self._holders.get(token_id, ())):
            self.close(connection, close_code, why, last=[last])

    def _note_token(self, connection: Connection) -> None:
        """Remember whose token a socket has now."""
        grant = connection.session.caller.grant
        token_id = None if grant is None else grant.token_id
        if token_id != connection.token_id:
            self._drop_token(connection)
            connection.token_id = token_id
            if token_id is not None:
                self._holders.setdefault(token_id, {})[connection] = None

    def _drop_token(self, connection: Connection) -> None:
        if connection.token_id is None:
            return
        holders = self._holders[connection.token_id]
        del holders[connection]
        if not holders:
            del self._holders[connection.token_id]
        connection.token_id = None

    def _forget_revoked(self) -> None:
        """Forget the tokens that were revoked so long ago that no handshake from before can still be under way."""
        for token_id, since_s in list(self._revoked.items()):
            if self._now_s() - since_s < REVOKED_KEPT_S:
                break
            del self._revoked[token_id]

    def _end_expired(self) -> None:
        now_ms = self._now_ms()
        for token_id, holders in list(self._holders.items()):
            grant = next(iter(holders)).session.caller.grant  # which is the same for all of them
            if grant is not None and grant.expired(now_ms):
                self._end_token(token_id, ErrorCode.TOKEN_EXPIRED, CloseCode.BAD_TOKEN, "the token has expired")

    def _end_strangers(self) -> None:
        now_s = self._now_s()
        why = f"no token came within {self._hello_s:g} s"
        for connection, until_s in list(self._strangers.items()):
            if until_s > now_s:
                break
            self.on_refused(connection.session.caller, why)
            error = ProtocolError(ErrorCode.UNAUTHORIZED, why)
            self.close(connection, CloseCode.BAD_TOKEN, why, last=[error_reply(None, error)])

    # --- messages for some or all --------------------------------------------------------------------------------

    def send_personal_message(self, message: str, connection: Connection) -> None:
        """Send a text to one socket."""
        self._deliver(connection, Batch([Message(message.encode())]))

    def broadcast(self, message: str) -> None:
        """Send a text to every socket that has been let in; one that is slow gets it later and holds up nobody."""
        batch = Batch([Message(message.encode())])
        for connection in self.active_connections:
            if connection not in self._strangers:
                self._deliver(connection, batch)

    def _send(self, connection: Connection, messages: list[Message]) -> None:
        if messages:
            self._deliver(connection, Batch(messages))

    def _deliver(self, connection: Connection, batch: Batch) -> None:
        if connection.closed:
            return
        if connection.blocked:
            before = connection.dropped
            connection.defer(batch.messages)
            self._stats.frames_conflated += connection.dropped - before
            return
        connection.last_s = self._now_s()
        self._count(batch, 1)
        if not connection.write(batch):
            self.block(connection)

    def _count(self, batch: Batch, sockets: int) -> None:
        self._stats.frames_sent += len(batch.messages) * sockets
        self._stats.bytes_sent += batch.nbytes * sockets

    # --- what clients send ---------------------------------------------------------------------------------------

    def receive(self, connection: Connection, message: str | int) -> None:
        """Answer a client's text, or a binary message of that many bytes; it waits while the client is blocked."""
        if connection.closed:
            return
        if connection.blocked:
            if not connection.hold(message):
                self.close(connection, CloseCode.TOO_FAST, "more messages than wait for answers to be taken")
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
        self._note_caller(connection)
        self._regroup(connection)

    def _note_caller(self, connection: Connection) -> None:
        if connection.session.caller.grant is not None:
            self._strangers.pop(connection, None)
        self._note_token(connection)

    def _regroup(self, connection: Connection) -> None:
        """Move a socket to the cohort of its groups, if they have changed."""
        if not connection.plain:
            self._plain.pop(connection, None)
        self._count_streams()
        group_ids = connection.session.group_ids
        if group_ids == connection.group_ids:
            return
        self._leave_cohort(connection)
        connection.group_ids = group_ids
        if connection.blocked:
            self._note_versions(connection)
        else:
            self._enter_cohort(connection)
        self.on_demand()

    def _count_streams(self) -> None:
        self._stats.groups = len(self.hub.groups)
        self._stats.streams = self.hub.streams

    def _enter_cohort(self, connection: Connection) -> None:
        group_ids = connection.group_ids or ()
        cohort = self._cohorts.get(group_ids)
        if cohort is None:
            cohort = self._cohorts[group_ids] = FanoutSet(group_ids, self._now_s())
            for group_id in cohort.group_ids:
                self._cohorts_of.setdefault(group_id, {})[cohort] = None
        cohort.add(connection)

    def _leave_cohort(self, connection: Connection) -> None:
        cohort = self._cohorts.get(connection.group_ids or ())
        if cohort is None:
            return
        cohort.discard(connection)
        if len(cohort):
            return
        del self._cohorts[cohort.group_ids]
        for group_id in cohort.group_ids:
            cohorts = self._cohorts_of[group_id]
            del cohorts[cohort]
            if not cohorts:
                del self._cohorts_of[group_id]

    # --- fan-out -------------------------------------------------------------------------------------------------

    def publish(self, frame: Frame) -> None:
        """Give every socket what this tick holds for it: each group encoded once, each socket written to once."""
        self._emit(self.hub.append(frame))

    def publish_rows(self, out: dict[int, list[Message]]) -> None:
        """Give every socket the rows of its tables, by group id."""
        self._emit(out)

    def _emit(self, out: dict[int, list[Message]]) -> None:
        now_s = self._now_s()
        blocked: list[Connection] = []
        touched = {cohort: None for group_id in out for cohort in self._cohorts_of.get(group_id, ())}
        for connection in self._blocked:
            self._note_missed(connection)
        for cohort in touched:
            batch = Batch([message for group_id in cohort.group_ids for message in out.get(group_id, ())])
            self._count(batch, len(cohort))
            blocked += cohort.write(batch)
            cohort.last_s = now_s
        for connection in blocked:
            self.block(connection)

    # --- sockets that cannot take more ---------------------------------------------------------------------------

    def block(self, connection: Connection) -> None:
        """Set a socket aside whose client does not take all that it is given. Safe to call again."""
        if connection.closed or connection.blocked:
            return
        self._leave_cohort(connection)
        connection.blocked = True
        connection.blocked_s = self._now_s()
        connection.progress = connection.writer.progress()
        connection.missed = {}
        self._note_versions(connection)
        self._blocked[connection] = None
        self._stats.sockets_blocked = len(self._blocked)
        self._count_unread(connection, connection.writer.unread_bytes())

    def _note_versions(self, connection: Connection) -> None:
        missed = connection.missed or {}
        groups = self.hub.groups
        connection.missed = {
            id_: missed.get(id_) or Backlog(groups[id_].emissions, groups[id_].series_version)
            for id_ in connection.group_ids or ()
            if id_ in groups  # else it was left by the very command whose answer is blocked
        }

    def _note_missed(self, connection: Connection) -> None:
        for group_id, missed in (connection.missed or {}).items():
            group = self.hub.groups.get(group_id)
            if group is not None and group.emissions != missed.seen:
                missed.add(group.emissions, group.emitted_offset, group.gap)

    def resume(self, connection: Connection) -> None:
        """Go on with a socket whose client took all that was written: first what waited, then what it missed."""
        if connection.closed or not connection.blocked:
            return
        connection.blocked = False
        self._count_unread(connection, 0)
        del self._blocked[connection]
        self._stats.sockets_blocked = len(self._blocked)
        self._enter_cohort(connection)
        self._send(connection, self._waiting(connection))
        while connection.inbox and not connection.blocked and not connection.closed:
            self.receive(connection, connection.inbox.popleft())

    def _waiting(self, connection: Connection) -> list[Message]:
        messages = list(connection.outbox or ())
        connection.outbox = None
        missed, connection.missed = connection.missed, None
        for group_id, one in (missed or {}).items():
            group = self.hub.groups.get(group_id)
            if group is None:
                continue
            latest = group.latest() if one.count else None
            lost = one.count - (latest is not None)
            if lost:
                self._stats.gaps += 1
                self._stats.frames_conflated += lost
            if not connection.plain:
                if lost:
                    last = one.newest if latest is None else one.before_newest
                    messages.append(gap(group_id, one.first, last, GapReason.SLOW))
                if one.sampler is not None:
                    messages.append(gap(group_id, *one.sampler, GapReason.SAMPLER))
                if isinstance(group, Group) and group.series_version != one.series_version:
                    messages.append(group.series_message())
            if latest is not None:
                messages.append(latest)
        return messages

    # --- what all of them together have not taken ----------------------------------------------------------------

    def _has_room(self, nbytes: int) -> bool:
        """Say whether an answer of this size may be made, though its client may not take it.

        A small one may always, since each socket has one at most, and any while nobody has anything to take.
        """
        unread_max = self.hub.limits.unread_mib * 2**20
        return nbytes <= SMALL_BYTES or self._unread_bytes == 0 or self._unread_bytes + nbytes <= unread_max

    def _count_unread(self, connection: Connection, nbytes: int) -> None:
        self._unread_bytes += nbytes - connection.unread_bytes
        connection.unread_bytes = nbytes
        past = self._unread_bytes > self.hub.limits.unread_mib * 2**20
        if past and self.call_soon is not None and not self._shedding:
            self._shedding = True
            self.call_soon(self._shed)

    def _shed(self) -> None:
        """Close those that hold most, until the others are within the bound; one alone may have its answer."""
        self._shedding = False
        unread_max = self.hub.limits.unread_mib * 2**20
        if self._unread_bytes <= unread_max:
            return
        for connection in sorted(self._blocked, key=lambda one: one.unread_bytes, reverse=True):
            if self._unread_bytes <= max(unread_max, connection.unread_bytes):
                break
            self._stats.sockets_closed_slow += 1
            self.close(connection, CloseCode.SLOW, "all sockets together had more to take than limits.unread_mib")

    # --- once a second -------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Say that quiet sockets are alive.

        Close those that have taken nothing for too long, have not said who they are, or whose token has expired.
        """
        self._end_strangers()
        self._end_expired()
        self._forget_revoked()
        now_s = self._now_s()
        for connection in list(self._blocked):
            progress = connection.writer.progress()
            if progress != connection.progress:
                connection.progress, connection.blocked_s = progress, now_s
                self._count_unread(connection, connection.writer.unread_bytes())
            elif now_s - connection.blocked_s >= self._slow_s:
                self._stats.sockets_closed_slow += 1
                self.close(connection, CloseCode.SLOW, f"no byte taken for {self._slow_s:g} s")
        due_s = now_s - self._heartbeat_s
        beat = Batch([reply("heartbeat", None, time=self._now_ms())])
        for cohort in list(self._cohorts.values()):
            if cohort.last_s <= due_s:
                members = cohort.members()
                quiet = [one for one in members if one.last_s <= due_s and not one.plain]
                for connection in quiet:
                    self._deliver(connection, beat)
                oldest = min((one.last_s for one in members), default=now_s)
                cohort.last_s = max(cohort.last_s, min(oldest, now_s))
