"""What a server that does not run has left: a service that samples and writes nothing, over the file."""

from __future__ import annotations

from pathlib import Path

from vitalcast.collectors.registry import default_collectors
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.folders import data_folder
from vitalcast.config.schema import Settings
from vitalcast.core.metrics.names import Selection
from vitalcast.core.query.past import Extent, Past
from vitalcast.errors import AskError
from vitalcast.history.base import History
from vitalcast.history.memory import MemoryHistory
from vitalcast.live.default_history import history_path
from vitalcast.live.history_reach import count_series, reach_lines
from vitalcast.live.service import Service

RECENT_MS = 86_400_000


def left_path(settings: Settings) -> Path | None:
    """Return where these settings keep the history; None where they keep none. Raises ConfigError."""
    path = history_path(settings, data_folder(settings.access.data_dir))
    return None if path is None else path.expanduser().resolve()


class LeftHistory(MemoryHistory):
    """What is in a file that no server has open: what comes in stays in memory."""

    def __init__(self, path: Path, settings: Settings) -> None:
        from vitalcast.history.offline import LeftFile

        super().__init__()
        self._file = LeftFile(path, bytes_max=settings.history.size_max_mib * 2**20)

    def past(self) -> Past:
        return self._file.past()

    def close(self) -> None:
        self._file.close()


def offline_service(settings: Settings) -> tuple[Service, Path]:
    """Return a service that is never started, over the file that another has left, and the file.

    Raises AskError where there is no such file, and ConfigError.
    """
    path = left_path(settings)
    if path is None or not path.exists():
        raise AskError("no server of this user runs, and none has left a history; start one with `vitalcast`")
    service = Service(settings, history=LeftHistory(path, settings))
    service.timeline.recorded = True  # its past is in the file
    return service, path


def reach_of_files(settings: Settings) -> list[str]:
    """Say how much history a server has left, or how far back that of a new one will reach. Raises HistoryError."""
    path = left_path(settings)
    if path is None:
        return ["off; only the latest samples are in memory, while a server runs"]
    interval_ms = round(settings.sampler.interval_s * 1000)
    extent, series = Extent(nbytes_max=settings.history.size_max_mib * 2**20), 0
    if path.exists():
        extent, series = _looked_at(LeftHistory(path, settings))
    series = series or count_series(default_collectors(stats=RuntimeStats(), disabled=settings.collectors.disabled))
    return reach_lines(path, extent, series=series, interval_ms=interval_ms)


def _looked_at(history: History) -> tuple[Extent, int]:
    """Return how far a history goes, and how many series it had lately."""
    past = history.past()
    try:
        extent = past.extent()
        end_ms = max((one.end_ms for one in extent.reaches), default=0)
        return extent, len(past.series(Selection.of([">"]), end_ms - RECENT_MS, end_ms))
    finally:
        past.close()
        history.close()
