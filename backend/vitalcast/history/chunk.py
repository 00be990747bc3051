"""Loose ticks: a run of them with all their series in one row, as a flush puts them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.errors import CodecError
from vitalcast.history.base import Rows
from vitalcast.history.codec import decode, encode, pack_integers, pack_parts, unpack_integers, unpack_parts
from vitalcast.history.continuity import OFFSET_MAX
from vitalcast.history.schema import MERGED_ROWS

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

ROWS_MAX = 4 * MERGED_ROWS  # never reached: of one that says more its word is not taken

# Rows that `Chunk.of` takes.
ROWS = "SELECT first_offset, rows, stretch, epoch, series, columns FROM chunk"
ALL = f"{ROWS} ORDER BY first_offset"
NEWEST = f"{ROWS} ORDER BY first_offset DESC"
WITH_LOOSE = "SELECT loose, first_offset, rows, stretch, epoch, series, columns FROM chunk ORDER BY first_offset"
OF_HOUR = f"{ROWS} WHERE stretch = ? AND last_ms > ? AND last_ms <= ? ORDER BY first_offset"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk taken apart: `ids` are its series, `parts` their packed values, `offsets` and `times_ms` its ticks.

    `places` says where among them each series is.
    """

    first_offset: int
    stretch: int
    epoch: int
    ids: list[int]
    places: dict[int, int]
    parts: list[bytes]
    offsets: Integers
    times_ms: Integers

    @classmethod
    def of(cls, row: Sequence[Any]) -> Chunk:
        """Take a row apart. Raises CodecError where it cannot be what was written."""
        first_offset, rows, stretch, epoch, series, columns = row
        if not (isinstance(rows, int) and 0 < rows <= ROWS_MAX):
            raise CodecError(f"the chunk at offset {first_offset} has {rows!r} rows")
        ids, parts = unpack_integers(series), unpack_parts(columns)
        if len(parts) != len(ids) + 2:
            raise CodecError(f"the chunk at offset {first_offset} has {len(parts)} columns")
        offsets, times = decode(parts[:2], rows).T
        if not (
            offsets[0] == first_offset
            and (np.diff(offsets) >= 1).all()
            and 0 < offsets[0] <= offsets[-1] <= OFFSET_MAX
            and ((times >= 0) & (times <= TIME_MAX_MS)).all()
        ):
            raise CodecError(f"the chunk at offset {first_offset} has impossible offsets or times")
        places = {id_: place for place, id_ in enumerate(ids)}
        return cls(
            *(first_offset, stretch, epoch, ids, places, parts[2:]), offsets.astype(np.int64), times.astype(np.int64)
        )

    def values(self, ids: Sequence[int] | None = None) -> Floats:
        """Return the values of all its series, or of these, in the shape (ticks, series); `nan` for one not in it.

        Raises CodecError.
        """
        if ids is None:
            return decode(self.parts, len(self.offsets))
        places = self.places
        found = [column for column, id_ in enumerate(ids) if id_ in places]
        values = np.full((len(self.offsets), len(ids)), np.nan)
        if found:
            values[:, found] = decode([self.parts[places[ids[column]]] for column in found], len(self.offsets))
        return values


def pack_chunk(ids: Sequence[int], rows: Rows) -> tuple[bytes, bytes]:
    """Return the `series` and the `columns` of a chunk of at least one tick."""
    head = np.column_stack([rows.offsets, rows.times_ms]).astype(np.float64)
    return pack_integers(ids), pack_parts(encode(np.hstack([head, rows.values])))
