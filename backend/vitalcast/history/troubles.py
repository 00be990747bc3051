"""What goes wrong with a history's file: counted each time, and said once for as long as it lasts."""

from __future__ import annotations

import logging
from pathlib import Path

from vitalcast.core.text import printable
from vitalcast.history.base import Counts
from vitalcast.history.recent import Recent

logger = logging.getLogger(__name__)

RETRY_MAX_S = 600.0


class Troubles:
    """The troubles of the file at `path`, which count in `counts`."""

    def __init__(self, path: Path, counts: Counts) -> None:
        self._path = path
        self._counts = counts
        self._failures = 0  # in a row
        self._lost_said = (0, 0, 0)

    def pause_s(self, flush_s: float) -> float:
        """Return how long to wait before the next flush: ever longer while none succeeds."""
        return flush_s if not self._failures else min(flush_s * 2.0**self._failures, RETRY_MAX_S)

    def failed(self, error: Exception) -> None:
        """Note a write that failed."""
        self._counts.failures += 1
        self._failures += 1
        if self._failures == 1:
            logger.warning(
                "the history %s cannot be written (%s): the newest ticks stay in memory, and it will be tried again",
                self._path,
                printable(str(error)),
            )

    def succeeded(self, recent: Recent) -> None:
        """Note a write that succeeded; after others that did not, say what could not wait so long."""
        if self._failures:
            lost = (self._counts.ticks_lost, recent.events_dropped, recent.snapshots_dropped)
            ticks, events, snapshots = (now - said for now, said in zip(lost, self._lost_said, strict=True))
            self._lost_said = lost
            logger.warning(
                "the history %s is written again after %d failures; %d ticks were lost",
                self._path,
                self._failures,
                ticks,
            )
            if events or snapshots:
                logger.warning("%d events and %d recordings of processes were lost as well", events, snapshots)
        self._failures = 0

    def ended(self, ticks: int) -> None:
        """Note the end, with so many ticks that could not be written."""
        if ticks:
            logger.warning("the newest %d ticks could not be written to the history %s", ticks, self._path)

    def unreadable(self, parts: int) -> None:
        """Note parts of the file that cannot be read."""
        self._counts.chunks_unreadable += parts
        logger.warning("%d parts of the history %s cannot be read and are left out", parts, self._path)

    def damaged(self, error: Exception, target: Path) -> None:
        """Note that the file is damaged as a whole and was renamed to `target`."""
        logger.warning(
            "the history %s is damaged (%s): it is now %s, and a new one begins",
            self._path,
            printable(str(error)),
            target,
        )
