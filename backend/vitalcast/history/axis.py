"""An axis: the times that the blocks of all series share, be they ticks of an hour or the steps of a rollup."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.pace import TIME_MAX_MS
from vitalcast.core.query.tier import Tier
from vitalcast.errors import CodecError
from vitalcast.history.bundle import Bundle
from vitalcast.history.codec import pack_integers, unpack_integers
from vitalcast.history.continuity import OFFSET_MAX
from vitalcast.history.damage import reading
from vitalcast.history.schema import SERIES_MAX, blocks_of

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

# The rows that an Axis is made of, those that may be read.
READY = """
SELECT id, tier, level, state, stretch, epoch, first_offset, last_offset, first_ms, last_ms, rows, offsets, times,
  nbytes, kept_ms, fast FROM axis WHERE state = 1
"""
# From old to new. A parameter that is NULL asks for nothing.
_SOME = f"""{READY}
  AND (:tier IS NULL OR tier = :tier) AND (:level IS NULL OR level = :level)
  AND (:fast IS NULL OR fast = :fast) AND (:kept_ms IS NULL OR kept_ms < :kept_ms)
ORDER BY stretch, first_ms
"""
_NEWEST = f"""{READY}
  AND tier = 0 ORDER BY last_offset DESC
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """One row of `axis`."""

    id: int
    tier: int
    level: int
    state: int
    stretch: int
    epoch: int
    first_offset: int
    last_offset: int
    first_ms: int
    last_ms: int
    rows: int
    offsets: bytes
    times: bytes
    nbytes: int
    kept_ms: int
    fast: int

    def times_ms(self) -> Integers:
        """Return the times of its rows. Raises DamagedError where they cannot be true."""
        times = self._integers(self.times)
        if not (times[0] >= 0 and times[-1] <= TIME_MAX_MS + Tier.HOUR):
            raise CodecError(f"the axis {self.id} has impossible times")
        return times

    def tick_offsets(self) -> Integers:
        """Return the offsets of its ticks. Raises DamagedError where they cannot be true."""
        offsets = self._integers(self.offsets)
        if not (offsets[0] > 0 and offsets[-1] <= OFFSET_MAX):
            raise CodecError(f"the axis {self.id} has impossible offsets")
        return offsets

    def _integers(self, packed: bytes) -> Integers:
        with reading():
            numbers = np.array(unpack_integers(packed), dtype=np.int64)
            if not (len(numbers) == self.rows > 0 and (np.diff(numbers) > 0).all()):
                raise CodecError(f"the axis {self.id} is not {self.rows} rows that go on and on")
        return numbers


def axes(
    connection: sqlite3.Connection,
    tier: Tier | None = None,
    *,
    level: int | None = None,
    fast: bool | None = None,
    before_kept_ms: int | None = None,
) -> list[Axis]:
    """Return the axes that may be read, from old to new: of a tier, a level, with fast ticks, written before a time."""
    wanted = {"tier": tier, "level": level, "fast": fast, "kept_ms": before_kept_ms}
    return [Axis(*row) for row in connection.execute(_SOME, wanted)]


def newest_raw(connection: sqlite3.Connection) -> Iterator[Axis]:
    """Yield the axes of ticks, the newest first."""
    for row in connection.execute(_NEWEST):
        yield Axis(*row)


def pack_times(numbers: Integers) -> bytes:
    """Pack the times or the offsets of an axis."""
    return pack_integers(numbers.tolist())


def bundles(connection: sqlite3.Connection, axis: int) -> Iterator[tuple[int, Bundle]]:
    """Yield all bundles of an axis with their ids. Raises CodecError."""
    for id_, data in connection.execute(
        "SELECT id, data FROM block WHERE id BETWEEN ? AND ? ORDER BY id", blocks_of(axis)
    ):
        yield id_, Bundle(data)


def series_in(connection: sqlite3.Connection, axis: int) -> list[int]:
    """Return the series that have a block in an axis, ascending. Raises CodecError."""
    return [id_ for _, bundle in bundles(connection, axis) for id_ in bundle.ids]


def blocks(connection: sqlite3.Connection, axis: int, ids: Sequence[int]) -> list[bytes | None]:
    """Return the blocks of series, ascending, in an axis; None for a series that had nothing there.

    Raises CodecError.
    """
    found: list[bytes | None] = []
    first, last, bundle = 1, 0, None  # which series the bundle at hand could have
    start, _ = blocks_of(axis)
    for id_ in ids:
        if not first <= id_ <= last:
            row = connection.execute(
                "SELECT id, data FROM block WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1", (start, start | id_)
            ).fetchone()
            bundle = None if row is None else Bundle(row[1])
            first = id_ if row is None else row[0] & SERIES_MAX
            last = id_ if bundle is None else max(id_, bundle.ids[-1])
        found.append(None if bundle is None else bundle.get(id_))
    return found
