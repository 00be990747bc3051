"""Many emissions of one tick side by side, for what writes them at one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Chosen

if TYPE_CHECKING:
    import numpy.typing as npt

    Indices = npt.NDArray[np.intp]
    Flags = npt.NDArray[np.bool_]

SHEET_VALUES = 16_384  # of one sheet: its arrays stay near, and are never large


class Sheet:
    """Some rows, of which each is an emission with some values; they lie one after the other.

    `sizes` says how many each row has and `starts` where they begin, `places` where each value is in the tick, `row`
    which row it belongs to, and `position` where it is there.
    """

    def __init__(self, heads: list[bytes], rows: list[Indices]) -> None:
        self.heads = heads
        self.sizes = np.array([len(row) for row in rows])
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.places = np.concatenate(rows)
        self.row = np.repeat(np.arange(len(rows)), self.sizes)
        self.position = np.arange(len(self.places)) - self.starts[self.row]

    def counts(self, changed: Flags) -> Indices:
        """Return how many values of each row have changed."""
        counts: Indices = np.add.reduceat(changed, self.starts, dtype=np.intp)
        return counts

    def ranks(self, part: Indices, counts: Indices, partly: Flags) -> Indices:
        """Return which of the changed values of its row each of `part` is, which are those of rows written `partly`."""
        theirs = counts * partly
        ranks: Indices = np.arange(len(part)) - (np.cumsum(theirs) - theirs)[self.row[part]]
        return ranks


def sheets_of(
    rows: Sequence[tuple[bytes, Chosen]], values_per_series: int
) -> Iterator[tuple[list[bytes], list[Indices]]]:
    """Cut rows, each of a head and some series, into sheets: the heads, and where the values of each row are."""
    heads: list[bytes] = []
    indices: list[Indices] = []
    values = 0
    for head, chosen in rows:
        index = chosen.places(values_per_series).index
        if values + len(index) > SHEET_VALUES and heads:
            yield heads, indices
            heads, indices, values = [], [], 0
        heads.append(head)
        indices.append(index)
        values += len(index)
    if heads:
        yield heads, indices
