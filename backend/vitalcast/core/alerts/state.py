"""The state of a rule as a pure machine: a value and a time come in, and what fires comes out.

    OK ──exceeds──▶ PENDING ──for──▶ FIRING ──recovered, keep──▶ RESOLVED
     ▲                 │                ▲                          │
     └────falls below──┘                └── PENDING ◀──exceeds─────┘

    any ──no value──▶ NO_DATA ──value──▶ what it was, or PENDING anew

A missing value is no good news: it never resolves anything. What fired when the values ended fires again with the first
value that is still past `recover`, as the same incident, and is resolved by one that is not.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitalcast.core.alerts.rule import Limit, Rule, Severity


class Phase(enum.Enum):
    """What is known of one severity of a rule."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class LimitState:
    """The state of one limit. All times are on the caller's steady clock, in milliseconds.

    `since_ms` is when the phase began. `fired_ms` is when what fires, or fired before the values ended, began to fire;
    None where nothing does. `held_ms` is the newest time with a value that keeps it firing, for limits with `keep_ms`.
    """

    phase: Phase = Phase.OK
    since_ms: int = 0
    fired_ms: int | None = None
    held_ms: int = 0

    def after(self, limit: Limit, value: float, time_ms: int) -> LimitState:
        """Return the state after this value, which is `nan` where there is none."""
        if math.isnan(value):
            return self._moved(Phase.NO_DATA, time_ms)
        if self.fired_ms is not None:
            return self._firing(limit, value, time_ms)
        if not limit.exceeded(value):
            return self if self.phase is Phase.RESOLVED else self._moved(Phase.OK, time_ms)
        pending = self._moved(Phase.PENDING, time_ms)
        if time_ms - pending.since_ms < limit.for_ms:
            return pending
        return LimitState(Phase.FIRING, time_ms, time_ms, time_ms)

    def _firing(self, limit: Limit, value: float, time_ms: int) -> LimitState:
        if limit.holds(value):
            firing = self._moved(Phase.FIRING, time_ms)
            return replace(firing, held_ms=time_ms) if limit.keep_ms else firing
        if time_ms - self.held_ms < limit.keep_ms:
            return self._moved(Phase.FIRING, time_ms)
        return LimitState(Phase.RESOLVED, time_ms)

    def _moved(self, phase: Phase, time_ms: int) -> LimitState:
        return self if self.phase is phase else replace(self, phase=phase, since_ms=time_ms)


@dataclass(frozen=True, slots=True)
class RuleState:
    """The state of a rule, one for each of its limits, in their order."""

    limits: tuple[LimitState, ...]
    calm: bool = field(init=False, repr=False, compare=False)  # nothing is pending, fires or did before values ended

    def __post_init__(self) -> None:
        calm = all(state.phase in (Phase.OK, Phase.RESOLVED) for state in self.limits)
        object.__setattr__(self, "calm", calm)

    @classmethod
    def of(cls, rule: Rule) -> RuleState:
        """Return the state before the first value."""
        return cls(tuple(LimitState() for _ in rule.limits))

    def after(self, rule: Rule, value: float, time_ms: int) -> RuleState:
        """Return the state after this value, `nan` for none. Times must not go back: take them from a steady clock."""
        if self.calm and value < rule.calm_below:  # nearly always
            return self
        states = tuple(
            state.after(limit, value, time_ms) for limit, state in zip(rule.limits, self.limits, strict=True)
        )
        # Most values change nothing, and then nothing is made.
        return self if all(new is old for new, old in zip(states, self.limits, strict=True)) else RuleState(states)

    def level(self, rule: Rule) -> Severity | None:
        """Return the worst severity that fires now; None where none does, or there are no values."""
        worst = zip(reversed(rule.limits), reversed(self.limits), strict=True)
        return next((limit.severity for limit, state in worst if state.phase is Phase.FIRING), None)

    @property
    def has_data(self) -> bool:
        """Whether the newest value was one."""
        return all(state.phase is not Phase.NO_DATA for state in self.limits)
