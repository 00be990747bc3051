"""Sums and maxima of what is known: of one row as numbers, and of many rows at once. `nan` is no value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Columns = npt.NDArray[np.intp]

NOBODY = -1  # the place of the highest where nothing is known

# --- one row -------------------------------------------------------------------------------------------------------


def total(values: Iterable[float]) -> float:
    """Return the sum of what is known; `nan` where nothing is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


def item(row: Floats, column: int) -> float:
    """Return one column of the row, `nan` where it lacks that."""
    return float(row[column]) if 0 <= column < len(row) else math.nan


def highest(values: Iterable[float]) -> float:
    """Return the highest of what is known; `nan` where nothing is."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def where_highest(values: Sequence[float]) -> int:
    """Return the place of the highest of what is known, the first of equal ones; `NOBODY` where nothing is."""
    best = NOBODY
    for at, value in enumerate(values):
        if not math.isnan(value) and (best == NOBODY or value > values[best]):
            best = at
    return best


def items(row: Floats, columns: Columns) -> list[float]:
    """Return these columns of the row, which has them all."""
    found: list[float] = row[columns].tolist()
    return found


def width_of(columns: Iterable[Columns]) -> float:
    """Return how wide a row must be to have all these columns: endless where one of them is nowhere."""
    joined = np.concatenate([*columns, np.zeros(0, dtype=np.intp)])
    if len(joined) == 0:
        return 0
    return math.inf if joined.min() < 0 else int(joined.max()) + 1


def share(value: float, whole: float) -> float:
    """Return what part of the whole a value is; `nan` where there is no whole."""
    return value / whole if whole > 0 and not math.isinf(whole) else math.nan


# --- many rows, of the shape (rows, columns) -----------------------------------------------------------------------


def take(rows: Floats, columns: Columns) -> Floats:
    """Return these columns of the rows, `nan` for those that they lack."""
    held = (columns >= 0) & (columns < rows.shape[1])
    if held.all():
        return rows[:, columns]
    taken = np.full((len(rows), len(columns)), np.nan)
    taken[:, held] = rows[:, columns[held]]
    return taken


def totals(block: Floats) -> Floats:
    """Return the sum of each row."""
    known = ~np.isnan(block)
    return np.where(known.any(axis=1), np.where(known, block, 0.0).sum(axis=1), np.nan)


def maxima(block: Floats) -> Floats:
    """Return the highest of each row."""
    result: Floats = np.fmax.reduce(block, axis=1, initial=np.nan)
    return result


def where_maxima(block: Floats) -> Columns:
    """Return the place of the highest of each row, `NOBODY` where nothing is known."""
    known = ~np.isnan(block)
    if not block.shape[1]:
        return np.full(len(block), NOBODY, dtype=np.intp)
    best: Columns = np.where(known, block, -np.inf).argmax(axis=1)
    missed = ~known[np.arange(len(block)), best]
    if missed.any():  # nothing is known, or nothing but -inf
        best[missed] = np.where(known[missed].any(axis=1), known[missed].argmax(axis=1), NOBODY)
    return best


def shares(value: Floats, whole: Floats) -> Floats:
    """Return what part of the whole each value is."""
    found: Floats = np.divide(value, whole, out=np.full_like(value, np.nan), where=(whole > 0) & np.isfinite(whole))
    return found
