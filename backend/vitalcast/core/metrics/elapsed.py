"""How long ago ticks were, by the ticks themselves: their times may jump, as clocks do, and their offsets do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


def step_ms(offsets: int, times_ms: int, interval_ms: int) -> int:
    """Return how long it was between two ticks that lie so far apart.

    It is what the clock says, unless that was set back, or ahead by more than so many ticks can have taken, which are
    `interval_ms` apart at most.
    """
    return min(max(times_ms, 0), offsets * interval_ms)


def steps_ms(offsets: Integers, times_ms: Integers, interval_ms: int) -> Integers:
    """Return the same for each tick but the first, from the tick before it."""
    steps: Integers = np.minimum(np.maximum(np.diff(times_ms), 0), np.diff(offsets) * interval_ms)
    return steps


def ages_ms(offsets: Integers, times_ms: Integers, interval_ms: int) -> Integers:
    """Return how long before the last tick each was."""
    elapsed = np.append(0, np.cumsum(steps_ms(offsets, times_ms, interval_ms)))
    ages: Integers = elapsed[-1] - elapsed
    return ages


def in_order(times_ms: Integers) -> npt.NDArray[np.bool_]:
    """Say of each tick whether none after it has the same time or an earlier one.

    What was recorded while the clock was ahead, or before it was set back, gives way to what came later.
    """
    kept = np.ones(len(times_ms), dtype=np.bool_)
    kept[:-1] = times_ms[:-1] < np.minimum.accumulate(times_ms[::-1])[::-1][1:]
    return kept
