"""The history that lasts as long as the process: beside the ring it keeps the newest events and processes."""

from __future__ import annotations

from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Frame
from vitalcast.core.processes.snapshot import ProcessSnapshot
from vitalcast.core.query.past import Past
from vitalcast.history.base import Counts, History, Resumed
from vitalcast.history.recent import Recent, RecentPast


class MemoryHistory(History):
    """Keeps no frames: the newest are in the ring."""

    pause_s = None

    def __init__(self) -> None:
        self.counts = Counts()
        self._recent = Recent()

    def check(self, *, now: bool = True) -> None:
        """Nothing can be wrong."""

    def open(self, *, epoch: str, interval_ms: int) -> Resumed | None:  # noqa: ARG002
        return None

    def append(self, frame: Frame) -> None:
        """Nothing to do."""

    def append_event(self, event: Event) -> None:
        self._recent.add_event(event)

    def append_processes(self, snapshot: ProcessSnapshot) -> None:
        self._recent.add_processes(snapshot)

    def past(self) -> Past:
        return RecentPast(self._recent)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to let go of."""
