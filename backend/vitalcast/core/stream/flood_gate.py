"""How many messages of one socket are answered: a token bucket, a second deep."""

from __future__ import annotations

from collections.abc import Callable


class FloodGate:
    """Admits `rate` messages a second, and as many at once.

    Refusals have a bucket of their own, lest a flood of messages breed a flood of errors. `refused` counts the
    messages in a row that were not read. `now_s` is any clock that never goes back.
    """

    __slots__ = ("_left", "_now_s", "_refusals_left", "_seen_s", "rate", "refused")

    def __init__(self, rate: int, now_s: Callable[[], float]) -> None:
        self.rate = rate
        self.refused = 0
        self._now_s = now_s
        self._seen_s = now_s()
        self._left = self._refusals_left = float(rate)

    def admit(self) -> bool:
        """Count one message; say whether it is to be read."""
        self._refill()
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.refused = 0
        return True

    def _refill(self) -> None:
        now_s = self._now_s()
        earned = (now_s - self._seen_s) * self.rate
        self._seen_s = now_s
        self._left = min(self._left + earned, self.rate)
        self._refusals_left = min(self._refusals_left + earned, self.rate)

    def may_refuse(self) -> bool:
        """Count one refusal; say whether it is to be sent."""
        if self._refusals_left < 1:
            return False
        self._refusals_left -= 1
        return True

    def charge(self, messages: float) -> None:
        """Count a dear answer as so many messages more: what it takes below zero has to be earned first."""
        self._left -= messages
