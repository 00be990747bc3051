"""What one query may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How many values an answer may have, and how many readings may be looked at for it, in all and in the ring."""

    values: int = 1_000_000
    reads: int = 50_000_000
    ring_reads: int = 4_000_000


DEFAULT_QUERY_LIMITS = QueryLimits()
