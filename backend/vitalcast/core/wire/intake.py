"""How much one socket may send: a token bucket to which every frame is charged, whatever it holds."""

from __future__ import annotations

from dataclasses import dataclass

from vitalcast.core.wire.limits import Limits
from vitalcast.core.wire.websocket import OPCODE_BINARY, OPCODE_TEXT

MESSAGE_UNITS = 16.0  # a frame that begins a message; any other frame is one unit
LARGEST_MESSAGE_UNITS = 4.0  # more for a message as large as may be, and in proportion
PIECE_UNITS = 0.25  # a read that ends no frame, of which a network makes dozens out of a large message
HEADROOM = 1.6  # full-sized messages at the full rate, in small pieces, with pings between them
BURST_UNITS = 4096.0
BURST_S = 4.0
REST_S = 0.1  # a pause is worth its timers
OVER_S = 3.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What a socket may send: so many units a second, and `burst` units at once."""

    units_per_second: float
    burst: float
    message_bytes: int

    @classmethod
    def of(cls, limits: Limits) -> Rate:
        """Return the rate at which a client that keeps to these limits is never held up."""
        units_per_second = limits.messages_per_second * MESSAGE_UNITS * HEADROOM
        return cls(units_per_second, max(BURST_UNITS, BURST_S * units_per_second), limits.message_bytes)

    def cost(self, opcode: int, size_bytes: int) -> float:
        """Return the units of one frame."""
        units = MESSAGE_UNITS if opcode in (OPCODE_TEXT, OPCODE_BINARY) else 1.0
        return units + size_bytes / self.message_bytes * LARGEST_MESSAGE_UNITS


class Allowance:
    """What one socket has left. `now_s` is any clock that never goes back."""

    __slots__ = ("_left", "_over_since_s", "_seen_s", "rate")

    def __init__(self, rate: Rate, now_s: float) -> None:
        self.rate = rate
        self._left = rate.burst
        self._seen_s = now_s
        self._over_since_s: float | None = None

    def charge(self, units: float, now_s: float) -> float:
        """Take these units; return for how many seconds no more should be read, 0 while there is something left."""
        rate = self.rate
        self._left = min(self._left + (now_s - self._seen_s) * rate.units_per_second, rate.burst) - units
        self._seen_s = now_s
        if self._left >= 0:
            if self._over_since_s is not None and self._left >= rate.burst / 2:
                self._over_since_s = None
            return 0.0
        if self._over_since_s is None:
            self._over_since_s = now_s
        return REST_S - self._left / rate.units_per_second

    def exhausted(self, now_s: float) -> bool:
        """Say whether the socket has gone on over its rate for so long that it should be closed."""
        return self._over_since_s is not None and now_s - self._over_since_s >= OVER_S
