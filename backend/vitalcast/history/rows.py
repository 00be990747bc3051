"""Lays frames of any layouts side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vitalcast.core.metrics.model import Frame, Layout, Series
from vitalcast.history.base import Rows

SERIES_BYTES = 600  # about what a new one takes, with its place in an index


def rows_of(frames: Sequence[Frame]) -> Rows:
    """Lay frames of any layouts, at least one, side by side."""
    place: dict[Series, int] = {}
    columns: dict[int, tuple[list[int], list[int]]] = {}  # by layout: from where, to where
    layouts: dict[int, Layout] = {id(frame.layout): frame.layout for frame in frames}
    for id_, layout in layouts.items():
        present = [(column, one) for column, one in enumerate(layout.series) if one is not None]
        columns[id_] = (
            [column for column, _ in present],
            [place.setdefault(one, len(place)) for _, one in present],
        )
    values = np.full((len(frames), len(place)), np.nan)
    for row, frame in enumerate(frames):
        source, target = columns[id(frame.layout)]
        values[row, target] = frame.values[source]
    return Rows(
        tuple(place),
        np.array([frame.offset for frame in frames], dtype=np.int64),
        np.array([frame.time_ms for frame in frames], dtype=np.int64),
        values,
    )


def batches(frames: Sequence[Frame], *, rows_max: int, bytes_max: int) -> Iterator[Sequence[Frame]]:
    """Yield frames, as many at a time as have no more values than these bytes; one at least."""
    start, nbytes = 0, 0
    layout: Layout | None = None
    for end, frame in enumerate(frames):
        size = 8 * (len(frame.values) + 2)
        if frame.layout is not layout:  # whose series may all be new
            layout, size = frame.layout, size + SERIES_BYTES * len(frame.layout.series)
        if end > start and (end - start >= rows_max or nbytes + size > bytes_max):
            yield frames[start:end]
            start, nbytes = end, 0
        nbytes += size
    if start < len(frames):
        yield frames[start:]
