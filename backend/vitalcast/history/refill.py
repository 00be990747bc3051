"""Puts what an earlier run left back into memory, as if the process had never ended."""

from __future__ import annotations

import numpy as np

from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.history.base import Resumed


def refill(resumed: Resumed, timeline: Timeline) -> None:
    """Fill an empty timeline with the rows of an earlier run, whose epoch goes on.

    Series whose metric means something else today are left out.
    """
    series: dict[Series, None] = {}
    for rows in resumed.rows:
        series.update(dict.fromkeys(rows.series))
    ring = timeline.ring
    columns = dict(zip(series, timeline.catalogue.adopt(list(series)), strict=True))
    timeline.resume(resumed.epoch)
    first_offset = int(resumed.rows[0].offsets[0]) if resumed.rows else resumed.offset + 1
    if first_offset > 1:
        ring.forget_first()
    layout = timeline.catalogue.layout
    for rows in resumed.rows:
        target = np.array([columns[one] for one in rows.series], dtype=np.intp)
        values = np.full((len(rows.offsets), len(layout.series)), np.nan)
        values[:, target[target >= 0]] = rows.values[:, target >= 0]
        values.flags.writeable = False
        for row, (offset, time_ms) in enumerate(zip(rows.offsets.tolist(), rows.times_ms.tolist(), strict=True)):
            ring.append(Frame(offset, time_ms, layout, values[row]))
