"""Which history a server keeps: in the file that the settings name, in the one in the data folder, or in memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.access.folder import make_folder
from vitalcast.config.schema import Settings
from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.errors import ConfigError
from vitalcast.history.base import History, Resumed
from vitalcast.history.memory import MemoryHistory

if TYPE_CHECKING:
    from vitalcast.history.sqlite import SqliteHistory

logger = logging.getLogger(__name__)

NAME = "history.db"
HOUR_MS = 3_600_000


def history_path(settings: Settings, folder: Path) -> Path | None:
    """Return the file that these settings keep the history in, with the data folder; None where they keep none."""
    if not settings.history.enabled:
        return None
    return Path(settings.history.path) if settings.history.path else folder / NAME


def choose_history(settings: Settings, ring: Ring, folder: Path, *, in_use: bool) -> History:
    """Return the history that these settings ask for. `in_use` says that a server runs with them.

    Without that, as where an application is built to look at it, nothing but a file that is named is opened.
    """
    path = history_path(settings, folder)
    if path is None or not (settings.history.path or in_use):
        return MemoryHistory()

    from vitalcast.history.sqlite import SqliteHistory  # what it imports would slow every other start down

    history = SqliteHistory(
        path,
        flush_s=settings.history.flush_s,
        bytes_max=settings.history.size_max_mib * 2**20,
        retention_ms=settings.history.retention_max_h * HOUR_MS,
        fast_ms=settings.history.fast_h * HOUR_MS,
        window_ms=ring.window_ms,
        memory_max_bytes=ring.memory_max_bytes,
    )
    return history if settings.history.path else DefaultHistory(history)


class DefaultHistory(History):
    """The history in the data folder: where it cannot be opened, a warning says so and memory does alone."""

    def __init__(self, file: SqliteHistory) -> None:
        self._file = file
        self._chosen: History = file
        self.counts = file.counts

    @property
    def pause_s(self) -> float | None:
        return self._chosen.pause_s

    def check(self, *, now: bool = True) -> None:
        """Nothing keeps a server from starting."""

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:
        try:
            make_folder(self._file.path.parent)
            is_new = not self._file.path.exists()
            resumed = self._file.open(epoch=epoch, interval_ms=interval_ms)
        except ConfigError as error:
            logger.warning("%s; until the next start the history is in memory only", error)
            self._chosen = MemoryHistory()
            self.counts = self._chosen.counts
            return None
        if is_new:
            size = self._file.bytes_max // 2**20
            self.note = f"The history is kept in {self._file.path}, in {size} MiB at most ([history] in the settings)."
        return resumed

    def append(self, frame: Frame) -> None:
        self._chosen.append(frame)

    def append_event(self, event: Event) -> None:
        self._chosen.append_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._chosen.append_processes(snapshot)

    def flush(self) -> None:
        self._chosen.flush()

    def past(self) -> Past:
        return self._chosen.past()

    def close(self) -> None:
        self._chosen.close()
