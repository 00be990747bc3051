"""One socket: what goes out to it, what waits while it is blocked, and what it missed meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vitalcast.core.stream.session import Mode, Session
from vitalcast.core.wire.messages import Message
from vitalcast.live.writer import DirectWriter, Writer

OUTBOX_MESSAGES_MAX = 64
INBOX_MESSAGES_MAX = 64
INBOX_BYTES_MAX = 2**18  # but one message, of any size that is read at all, may always wait


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
        if offset < self.newest:  # the source has begun anew: of its epoch before there is nothing to say
            self.count, self.sampler = 0, None
        if self.count == 0:
            self.first = offset
        if gap is not None:
            self.sampler = (self.sampler[0] if self.sampler else gap[0], gap[1])
        self.before_newest, self.newest = self.newest, offset
        self.count += 1


class Connection:
    """A client as the manager sees it.

    While `blocked`, its groups' emissions are only noted in `missed` and its own messages wait: those it sent in
    `inbox`, of `inbox_bytes` together, those for it in `outbox`, of `outbox_bytes`, which drops what is past its bound
    and counts it.
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
        "inbox_bytes",
        "last_s",
        "missed",
        "outbox",
        "outbox_bytes",
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
        self.use(writer)
        self.closed = False
        self.blocked = False
        self.blocked_s = now_s
        self.progress = 0
        self.unread_bytes = 0  # as the back-pressure has counted it, inbox and outbox with it
        self.last_s = now_s
        self.dropped = 0
        self.token_id: str | None = None  # as the manager has it
        self.group_ids: tuple[int, ...] | None = None  # None until the manager has grouped it
        self.missed: dict[int, Backlog] | None = None
        self.inbox: deque[str | int] | None = None  # texts, and the sizes of binary messages
        self.inbox_bytes = 0
        self.outbox: deque[Message] | None = None
        self.outbox_bytes = 0

    def use(self, writer: Writer) -> None:
        """Write by this from now on."""
        self.writer = writer
        self.write = writer.write
        self.direct = writer if isinstance(writer, DirectWriter) and writer.fd >= 0 else None

    @property
    def plain(self) -> bool:
        return self.session.mode is Mode.PLAIN

    def hold(self, message: str | int) -> bool:
        """Keep what the client sent until it takes the answers to what it sent before; say whether there was room."""
        if self.inbox is None:
            self.inbox = deque()
        size = _held_bytes(message)
        full = len(self.inbox) >= INBOX_MESSAGES_MAX or self.inbox_bytes + size > INBOX_BYTES_MAX
        if full and self.inbox:
            return False
        self.inbox.append(message)
        self.inbox_bytes += size
        return True

    def next_held(self) -> str | int | None:
        """Return the oldest message that waits, no longer kept; None where none does, or it has to wait on."""
        if self.blocked or not self.inbox:
            return None
        message = self.inbox.popleft()
        self.inbox_bytes -= _held_bytes(message)
        return message

    def defer(self, messages: Iterable[Message]) -> None:
        """Keep messages until the client takes bytes again."""
        if self.outbox is None:
            self.outbox = deque()
        for message in messages:
            if len(self.outbox) < OUTBOX_MESSAGES_MAX:
                self.outbox.append(message)
                self.outbox_bytes += len(message.payload)
            else:
                self.dropped += 1

    def take_outbox(self) -> list[Message]:
        """Return what waits for the client, no longer kept."""
        messages = list(self.outbox or ())
        self.outbox, self.outbox_bytes = None, 0
        return messages


def _held_bytes(message: str | int) -> int:
    """Return about how much memory a message takes while it waits: of a binary one only its size is kept."""
    return len(message) if isinstance(message, str) else 0
