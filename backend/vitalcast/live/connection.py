"""One socket: what goes out to it, what waits while it is blocked, and what it missed meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vitalcast.core.stream.session import Mode, Session
from vitalcast.core.wire.messages import Message

OUTBOX_MESSAGES_MAX = 64
INBOX_MESSAGES_MAX = 64


class Batch:
    """Messages that go out together: one write for sockets that take bytes, one send each for the others."""

    __slots__ = ("_joined", "messages")

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = tuple(messages)
        self._joined: bytes | None = None

    @property
    def joined(self) -> bytes:
        """All messages as RFC 6455 frames, one after the other; made once."""
        if self._joined is None:
            messages = self.messages
            self._joined = messages[0].frame if len(messages) == 1 else b"".join([one.frame for one in messages])
        return self._joined

    @property
    def nbytes(self) -> int:
        return sum(len(message.payload) for message in self.messages)


class Writer(ABC):
    """The way to one client. Every call returns at once."""

    __slots__ = ()

    @abstractmethod
    def write(self, batch: Batch) -> bool:
        """Take the whole batch; return whether the client took it too. If not, write nothing until it resumes."""

    @abstractmethod
    def progress(self) -> int:
        """Return a number that changes as the client takes bytes, and not otherwise while it is blocked."""

    def unread_bytes(self) -> int:
        """Return how much of what was written waits in this process."""
        return 0

    @abstractmethod
    def close(self, code: int, reason: str, last: Batch) -> None:
        """Send these last messages and a close frame, and be gone soon even if the client takes nothing."""


class DirectWriter(Writer):
    """A writer with a descriptor: frames may be written there while the client takes all that it is given.

    `fd` is -1 where there is none after all.
    """

    __slots__ = ("fd",)

    fd: int

    @abstractmethod
    def overflow(self, rest: bytes) -> bool:
        """Take what a write to `fd` left over; return as `write` does: the client may have taken it by now."""

    @abstractmethod
    def fail(self) -> None:
        """Give up the client after a write to `fd` failed."""


@dataclass(slots=True)
class Backlog:
    """What a blocked socket did not get of one group: its emissions from `first` to `newest`.

    `seen` is the number of the group's newest emission that has been looked at, and `series_version` that of the
    list of series that the client knows. `sampler` spans the ticks before and between the missed ones that nobody got.
    """

    seen: int
    series_version: int
    first: int = 0
    newest: int = 0
    before_newest: int = 0
    count: int = 0
    sampler: tuple[int, int] | None = None

    def add(self, emission: int, offset: int, gap: tuple[int, int] | None) -> None:
        self.seen = emission
        if self.count == 0:
            self.first = offset
        if gap is not None:
            self.sampler = (self.sampler[0] if self.sampler else gap[0], gap[1])
        self.before_newest, self.newest = self.newest, offset
        self.count += 1


class Connection:
    """A client as the manager sees it.

    While `blocked`, its groups' emissions are only noted in `missed` and its own messages wait: those it sent in
    `inbox`, those for it in `outbox`, which drops what is past its bound and counts it.
    """

    __slots__ = (
        "blocked",
        "blocked_s",
        "closed",
        "direct",
        "dropped",
        "group_ids",
        "id",
        "inbox",
        "last_s",
        "missed",
        "outbox",
        "progress",
        "session",
        "token_id",
        "unread_bytes",
        "write",
        "writer",
    )

    def __init__(self, id_: int, session: Session, writer: Writer, now_s: float) -> None:
        self.id = id_
        self.session = session
        self.writer = writer
        self.write = writer.write
        self.direct = writer if isinstance(writer, DirectWriter) and writer.fd >= 0 else None
        self.closed = False
        self.blocked = False
        self.blocked_s = now_s
        self.progress = 0
        self.unread_bytes = 0  # as the manager has counted it
        self.last_s = now_s
        self.dropped = 0
        self.token_id: str | None = None  # as the manager has it
        self.group_ids: tuple[int, ...] | None = None  # None until the manager has grouped it
        self.missed: dict[int, Backlog] | None = None
        self.inbox: deque[str | int] | None = None  # texts, and the sizes of binary messages
        self.outbox: deque[Message] | None = None

    @property
    def plain(self) -> bool:
        return self.session.mode is Mode.PLAIN

    def hold(self, message: str | int) -> bool:
        """Keep what the client sent until it takes the answers to what it sent before; say whether there was room."""
        if self.inbox is None:
            self.inbox = deque()
        if len(self.inbox) >= INBOX_MESSAGES_MAX:
            return False
        self.inbox.append(message)
        return True

    def defer(self, messages: Iterable[Message]) -> None:
        """Keep messages until the client takes bytes again."""
        if self.outbox is None:
            self.outbox = deque()
        for message in messages:
            if len(self.outbox) < OUTBOX_MESSAGES_MAX:
                self.outbox.append(message)
            else:
                self.dropped += 1
