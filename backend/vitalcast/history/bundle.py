"""Many small blocks in one value of the database: alone, each would leave a third of its page empty."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from vitalcast.errors import CodecError

BUNDLE_BYTES = 48 * 1024  # from here on a bundle is closed: what is beside the wanted block is read with it

_HEAD = struct.Struct("<II")  # checksum of all that follows, how many blocks


def pack_bundle(ids: Sequence[int], parts: Sequence[bytes]) -> bytes:
    """Join the blocks of series, ids ascending."""
    index = np.array([ids, np.cumsum([len(part) for part in parts])], dtype="<u4")
    body = b"".join([index.tobytes(), *parts])
    return _HEAD.pack(crc32(body), len(ids)) + body


class Bundle:
    """The blocks of a bundle by series. Raises CodecError where the bytes are not those that were written."""

    def __init__(self, data: bytes) -> None:
        try:
            checksum, count = _HEAD.unpack_from(data)
            if crc32(memoryview(data)[_HEAD.size :]) != checksum:
                raise CodecError("a bundle's checksum differs")
            index = np.frombuffer(data, "<u4", 2 * count, _HEAD.size).reshape(2, count)
        except (TypeError, ValueError, struct.error) as error:
            raise CodecError(f"a bundle cannot be read: {error}") from error
        self._data = data
        self._start = _HEAD.size + index.nbytes
        ids, ends = index.tolist()
        # The checksum is not of the count: with another the index is none.
        if not ids or ends[-1] != len(data) - self._start or sorted(ends) != ends or sorted(set(ids)) != ids:
            raise CodecError(f"a bundle has no index of {count} blocks")
        self._places = dict(zip(ids, zip([0, *ends[:-1]], ends, strict=True), strict=True))

    @property
    def ids(self) -> list[int]:
        """The series that have a block, ascending."""
        return list(self._places)

    def get(self, series_id: int) -> bytes | None:
        """Return the block of a series; None where it has none here."""
        place = self._places.get(series_id)
        return None if place is None else self._data[self._start + place[0] : self._start + place[1]]
