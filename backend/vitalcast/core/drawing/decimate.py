"""Fewer points than readings, with every bucket's lowest, highest and hole kept; and holes where ticks are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Times = npt.NDArray[np.int64]


def with_holes(times_ms: Times, values: Floats, missing: npt.NDArray[np.bool_]) -> tuple[Times, Floats]:
    """Put two rows of `nan` where ticks are missing, so that a hole is as long as what it lacks.

    `values` has the shape (ticks, series); `missing[i]` says that ticks are missing between rows i and i + 1.
    """
    at = np.flatnonzero(missing)
    if len(at) == 0:
        return times_ms, values
    steps = np.diff(times_ms)
    edge = np.minimum(int(np.median(steps)), steps[at] // 3)
    where = np.repeat(at + 1, 2)
    inside = np.stack([times_ms[at] + edge, times_ms[at + 1] - edge], axis=1).ravel()
    return np.insert(times_ms, where, inside), np.insert(values, where, np.nan, axis=0)


def extremes(values: Floats, most: int) -> npt.NDArray[np.intp]:
    """Return the rows to keep of one series: all, or at most `most` that show the same picture.

    Of equal buckets these are the lowest and the highest reading and the first missing one, and the first and last of
    all rows.
    """
    rows = len(values)
    if rows <= most:
        return np.arange(rows)
    size = -(-rows // max((most - 2) // 3, 1))
    count = -(-rows // size)
    padded = np.full(count * size, np.nan)
    padded[:rows] = values
    blocks = padded.reshape(count, size)
    known = ~np.isnan(blocks)
    starts = np.arange(count) * size
    kept = np.concatenate(
        [
            starts + np.where(known, blocks, np.inf).argmin(axis=1),
            starts + np.where(known, blocks, -np.inf).argmax(axis=1),
            (starts + (~known).argmax(axis=1))[~known.all(axis=1)],
            [0, rows - 1],
        ]
    )
    return np.unique(kept[kept < rows])


def peaks(values: Floats, most: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Join rows so that about `most` are left, each with the highest reading of each series; holes stay apart.

    `values` has the shape (ticks, series). Returns the last row of each run of joined rows, and their values.
    """
    rows = len(values)
    if rows <= most:
        return np.arange(rows), values
    starts = np.arange(0, rows, -(-rows // most))
    holes = np.flatnonzero(np.isnan(values).all(axis=1))
    if len(holes) <= most:
        starts = np.unique(np.concatenate([starts, holes, holes + 1]))
        starts = starts[starts < rows]
    ends: npt.NDArray[np.intp] = np.append(starts[1:], rows) - 1
    joined: Floats = np.fmax.reduceat(values, starts, axis=0)
    return ends, joined
