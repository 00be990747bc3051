"""How long to wait before a server is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from vitalcast.errors import LostError

MIN_S: Final = 0.5
MAX_S: Final = 30.0
AWAY_MAX_S: Final = 2.0  # where nobody is there, whom it costs nothing to be asked
DOUBLINGS_MAX: Final = 10


class Backoff:
    """Pauses that double up to half a minute, with jitter so that not all clients come back at once."""

    def __init__(self, jitter: Callable[[float, float], float] = random.uniform) -> None:
        self._jitter = jitter
        self._attempts = 0

    def reset(self) -> None:
        """Begin anew: a connection has brought something."""
        self._attempts = 0

    def pause_s(self, lost: LostError) -> float:
        """Return how long to wait now; as long as the server asked for, where it did."""
        ceiling_s = min(AWAY_MAX_S if lost.away else MAX_S, MIN_S * 2**self._attempts)
        self._attempts = min(self._attempts + 1, DOUBLINGS_MAX)
        return self._jitter(ceiling_s / 2, ceiling_s) if lost.after_s is None else lost.after_s
