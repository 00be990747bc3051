"""The sockets whose clients do not take what they are given: what each has missed, and what all of them hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vitalcast.core.stream.event_group import EventGroup
from vitalcast.core.stream.groups import Group
from vitalcast.core.stream.hub import Hub
from vitalcast.core.vocabulary import GapReason
from vitalcast.core.wire.messages import Message, gap
from vitalcast.live.connection import Backlog, Connection
from vitalcast.live.writer import Batch

if TYPE_CHECKING:
    from vitalcast.collectors.runtime_stats import RuntimeStats

SMALL_BYTES = 65_536  # an answer that is made whatever is unread: each socket has one at most


class BackPressure:
    """Sets sockets aside and takes them back.

    `on_excess` is called whenever they hold more together than `limits.unread_mib`: `excess` says who has to go.
    """

    def __init__(
        self,
        hub: Hub,
        stats: RuntimeStats,
        *,
        slow_s: float,
        now_s: Callable[[], float],
        on_excess: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._stats = stats
        self._slow_s = slow_s
        self._now_s = now_s
        self._on_excess = on_excess
        self._blocked: dict[Connection, None] = {}
        self._unread_bytes = 0  # of the blocked sockets, as of their last count

    # --- one socket ----------------------------------------------------------------------------------------------

    def block(self, connection: Connection) -> None:
        """Set a socket aside."""
        connection.blocked = True
        connection.blocked_s = self._now_s()
        connection.progress = connection.writer.progress()
        connection.missed = {}
        self.regroup(connection)
        self._blocked[connection] = None
        self._stats.sockets_blocked = len(self._blocked)
        self._count(connection)

    def regroup(self, connection: Connection) -> None:
        """Begin to note what is missed of the groups that a blocked socket belongs to now."""
        missed = connection.missed or {}
        groups = self._hub.groups
        connection.missed = {
            id_: missed.get(id_) or Backlog(groups[id_].emissions, groups[id_].series_version)
            for id_ in connection.group_ids or ()
            if id_ in groups  # else it was left by the very command whose answer is blocked
        }

    def release(self, connection: Connection) -> list[Message]:
        """Take a socket back whose client took all that was written; return what waits for it, and what it missed."""
        self.forget(connection)
        connection.blocked = False
        messages = connection.take_outbox()
        missed, connection.missed = connection.missed, None
        for group_id, backlog in (missed or {}).items():
            messages += self._made_up(connection, group_id, backlog)
        return messages

    def _made_up(self, connection: Connection, group_id: int, backlog: Backlog) -> list[Message]:
        """Return what makes a socket's state of one group whole again."""
        group = self._hub.groups.get(group_id)
        if group is None:
            return []
        if isinstance(group, EventGroup):
            return self._missed_events(group, backlog)
        messages: list[Message] = []
        latest = group.latest() if backlog.count else None
        lost = backlog.count - (latest is not None)
        if lost:
            self._stats.gaps += 1
            self._stats.frames_conflated += lost
        if not connection.plain:
            if lost:
                last = backlog.newest if latest is None else backlog.before_newest
                messages.append(gap(group_id, backlog.first, last, GapReason.SLOW))
            if backlog.sampler is not None:
                messages.append(gap(group_id, *backlog.sampler, GapReason.SAMPLER))
            if isinstance(group, Group) and group.series_version != backlog.series_version:
                return messages + group.made_up(latest, backlog.series_version)
        return [*messages, latest] if latest is not None else messages

    def _missed_events(self, group: EventGroup, backlog: Backlog) -> list[Message]:
        """Return the events that a socket missed, as far as they are kept, after a gap for those that are not."""
        messages, lost, last = group.missed(backlog.count)
        if not lost:
            return messages
        self._stats.gaps += 1
        self._stats.frames_conflated += lost
        return [gap(group.id, backlog.first, last, GapReason.SLOW), *messages]

    def forget(self, connection: Connection) -> None:
        """Be done with a socket that has gone, or that is blocked no more."""
        self._blocked.pop(connection, None)
        self._stats.sockets_blocked = len(self._blocked)
        self._unread_bytes -= connection.unread_bytes
        connection.unread_bytes = 0

    def defer(self, connection: Connection, batch: Batch) -> None:
        """Keep messages for a blocked socket, as many as there is room for."""
        before = connection.dropped
        connection.defer(batch.messages)
        self._stats.frames_conflated += connection.dropped - before
        self._count(connection)

    def hold(self, connection: Connection, message: str | int) -> bool:
        """Keep what a blocked socket's client sent; say whether there was room."""
        held = connection.hold(message)
        self._count(connection)
        return held

    # --- all of them ---------------------------------------------------------------------------------------------

    def note_missed(self) -> None:
        """Note what the blocked sockets did not get of the emissions since the last call."""
        groups = self._hub.groups
        for connection in self._blocked:
            for group_id, missed in (connection.missed or {}).items():
                group = groups.get(group_id)
                if group is not None and group.emissions != missed.seen:
                    missed.add(group.emissions, group.emitted_offset, group.gap)

    def stalled(self) -> list[Connection]:
        """Return the sockets that have taken no byte for too long."""
        now_s = self._now_s()
        found = []
        for connection in self._blocked:
            progress = connection.writer.progress()
            if progress != connection.progress:
                connection.progress, connection.blocked_s = progress, now_s
                self._count(connection)
            elif now_s - connection.blocked_s >= self._slow_s:
                found.append(connection)
        return found

    @property
    def _unread_max(self) -> int:
        return self._hub.limits.unread_mib * 2**20

    def _count(self, connection: Connection) -> None:
        nbytes = connection.writer.unread_bytes() + connection.inbox_bytes + connection.outbox_bytes
        self._unread_bytes += nbytes - connection.unread_bytes
        connection.unread_bytes = nbytes
        if self._unread_bytes > self._unread_max:
            self._on_excess()

    def has_room(self, nbytes: int) -> bool:
        """Say whether an answer of this size may be made, though its client may not take it.

        A small one may always, since each socket has one at most, and any while nobody has anything to take.
        """
        return nbytes <= SMALL_BYTES or self._unread_bytes == 0 or self._unread_bytes + nbytes <= self._unread_max

    def excess(self) -> list[Connection]:
        """Return those that hold most, until the others are within the bound; one alone may have its answer."""
        found = []
        left = self._unread_bytes
        for connection in sorted(self._blocked, key=lambda one: one.unread_bytes, reverse=True):
            if left <= max(self._unread_max, connection.unread_bytes):
                break
            found.append(connection)
            left -= connection.unread_bytes
        return found
