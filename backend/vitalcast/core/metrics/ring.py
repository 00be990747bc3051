"""The recent frames in memory, columnar: rows are ticks, columns are series."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.core.metrics.elapsed import step_ms
from vitalcast.core.metrics.model import Frame

if TYPE_CHECKING:
    import numpy.typing as npt

BLOCK_ROWS = 64
ROW_VALUE_BYTES = 8  # of a value, and of each of the three numbers that a row has


class _Block:
    """A fixed run of rows, as wide as the layout was when it began or was last widened."""

    __slots__ = ("elapsed", "offsets", "rows", "times", "values")

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.offsets = np.zeros(BLOCK_ROWS, dtype=np.int64)
        self.times = np.zeros(BLOCK_ROWS, dtype=np.int64)
        self.elapsed = np.zeros(BLOCK_ROWS, dtype=np.int64)
        self.values = np.full((BLOCK_ROWS, width), np.nan)

    @property
    def nbytes(self) -> int:
        return self.offsets.nbytes + self.times.nbytes + self.elapsed.nbytes + self.values.nbytes

    def widen(self, width: int) -> None:
        wider = np.full((BLOCK_ROWS, width), np.nan)
        wider[:, : self.values.shape[1]] = self.values
        self.values = wider


class Ring:
    """Holds the frames of the last `window_ms` and never more than `memory_max_bytes` of them.

    Rows are numbered from the first frame ever, without holes: `first_row` is the oldest still held and `end_row`
    one past the newest. Offsets grow with the rows and have a hole where ticks were missed; times follow the wall
    clock, which may be set back or ahead. So the window, and whatever else asks how long ago a tick was, goes by
    `ages`. Ticks are `interval_ms` apart at most.
    """

    def __init__(
        self, *, window_ms: int = 900_000, memory_max_bytes: int = 64 * 2**20, interval_ms: int = 1000
    ) -> None:
        self.window_ms = window_ms
        self.interval_ms = interval_ms
        self.memory_max_bytes = memory_max_bytes
        self.newest: Frame | None = None
        self.end_row = 0
        self._elapsed_ms = 0  # up to the newest
        self._blocks: deque[_Block] = deque()

    @property
    def first_row(self) -> int:
        return self.end_row - sum(block.rows for block in self._blocks)

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self._blocks)

    @property
    def reach_ms(self) -> int:
        """How far back it is sure to reach, at its usual pace and with as many series as there are now."""
        width = 0 if self.newest is None else len(self.newest.values)
        blocks = max(2, self.memory_max_bytes // (BLOCK_ROWS * ROW_VALUE_BYTES * (width + 3)))
        return min(self.window_ms, blocks * BLOCK_ROWS * self.interval_ms)

    @property
    def oldest_offset(self) -> int:
        """The offset of the oldest frame held, 0 while there is none."""
        return int(self._blocks[0].offsets[0]) if self._blocks else 0

    def forget_first(self) -> None:
        """Number the rows as if one had been held and forgotten: to an empty ring, for ticks of an earlier run."""
        if self._blocks:
            raise ValueError("the ring is not empty")
        self.end_row += 1

    def clear(self) -> None:
        """Forget all rows; their numbers go on."""
        self._blocks.clear()
        self.newest = None
        self._elapsed_ms = 0
        self.end_row = max(self.end_row, 1)

    def clear_columns(self, columns: list[int]) -> None:
        """Forget what these columns held, which other series get."""
        index = np.array(columns, dtype=np.intp)
        for block in self._blocks:
            block.values[:, index[index < block.values.shape[1]]] = np.nan

    def append(self, frame: Frame) -> None:
        """Add the newest frame; its offset must be above all before it."""
        width, newest = len(frame.values), self.newest
        if newest is not None:
            if frame.offset <= newest.offset:
                raise ValueError(f"offset {frame.offset} does not follow {newest.offset}")
            self._elapsed_ms += step_ms(frame.offset - newest.offset, frame.time_ms - newest.time_ms, self.interval_ms)
        if not self._blocks or self._blocks[-1].rows == BLOCK_ROWS:
            self._blocks.append(_Block(width))
            self._evict()
        block = self._blocks[-1]
        if block.values.shape[1] < width:
            block.widen(width)
        row = block.rows
        block.offsets[row] = frame.offset
        block.times[row] = frame.time_ms
        block.elapsed[row] = self._elapsed_ms
        block.values[row, :width] = frame.values
        block.rows += 1
        self.end_row += 1
        self.newest = frame

    def _evict(self) -> None:
        blocks, from_ms = self._blocks, self._elapsed_ms - self.window_ms
        while len(blocks) > 2 and (blocks[0].elapsed[-1] < from_ms or self.nbytes > self.memory_max_bytes):
            blocks.popleft()

    def offsets(self) -> npt.NDArray[np.int64]:
        """Return the offsets of all rows held, oldest first."""
        return self._joined("offsets")

    def times(self) -> npt.NDArray[np.int64]:
        """Return the times of all rows held in Unix milliseconds, oldest first."""
        return self._joined("times")

    def ages(self) -> npt.NDArray[np.int64]:
        """Return how many milliseconds before the newest each row held was: however the clock was set, never less
        than for the row after it."""
        return self._elapsed_ms - self._joined("elapsed")

    def _joined(self, name: str) -> npt.NDArray[np.int64]:
        if not self._blocks:
            return np.zeros(0, dtype=np.int64)
        return np.concatenate([getattr(block, name)[: block.rows] for block in self._blocks])

    def read(self, columns: npt.NDArray[np.intp], start_row: int, stop_row: int) -> npt.NDArray[np.float64]:
        """Return rows `start_row` up to `stop_row` of these columns, shape (rows, columns); `nan` for none.

        Rows that are no longer held are left out at the start.
        """
        parts = []
        row = self.first_row
        for block in self._blocks:
            low, high = max(start_row - row, 0), min(stop_row - row, block.rows)
            row += block.rows
            if low < high:
                parts.append(_take(block.values[low:high], None, columns))
        return np.concatenate(parts) if parts else np.zeros((0, len(columns)))

    def pick(self, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Return these rows of these columns, as `read` does; they are in ascending order and all still held."""
        return self.held().pick(columns, rows)

    def held(self) -> HeldRows:
        """Return the rows that are held now, to be read later and in any thread; nothing is copied for it."""
        return HeldRows(self.first_row, tuple((block.values, block.rows) for block in self._blocks))


class HeldRows(NamedTuple):
    """The rows of a ring as they were. What comes later is written beside them, and a block that is widened is made
    anew; only of series whose past was forgotten meanwhile there may be nothing left."""

    first_row: int
    blocks: tuple[tuple[npt.NDArray[np.float64], int], ...]

    def pick(self, columns: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Return these rows of these columns, shape (rows, columns); `nan` for none. They are in ascending order."""
        parts = []
        row = self.first_row
        for values, count in self.blocks:
            low, high = np.searchsorted(rows, [row, row + count])
            if low < high:
                parts.append(_take(values, rows[low:high] - row, columns))
            row += count
        return np.concatenate(parts) if parts else np.zeros((0, len(columns)))


def _take(
    values: npt.NDArray[np.float64], rows: npt.NDArray[np.intp] | None, columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    width = values.shape[1]
    held = columns < width
    if held.all():
        return values[:, columns] if rows is None else values[rows[:, None], columns]
    taken = np.full((len(values) if rows is None else len(rows), len(columns)), np.nan)
    taken[:, held] = _take(values, rows, columns[held])
    return taken
