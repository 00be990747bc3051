"""The fan-out: what a tick emits goes to every socket of its groups, encoded once and written once a socket."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from vitalcast.core.stream.output import BulkOutput, Output
from vitalcast.core.wire.encodings import Encoding
from vitalcast.core.wire.messages import Message
from vitalcast.core.wire.websocket import payload_bytes
from vitalcast.live.connection import Connection
from vitalcast.live.writer import Batch

if TYPE_CHECKING:
    from vitalcast.collectors.runtime_stats import RuntimeStats


LANES_MAX = 64
MARK_S = 0.2


class FanoutSet:
    """Sockets with the same groups and encoding: what one of them gets in a tick, all get, in the same bytes.

    All its members take what they are given; one that does not is no member until it does. `direct` holds those that
    have a descriptor, by it.
    """

    __slots__ = ("direct", "encoding", "group_ids", "last_s", "others")

    def __init__(self, group_ids: tuple[int, ...], encoding: Encoding, now_s: float) -> None:
        self.group_ids = group_ids
        self.encoding = encoding
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

    def write(self, messages: Sequence[Message]) -> list[Connection]:
        """Give every member these messages, wrapped already; return those that have not taken them all.

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


class Lane:
    """Where the rows of a bulk go: those `alone` straight to the descriptor of the one socket that gets just this.

    The `rest` go to sockets in the usual way. `sets` has, for each row, the sets of its group.
    """

    __slots__ = ("_marked_s", "_sets", "alone", "group_ids", "rest")

    def __init__(self, group_ids: list[int], sets: list[Collection[FanoutSet]]) -> None:
        self.group_ids = group_ids
        self.alone: list[tuple[int, int]] = []
        self.rest: list[int] = []
        self._sets = sets
        self._marked_s = -math.inf
        for row, theirs in enumerate(sets):
            only = next(iter(theirs)) if len(theirs) == 1 else None
            if only is not None and len(only.group_ids) == 1 and len(only.direct) == 1 and not only.others:
                self.alone.append((row, next(iter(only.direct))))
            elif theirs:
                self.rest.append(row)

    def without(self, left_out: Collection[int]) -> Lane:
        """Return this lane without the rows of some groups."""
        return Lane(
            self.group_ids,
            [() if id_ in left_out else sets for id_, sets in zip(self.group_ids, self._sets, strict=True)],
        )

    def mark(self, now_s: float) -> None:
        """Note on the sets that their sockets get something now; to the fraction of a second is enough."""
        if now_s - self._marked_s >= MARK_S:
            self._marked_s = now_s
            for sets in self._sets:
                for one in sets:
                    one.last_s = now_s


class Fanout:
    """Keeps the sockets that take what they are given in sets, by the groups that they have joined."""

    def __init__(self, stats: RuntimeStats, *, now_s: Callable[[], float]) -> None:
        self._stats = stats
        self._now_s = now_s
        self._sets: dict[tuple[tuple[int, ...], Encoding], FanoutSet] = {}
        self._sets_of: dict[int, dict[FanoutSet, None]] = {}
        self._lanes: dict[int, Lane] = {}

    def __len__(self) -> int:
        """Return how many sets there are."""
        return len(self._sets)

    def enter(self, connection: Connection) -> None:
        """Put a socket into the set of its groups."""
        self._lanes.clear()
        key = _key(connection)
        found = self._sets.get(key)
        if found is None:
            found = self._sets[key] = FanoutSet(*key, self._now_s())
            for group_id in found.group_ids:
                self._sets_of.setdefault(group_id, {})[found] = None
        found.add(connection)

    def leave(self, connection: Connection) -> None:
        """Take a socket out of its set. Safe to call where it is in none."""
        key = _key(connection)
        found = self._sets.get(key)
        if found is None:
            return
        self._lanes.clear()
        found.discard(connection)
        if len(found):
            return
        del self._sets[key]
        for group_id in found.group_ids:
            sets = self._sets_of[group_id]
            del sets[found]
            if not sets:
                del self._sets_of[group_id]

    def emit(self, out: Output) -> list[Connection]:
        """Give every socket what there is for its groups; return those that have not taken it all."""
        now_s = self._now_s()
        messages = out.messages
        blocked: list[Connection] = []
        lanes = [(bulk, self._lane(bulk)) for bulk in out.bulks]
        if any(lane.rest for _, lane in lanes):
            messages = dict(messages)
            for bulk, lane in lanes:
                messages |= {bulk.group_ids[row]: [bulk.message(row)] for row in lane.rest}
        for bulk, lane in lanes:
            lane.mark(now_s)
            blocked += self._write_lane(bulk, lane)
        return blocked + self._write_sets(messages, now_s)

    def _lane(self, bulk: BulkOutput) -> Lane:
        """Return where the rows of a bulk go, which is worked out again only when somebody has come or gone."""
        key = id(bulk.group_ids)  # which the lane holds, so that no other list can have it
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= LANES_MAX:
                self._lanes.clear()
            lane = Lane(bulk.group_ids, [self._sets_of.get(group_id, ()) for group_id in bulk.group_ids])
            self._lanes[key] = lane
        return lane.without(bulk.left_out) if bulk.left_out else lane

    def _write_lane(self, bulk: BulkOutput, lane: Lane) -> list[Connection]:
        """Write to the sockets that share what they get with no other; return those that have not taken it all.

        A system call leaves little in the processor's caches, so nothing else is done in between.
        """
        short: list[tuple[int, int]] = []
        write = os.write
        frames = bulk.frames
        for row, fd in lane.alone:
            try:
                sent = write(fd, frames[row])
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                sent = -1
            if sent != len(frames[row]):
                short.append((row, sent))
        self._stats.frames_sent += len(lane.alone)
        self._stats.bytes_sent += payload_bytes([frames[row] for row, _ in lane.alone])
        blocked: list[Connection] = []
        for row, sent in short:
            [one] = self._sets_of[bulk.group_ids[row]]
            blocked += one.short(next(iter(one.direct)), frames[row], sent)
        return blocked

    def _write_sets(self, messages: dict[int, list[Message]], now_s: float) -> list[Connection]:
        blocked: list[Connection] = []
        for one in {one: None for group_id in messages for one in self._sets_of.get(group_id, ())}:
            theirs = one.encoding.wrap([said for id_ in one.group_ids for said in messages.get(id_, ())])
            if not theirs:
                continue
            one.last_s = now_s
            self._stats.frames_sent += len(theirs) * len(one)
            self._stats.bytes_sent += sum([len(message.payload) for message in theirs]) * len(one)
            blocked += one.write(theirs)
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


def _key(connection: Connection) -> tuple[tuple[int, ...], Encoding]:
    return connection.group_ids or (), connection.session.encoding


def joined(messages: Sequence[Message]) -> bytes:
    """Return these messages as they are framed, one after the other."""
    return messages[0].frame if len(messages) == 1 else b"".join([one.frame for one in messages])


def count_sent(stats: RuntimeStats, batch: Batch, sockets: int) -> None:
    """Count a batch that so many sockets have been given."""
    stats.frames_sent += len(batch.messages) * sockets
    stats.bytes_sent += batch.nbytes * sockets
