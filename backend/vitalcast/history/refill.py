"""Puts what an earlier run left back into memory, as if the process had never ended."""

from __future__ import annotations

import numpy as np

from vitalcast.core.metrics.catalogue import Catalogue
from vitalcast.core.metrics.model import Frame, Series
from vitalcast.core.metrics.ring import Ring
from vitalcast.history.base import Resumed


def refill(resumed: Resumed, catalogue: Catalogue, ring: Ring) -> None:
    """Fill an empty ring with the rows of an earlier run, whose series get columns from an empty catalogue.

    Series whose metric means something else today, or nothing, are left out.
    """
    series: dict[Series, None] = {}
    for rows in resumed.rows:
        series.update(dict.fromkeys(rows.series))
    columns = dict(zip(series, catalogue.adopt(list(series)), strict=True))
    first_offset = int(resumed.rows[0].offsets[0]) if resumed.rows else resumed.offset + 1
    if first_offset > 1:
        ring.forget_first()
    layout = catalogue.layout
    for rows in resumed.rows:
        target = np.array([columns[one] for one in rows.series], dtype=np.intp)
        values = np.full((len(rows.offsets), len(layout.series)), np.nan)
        values[:, target[target >= 0]] = rows.values[:, target >= 0]
        values.flags.writeable = False
        for row, (offset, time_ms) in enumerate(zip(rows.offsets.tolist(), rows.times_ms.tolist(), strict=True)):
            ring.append(Frame(offset, time_ms, layout, values[row]))
