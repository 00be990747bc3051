"""Reads from a history's file what some series had, table by table: of an axis, and of a run of loose ticks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from vitalcast.core.query.tier import Tier
from vitalcast.errors import CodecError, DamagedError
from vitalcast.history.axis import Axis, blocks
from vitalcast.history.blocks import unpack_values
from vitalcast.history.chunk import Chunk
from vitalcast.history.damage import reading
from vitalcast.history.rollup import Steps
from vitalcast.history.step_blocks import unpack_steps, unpack_tables

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

Unpacked = TypeVar("Unpacked")

CELLS_AT_ONCE = 100_000  # steps times series, some milliseconds


@dataclass(frozen=True, slots=True)
class TickTable:
    """Some ticks, of one stretch and epoch, of some series: `values` has the shape (ticks, series)."""

    stretch: int
    epoch: int
    offsets: Integers
    times_ms: Integers
    values: Floats


class Tables:
    """Reads tables of the series with these numbers, ascending.

    What is damaged is left out, and told to `unreadable`: of an axis the series that are, of a chunk all of it.
    """

    def __init__(self, connection: sqlite3.Connection, ids: Sequence[int], unreadable: Callable[[], None]) -> None:
        self._connection = connection
        self._ids = list(ids)
        self._unreadable = unreadable

    def ticks(self, axes: Iterable[Axis], chunks: Iterable[Sequence[Any]]) -> Iterator[TickTable]:
        """Yield the ticks of axes and of the rows of chunks, all in the order of stretches, then times.

        Chunks that follow each other make one table.
        """
        parts: list[Axis | Chunk] = [*axes]
        parts += self._chunks(chunks)
        run: list[Chunk] = []
        for part in sorted(parts, key=_place):
            if run and (isinstance(part, Axis) or (part.stretch, part.epoch) != (run[-1].stretch, run[-1].epoch)):
                yield from self._of_chunks(run)
                run = []
            if isinstance(part, Axis):
                yield from self._of_axis(part)
            else:
                run.append(part)
        yield from self._of_chunks(run)

    def steps(self, axes: Iterable[Axis], *, sketches: bool) -> Iterator[tuple[int, Steps]]:
        """Yield the stretch and the steps of rollup axes of one tier, as many axes in one as are alike.

        What a single block costs is for the most part the same however long it is.
        """
        for run in self._runs(axes):
            known = [(axis, times_ms) for axis in run if (times_ms := self._times(axis)) is not None]
            found = [self._blocks(axis) for axis, _ in known]
            if any(map(any, found)):
                histogram = sketches and Tier(known[0][0].tier).has_histogram
                yield from self._unpacked_steps(known, found, histogram=histogram)

    def _unpacked_steps(
        self, known: list[tuple[Axis, Integers]], found: list[list[bytes]], *, histogram: bool
    ) -> Iterator[tuple[int, Steps]]:
        """Unpack the blocks of axes that are alike as one; where some are damaged, each axis alone without these."""
        try:
            with reading():
                yield (
                    known[0][0].stretch,
                    unpack_tables(found, [times_ms for _, times_ms in known], histogram=histogram),
                )
        except DamagedError:
            for (axis, times_ms), blocks_ in zip(known, found, strict=True):
                unpack = partial(unpack_steps, times_ms=times_ms, histogram=histogram)
                good = self._good(blocks_, unpack)
                if any(good):
                    yield axis.stretch, unpack(good)

    def _runs(self, axes: Iterable[Axis]) -> Iterator[list[Axis]]:
        """Yield axes that follow each other and are alike, no more at once than are quickly unpacked."""
        run: list[Axis] = []
        for axis in axes:
            most = max(1, CELLS_AT_ONCE // (max(1, axis.rows) * max(1, len(self._ids))))
            if run and (len(run) >= most or (run[0].stretch, run[0].rows) != (axis.stretch, axis.rows)):
                yield run
                run = []
            run.append(axis)
        if run:
            yield run

    def _times(self, axis: Axis) -> Integers | None:
        try:
            return axis.times_ms()
        except DamagedError:
            self._unreadable()
            return None

    def _of_axis(self, axis: Axis) -> Iterator[TickTable]:
        times_ms = self._times(axis)
        values = None if times_ms is None else self._unpacked(axis, lambda some: unpack_values(some, axis.rows))
        if times_ms is None or values is None:
            return
        try:
            offsets = axis.tick_offsets()
        except DamagedError:
            self._unreadable()
        else:
            yield TickTable(axis.stretch, axis.epoch, offsets, times_ms, values)

    def _unpacked(self, axis: Axis, unpack: Callable[[list[bytes]], Unpacked]) -> Unpacked | None:
        """Unpack the blocks of an axis, those that are damaged as if they were not there; None where none are."""
        found = self._blocks(axis)
        if not any(found):
            return None
        try:
            with reading():
                return unpack(found)
        except DamagedError:
            good = self._good(found, unpack)
            return unpack(good) if any(good) else None

    def _good(self, found: list[bytes], unpack: Callable[[list[bytes]], object]) -> list[bytes]:
        """Return blocks, empty those that are damaged."""
        return [self._checked(block, unpack) for block in found]

    def _checked(self, block: bytes, unpack: Callable[[list[bytes]], object]) -> bytes:
        try:
            with reading():
                unpack([block])
        except DamagedError:
            self._unreadable()
            return b""
        return block

    def _blocks(self, axis: Axis) -> list[bytes]:
        """Return the block of each series, empty where it has none or it cannot be had."""
        try:
            return [block or b"" for block in blocks(self._connection, axis.id, self._ids)]
        except CodecError:
            return [self._block(axis, id_) for id_ in self._ids]

    def _block(self, axis: Axis, id_: int) -> bytes:
        try:
            return blocks(self._connection, axis.id, [id_])[0] or b""
        except CodecError:
            self._unreadable()
            return b""

    # --- loose ticks ---------------------------------------------------------------------------------------------

    def _chunks(self, rows: Iterable[Sequence[Any]]) -> Iterator[Chunk]:
        for row in rows:
            try:
                with reading():
                    chunk = Chunk.of(row)
            except DamagedError:
                self._unreadable()
            else:
                yield chunk

    def _of_chunks(self, run: Sequence[Chunk]) -> Iterator[TickTable]:
        read: list[tuple[Chunk, Floats]] = []
        for chunk in run:
            try:
                with reading():
                    read.append((chunk, chunk.values(self._ids)))
            except DamagedError:
                self._unreadable()
        if read:
            yield TickTable(
                run[0].stretch,
                run[0].epoch,
                np.concatenate([chunk.offsets for chunk, _ in read]),
                np.concatenate([chunk.times_ms for chunk, _ in read]),
                np.concatenate([values for _, values in read]),
            )


def _place(part: Axis | Chunk) -> tuple[int, int]:
    return part.stretch, part.first_ms if isinstance(part, Axis) else int(part.times_ms[0])
