"""A history's file that no server has open, read without a trace: nothing is written, locked or put in its place."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from vitalcast.core.query.past import Past
from vitalcast.errors import HistoryError, LockedError
from vitalcast.history.filelock import FileLock
from vitalcast.history.reader import FilePast
from vitalcast.history.schema import address, check_file


class LeftFile:
    """What a server has left in the file at `path`, of a history of `bytes_max`.

    A server that ended well has put all into the file itself, which is read where it lies. One that was killed has left
    a log beside it: to read both is to put the one into the other, so that is done to a copy, in a folder for a while.
    """

    def __init__(self, path: Path, *, bytes_max: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._folders = ExitStack()
        self._copy: Path | None = None

    def past(self) -> Past:
        """Return a view of it. Raises HistoryError, also where a server has it, and ConfigError where it is none."""
        check_file(self._path, known=False)
        try:
            FileLock(self._path.with_name(f"{self._path.name}.lock")).probe()
        except LockedError as error:
            raise HistoryError(
                f"{self._path} is in use by {error}; ask that server, by its --config or --url"
            ) from None
        except OSError:  # of another user: what can be read is read
            pass
        if not self._log.exists() or not self._log.stat().st_size:
            return FilePast(self._path, at=f"{address(self._path, 'ro')}&immutable=1", nbytes_max=self._bytes_max)
        if self._copy is None:
            self._copy = self._copied()
        return FilePast(self._copy, nbytes_max=self._bytes_max)

    @property
    def _log(self) -> Path:
        return self._path.with_name(f"{self._path.name}-wal")

    def _copied(self) -> Path:
        """Return a copy of the file and its log. Raises HistoryError where there is no room for it."""
        try:
            folder = Path(self._folders.enter_context(tempfile.TemporaryDirectory(prefix="vitalcast-")))
            copy = folder / "history.db"
            for suffix in ("-wal", ""):  # the file last: what it has of the log is in there as well
                shutil.copyfile(self._path.with_name(self._path.name + suffix), folder / f"history.db{suffix}")
        except OSError as error:
            raise HistoryError(f"{self._path} cannot be copied to be read: {error.strerror or error}") from None
        return copy

    def close(self) -> None:
        self._folders.close()
        self._copy = None
