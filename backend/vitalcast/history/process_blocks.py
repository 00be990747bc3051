"""Packs snapshots of processes into few bytes: what stays the same is said once, what changes by its difference.

A block is deflated as a whole. It has the texts as a JSON list, then streams of integers as varints: those of the
snapshots, those of the processes (all that stays the same of one; whatever changes makes another entry), how often and
in which snapshots each was seen, and a stream for each column of the rows, process by process. Shares are whole
ten-thousandths and rates whole bytes a second, to which the flight recorder has rounded them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.errors import CodecError
from vitalcast.history.codec import unvarints, varints

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

BLOCK_BYTES_MAX = 64 * 2**20  # unpacked; ten minutes of the most rows there can be take a tenth
SHARES = 10_000  # so many make one CPU
_PAGE_BYTES = 4096
_INTEGER_MAX = 2**62
_PARTS = 20

Identity = tuple[int, int, int, str, str | None, str | None, str | None]


def pack(snapshots: Sequence[ProcessSnapshot]) -> bytes:
    """Pack snapshots, at least one."""
    seen: dict[Identity, list[tuple[int, ProcessRow]]] = {}
    for index, snapshot in enumerate(snapshots):
        for row in snapshot.rows:
            seen.setdefault(_identity(row), []).append((index, row))
    texts = _Texts()
    rows = [row for found in seen.values() for _, row in found]
    page = _PAGE_BYTES if not any((row.memory or 0) % _PAGE_BYTES for row in rows) else 1
    streams = [
        [page],
        [snapshot.time_ms for snapshot in snapshots],
        [snapshot.interval_ms for snapshot in snapshots],
        [_scaled(snapshot.total_cpu, SHARES) for snapshot in snapshots],
        [identity[0] for identity in seen],
        [identity[1] for identity in seen],
        [identity[2] for identity in seen],
        *([texts.place(text) for text in column] for column in _texts_of(seen)),
        [len(found) for found in seen.values()],
        [index for found in seen.values() for index, _ in found],
        [0 if row.threads is None else row.threads + 1 for row in rows],
        [texts.place(row.state) for row in rows],
        [_scaled(row.cpu, SHARES) for row in rows],
        [0 if row.memory is None else row.memory // page + 1 for row in rows],
        [_scaled(row.read, 1) for row in rows],
        [_scaled(row.write, 1) for row in rows],
    ]
    bodies = [texts.packed(), *map(_packed, streams)]
    head = varints(np.array([len(body) for body in bodies], dtype=np.uint64))[0].tobytes()
    return zlib.compress(bytes([len(head)]) + head + b"".join(bodies), 9)


def unpack(data: bytes, *, pids: Collection[int] | None = None) -> list[ProcessSnapshot]:
    """Unpack what `pack` packed; the rows of a snapshot come in the order of the block. Raises CodecError.

    With `pids` there are only the rows of their processes, which takes a fraction of the time.
    """
    with making_sense():
        return _snapshots(ProcessBlock(data), pids)


class _Texts:
    """A list in which each text stands once; None is at place 0."""

    def __init__(self) -> None:
        self._places: dict[str | None, int] = {None: 0}

    def place(self, text: str | None) -> int:
        return self._places.setdefault(text, len(self._places))

    def packed(self) -> bytes:
        return json.dumps(list(self._places)[1:], ensure_ascii=False).encode("utf-8", "surrogatepass")


def _identity(row: ProcessRow) -> Identity:
    return row.pid, row.started_ms, row.parent, row.name, row.user, row.unit, row.command


def _texts_of(identities: Iterable[Identity]) -> list[list[str | None]]:
    """Return name, user, unit and command line of each, in columns."""
    return [list(column) for column in zip(*(identity[3:] for identity in identities), strict=True)] or [[]] * 4


def _scaled(value: float | None, factor: int) -> int:
    return 0 if value is None else round(value * factor) + 1


def _packed(numbers: Iterable[int]) -> bytes:
    """Pack integers as the differences between them."""
    array = np.array([0, *(max(-_INTEGER_MAX, min(number, _INTEGER_MAX)) for number in numbers)], dtype=np.int64)
    differences = np.diff(array)
    return varints(((differences << 1) ^ (differences >> 63)).view(np.uint64))[0].tobytes()


def _integers(data: bytes) -> Integers:
    words = unvarints(np.frombuffer(data, np.uint8))
    differences = (words >> np.uint64(1)).view(np.int64) ^ -(words & np.uint64(1)).view(np.int64)
    return np.cumsum(differences)


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(data, BLOCK_BYTES_MAX)
    if not inflater.eof:
        raise ValueError("it is cut off or too long")
    return content


@contextmanager
def making_sense() -> Iterator[None]:
    """Have CodecError raised for whatever bytes that make no sense raise."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RecursionError, zlib.error) as error:
        raise CodecError(f"a block of processes cannot be read: {error}") from error


class ProcessBlock:
    """The streams of a block, which `making_sense` reads.

    `times`, `intervals` and `totals` are by snapshot, `identities` and `counts` by process; `rows` are the indexes of
    the snapshots, then threads, state, CPU, memory, reads and writes, process by process.
    """

    def __init__(self, data: bytes) -> None:
        content = _inflated(data)
        start = 1 + content[0]
        sizes = unvarints(np.frombuffer(content[1:start], np.uint8)).tolist()
        if len(sizes) != _PARTS or start + sum(sizes) != len(content):
            raise ValueError("its parts do not fit")
        bodies = [content[low:high] for low, high in pairwise(accumulate(sizes, initial=start))]
        texts = json.loads(bodies[0].decode("utf-8", "surrogatepass"))
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError("its texts are none")
        self.texts: list[str | None] = [None, *texts]
        (page,), *streams = [_integers(body) for body in bodies[1:]]
        self.page = int(page)
        self.times, self.intervals, self.totals = streams[:3]
        self.identities, self.counts = streams[3:10], streams[10]
        self.rows, self.indexes = streams[11:], streams[11]
        same = (streams[:3], streams[3:11], streams[11:])
        if any(len({len(one) for one in streams}) > 1 for streams in same):
            raise ValueError("its streams are not as long as each other")
        if (self.counts < 0).any() or self.counts.sum() != len(self.indexes):
            raise ValueError("its rows are not those of its processes")
        if len(self.indexes) and not 0 <= self.indexes.min() <= self.indexes.max() < len(self.times):
            raise ValueError("it has rows of no snapshot")

    def identified(self) -> Iterator[Identity]:
        """Yield pid, start, parent, name, user, unit and command line of each process."""
        texts = self.texts
        for pid, started, parent, *places in zip(*(one.tolist() for one in self.identities), strict=True):
            name, user, unit, command = (texts[place] for place in places)
            yield pid, started, parent, name or "", user, unit, command

    def row(self, who: Identity, threads: int, state: int, cpu: int, memory: int, read: int, write: int) -> ProcessRow:
        """Return the row of a process with these cells of it."""
        return ProcessRow(
            *who[:6],
            threads - 1 if threads else None,
            self.texts[state] or "",
            (cpu - 1) / SHARES if cpu else None,
            (memory - 1) * self.page if memory else None,
            float(read - 1) if read else None,
            float(write - 1) if write else None,
            who[6],
        )


def _snapshots(block: ProcessBlock, pids: Collection[int] | None = None) -> list[ProcessSnapshot]:
    found: list[list[ProcessRow]] = [[] for _ in block.times]
    wanted = np.ones(len(block.counts), np.bool_) if pids is None else np.isin(block.identities[0], list(pids))
    rows = zip(*(stream[np.repeat(wanted, block.counts)].tolist() for stream in block.rows), strict=True)
    counts = zip(block.identified(), block.counts.tolist(), wanted.tolist(), strict=True)
    for who, count in ((who, count) for who, count, is_wanted in counts if is_wanted):
        for index, *cells in islice(rows, count):
            found[index].append(block.row(who, *cells))
    columns = (block.times.tolist(), block.intervals.tolist(), block.totals.tolist(), found)
    return [
        ProcessSnapshot(time_ms, interval_ms, tuple(rows), (total - 1) / SHARES if total else None)
        for time_ms, interval_ms, total, rows in zip(*columns, strict=True)
    ]
