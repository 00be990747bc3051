"""What one query may take."""

from __future__ import annotations

from dataclasses import dataclass

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ProtocolError

REDUCED_A_VALUE = 5  # at most, of the values that an answer may have: reducing takes three times their memory


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How many values an answer may have, and how many readings may be looked at for it, in all and in the ring.

    Each check raises ProtocolError that names what to ask less of.
    """

    values: int = 1_000_000
    reads: int = 50_000_000
    ring_reads: int = 4_000_000

    def check_values(self, values_each: int, series: int, *, to_reduce: bool) -> None:
        """Check so many series with so many values each, of which fewer are made or not."""
        values, limit = values_each * series, self.values * (REDUCED_A_VALUE if to_reduce else 1)
        if values > limit:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{values} values of {series} series{' to reduce' if to_reduce else ''}, and a query has {limit} at "
                "most; ask for fewer series, a shorter time, fewer points or a longer step",
            )

    def check_reads(self, reads_each: int, series: int) -> None:
        """Check so many series of which so many readings each are looked at."""
        if (reads := reads_each * series) > self.reads:
            raise ProtocolError(
                ErrorCode.LIMIT,
                f"{reads} readings of {series} series would be looked at, and a query reads {self.reads} at most; "
                "ask for fewer series, a shorter time or a longer step",
            )


DEFAULT_QUERY_LIMITS = QueryLimits()
