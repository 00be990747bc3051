"""A lock between processes that ends with its holder, however that ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from vitalcast.errors import LockedError

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 2**30, os.SEEK_SET)  # past the text: Windows locks keep others from reading
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """The lock on a file of its own, which stays behind: to remove it would let two processes hold two files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def name(self) -> str:
        """What the lock's file is called until somebody takes the lock again; empty where there is none.

        A copy of the file, or one that was put back, has another name: an inode and the time of its last change are
        nothing that one can give to a file.
        """
        try:
            status = self.path.stat()
        except OSError:
            return ""
        return f"{status.st_ino}:{status.st_ctime_ns}"

    def acquire(self) -> None:
        """Take the lock. Raises LockedError, or OSError where the file cannot be made."""
        self._take(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        assert self._descriptor is not None
        # In place, so that it needs no room; who holds the lock is only good to know.
        with suppress(OSError):
            length = os.write(self._descriptor, f"{os.getpid()}\n".encode())
            os.ftruncate(self._descriptor, length)
            os.fsync(self._descriptor)  # or the time of the change may be one more, later

    def renew(self) -> bool:
        """Take the lock again where somebody removed its file; say whether that was so.

        Raises LockedError where another process was faster, and OSError.
        """
        held = self._descriptor
        assert held is not None
        if self.path.exists() and os.path.samestat(self.path.stat(), os.fstat(held)):
            return False
        self._descriptor = None
        try:
            self.acquire()
        except BaseException:
            self._descriptor = held
            raise
        os.close(held)
        return True

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
