"""The fan-out: what a tick emits goes to every socket of its groups, encoded once and written once a socket."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from vitalcast.core.wire.messages import Message
from vitalcast.live.connection import Connection
from vitalcast.live.writer import Batch

if TYPE_CHECKING:
    from vitalcast.collectors.runtime_stats import RuntimeStats


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

    def write(self, messages: list[Message]) -> list[Connection]:
        """Give every member these messages; return those that have not taken them all.

        The loop is where ten thousand viewers cost their time: it does nothing but the system call.
        """
        data = joined(messages) if self.direct else b""
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
        batch = Batch(messages)
        blocked = [connection for connection in list(self.others) if not connection.write(batch)]
        for fd, sent in short:
            blocked += self.short(fd, data, sent)
        return blocked

    def short(self, fd: int, data: bytes, sent: int) -> list[Connection]:
        """Hand on what a descriptor did not take, -1 where it failed; return its connection if it takes no more."""
        connection = self.direct[fd]
        assert connection.direct is not None
        if sent < 0:
            connection.direct.fail()
        elif not connection.direct.overflow(data[sent:]):
            return [connection]
        return []


class Fanout:
    """Keeps the sockets that take what they are given in sets, by the groups that they have joined."""

    def __init__(self, stats: RuntimeStats, *, now_s: Callable[[], float]) -> None:
        self._stats = stats
        self._now_s = now_s
        self._sets: dict[tuple[int, ...], FanoutSet] = {}
        self._sets_of: dict[int, dict[FanoutSet, None]] = {}

    def __len__(self) -> int:
        """Return how many sets there are."""
        return len(self._sets)

    def enter(self, connection: Connection) -> None:
        """Put a socket into the set of its groups."""
        group_ids = connection.group_ids or ()
        found = self._sets.get(group_ids)
        if found is None:
            found = self._sets[group_ids] = FanoutSet(group_ids, self._now_s())
            for group_id in group_ids:
                self._sets_of.setdefault(group_id, {})[found] = None
        found.add(connection)

    def leave(self, connection: Connection) -> None:
        """Take a socket out of its set. Safe to call where it is in none."""
        found = self._sets.get(connection.group_ids or ())
        if found is None:
            return
        found.discard(connection)
        if len(found):
            return
        del self._sets[found.group_ids]
        for group_id in found.group_ids:
            sets = self._sets_of[group_id]
            del sets[found]
            if not sets:
                del self._sets_of[group_id]

    def emit(self, out: dict[int, list[Message]]) -> list[Connection]:
        """Give every socket what there is for its groups, by group id; return those that have not taken it all."""
        now_s = self._now_s()
        alone: list[tuple[int, bytes, FanoutSet]] = []
        due: list[tuple[FanoutSet, list[Message]]] = []
        several: dict[FanoutSet, None] = {}
        frames = nbytes = 0
        for group_id, messages in out.items():
            for one in self._sets_of.get(group_id, ()):
                if len(one.group_ids) > 1:
                    several[one] = None
                    continue
                one.last_s = now_s
                if len(one.direct) == 1 and len(messages) == 1 and not one.others:
                    message = messages[0]
                    frames += 1
                    nbytes += len(message.payload)
                    alone += [(fd, message.frame, one) for fd in one.direct]
                else:
                    due.append((one, messages))
        for one in several:
            one.last_s = now_s
            due.append((one, [message for group_id in one.group_ids for message in out.get(group_id, ())]))
        self._stats.frames_sent += frames
        self._stats.bytes_sent += nbytes
        return self._write_alone(alone) + self._write(due)

    @staticmethod
    def _write_alone(alone: list[tuple[int, bytes, FanoutSet]]) -> list[Connection]:
        """Write to the sockets that share what they get with no other; return those that have not taken it all.

        A system call leaves little in the processor's caches: what could be made before was not made in between.
        """
        blocked: list[Connection] = []
        write = os.write
        for fd, data, one in alone:
            try:
                sent = write(fd, data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                sent = -1
            if sent != len(data):
                blocked += one.short(fd, data, sent)
        return blocked

    def _write(self, due: list[tuple[FanoutSet, list[Message]]]) -> list[Connection]:
        blocked: list[Connection] = []
        for one, messages in due:
            self._stats.frames_sent += len(messages) * len(one)
            self._stats.bytes_sent += sum(len(message.payload) for message in messages) * len(one)
            blocked += one.write(messages)
        return blocked

    def quiet(self, since_s: float) -> list[Connection]:
        """Return the protocol sockets that have got nothing after `since_s`, which the caller is about to change."""
        now_s = self._now_s()
        found: list[Connection] = []
        for one in self._sets.values():
            if one.last_s > since_s:
                continue
            oldest_s = now_s
            for connection in one.members():
                if connection.last_s <= since_s and not connection.plain:
                    found.append(connection)
                else:
                    oldest_s = min(oldest_s, connection.last_s)
            one.last_s = max(one.last_s, oldest_s)
        return found


def joined(messages: list[Message]) -> bytes:
    """Return these messages as RFC 6455 frames, one after the other."""
    return messages[0].frame if len(messages) == 1 else b"".join([one.frame for one in messages])


def count_sent(stats: RuntimeStats, batch: Batch, sockets: int) -> None:
    """Count a batch that so many sockets have been given."""
    stats.frames_sent += len(batch.messages) * sockets
    stats.bytes_sent += batch.nbytes * sockets
