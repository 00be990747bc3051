"""How fast commands may be sent, so that the server reads them all."""

from __future__ import annotations

from typing import Final

RATE_AT_FIRST: Final = 50.0  # of a server that has not said how many messages a second it reads
REST_S: Final = 1.0
AT_ONCE: Final = 0.5  # of what it reads in a second, and then
STEADY: Final = 0.8  # of its rate: on the way messages may crowd together


class Pace:
    """A token bucket. `rate` is how many messages a second the server reads."""

    def __init__(self, rate: float = RATE_AT_FIRST) -> None:
        self._rate = rate
        self._left = self._burst
        self._seen_s: float | None = None

    @property
    def rate(self) -> float:
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = max(rate, 1.0)
        self._left = min(self._left, self._burst)

    @property
    def _burst(self) -> float:
        return max(1.0, AT_ONCE * self._rate)

    @property
    def _per_second(self) -> float:
        return STEADY * self._rate

    def pause_s(self, now_s: float) -> float:
        """Count one message; return how long to wait before it is sent. `now_s` is of a clock that is never set."""
        if self._seen_s is not None:
            self._left = min(self._burst, self._left + (now_s - self._seen_s) * self._per_second)
        self._seen_s = now_s
        self._left -= 1
        return max(0.0, -self._left / self._per_second)

    def rest(self) -> None:
        """The server did not read a message: send none for a while."""
        self._left = min(self._left, -REST_S * self._per_second)
