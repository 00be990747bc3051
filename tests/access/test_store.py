"""The file of tokens: shared by processes, and told by name when it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from vitalcast.access.store import APPLICATION_ID, KEPT_MS, SCHEMA_VERSION, Store
from vitalcast.access.tokens import Record
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ConfigError

FULL = Record(
    "full",
    Scope.EMBED,
    "On the wiki",
    1,
    expires_ms=10,
    metrics=("system.uptime",),
    interval_s=2,
    panels=("cpu", "memory"),
    dashboard=True,
    origins=("https://wiki.example.org",),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "access.db"


def record(id_: str, created_ms: int = 2, **fields: int) -> Record:
    return Record(id_, Scope.VIEW, "", created_ms, **fields)


def test_what_is_kept_comes_back_in_order(path: Path) -> None:
    Store(path).add_token(record("later"))
    Store(path).add_token(FULL)
    assert Store(path).tokens() == [FULL, record("later")]


def test_there_is_no_file_until_something_is_written(path: Path) -> None:
    store = Store(path)
    assert (store.version(), store.tokens()) == (None, [])
    assert not path.parent.exists()
    store.add_token(FULL)
    assert store.version() is not None
    assert store.tokens() == [FULL]


def test_the_version_changes_with_every_write_and_not_otherwise(path: Path) -> None:
    reader, other = Store(path), Store(path)
    other.add_token(FULL)
    first = reader.version()
    assert reader.version() == first
    other.revoke_token("full", 5)
    second = reader.version()
    assert second != first
    reader.add_token(record("own"))
    assert reader.version() != second


def test_many_write_at_once_and_none_is_lost(path: Path) -> None:
    begin = threading.Barrier(8)
    failures: list[Exception] = []

    def write(worker: int) -> None:
        begin.wait()
        try:
            for number in range(5):
                Store(path).add_token(record(f"{worker}-{number}"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(Store(path).tokens()) == 40
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_reader_is_not_held_up_by_a_writer(path: Path) -> None:
    store = Store(path)
    store.add_token(FULL)
    assert store.tokens() == [FULL]
    with Store(path).writing() as connection:
        connection.execute("DELETE FROM token")
        assert store.tokens() == [FULL]
    assert store.tokens() == []


def test_a_block_that_fails_leaves_nothing(path: Path) -> None:
    store = Store(path)
    store.add_token(FULL)
    with pytest.raises(KeyError), store.writing() as connection:
        connection.execute("DELETE FROM token")
        raise KeyError
    assert store.tokens() == [FULL]


def test_what_ended_long_ago_is_forgotten(path: Path) -> None:
    store = Store(path)
    for one in (record("never"), record("ended", expires_ms=10), record("revoked")):
        store.add_token(one)
    store.revoke_token("revoked", 20)
    store.add_token(record("soon", 15 + KEPT_MS))
    assert [one.id for one in store.tokens()] == ["never", "revoked", "soon"]
    store.add_token(record("now", 21 + KEPT_MS))
    assert [one.id for one in store.tokens()] == ["never", "soon", "now"]


def test_a_damaged_file_is_named(path: Path) -> None:
    Store(path).add_token(FULL)
    path.write_bytes(b"no database at all" * 100)
    path.with_name("access.db-wal").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match=r"^access.data_dir: .*access\.db is damaged .*; move it away"):
        Store(path).tokens()
    with pytest.raises(ConfigError, match="is damaged"):
        Store(path).add_token(record("new"))


def test_a_token_of_version_0_1_sees_as_far_back_as_it_did(path: Path) -> None:
    store = Store(path)
    store.add_token(FULL)
    with store.writing() as connection:
        connection.execute("UPDATE token SET limits = json_remove(limits, '$.since_s')")
    assert [one.since_s for one in store.tokens()] == [900]
    with store.writing() as connection:
        connection.execute("UPDATE token SET scope = 'stream'")
    assert [one.since_s for one in store.tokens()] == [None]


def test_a_token_that_makes_no_sense_is_named(path: Path) -> None:
    store = Store(path)
    store.add_token(FULL)
    with store.writing() as connection:
        connection.execute("UPDATE token SET scope = 'king'")
    with pytest.raises(ConfigError, match="the store's token 'full' makes no sense"):
        store.tokens()


def make(path: Path, statements: str) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    database = sqlite3.connect(path)
    database.executescript(statements)
    database.close()


def test_another_programs_file_is_left_alone(path: Path) -> None:
    make(path, "CREATE TABLE theirs (x)")
    with pytest.raises(ConfigError, match="is not Vitalcast's"):
        Store(path).add_token(FULL)


def test_a_newer_versions_file_is_left_alone(path: Path) -> None:
    newer = SCHEMA_VERSION + 1
    make(path, f"CREATE TABLE x (y); PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {newer};")
    with pytest.raises(ConfigError, match="was written by a newer version of Vitalcast"):
        Store(path).tokens()


def test_a_file_that_others_may_read_is_not_used(path: Path) -> None:
    Store(path).add_token(FULL)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Store(path).tokens()


def test_a_full_disk_is_told(path: Path) -> None:
    store = Store(path)
    store.add_token(FULL)
    full = r"access\.db cannot be used \(database or disk is full\)"
    with pytest.raises(ConfigError, match=full), store.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("INSERT INTO token VALUES ('x', 'view', '', 1, NULL, NULL, ?)", ("x" * 100_000,))
    assert store.tokens() == [FULL]
