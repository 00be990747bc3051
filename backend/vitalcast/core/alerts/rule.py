"""What makes a value alarming: one limit for each severity, and how long it has to be exceeded."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

ROUNDING = 1e-9  # parts that add up to a limit may add up to a hair less


class Severity(enum.StrEnum):
    """How bad it is, the mildest first."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Limit:
    """When one severity of a rule fires, and when it resolves, as Prometheus's `for` and `keep_firing_for` have it.

    It is pending from the first value at or above `threshold` and fires once `for_ms` have passed without a value below
    that. It resolves once `keep_ms` have passed without a value at or above `recover`, which is `threshold` where None.
    Raises ValueError for a `recover` above `threshold`, which no value could resolve in order.
    """

    severity: Severity
    threshold: float
    for_ms: int = 0
    keep_ms: int = 0
    recover: float | None = None

    def __post_init__(self) -> None:
        if self.recover is not None and self.recover > self.threshold:
            raise ValueError(
                f"recover: {self.recover:g} is above the threshold, {self.threshold:g}; give the same or less"
            )
        if self.for_ms < 0 or self.keep_ms < 0:
            raise ValueError("for_ms and keep_ms: give 0 or more")

    def exceeded(self, value: float) -> bool:
        """Say whether this value is one to fire for; `nan` is none."""
        return value >= self.threshold - ROUNDING

    def holds(self, value: float) -> bool:
        """Say whether this value keeps firing what fires already."""
        return value >= (self.threshold if self.recover is None else self.recover) - ROUNDING


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits of one value, at most one for each severity, the mildest first."""

    limits: tuple[Limit, ...]
    calm_below: float = field(init=False, repr=False, compare=False)  # every value below this exceeds no limit

    def __post_init__(self) -> None:
        lowest = min((limit.threshold for limit in self.limits), default=math.inf)
        object.__setattr__(self, "calm_below", lowest - ROUNDING)
        severities = [limit.severity for limit in self.limits]
        if severities != sorted(set(severities), key=list(Severity).index):
            raise ValueError("limits: give each severity once at most, warning before critical")

    def judge(self, value: float) -> Severity | None:
        """Return the worst severity whose limit this value alone exceeds, however long; None for none and for `nan`."""
        if math.isnan(value):
            return None
        return next((one.severity for one in reversed(self.limits) if one.exceeded(value)), None)
