"""The database of who may come in: one file, read by the server, written by it and by the command line alike."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from vitalcast.access.folder import KEY, check_private, make_folder
from vitalcast.access.tokens import Record, usual_since_s
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ConfigError

APPLICATION_ID = 0x56695441  # "ViTA"
SCHEMA_VERSION = 2
READ_S = 0.5  # readers wait for hardly anything, and the server's must not
WRITE_S = 5.0
KEPT_MS = 30 * 24 * 3_600_000  # how long the record of a token outlives it

# A module that keeps something here adds its tables, and raises the version. Each statement must hold for a file that
# has its table already.
TOKENS = """
CREATE TABLE IF NOT EXISTS token (
  id TEXT PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER,
  revoked_ms INTEGER, limits TEXT NOT NULL
) WITHOUT ROWID;
"""
SCREENS = """
CREATE TABLE IF NOT EXISTS pairing (
  code TEXT PRIMARY KEY, address TEXT NOT NULL, agent TEXT NOT NULL, created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, approved_ms INTEGER, name TEXT NOT NULL, playlist TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS screen (
  id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, name TEXT NOT NULL, playlist TEXT NOT NULL, address TEXT NOT NULL,
  agent TEXT NOT NULL, paired_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""
_SCHEMA = f"""
BEGIN IMMEDIATE; {TOKENS} {SCREENS}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


class Store:
    """The file `access.db`. It is made with the first thing that is written; until then there is nothing in it.

    Resolved goes by one connection that stays open, on one thread; each write has a connection of its own, on any
    thread, so that the reader notices it like another process's. Every method raises ConfigError where the file cannot
    be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def close(self) -> None:
        """Let go of the file. Resolved opens it again."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    __del__ = close  # a command reads once and ends

    def version(self) -> object:
        """Return what changes with every write, whoever writes; None where there is no file."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self.close()
            return None
        except OSError as error:
            raise self._unusable(error) from None
        file = (found.st_dev, found.st_ino)
        if file != self._file:  # another file has taken its place
            self.close()
            self._file = file
        return (file, self.read("PRAGMA data_version")[0][0])

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query, none where there is no file."""
        if self._reader is None:
            if not self.path.exists():
                return []
            self._reader = self._connected(READ_S)
        try:
            return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All that is written in the block stands or falls together; the file is made if need be."""
        make_folder(self.path.parent)
        if not self.path.exists():
            self._make()
        with closing(self._connected(WRITE_S)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._unusable(error) from None
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _make(self) -> None:
        """Make the file, whole or not at all, which this user alone may read: SQLite would leave that to the umask."""
        draft = self.path.with_name(f".{self.path.name}-{secrets.token_hex(8)}")
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")  # which the file remembers
                connection.executescript(_SCHEMA)
            with suppress(FileExistsError):  # another process was quicker
                os.link(draft, self.path)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        finally:
            draft.unlink(missing_ok=True)

    def _connected(self, busy_s: float) -> sqlite3.Connection:
        try:
            check_private(self.path)
            connection = sqlite3.connect(self.path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        try:
            self._set_up(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise self._unusable(error) from None
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        execute = connection.execute
        # In this order, for another process may be adding the tables and the rest, which come together.
        used, application, version = (
            execute(statement).fetchone()[0]
            for statement in ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
        )
        if used and application != APPLICATION_ID:
            raise ConfigError(KEY, f"{self.path} is not Vitalcast's; give another folder, or move that file away")
        if version > SCHEMA_VERSION:
            raise ConfigError(
                KEY,
                f"{self.path} was written by a newer version of Vitalcast (its schema is {version}, here it is "
                f"{SCHEMA_VERSION}); run that version, or give another folder",
            )
        if version < SCHEMA_VERSION:
            connection.executescript(_SCHEMA)
        execute("PRAGMA synchronous = FULL")  # what was revoked must not come back after a power cut

    def _unusable(self, why: object) -> ConfigError:
        code = getattr(why, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return ConfigError(KEY, f"{self.path} is damaged ({why}); move it away, which invalidates every token")
        why = getattr(why, "strerror", None) or why
        return ConfigError(KEY, f"{self.path} cannot be used ({why}); this user must be able to write to it")

    # --- tokens --------------------------------------------------------------------------------------------------

    def tokens(self) -> list[Record]:
        """Return every token, oldest first."""
        rows = self.read(
            "SELECT id, scope, name, created_ms, expires_ms, revoked_ms, limits FROM token ORDER BY created_ms, id"
        )
        return [_record(*row) for row in rows]

    def screen_tokens(self) -> set[str]:
        """Return the ids of the tokens that were made for screens."""
        return {token for (token,) in self.read("SELECT token FROM screen")}

    def add_token(self, record: Record) -> None:
        """Keep a new token, and forget those that ended long ago."""
        limits = {
            "metrics": record.metrics,
            "interval_s": record.interval_s,
            "panels": record.panels,
            "dashboard": record.dashboard,
            "origins": record.origins,
            "since_s": record.since_s,
        }
        with self.writing() as connection:
            long_ago_ms = record.created_ms - KEPT_MS
            connection.execute("DELETE FROM token WHERE expires_ms < ? OR revoked_ms < ?", (long_ago_ms, long_ago_ms))
            connection.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, NULL, ?)",
                (
                    record.id,
                    record.scope.value,
                    record.name,
                    record.created_ms,
                    record.expires_ms,
                    json.dumps(limits, ensure_ascii=False),
                ),
            )

    def revoke_token(self, id_: str, now_ms: int) -> bool:
        """Take a token back; return whether that changed anything."""
        with self.writing() as connection:
            done = connection.execute(
                "UPDATE token SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", (now_ms, id_)
            )
            return done.rowcount > 0


def _record(
    id_: str, scope: str, name: str, created_ms: int, expires_ms: int | None, revoked_ms: int | None, limits: str
) -> Record:
    try:
        values = json.loads(limits)
        return Record(
            id_,
            Scope(scope),
            name,
            created_ms,
            expires_ms,
            revoked_ms,
            metrics=tuple(values["metrics"]),
            interval_s=values["interval_s"],
            panels=tuple(values["panels"]),
            dashboard=values["dashboard"],
            origins=tuple(values["origins"]),
            since_s=values.get("since_s", usual_since_s(Scope(scope))),  # which those of version 0.1 lack
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(KEY, f"the store's token {id_!r} makes no sense ({error!r}); move access.db away") from None
