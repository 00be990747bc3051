"""The JSON of many emissions of one tick at one go: chosen, measured and put together by numpy, joined once.

One by one each costs a dozen steps of Python, most of them on memory that is no longer near; a thousand different
subscriptions ten times a second are worth the trouble. What it says is to the byte what `Json` says of each alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire.emission import KEYS, TickValues
from vitalcast.core.wire.sheet import Sheet, sheets_of
from vitalcast.core.wire.websocket import OPCODE_TEXT, frame_head

if TYPE_CHECKING:
    import numpy.typing as npt

    Indices = npt.NDArray[np.intp]
    Objects = npt.NDArray[np.object_]

_frame_head = lru_cache(maxsize=4096)(frame_head)
_KEYS = np.array(KEYS, dtype=np.object_)
_KEY_BYTES = np.array([len(key) for key in KEYS])
_CLOSE = np.array([b"]}", b"}}"], dtype=np.object_)
_FRAME_BYTES = np.array([len(b'"values":[]}'), len(b'"changed":{}}')])


class JsonBulk:
    """Writes data messages, each of a head and these series, with all values or what changed, whichever is shorter.

    Each has some values, and no more than KEYS.
    """

    def __init__(self, rows: Sequence[tuple[bytes, Chosen]], values_per_series: int) -> None:
        self._sheets = [_JsonSheet(*sheet) for sheet in sheets_of(rows, values_per_series)]

    def frames(self, tick: TickValues) -> list[bytes]:
        """Return a WebSocket frame for each row."""
        texts = _Texts(tick)
        return [frame for sheet in self._sheets for frame in sheet.frames(texts)]


class _Texts:
    """All values of a tick in JSON: `pieces` has each with a comma, and then each without."""

    def __init__(self, tick: TickValues) -> None:
        texts = tick.texts()
        self.width = len(texts)
        self.pieces: Objects = np.empty(2 * self.width, dtype=np.object_)
        self.pieces[: self.width] = [text + b"," for text in texts]
        self.pieces[self.width :] = texts
        self.sizes = np.fromiter(map(len, texts), dtype=np.intp, count=self.width)
        self.changed = tick.changed()
        self.open = np.array([tick.stamp + b'"values":[', tick.stamp + b'"changed":{'], dtype=np.object_)
        self.frame_bytes = _FRAME_BYTES + len(tick.stamp)


class _JsonSheet(Sheet):
    def __init__(self, heads: list[bytes], rows: list[Indices]) -> None:
        super().__init__(heads, rows)
        self.head_objects: Objects = np.empty(len(heads), dtype=np.object_)
        self.head_objects[:] = heads
        self.head_bytes = np.array([len(head) for head in heads])
        self.last = self.position == self.sizes[self.row] - 1
        self.key_bytes = _KEY_BYTES[self.position]

    def frames(self, texts: _Texts) -> list[bytes]:
        sizes = texts.sizes[self.places]
        nbytes = np.add.reduceat(sizes, self.starts) + self.sizes - 1
        if texts.changed is None:
            partly, counts, changed = np.zeros(len(self.sizes), dtype=np.bool_), self.sizes, self.last
        else:
            changed = texts.changed[self.places]
            counts = self.counts(changed)
            told = np.add.reduceat(np.where(changed, sizes + self.key_bytes, 0), self.starts)
            part_bytes = told + np.maximum(counts, 1) - 1
            shorter = part_bytes + texts.frame_bytes[1] < nbytes + texts.frame_bytes[0]
            partly = (counts * 2 <= self.sizes) & shorter
            nbytes = np.where(partly, part_bytes, nbytes)
        nbytes = nbytes + texts.frame_bytes[partly.astype(np.intp)] + self.head_bytes
        frame_heads = [_frame_head(OPCODE_TEXT, size) for size in nbytes.tolist()]
        joined = b"".join(self._pieces(texts, frame_heads, partly, counts, changed))
        ends = np.cumsum(nbytes + np.fromiter(map(len, frame_heads), dtype=np.intp, count=len(frame_heads)))
        return [joined[begin:end] for begin, end in pairwise([0, *ends.tolist()])]

    def _pieces(
        self,
        texts: _Texts,
        frame_heads: list[bytes],
        partly: npt.NDArray[np.bool_],
        counts: Indices,
        changed: npt.NDArray[np.bool_],
    ) -> list[bytes]:
        """Return what the frames consist of, in order: heads, an opening, values, in a part with keys, and a close."""
        kind = partly.astype(np.intp)
        ends = np.cumsum(np.where(partly, 2 * counts, self.sizes) + 4)
        begins = np.append(0, ends[:-1])
        pieces: Objects = np.empty(int(ends[-1]), dtype=np.object_)
        pieces[begins] = frame_heads
        pieces[begins + 1] = self.head_objects
        pieces[begins + 2] = texts.open[kind]
        pieces[ends - 1] = _CLOSE[kind]
        in_part = partly[self.row]
        whole = np.flatnonzero(~in_part)
        at = begins[self.row[whole]] + 3 + self.position[whole]
        pieces[at] = texts.pieces[self.places[whole] + self.last[whole] * texts.width]
        part = np.flatnonzero(in_part & changed)
        rows = self.row[part]
        rank = self.ranks(part, counts, partly)
        at = begins[rows] + 3 + 2 * rank
        pieces[at] = _KEYS[self.position[part]]
        pieces[at + 1] = texts.pieces[self.places[part] + (rank == counts[rows] - 1) * texts.width]
        listed: list[bytes] = pieces.tolist()
        return listed
