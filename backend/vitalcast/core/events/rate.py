"""How many events of each kind there may be, so that what flaps does not drown what happens once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

AT_ONCE = 20.0
PER_MINUTE = 2.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    time_s: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """So many events at once, and as many again as come to so many a minute."""

    at_once: float = AT_ONCE
    per_minute: float = PER_MINUTE


USUAL = Bounds()
NONE: Mapping[str, Bounds] = MappingProxyType({})


class EventRate:
    """Admits as many events of a kind as its bounds allow, by default `usual`; the others are counted.

    Kinds are few: there is a bucket for each that was ever asked for.
    """

    def __init__(self, usual: Bounds = USUAL, kinds: Mapping[str, Bounds] = NONE) -> None:
        self._usual = usual
        self._kinds = kinds
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, kind: str, now_s: float) -> int | None:
        """Return how many of this kind were left out since the last one; None where this one is to be left out too."""
        bounds = self._kinds.get(kind, self._usual)
        bucket = self._buckets.setdefault(kind, _Bucket(bounds.at_once, now_s))
        more = max(0.0, now_s - bucket.time_s) * bounds.per_minute / 60
        bucket.tokens = min(bounds.at_once, bucket.tokens + more)
        bucket.time_s = now_s
        if bucket.tokens < 1:
            bucket.left_out += 1
            return None
        bucket.tokens -= 1
        left_out, bucket.left_out = bucket.left_out, 0
        return left_out
