"""Makes blocks of an hour's loose ticks once it is over, and its rollups in the same pass.

Whatever is made is written in small transactions under an axis that nobody reads yet. The last of them makes the axes
of the hour READY and drops its loose ticks, so that a crash at any moment leaves all of one or all of the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.query.tier import ROLLUPS, Tier
from vitalcast.errors import CodecError, DamagedError
from vitalcast.history import chunk as chunks_
from vitalcast.history.axis import pack_times
from vitalcast.history.blocks import pack_values
from vitalcast.history.bundle import BUNDLE_BYTES, pack_bundle
from vitalcast.history.chunk import Chunk
from vitalcast.history.damage import reading
from vitalcast.history.database import Database
from vitalcast.history.rollup import Steps, coarser, steps_of_ticks
from vitalcast.history.room import Room
from vitalcast.history.schema import AXIS_ROWS_MAX, HOUR_MS, SERIES_BITS, Fast, State, blocks_of, hour_of
from vitalcast.history.step_blocks import pack_steps

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

BATCH_VALUES_MAX = 2**15  # worked on at once: fifty times their 256 KiB are in use meanwhile
SKETCH_VALUES = 16  # what the sketch of a step of a lively series weighs, in values
FAST_MS = 1000  # ticks closer than this on average are thinned out later


@dataclass(slots=True)
class Making:
    """An axis that is being written: bundles fill up, and go into the file some at a time."""

    id: int
    tier: Tier
    rows: slice = field(default_factory=lambda: slice(None))  # of the hour's ticks, where it is a raw one
    nbytes: int = 0
    ids: list[int] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    full: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, series: int, part: bytes) -> None:
        """Add the block of a series, whose number is above those before it."""
        self.ids.append(series)
        self.parts.append(part)
        if sum(map(len, self.parts)) >= BUNDLE_BYTES:
            self.close()

    def close(self) -> None:
        """End the bundle at hand."""
        if self.ids:
            data = pack_bundle(self.ids, self.parts)
            self.full.append((self.id << SERIES_BITS | self.ids[0], data))
            self.nbytes += len(data)
            self.ids, self.parts = [], []


class AxisWriter:
    """Writes axes and their bundles in transactions that are no larger than there is room for."""

    def __init__(self, database: Database, room: Room) -> None:
        self._database = database
        self._room = room
        self._makings: list[Making] = []

    def begin(
        self,
        tier: Tier,
        level: int,
        stretch: int,
        times_ms: Integers,
        *,
        kept_ms: int,
        epoch: int = 0,
        offsets: Integers | None = None,
        fast: Fast = Fast.NO,
        rows: slice = slice(None),
    ) -> Making:
        """Begin an axis that nobody reads yet. Belongs into a transaction of the caller."""
        packed = b"" if offsets is None else pack_times(offsets)
        times = pack_times(times_ms)
        cursor = self._database.connection.execute(
            "INSERT INTO axis VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(tier, level, State.MAKING, stretch, epoch),
                *((0, 0) if offsets is None else (int(offsets[0]), int(offsets[-1]))),
                *(int(times_ms[0]), int(times_ms[-1]), len(times_ms)),
                *(packed, times, 0, kept_ms, fast),
            ),
        )
        assert cursor.lastrowid is not None
        # Nothing is left of an axis that had this number, unless somebody else deleted it.
        self._database.connection.execute("DELETE FROM block WHERE id BETWEEN ? AND ?", blocks_of(cursor.lastrowid))
        making = Making(cursor.lastrowid, tier, rows, nbytes=len(packed) + len(times))
        self._makings.append(making)
        return making

    def write(self, *, at_least: int = 1) -> None:
        """Write the bundles that are full, where they have so many bytes at least."""
        waiting = [bundle for making in self._makings for bundle in making.full]
        if not waiting or sum(len(data) for _, data in waiting) < at_least:
            return
        for part in _parts(waiting, self._room.transaction_bytes):
            self._room.make(sum(len(data) for _, data in part))
            with self._database.writing():
                self._database.connection.executemany("INSERT INTO block VALUES (?, ?)", part)
        for making in self._makings:
            making.full.clear()

    def write_rest(self) -> None:
        """Write all that is left: nothing more is added."""
        for making in self._makings:
            making.close()
        self.write()
        self._room.make(0)

    def finish(self) -> None:
        """Make all axes READY, whose bundles are written. Belongs into a transaction of the caller."""
        self._database.connection.executemany(
            "UPDATE axis SET state = ?, nbytes = ? WHERE id = ?",
            [(State.READY, making.nbytes, making.id) for making in self._makings],
        )
        self._makings = []


def _parts(bundles: Sequence[tuple[int, bytes]], bytes_max: int) -> Iterator[list[tuple[int, bytes]]]:
    """Yield bundles, as many at a time as have no more than so many bytes; one at least."""
    part: list[tuple[int, bytes]] = []
    for bundle in bundles:
        if part and sum(len(data) for _, data in part) + len(bundle[1]) > bytes_max:
            yield part
            part = []
        part.append(bundle)
    if part:
        yield part


class Compactor:
    """Turns loose ticks into blocks and rollups, an hour at a time."""

    def __init__(self, database: Database, room: Room, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self._database = database
        self._room = room
        self._stopping = stopping
        self.unreadable = 0
        """Chunks that made no sense, which are dropped."""

    def hours_over(self) -> list[tuple[int, int]]:
        """Return the stretches and hours whose loose ticks can become blocks, from old to new."""
        growing = self._database.growing()
        found: dict[tuple[int, int], None] = {}
        for stretch, time_ms in self._database.connection.execute(
            "SELECT stretch, last_ms FROM chunk ORDER BY first_offset"
        ):
            with reading():
                hour_ms = hour_of(time_ms)
                if stretch not in growing or growing[stretch] >= hour_ms:
                    found[stretch, hour_ms] = None
        return list(found)

    def make_hour(self, stretch: int, hour_ms: int, *, kept_ms: int) -> bool:
        """Make the axes of an hour; say whether that was done, rather than stopped by `stopping`."""
        chunks, gone = self._chunks(stretch, hour_ms)
        writer = AxisWriter(self._database, self._room)
        if chunks:
            times = np.concatenate([one.times_ms for one in chunks])
            with self._database.writing():
                raw = list(self._raw_axes(writer, chunks, kept_ms))
                rollups = rollup_axes(writer, stretch, times, kept_ms)
            ids = sorted({id_ for one in chunks for id_ in one.ids})
            for batch in batches(ids, len(times)):
                if self._stopping():
                    return False
                values = self._values(chunks, batch)
                for making in raw:
                    add_values(making, batch, values[making.rows])
                add_steps(rollups, batch, times, values)
                writer.write(at_least=self._room.transaction_bytes // 2)
            writer.write_rest()
        with self._database.writing():
            if chunks:
                writer.finish()
                self._database.series.note_axis(ids, self._database.newest_axis())
            self._database.connection.executemany(
                "DELETE FROM chunk WHERE first_offset = ?",
                [(one,) for one in (*gone, *(c.first_offset for c in chunks))],
            )
            self._database.count_loose()
        self.unreadable += len(gone)
        return True

    def _chunks(self, stretch: int, hour_ms: int) -> tuple[list[Chunk], list[int]]:
        """Return the chunks of an hour, and where those begin that cannot be read."""
        chunks: list[Chunk] = []
        gone: list[int] = []
        rows = self._database.connection.execute(chunks_.OF_HOUR, (stretch, hour_ms - HOUR_MS, hour_ms))
        for row in rows.fetchall():
            try:
                with reading():
                    one = Chunk.of(row)
                    one.values()
                    if chunks and one.times_ms[0] <= chunks[-1].times_ms[-1]:
                        raise CodecError("two chunks overlap")
                    if one.times_ms[0] <= hour_ms - HOUR_MS or (np.diff(one.times_ms) <= 0).any():
                        raise CodecError("a chunk is not of one hour")
                    chunks.append(one)
            except DamagedError:
                gone.append(row[0])
        return chunks, gone

    def _raw_axes(self, writer: AxisWriter, chunks: Sequence[Chunk], kept_ms: int) -> Iterator[Making]:
        """Begin the axes of an hour's ticks: one, unless there are more epochs or too many rows for that."""
        start = 0
        runs: list[list[Chunk]] = []
        for one in chunks:
            rows = sum(len(other.offsets) for other in runs[-1]) if runs else 0
            if not runs or runs[-1][0].epoch != one.epoch or rows + len(one.offsets) > AXIS_ROWS_MAX:
                runs.append([])
            runs[-1].append(one)
        for run in runs:
            times = np.concatenate([one.times_ms for one in run])
            offsets = np.concatenate([one.offsets for one in run])
            is_fast = len(times) > 1 and float(times[-1] - times[0]) / (len(times) - 1) < FAST_MS * 0.9
            yield writer.begin(
                Tier.RAW,
                0,
                run[0].stretch,
                times,
                kept_ms=kept_ms,
                epoch=run[0].epoch,
                offsets=offsets,
                fast=Fast.YES if is_fast else Fast.NO,
                rows=slice(start, start + len(times)),
            )
            start += len(times)

    def _values(self, chunks: Sequence[Chunk], batch: Sequence[int]) -> Floats:
        return np.concatenate([one.values(batch) for one in chunks])


def batches(ids: Sequence[int], rows: int, *, sketches: bool = False) -> Iterator[Sequence[int]]:
    """Yield series, so many at a time that `rows` values of each, or sketches, are not too much at once."""
    size = max(1, BATCH_VALUES_MAX // (rows * SKETCH_VALUES if sketches else rows))
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def rollup_axes(
    writer: AxisWriter, stretch: int, times_ms: Integers, kept_ms: int, tiers: Sequence[Tier] = ROLLUPS
) -> dict[Tier, Making]:
    """Begin the axes of rollups of an hour's ticks, in all tiers or these."""
    return {
        tier: writer.begin(tier, 0, stretch, np.unique(-(-times_ms // tier) * tier), kept_ms=kept_ms) for tier in tiers
    }


def add_values(making: Making, ids: Sequence[int], values: Floats) -> None:
    """Add the blocks of series that have a value."""
    present = np.flatnonzero(~np.isnan(values).all(axis=0))
    if len(present):
        for column, part in zip(present.tolist(), pack_values(values[:, present]), strict=True):
            making.add(ids[column], part)


def add_steps(makings: Mapping[Tier, Making], ids: Sequence[int], times_ms: Integers, values: Floats) -> None:
    """Add the rollups of an hour's ticks to the axes of `rollup_axes`."""
    minutes = steps_of_ticks(times_ms, values, Tier.MINUTE, histogram=False)
    tens = steps_of_ticks(times_ms, values, Tier.TEN_MINUTES, histogram=True)
    for tier, steps in zip(ROLLUPS, (minutes, tens, coarser(tens, Tier.HOUR)), strict=True):
        if tier in makings:
            add_rollup(makings[tier], ids, steps)


def add_rollup(making: Making, ids: Sequence[int], steps: Steps) -> None:
    """Add the blocks of series that have a reading in any step."""
    present = np.flatnonzero(steps.count.any(axis=0))
    if len(present):
        for column, part in zip(present.tolist(), pack_steps(of_series(steps, present)), strict=True):
            making.add(ids[column], part)


def of_series(steps: Steps, columns: npt.NDArray[np.intp]) -> Steps:
    """Return the steps of some of their series."""
    if len(columns) == steps.count.shape[1]:
        return steps
    return Steps(
        steps.times_ms,
        steps.minimum[:, columns],
        steps.maximum[:, columns],
        steps.total[:, columns],
        steps.count[:, columns],
        steps.last[:, columns],
        None if steps.sketches is None else tuple(steps.sketches[column] for column in columns.tolist()),
    )


def forget_unfinished(connection: sqlite3.Connection) -> None:
    """Give up the axes that a crash left half made. Belongs into a transaction of the caller."""
    connection.execute("UPDATE axis SET state = ? WHERE state NOT IN (?, ?)", (State.GOING, State.READY, State.GOING))
