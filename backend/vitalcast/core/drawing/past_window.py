"""What pictures of the past are drawn from: an answer as a window of values, and as the ticks that a badge judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.drawing.clock import stale_after_s
from vitalcast.core.drawing.decimate import with_holes
from vitalcast.core.drawing.window import Recent, Window
from vitalcast.core.metrics.elapsed import in_order
from vitalcast.core.panels.shown_then import newest_row
from vitalcast.core.query.query import Result
from vitalcast.core.query.tier import Tier

if TYPE_CHECKING:
    import numpy.typing as npt

    Times = npt.NDArray[np.int64]

HOLE = 1.5  # steps without a reading are left out: two that are farther apart have some between them
JUDGED_STEP_MS = 1000  # a level is of values that are as near to each other as this


def window_then(result: Result, columns: tuple[int, ...], interval_ms: int) -> Window:
    """Return the values of these series of an answer with one aggregate, where ticks are `interval_ms` apart.

    Of a clock that was set back only the last of times that are the same is drawn, as in a window of now.
    """
    kept = np.flatnonzero(in_order(result.times_ms))
    times, values = result.times_ms[kept], result.values[kept]
    missing = np.diff(times) > HOLE * spacing_of(result, times, interval_ms)[1:]
    holes = tuple((int(times[at]), int(times[at + 1])) for at in np.flatnonzero(missing))
    drawn = values[:, list(columns)]
    return Window(*with_holes(times, drawn, missing), columns, newest_row(values), holes)


def recent_then(result: Result, at_ms: int, interval_ms: int) -> Recent | None:
    """Return the values of an answer up to a moment; None where it has none of about then."""
    kept = np.flatnonzero(in_order(result.times_ms) & (result.times_ms <= at_ms))
    if not len(kept):
        return None
    times = result.times_ms[kept]
    spacing_ms = int(spacing_of(result, times[-1:], interval_ms)[0])
    if at_ms - times[-1] > stale_after_s(spacing_ms / 1000) * 1000:
        return None
    judged = spacing_ms <= max(JUDGED_STEP_MS, interval_ms)
    return Recent(result.values[kept], times, then=True, judged=judged)


def spacing_of(result: Result, times_ms: Times, interval_ms: int) -> Times:
    """Return how far apart the steps of an answer are around each of these times: no tier is finer than it is."""
    spacing = np.full(len(times_ms), max(result.step_ms, interval_ms), dtype=np.int64)
    for reach in result.reaches:
        if reach.tier is not Tier.RAW:
            within = (times_ms > reach.start_ms) & (times_ms <= reach.end_ms)
            spacing[within] = np.maximum(spacing[within], reach.tier)
    return spacing
