"""Packs snapshots of processes into few bytes: what stays the same is said once, what changes by its difference.

A block is deflated as a whole. It has the texts as a JSON list, then streams of integers as varints: those of the
snapshots, those of the processes (all that stays the same of one; whatever changes makes another entry), how often and
in which snapshots each was seen, and a stream for each column of the rows, process by process. Shares are whole
ten-thousandths and rates whole bytes a second, to which the flight recorder has rounded them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
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


def unpack(data: bytes) -> list[ProcessSnapshot]:
    """Unpack what `pack` packed; the rows of a snapshot come in the order of the block. Raises CodecError."""
    try:
        return _unpacked(_inflated(data))
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RecursionError, zlib.error) as error:
        raise CodecError(f"a block of processes cannot be read: {error}") from error


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


def _integers(data: bytes) -> list[int]:
    words = unvarints(np.frombuffer(data, np.uint8))
    differences = (words >> np.uint64(1)).view(np.int64) ^ -(words & np.uint64(1)).view(np.int64)
    numbers: list[int] = np.cumsum(differences).tolist()
    return numbers


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(data, BLOCK_BYTES_MAX)
    if not inflater.eof:
        raise ValueError("it is cut off or too long")
    return content


def _unpacked(content: bytes) -> list[ProcessSnapshot]:
    start = 1 + content[0]
    sizes = unvarints(np.frombuffer(content[1:start], np.uint8)).tolist()
    if len(sizes) != _PARTS or start + sum(sizes) != len(content):
        raise ValueError("its parts do not fit")
    bodies = [content[low:high] for low, high in pairwise(accumulate(sizes, initial=start))]
    texts = json.loads(bodies[0].decode("utf-8", "surrogatepass"))
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("its texts are none")
    return _snapshots([None, *texts], [_integers(body) for body in bodies[1:]])


def _snapshots(texts: list[str | None], streams: list[list[int]]) -> list[ProcessSnapshot]:
    (page,), times, intervals, totals, pids, starts, parents, *named, counts, indexes = streams[:13]
    rows: list[list[ProcessRow]] = [[] for _ in times]
    columns = zip(indexes, *streams[13:], strict=True)
    for pid, started, parent, name, user, unit, command, count in zip(
        pids, starts, parents, *named, counts, strict=True
    ):
        who = (pid, started, parent, texts[name] or "", texts[user], texts[unit])
        last = texts[command]
        for _ in range(count):
            index, threads, state, cpu, memory, read, write = next(columns)
            rows[index].append(
                ProcessRow(
                    *who,
                    threads - 1 if threads else None,
                    texts[state] or "",
                    (cpu - 1) / SHARES if cpu else None,
                    (memory - 1) * page if memory else None,
                    float(read - 1) if read else None,
                    float(write - 1) if write else None,
                    last,
                )
            )
    if next(columns, None) is not None:
        raise ValueError("it has rows of no process")
    return [
        ProcessSnapshot(time_ms, interval_ms, tuple(found), (total - 1) / SHARES if total else None)
        for time_ms, interval_ms, total, found in zip(times, intervals, totals, rows, strict=True)
    ]
