"""A lock between processes that ends with its holder, however that ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**30, os.SEEK_SET)  # past the text: Windows locks keep others from reading
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(Exception):
    """Another process holds the lock; the message says which, as far as it has said so."""


class FileLock:
    """The lock on a file of its own, which stays behind: to remove it would let two processes hold two files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises LockedError, or OSError where the file cannot be made."""
        self._take(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644))
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def probe(self) -> None:
        """Raise LockedError where another process holds the lock. Makes no file."""
        if self.path.exists():
            self._take(os.open(self.path, os.O_RDWR))
            self.release()

    def _take(self, descriptor: int) -> None:
        try:
            _lock(descriptor)
        except OSError:
            holder = self._holder()
            os.close(descriptor)
            raise LockedError(f"process {holder}" if holder else "another process") from None
        self._descriptor = descriptor

    def _holder(self) -> str:
        try:
            text = self.path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""
        return text if text.isdigit() else ""

    def release(self) -> None:
        """Let go. Safe to call again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
