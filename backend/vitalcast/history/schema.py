"""The tables of a history's file, and how a connection to it is opened.

Loose ticks lie in `chunk`, one a flush, all series of it together. Once an hour is over its ticks become an `axis`,
which has the times that all series share, and a block of values for each series, in bundles (`bundle.py`); its steps in
the rollup tiers become axes as well, which are joined into longer ones when a day, and then seven or thirty, are over.
Only axes that are READY are to be read. From old to new is by stretch, then by time, and never by number.
"""

from __future__ import annotations

import enum
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from vitalcast.errors import ConfigError, DamagedError

KEY = "history.path"
APPLICATION_ID = 0x56695443  # "ViTC"
SCHEMA_VERSION = 2
PAGE_BYTES = 4096
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
AHEAD_MAX_MS = DAY_MS  # a stretch that begins later than this after the newest tick waits for the clock to agree
MERGED_ROWS = 600  # so many rows of a column make its bytes outweigh what surrounds them
AXIS_ROWS_MAX = 4096  # an hour of ticks a second, or less of faster ones
SERIES_BITS = 32
SERIES_MAX = 2**SERIES_BITS - 1

_MAGIC = b"SQLite format 3\0"
EPOCH = re.compile(r"[!-~]{1,64}")

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE position (
  epoch TEXT NOT NULL, offset INTEGER NOT NULL, time_ms INTEGER NOT NULL, step_ms INTEGER NOT NULL,
  open INTEGER NOT NULL, boot TEXT NOT NULL, steady_ms INTEGER NOT NULL, lock TEXT NOT NULL, kept_ms INTEGER NOT NULL,
  seal INTEGER NOT NULL
);
CREATE TABLE epoch (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE stretch (id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);
CREATE TABLE series (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, kind TEXT NOT NULL,
  description TEXT NOT NULL, attributes TEXT NOT NULL, labels TEXT NOT NULL, first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL, last_axis INTEGER NOT NULL, UNIQUE (key, unit)
);
CREATE TABLE axis (
  id INTEGER PRIMARY KEY, tier INTEGER NOT NULL, level INTEGER NOT NULL, state INTEGER NOT NULL,
  stretch INTEGER NOT NULL, epoch INTEGER NOT NULL, first_offset INTEGER NOT NULL, last_offset INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, rows INTEGER NOT NULL, offsets BLOB NOT NULL,
  times BLOB NOT NULL, nbytes INTEGER NOT NULL, kept_ms INTEGER NOT NULL, fast INTEGER NOT NULL
);
CREATE INDEX axis_by_age ON axis (tier, stretch, first_ms);
CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE chunk (
  first_offset INTEGER PRIMARY KEY, last_offset INTEGER NOT NULL, stretch INTEGER NOT NULL, epoch INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, rows INTEGER NOT NULL, loose INTEGER NOT NULL,
  series BLOB NOT NULL, columns BLOB NOT NULL
);
"""

Connect = Callable[..., sqlite3.Connection]


class Fast(enum.IntEnum):
    """Whether the ticks of an axis came faster than once a second."""

    NO = 0
    YES = 1
    THINNED = 2
    """They did, and only the last of each second is left."""


class State(enum.IntEnum):
    """What may be done with an axis."""

    MAKING = 0
    READY = 1
    GOING = 2


def hour_of(time_ms: int) -> int:
    """Return the end of the hour in which a tick of this time lies, which spans (end - HOUR_MS, end]."""
    return -(-time_ms // HOUR_MS) * HOUR_MS


def blocks_of(axis: int) -> tuple[int, int]:
    """Return the least and the greatest id that a bundle of an axis can have."""
    return axis << SERIES_BITS, axis << SERIES_BITS | SERIES_MAX


def address(path: Path, mode: str) -> str:
    """Return what SQLite calls a file that is opened as everybody here has to."""
    # The usual way keeps the index of the log in a file that is mapped into memory: on a full disk with blocks smaller
    # than a page it comes out sparse, and to touch it is SIGBUS. This way it lies on the heap; other processes are
    # locked out, who have no business here, and any connection of this one sees the same.
    vfs = "" if sys.platform == "win32" else "&vfs=unix-excl"
    return f"file:{quote(os.fspath(path))}?mode={mode}{vfs}"


def check_file(path: Path, *, known: bool) -> None:
    """Look at the first bytes of a file. Raises ConfigError where it is not ours, DamagedError where it was.

    `known` says that there are other signs of its being ours. OSError passes.
    """
    if not path.exists():
        return
    if not path.is_file():  # to open a pipe would wait for somebody at its other end
        raise ConfigError(KEY, f"{path} is not a regular file; give the path of a file")
    if not path.stat().st_size:
        return
    with path.open("rb") as file:
        head = file.read(100)
    ours = head.startswith(_MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID
    if ours:
        check_version(path, int.from_bytes(head[60:64], "big", signed=True))
    elif known and not head.startswith(_MAGIC):
        raise DamagedError("it does not begin as a database does")
    else:
        raise ConfigError(KEY, f"{path} is not a Vitalcast history; give another path, or move that file away")


def check_version(path: Path, version: int) -> None:
    """Raise DamagedError for a schema that never was, and ConfigError for one of a later version."""
    if version < 1:
        raise DamagedError(f"its schema is {version}, which no version of Vitalcast has written")
    if version > SCHEMA_VERSION:
        raise ConfigError(
            KEY,
            f"{path} was written by a newer version of Vitalcast (its schema is {version}, here it is "
            f"{SCHEMA_VERSION}); run that version, or give another path",
        )


def expected() -> set[str]:
    """Return the statements that SQLite remembers of the tables as they must be."""
    return {one.strip() for one in SCHEMA.split(";") if one.strip().startswith("CREATE")}
