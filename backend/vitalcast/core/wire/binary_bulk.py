"""The binary data of many emissions of one tick at one go, as `json_bulk` does for JSON: words in one array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.sheet import Sheet, sheets_of
from vitalcast.core.wire.websocket import OPCODE_BINARY, frame

if TYPE_CHECKING:
    import numpy.typing as npt

    Indices = npt.NDArray[np.intp]
    Flags = npt.NDArray[np.bool_]
    Words = npt.NDArray[np.uint64]

HEADER_WORDS = 4
WORD_BYTES = 8
_WORD_BITS = 8 * WORD_BYTES


class BinaryBulk:
    """Writes data frames, each of a group's head and these series. `rest` is the second half of the first word.

    It says what kind a frame is: `rest[0]` one with all values, `rest[1]` one with those that changed.
    """

    def __init__(self, rows: Sequence[tuple[bytes, Chosen]], values_per_series: int, rest: tuple[int, int]) -> None:
        self._rest = np.array(rest, dtype=np.uint64)
        self._sheets = [_BinarySheet(*sheet) for sheet in sheets_of(rows, values_per_series)]

    def frames(self, tick: TickValues) -> list[bytes]:
        """Return a WebSocket frame for each row."""
        return [frame for sheet in self._sheets for frame in sheet.frames(tick, self._rest)]


class _BinarySheet(Sheet):
    """`word` says in which word of its row's bitmap each value has its `bit`, counted over all rows."""

    def __init__(self, heads: list[bytes], rows: list[Indices]) -> None:
        super().__init__(heads, rows)
        self.groups = np.frombuffer(b"".join(heads), dtype="<u4").astype(np.uint64)
        self.bit = np.uint64(1) << (self.position % _WORD_BITS).astype(np.uint64)
        self.word_starts = np.flatnonzero(self.position % _WORD_BITS == 0)
        self.word_row = self.row[self.word_starts]
        self.word = self.position[self.word_starts] // _WORD_BITS
        self.bitmap_words = -(-self.sizes // _WORD_BITS)

    def frames(self, tick: TickValues, rest: Words) -> list[bytes]:
        changed = tick.changed()
        differs = np.ones(len(self.places), dtype=np.bool_) if changed is None else changed[self.places]
        counts = self.counts(differs)
        partly = counts + self.bitmap_words < self.sizes
        follow = np.where(partly, counts, self.sizes)
        ends = np.cumsum(HEADER_WORDS + np.where(partly, self.bitmap_words, 0) + follow)
        words = self._words(tick, rest, np.append(0, ends[:-1]), ends[-1], differs, partly, counts)
        data = words.astype("<u8", copy=False).tobytes()
        bounds = (np.append(0, ends) * WORD_BYTES).tolist()
        return [frame(OPCODE_BINARY, data[begin:end]) for begin, end in pairwise(bounds)]

    def _words(
        self,
        tick: TickValues,
        rest: Words,
        begins: Indices,
        total: int,
        differs: Flags,
        partly: Flags,
        counts: Indices,
    ) -> Words:
        words: Words = np.empty(total, dtype=np.uint64)
        half = np.uint64(32)
        words[begins] = self.groups | rest[partly.astype(np.intp)] << half
        words[begins + 1] = tick.offset
        words[begins + 2] = np.array(tick.time_ms, dtype=np.int64).view(np.uint64)
        follow = np.where(partly, counts, self.sizes).astype(np.uint64)
        words[begins + 3] = self.sizes.astype(np.uint64) | follow << half
        bits = tick.values.view(np.uint64)
        in_part = partly[self.row]
        whole = np.flatnonzero(~in_part)
        words[begins[self.row[whole]] + HEADER_WORDS + self.position[whole]] = bits[self.places[whole]]
        bitmaps = np.add.reduceat(np.where(differs, self.bit, np.uint64(0)), self.word_starts)
        mine = partly[self.word_row]
        words[begins[self.word_row[mine]] + HEADER_WORDS + self.word[mine]] = bitmaps[mine]
        part = np.flatnonzero(in_part & differs)
        rows = self.row[part]
        at = begins[rows] + HEADER_WORDS + self.bitmap_words[rows] + self.ranks(part, counts, partly)
        words[at] = bits[self.places[part]]
        return words
