"""Whether the file at a path is still the one that was opened, as it was left."""

from __future__ import annotations

import enum
import os
from pathlib import Path

HEAD_BYTES = 100  # of SQLite's header, in which each of its writers counts


class Change(enum.Enum):
    """What somebody else did to the file."""

    NONE = enum.auto()
    REMOVED = enum.auto()
    REPLACED = enum.auto()
    CUT_OFF = enum.auto()
    OVERWRITTEN = enum.auto()
    """From its beginning on, as by a copy of another file."""
    WRITTEN_TO = enum.auto()
    LOG_GONE = enum.auto()
    """SQLite's log of what was written since it was last put into the file itself."""


class Watched:
    """Remembers how a file and its log look after each of our own writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._noted = False
        self._file: os.stat_result | None = None
        self._log_file: os.stat_result | None = None
        self._head = b""

    def note(self) -> None:
        """Take the files as they are for ours, unless they are others than before: `change` is still to find that."""
        self._noted, self._head = True, self._read_head()
        self._file, self._log_file = _later(self._file, self._path), _later(self._log_file, self._log)

    def note_closed(self) -> None:
        """Take the file as it is for ours after it was closed, which ends its log."""
        self._log_file = None
        self.note()

    def forget(self) -> None:
        """Take whatever is there for ours until the next `note`."""
        self._noted, self._file, self._log_file = False, None, None

    def same(self) -> bool:
        """Say whether nobody else has changed anything, as far as can be seen."""
        try:
            return self._noted and self.change() is Change.NONE
        except OSError:
            return False

    def change(self) -> Change:
        """Return what became of the file since `note`. Raises OSError where it cannot even be looked for."""
        was, now = self._file, _look(self._path)
        if not self._noted:
            return Change.NONE
        if was is None or now is None:
            return Change.REMOVED
        if not os.path.samestat(was, now):
            return Change.REPLACED
        if now.st_size < was.st_size:
            return Change.CUT_OFF
        if now.st_mtime_ns != was.st_mtime_ns:
            return Change.WRITTEN_TO if self._read_head() == self._head else Change.OVERWRITTEN
        log = _look(self._log)
        if self._log_file is not None and (log is None or not os.path.samestat(self._log_file, log)):
            return Change.LOG_GONE
        return Change.NONE

    def _read_head(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError:
            return b""


def _later(was: os.stat_result | None, path: Path) -> os.stat_result | None:
    now = _look(path)
    return now if was is None or (now is not None and os.path.samestat(was, now)) else was


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
