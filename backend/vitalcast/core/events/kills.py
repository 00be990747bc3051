"""Kills by the kernel's count beside those whose victim is known."""

from __future__ import annotations

import math


class KillLedger:
    """Says how many kills nobody knows the victim of. The kernel counts first, and says who it was a moment later."""

    def __init__(self) -> None:
        self._open = 0.0  # counted the last time, with no victim so far

    def take(self, count: float, victims: int) -> int:
        """Take in how many were counted since the last time, `nan` for unknown, and how many victims were told.

        Return how many of those that were counted before stay unknown.
        """
        waited = max(0.0, self._open - victims)
        victims -= int(self._open - waited)
        self._open = 0.0 if math.isnan(count) else max(0.0, count - victims)
        return int(waited)
