"""What damage to a history's file is, and where a damaged file goes: aside, under a name of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from vitalcast.errors import DamagedError

# What the disk, the system or another process is to blame for. Whatever else fails while our own file is read or
# written lies in the file: somebody changed it, or half of it is missing.
_NOT_THE_FILE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
}
_BESIDE = ("-wal", "-journal")  # which belong to the file: beside a new one they would be played into that


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever values that make no sense can raise into DamagedError; sqlite3.Error passes."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError, RecursionError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def is_damage(error: Exception) -> bool:
    """Say whether an error means that the file itself is broken, rather than the disk full or the like."""
    if isinstance(error, DamagedError):
        return True
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.ProgrammingError):
        return False
    code = getattr(error, "sqlite_errorcode", None)  # text that is not UTF-8 has none
    return code is None or code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _NOT_THE_FILE


def set_aside(path: Path, stamp: str, *, word: str = "corrupt") -> Path:
    """Rename a file and what belongs to it, to a name that nothing has yet; return that name. Raises OSError."""
    name = f"{path.name}.{word}-{stamp}"
    target = next(
        target
        for target in (path.with_name(name if number == 1 else f"{name}-{number}") for number in count(1))
        if not any(_beside(target, end).exists() for end in ("", *_BESIDE))
    )
    for end in _BESIDE:
        beside = _beside(path, end)
        if beside.exists():
            if beside.stat().st_size:
                beside.replace(_beside(target, end))
            else:
                beside.unlink()
    _beside(path, "-shm").unlink(missing_ok=True)
    if path.exists():
        path.replace(target)
    return target


def _beside(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")
