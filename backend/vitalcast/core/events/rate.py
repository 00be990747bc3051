"""How many events of each kind there may be, so that what flaps does not drown what happens once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

AT_ONCE = 20.0
PER_MINUTE = 2.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    time_s: float
    left_out: int = 0


class EventRate:
    """Admits `at_once` events of a kind, and as many again as come to `per_minute`; the others are counted.

    Kinds are few: there is a bucket for each that was ever asked for.
    """

    def __init__(self, *, at_once: float = AT_ONCE, per_minute: float = PER_MINUTE) -> None:
        self._at_once = at_once
        self._per_s = per_minute / 60
        self._buckets: dict[Hashable, _Bucket] = {}

    def admit(self, kind: Hashable, now_s: float) -> int | None:
        """Return how many of this kind were left out since the last one; None where this one is to be left out too."""
        bucket = self._buckets.setdefault(kind, _Bucket(self._at_once, now_s))
        bucket.tokens = min(self._at_once, bucket.tokens + max(0.0, now_s - bucket.time_s) * self._per_s)
        bucket.time_s = now_s
        if bucket.tokens < 1:
            bucket.left_out += 1
            return None
        bucket.tokens -= 1
        left_out, bucket.left_out = bucket.left_out, 0
        return left_out
