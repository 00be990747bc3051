"""Axes: round ticks in the unit's own steps, and whole steps of the clock.

The dashboard's `charts/model/axis.js` does the same; a test holds the two to the same answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitalcast.core.drawing.clock import clock_text, offset_ms
from vitalcast.core.drawing.format import format_tick, is_binary, is_ratio

if TYPE_CHECKING:
    from datetime import tzinfo

_HAIR = 1e-9
_FAR = 1e300  # as far as any axis reaches: beyond it there are no steps between numbers
_MINUTE_MS = 60_000
_TIME_STEPS_MS = (
    *(1000 * seconds for seconds in (1, 2, 5, 10, 15, 30)),
    *(_MINUTE_MS * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """What an axis reaches from and to, and from tick to tick."""

    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class Tick:
    value: float
    text: str


def round_step(rough: float, unit: str) -> float:
    """Return the next round step at or above `rough`: powers of two for bytes, else ones, twos and fives."""
    if not rough > _HAIR**3:  # no span that anything real has
        return 1.0
    if is_binary(unit):
        return max(1.0, 2.0 ** math.ceil(math.log2(rough) - _HAIR))
    power = 10.0 ** math.floor(math.log10(rough) + _HAIR)
    lead = rough / power
    return power * next((step for step in (1, 2, 5, 10) if lead <= step * (1 + _HAIR)), 10)


def step_for(span: float, ticks: int, unit: str, least: float) -> float:
    """Return the step that leaves so many ticks or fewer, but not a single one: that needs `least` steps."""
    step = round_step(span / ticks, unit)
    if span / step >= least - _HAIR:
        return step
    return round_step(step / (2 if is_binary(unit) else 2.5), unit)


def round_scale(low: float, high: float, unit: str, *, least: float = 0.0, ticks: int = 4) -> Scale:
    """Return a scale that starts and ends on a tick and holds `low`, `high` and zero.

    `least` is the smallest span, so that noise looks like noise.
    """
    low, high = max(-_FAR, min(0.0, low)), min(_FAR, max(0.0, high))
    if high - low < least:
        high = max(high, low + least)
    step = step_for(high - low, ticks, unit, 1 + 1e-6)  # the ends move out to steps: more than one become two
    low, high = math.floor(low / step + _HAIR) * step, math.ceil(high / step - _HAIR) * step
    return Scale(low, high if high > low else step, step)


def fixed_scale(high: float, unit: str, *, ticks: int) -> Scale:
    """Return a scale from zero to an end that is given."""
    high = min(_FAR, high)
    if is_ratio(unit) and high == 1:
        return Scale(0.0, high, 0.25 if ticks >= 4 else 0.5)
    return Scale(0.0, high, step_for(high, ticks, unit, 2))


def ticks_of(scale: Scale, unit: str, *, mirrored: bool = False) -> list[Tick]:
    """Return the scale's ticks. `mirrored` says that what lies below the axis is drawn downwards and not negative."""
    first = math.ceil(scale.low / scale.step - _HAIR)
    last = math.floor(scale.high * (1 + _HAIR) / scale.step + _HAIR)
    values = [at * scale.step for at in range(first, last + 1)]
    return [Tick(value, format_tick(abs(value) if mirrored else value, unit)) for value in values]


def time_ticks(from_ms: float, to_ms: float, most: int, zone: tzinfo) -> list[Tick]:
    """Return whole steps of the clock of that zone, at most about `most` of them."""
    span, longest = to_ms - from_ms, _TIME_STEPS_MS[-1]
    step = next((one for one in _TIME_STEPS_MS if span / one <= most), math.ceil(span / most / longest) * longest)
    shift = offset_ms(to_ms, zone)
    first = math.ceil((from_ms + shift) / step)
    last = math.floor((to_ms + shift) / step)
    times = [at * step - shift for at in range(first, last + 1)]
    return [Tick(time, clock_text(time, zone, seconds=step < _MINUTE_MS)) for time in times]
