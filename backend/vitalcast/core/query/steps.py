"""Which step of the clock each tick lies in: the same for whatever is asked, and for what is kept in steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Indices = npt.NDArray[np.intp]


def ends_of(times_ms: Integers, step_ms: int, *, shift_ms: int = 0) -> Integers:
    """Return the end of the step in which each time lies, so much later: the multiple of `step_ms` at or after it."""
    ends: Integers = times_ms + (shift_ms + step_ms - 1)
    ends //= step_ms  # in place: to have room for another day of ticks costs more than to divide it
    ends *= step_ms
    return ends


def runs_of(ends_ms: Integers) -> tuple[Indices, Indices]:
    """Return the row at which each run of equal ends begins, and for each row its run; there is at least one row."""
    starts = np.append(0, np.flatnonzero(ends_ms[1:] != ends_ms[:-1]) + 1)
    return starts, np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ends_ms))))
