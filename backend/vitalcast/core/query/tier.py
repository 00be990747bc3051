"""The tiers of a history: ticks as they came, and rollups of a minute, ten minutes and an hour."""

from __future__ import annotations

import enum


class Tier(enum.IntEnum):
    """A tier, by the milliseconds of its steps; RAW has the ticks as they came.

    A step of a rollup spans the ticks in (t - step, t] and is labelled t.
    """

    RAW = 0
    MINUTE = 60_000
    TEN_MINUTES = 600_000
    HOUR = 3_600_000

    @property
    def label(self) -> str:
        """What answers call it: `raw`, `1m`, `10m`, `1h`."""
        return _LABELS[self]

    @property
    def has_histogram(self) -> bool:
        """Whether percentiles can be had from its steps."""
        return self in (Tier.RAW, Tier.TEN_MINUTES, Tier.HOUR)


_LABELS = {Tier.RAW: "raw", Tier.MINUTE: "1m", Tier.TEN_MINUTES: "10m", Tier.HOUR: "1h"}
ROLLUPS = (Tier.MINUTE, Tier.TEN_MINUTES, Tier.HOUR)
