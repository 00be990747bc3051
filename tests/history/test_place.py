"""Where a history may be: paths that will not do, files of others, and one process at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.history.disk import Disk, run
from tests.history.frames import Machine

from vitalcast import clocks
from vitalcast.errors import ConfigError
from vitalcast.history.schema import APPLICATION_ID, SCHEMA_VERSION
from vitalcast.history.sqlite import SqliteHistory


def refusal(history: SqliteHistory) -> str:
    with pytest.raises(ConfigError) as by_check:
        history.check()
    with pytest.raises(ConfigError) as by_open:
        history.open(epoch="epoch-1", interval_ms=1000)
    assert str(by_check.value) == str(by_open.value)
    assert by_check.value.key == "history.path"
    assert "\n" not in str(by_check.value)
    return str(by_check.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = refusal(SqliteHistory(tmp_path / "no" / "history.db"))
    assert message == f"history.path: the folder {tmp_path / 'no'} does not exist; make it, or give another path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(SqliteHistory(tmp_path)) == f"history.path: {tmp_path} is a folder; give the path of a file in it"


def test_a_pipe_is_no_file_and_nobody_waits_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    message = refusal(SqliteHistory(tmp_path / "pipe"))
    assert message == f"history.path: {tmp_path / 'pipe'} is not a regular file; give the path of a file"


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "history.db", tmp_path / ("x" * 300), Path("/proc/history.db")):
        history = SqliteHistory(path)
        with pytest.raises(ConfigError, match=r"^history\.path: .+; (make it, or )?give a(nother)? path"):
            history.open(epoch="epoch-1", interval_ms=1000)


def test_the_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    text, database, short = tmp_path / "text", tmp_path / "database", tmp_path / "short"
    text.write_text("Dear diary, " * 100)
    short.write_bytes(b"x")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE mine (own)")
    for path in (text, database, short):
        content = path.read_bytes()
        for _ in range(2):
            assert refusal(SqliteHistory(path)) == (
                f"history.path: {path} is not a Vitalcast history; give another path, or move that file away"
            )
        assert path.read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"text", "database", "short"}


def test_an_empty_file_will_do(tmp_path: Path) -> None:
    (tmp_path / "history.db").touch()
    history = SqliteHistory(tmp_path / "history.db")
    history.check()
    assert history.open(epoch="epoch-1", interval_ms=1000) is None
    history.close()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(place: Disk) -> None:
    history, _ = place.open()
    history.close()
    place.query(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    content = place.path.read_bytes()
    assert refusal(place.history()) == (
        f"history.path: {place.path} was written by a newer version of Vitalcast (its schema is {SCHEMA_VERSION + 1}, "
        f"here it is {SCHEMA_VERSION}); run that version, or give another path"
    )
    assert place.path.read_bytes() == content


def test_the_file_says_what_it_is(place: Disk) -> None:
    history, _ = place.open()
    history.close()
    assert place.query("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert place.query("PRAGMA journal_mode") == [("wal",)]


def test_a_file_is_opened_once_at_a_time_by_whatever_name(place: Disk) -> None:
    history, _ = place.open()
    link = place.path.with_name("link.db")
    link.symlink_to(place.path)
    for path in (place.path, link):
        assert refusal(place.history(path=path)) == (
            f"history.path: {place.path} is in use by another Vitalcast (process {os.getpid()}); "
            "stop that, or give another path"
        )
    run(history, Machine(), 1)
    history.flush()
    assert history.counts.failures == 0
    history.close()
    other, _ = place.open()
    other.close()


HOLD = """
import sys
from pathlib import Path
from vitalcast.history.sqlite import SqliteHistory
SqliteHistory(Path(sys.argv[1])).open(epoch="other", interval_ms=1000)
print("open", flush=True)
sys.stdin.read()
"""


def test_another_process_keeps_the_file_until_it_ends_even_if_it_is_killed(place: Disk) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        assert f"(process {process.pid})" in refusal(place.history())
        process.kill()
    place.boot, place.steady_ms = clocks.boot(), clocks.steady_ms()
    _, resumed = place.open()
    assert resumed is not None
    assert resumed.epoch == "other"


def test_a_home_folder_is_expanded_and_a_relative_path_is_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert SqliteHistory(Path("~/here.db")).path == tmp_path / "here.db"
    assert SqliteHistory(Path("here.db")).path == tmp_path / "here.db"
    with pytest.raises(ConfigError, match=r"^history\.path: ~nobody-of-that-name/x is not the path of a file"):
        SqliteHistory(Path("~nobody-of-that-name/x"))
