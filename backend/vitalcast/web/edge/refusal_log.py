"""What the server's log says of the requests that were turned away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

CAUSES_MAX = 32
CAUSES_WINDOW_S = 60.0


class RefusalLog:
    """Logs every cause of refusals once a minute, and few enough of them that nobody can fill a disk this way."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._causes: set[tuple[str, str]] = set()
        self._until_s = 0.0
        self._held_back = 0

    def add(self, peer: str, what: str, why: str) -> None:
        why = why.partition("; try again in ")[0]  # when differs each time
        now_s = self._now_s()
        if now_s >= self._until_s:
            if self._held_back:
                logger.warning("refused %d more requests in the minute before", self._held_back)
            self._causes.clear()
            self._held_back = 0
            self._until_s = now_s + CAUSES_WINDOW_S
        if (peer, why) in self._causes or len(self._causes) >= CAUSES_MAX:
            self._held_back += 1
            return
        self._causes.add((peer, why))
        logger.warning("refused a %s from %s: %s", what, peer, why)
