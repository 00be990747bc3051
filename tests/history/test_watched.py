"""A history whose file somebody takes away, replaces or cuts off while it is open."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.history.frames import SERIES, START_MS, Machine, points, resumed_points, stored

from vitalcast.errors import LockedError
from vitalcast.history.filelock import FileLock
from vitalcast.history.sqlite import SqliteHistory
from vitalcast.history.watched import Change, Watched


class Open:
    """A history with some ticks on disk and some not yet."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.db"
        self.machine = Machine()
        self.history = self._history()
        self.history.open(epoch="epoch-1", interval_ms=1000)
        self.run(200)
        self.history.flush()
        self.run(5)

    def _history(self) -> SqliteHistory:
        return SqliteHistory(
            self.path, clock_ms=lambda: START_MS, steady_ms=lambda: self.machine.steady_ms, boot=lambda: "boot-1"
        )

    def run(self, count: int) -> None:
        for frame in self.machine.frames(count):
            self.history.append(frame)

    def flush(self) -> None:
        """Flush, with more ticks, as often as would show whether anything is said more than once."""
        for _ in range(3):
            self.history.flush()
            self.run(5)

    def put_down(self) -> None:
        """Have all that was flushed be in the file, and none of it in the log alone."""
        self.history.flush()
        self.history._connected().put_down()
        self.history._watched.note()

    def crash(self) -> None:
        self.history._drop_database()
        self.history._lock.release()

    def others(self, word: str) -> list[Path]:
        return sorted(one for one in self.path.parent.iterdir() if f".{word}-" in one.name)

    def written(self, path: Path) -> list[int]:
        """Return the offsets of the chunks in a file that nobody has open."""
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT last_offset FROM chunk ORDER BY 1")]

    def assert_goes_on(self, count: int) -> None:
        """Hold that the newest ticks are in the file at the path, and that a restart after a crash goes on behind."""
        self.history.flush()
        assert stored(self.history) == self.machine.points[SERIES][-count:]
        self.crash()
        self.history = self._history()
        resumed = self.history.open(epoch="epoch-2", interval_ms=1000)
        assert resumed is not None
        assert resumed.epoch == "epoch-1"
        assert resumed.offset >= self.machine.offset
        assert resumed_points(resumed) == self.machine.points[SERIES][-count:]


@pytest.fixture
def open_(tmp_path: Path) -> Iterator[Open]:
    one = Open(tmp_path)
    yield one
    one.history.close()


def test_a_file_that_is_removed_is_missed_at_the_next_flush_and_begun_anew(
    open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    open_.path.unlink()
    open_.flush()
    (record,) = caplog.records
    assert record.message == f"the history {open_.path} was removed or renamed: a new one begins"
    open_.assert_goes_on(20)


def test_a_file_that_is_renamed_is_whole_where_it_is_now(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    moved = open_.path.with_name("moved.db")
    open_.path.rename(moved)
    open_.flush()
    assert len(caplog.records) == 1
    assert open_.written(moved) == [200]
    open_.assert_goes_on(20)


def test_a_folder_that_is_removed_is_a_disk_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    open_ = Open(folder)
    shutil.rmtree(folder)
    open_.flush()
    folder.mkdir()
    open_.flush()
    open_.assert_goes_on(35)
    assert caplog.records[0].message.startswith(f"the history {open_.path} cannot be written (")
    open_.history.close()


def test_a_file_that_is_put_in_its_place_is_kept_and_not_written_to(
    open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    other = open_.path.with_name("other.db")
    other.write_bytes(b"somebody's own " * 1000)
    other.replace(open_.path)
    open_.flush()
    (found,) = open_.others("replaced")
    assert found.read_bytes() == b"somebody's own " * 1000
    (record,) = caplog.records
    assert record.message == (
        f"the history {open_.path} was replaced by another file: that is now {found}, and a new one begins"
    )
    open_.assert_goes_on(20)


@pytest.mark.parametrize("size", [0, 50, 4096])
def test_a_file_that_is_cut_off_is_damaged(open_: Open, caplog: pytest.LogCaptureFixture, size: int) -> None:
    open_.put_down()
    open_.run(5)
    with open_.path.open("r+b") as file:
        file.truncate(size)
    open_.flush()
    written = open_.machine.points[SERIES][:-5]
    (record,) = caplog.records
    assert "is damaged (somebody else has cut it off)" in record.message
    (aside,) = [one for one in open_.others("corrupt") if not one.name.endswith("-wal")]
    assert f"it is now {aside}, and a new one begins" in record.message
    assert aside.stat().st_size == size
    assert stored(open_.history) == written[205:]


def test_a_file_that_is_overwritten_is_damaged_and_one_that_is_only_touched_is_not(
    open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    open_.path.touch()
    open_.flush()
    assert not caplog.records
    open_.put_down()
    size = open_.path.stat().st_size
    with open_.path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xaa" * (size // 3))
    open_.flush()
    (record,) = caplog.records
    assert f"it is now {open_.others('corrupt')[0]}, and a new one begins" in record.message


def test_another_history_that_is_copied_over_it_is_kept_as_it_is(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    folder = open_.path.with_name("other")
    folder.mkdir()
    other = Open(folder)
    other.run(3000)
    other.history.close()
    content = other.path.read_bytes()
    shutil.copy(other.path, open_.path)
    open_.flush()
    (record,) = caplog.records
    assert "is damaged (somebody else has overwritten it)" in record.message
    (aside,) = [one for one in open_.others("corrupt") if not one.name.endswith("-wal")]
    assert aside.read_bytes() == content
    open_.assert_goes_on(20)


def test_a_backup_that_is_copied_over_it_is_not_taken_for_it(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    open_.put_down()
    before = open_.path.read_bytes()
    open_.run(5)
    open_.put_down()
    open_.run(5)
    open_.path.write_bytes(before + b"\0" * (open_.path.stat().st_size - len(before)))
    open_.flush()
    (record,) = caplog.records
    assert "is damaged (somebody else has" in record.message
    open_.assert_goes_on(20)


def test_a_reader_that_outlives_the_writer_is_nobody_else(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    with closing(open_.history.past()) as past:
        assert len(points(past)) == 200
        open_.history._drop_database()  # as after a write that failed
    assert open_.path.with_name("history.db-wal").exists() is False
    open_.flush()
    assert not caplog.records
    open_.assert_goes_on(220)


def test_a_log_that_is_removed_is_begun_anew_and_nothing_is_lost(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    open_.path.with_name("history.db-wal").unlink()
    open_.flush()
    (record,) = caplog.records
    assert record.message == f"the log of the history {open_.path} was removed: a new log begins"
    open_.assert_goes_on(220)


def test_a_lock_that_is_removed_is_taken_again(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    open_.path.with_name("history.db.lock").unlink()
    open_.flush()
    assert ["the lock" in record.message for record in caplog.records] == [True]
    with pytest.raises(LockedError):
        FileLock(open_.path.with_name("history.db.lock")).acquire()
    open_.assert_goes_on(220)


def test_who_took_a_lock_that_was_removed_keeps_the_file(open_: Open, caplog: pytest.LogCaptureFixture) -> None:
    lock = open_.path.with_name("history.db.lock")
    lock.unlink()
    other = FileLock(lock)
    other.acquire()
    content = open_.path.read_bytes()
    open_.history.flush()
    open_.history.flush()
    (record,) = caplog.records
    assert "is in use by another Vitalcast" in record.message
    other.release()
    open_.assert_goes_on(205)
    assert content != open_.path.read_bytes()


def test_what_has_not_changed_is_no_change(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.touch()
    watched = Watched(path)
    assert watched.change() is Change.NONE
    path.write_bytes(b"12")
    watched.note()
    assert watched.change() is Change.NONE
    path.chmod(0o600)
    assert watched.change() is Change.NONE
    path.write_bytes(b"1")
    assert watched.change() is Change.CUT_OFF
    path.unlink()
    watched.note()
    assert watched.change() is Change.REMOVED, "even if it went between a write and the look at it"
    assert not watched.same()
    other.replace(path)
    watched.note()
    assert watched.change() is Change.REPLACED
    watched.forget()
    assert watched.change() is Change.NONE
    path.unlink()
    watched.note()
    assert watched.change() is Change.REMOVED
