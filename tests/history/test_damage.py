"""Whatever was done to a history's file, a server starts: with it, with a new one, or not, for a reason in one line."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.frames import IO, LOAD, SERIES, START_MS, STEADY_MS, Machine, stored

from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.errors import ConfigError, HistoryError
from vitalcast.history.base import Resumed
from vitalcast.history.damage import is_damage, set_aside
from vitalcast.history.refill import refill
from vitalcast.history.schema import MERGED_ROWS
from vitalcast.history.sqlite import SqliteHistory

OFFSETS_MAX = 2**53


def history_at(path: Path) -> SqliteHistory:
    return SqliteHistory(
        path, clock_ms=lambda: START_MS + 10**7, steady_ms=lambda: STEADY_MS + 10**7, boot=lambda: "boot-1"
    )


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real file: an hour of blocks and its rollups, loose ticks, and series that came and went."""
    path = tmp_path_factory.mktemp("pristine") / "history.db"
    history, machine = history_at(path), Machine()
    history.open(epoch="epoch-1", interval_ms=1000)
    for number in range(8 * MERGED_ROWS // 50 + 2):
        for frame in machine.frames(50, disks=["sda", f"disk{number // 40}"]):
            history.append(frame)
        history.flush()
    history.close()
    return path.read_bytes()


def start(folder: Path, lines: list[logging.LogRecord], *, times: int = 2) -> Resumed | None:
    """Start so often on the file of a folder and write to it; return what the first start found.

    Raises ConfigError, whose message is one line. Whatever is set aside is named.
    """
    path = folder / "history.db"
    found: list[Resumed | None] = []
    for _ in range(times):
        history = history_at(path)
        try:
            history.check()
            found.append(history.open(epoch="epoch-2", interval_ms=1000))
        except ConfigError as error:
            assert "\n" not in str(error)
            assert str(error).isprintable()
            raise
        resumed, machine = found[-1], Machine()
        if resumed is not None:
            assert 0 <= resumed.offset <= OFFSETS_MAX
            refill(resumed, Timeline(Source(Resource("id", "web-1"), "epoch-2"), descriptors=[LOAD, IO]))
            machine.offset = resumed.offset
        for frame in machine.frames(3):
            history.append(frame)
        history.flush()
        try:
            assert stored(history)[-3:] == machine.points[SERIES]
        except HistoryError as error:  # of a chunk that cannot be read
            assert str(error).isprintable()
        history.close()
        assert history.counts.failures == 0
    aside = [one for one in folder.iterdir() if ".corrupt-" in one.name]
    damaged = [record.getMessage() for record in lines if "is damaged" in record.getMessage()]
    for one in aside:
        if not one.name.endswith(("-wal", "-journal")):
            assert any(f"the history {path} is damaged" in line and str(one) in line for line in damaged)
    assert all(line.isprintable() for line in damaged)
    assert all(record.levelno == logging.WARNING for record in lines)
    assert all(found[1:]), "what the first start wrote can be read"
    return found[0]


@contextmanager
def said() -> Iterator[list[logging.LogRecord]]:
    """Collect what is logged in the block."""
    lines: list[logging.LogRecord] = []
    handler, logger = logging.Handler(), logging.getLogger("vitalcast")
    handler.emit = lines.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


TABLES = {
    "position": [
        *("epoch", "offset", "time_ms", "step_ms", "open", "boot", "steady_ms", "lock", "kept_ms", "seal"),
    ],
    "epoch": ["id", "name"],
    "stretch": ["id", "first_ms", "last_ms"],
    "series": [
        *("id", "key", "name", "unit", "kind", "description", "attributes", "labels"),
        *("first_ms", "last_ms", "last_axis"),
    ],
    "axis": [
        *("id", "tier", "level", "state", "stretch", "epoch", "first_offset", "last_offset", "first_ms", "last_ms"),
        *("rows", "offsets", "times", "nbytes", "kept_ms", "fast"),
    ],
    "block": ["id", "data"],
    "chunk": [
        *("first_offset", "last_offset", "stretch", "epoch", "first_ms", "last_ms", "rows", "loose"),
        *("series", "columns"),
    ],
}
VALUES = [
    "CAST(x'ff41' AS TEXT)",
    "'many'",
    "x''",
    "-1",
    "9223372036854775807",
    "9e999",
    "'[' || char(10, 27, 8238)",
]


@pytest.mark.parametrize("table", TABLES)
def test_any_value_in_any_column_is_no_reason_not_to_start(pristine: bytes, tmp_path: Path, table: str) -> None:
    tried = 0
    for place, column in enumerate(TABLES[table]):
        for number, value in enumerate(VALUES[place % 2 :: 2]):  # neighbours get different ones: each start takes time
            folder = tmp_path / f"{column}-{number}"
            folder.mkdir()
            path = folder / "history.db"
            path.write_bytes(pristine)
            with closing(sqlite3.connect(path)) as connection, connection:
                try:
                    last = f"(SELECT max(rowid) FROM {table})"
                    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE rowid = {last}")
                except sqlite3.IntegrityError:  # a key that is no number
                    continue
            with said() as lines:
                start(folder, lines, times=1)
            tried += 1
    assert tried > len(VALUES) // 2


@pytest.mark.parametrize(
    "statements",
    [
        "DROP TABLE position",
        "DROP TABLE series",
        "DROP TABLE chunk",
        "DROP TABLE axis",
        "DROP TABLE block",
        "DROP TABLE event",
        "DROP TABLE process_block",
        "DROP INDEX axis_by_age",
        "ALTER TABLE chunk RENAME TO chunks",
        "ALTER TABLE series ADD COLUMN more",
        "ALTER TABLE chunk DROP COLUMN rows" if sqlite3.sqlite_version_info >= (3, 35) else "DROP TABLE chunk",
        "DROP TABLE event; CREATE TABLE event (other)",
        "DROP TABLE block; CREATE VIEW block AS SELECT 1",
        "DROP TABLE position; CREATE VIEW position AS"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT * FROM n",
        "CREATE TRIGGER no BEFORE DELETE ON position BEGIN SELECT RAISE(ABORT, 'no'); END",
        "DELETE FROM position",
        "DELETE FROM series",
        "DELETE FROM chunk",
        "DELETE FROM axis",
        "DELETE FROM block",
        "DELETE FROM stretch",
        "DELETE FROM epoch",
        "UPDATE axis SET state = 0",
        "INSERT INTO position SELECT * FROM position",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -5",
        "PRAGMA encoding = 'UTF-16'; VACUUM",
        "PRAGMA journal_mode = DELETE",
        "VACUUM; ANALYZE; REINDEX",
    ],
)
def test_any_change_to_its_tables_is_no_reason_not_to_start(pristine: bytes, empty: Path, statements: str) -> None:
    path = empty / "history.db"
    path.write_bytes(pristine)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    with said() as lines:
        start(empty, lines)


blows = st.tuples(
    st.sampled_from(["flip", "zeros", "junk", "cut", "longer"]),
    st.integers(0, 200_000) | st.integers(0, 200),
    st.binary(min_size=1, max_size=100),
)


def broken_by(content: bytes, plan: list[tuple[str, int, bytes]]) -> bytes:
    broken = bytearray(content)
    for what, where, junk in plan:
        at = where % len(broken)
        if what == "flip":
            broken[at] ^= 1 << junk[0] % 8
        elif what == "zeros":
            end = min(len(broken), at + 40 * len(junk))
            broken[at:end] = bytes(end - at)
        elif what == "junk":
            broken[at : at + len(junk)] = junk
        elif what == "cut":
            del broken[at + 1 :]  # one byte stays
        else:
            broken += junk * 50
    return bytes(broken)


@settings(max_examples=50, deadline=None)
@given(plan=st.lists(blows, min_size=1, max_size=6), beside=st.sampled_from(["nothing", "history.db.lock"]))
def test_any_bytes_anywhere_are_no_reason_not_to_start(
    plan: list[tuple[str, int, bytes]],
    beside: str,
    pristine: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    broken = broken_by(pristine, plan)
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "history.db").write_bytes(broken)
    (folder / beside).touch()
    with said() as lines:
        try:
            start(folder, lines)
        except ConfigError as error:
            assert "is not a Vitalcast history" in str(error) or "newer version" in str(error)
            assert (folder / "history.db").read_bytes() == broken


def test_nothing_is_ever_set_aside_over_something_else(tmp_path: Path) -> None:
    path, stamp = tmp_path / "history.db", "20260101T000000Z"
    for number in range(4):
        path.write_text(str(number))
        path.with_name("history.db-wal").write_text(f"log {number}")
        target = set_aside(path, stamp)
        assert target.read_text() == str(number)
        assert target.with_name(f"{target.name}-wal").read_text() == f"log {number}"
    assert len(list(tmp_path.iterdir())) == 8
    (tmp_path / f"history.db.corrupt-{stamp}-5-wal").touch()
    path.write_text("4")
    assert set_aside(path, stamp).name == f"history.db.corrupt-{stamp}-6"


def test_what_the_disk_or_another_is_to_blame_for_is_no_damage() -> None:
    for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, 778):
        error = sqlite3.OperationalError("no")
        error.sqlite_errorcode = code
        assert not is_damage(error)
    for error in (sqlite3.ProgrammingError("ours"), OSError(5, "no"), ValueError("ours")):
        assert not is_damage(error)
    assert is_damage(sqlite3.OperationalError("Could not decode to UTF-8 column 'key'"))
