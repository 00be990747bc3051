"""Bands of a stack, each on the one below it, as the page has them: golden vectors hold both to the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


class Band(NamedTuple):
    """Where a band reaches from and to; `top` is `nan` where it is not."""

    base: Floats
    top: Floats


def stacked(values: Sequence[Floats], down: Sequence[bool]) -> list[Band]:
    """Put each line on the one below it; those that are drawn downwards go the other way.

    Where one begins or ends amid others it tapers off to the point before or after, or a sliver of nothing would be
    left below those above it.
    """
    length = len(values[0]) if values else 0
    known = [~np.isnan(one) for one in values]
    some = {False: np.zeros(length, np.bool_), True: np.zeros(length, np.bool_)}
    for there, way in zip(known, down, strict=True):
        some[way] |= there
    reached = {False: np.zeros(length), True: np.zeros(length)}
    bands = []
    for value, there, way in zip(values, known, down, strict=True):
        base = reached[way]
        top = base + (-value if way else value)
        # Without a reading it is no reason to lose the others.
        reached[way] = np.where(there, top, base)
        bands.append(Band(base, np.where(~there & _beside(there) & some[way], base, top)))
    return bands


def _beside(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say where there is a reading right before or after."""
    beside = np.zeros(len(there), dtype=np.bool_)
    beside[1:] |= there[:-1]
    beside[:-1] |= there[1:]
    return beside
