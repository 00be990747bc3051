"""The way out to one client, and what goes that way at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from vitalcast.core.wire.messages import Message

JOINED_BYTES_MAX = 524_288  # a longer text is not copied into one


class Batch:
    """Messages that go out together: one write for sockets that take bytes, one send each for the others."""

    __slots__ = ("_joined", "messages")

    def __init__(self, messages: Iterable[Message]) -> None:
        self.messages = tuple(messages)
        self._joined: bytes | None = None

    @property
    def joined(self) -> bytes:
        """All messages as they are framed, one after the other; made once."""
        if self._joined is None:
            messages = self.messages
            self._joined = messages[0].frame if len(messages) == 1 else b"".join([one.frame for one in messages])
        return self._joined

    @property
    def pieces(self) -> Sequence[bytes]:
        """What `joined` is, in one piece where that is not long."""
        if len(self.messages) > 1 and self.nbytes > JOINED_BYTES_MAX:
            return [one.frame for one in self.messages]
        return (self.joined,)

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
