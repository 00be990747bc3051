"""Frames in bytes, as a bus carries them: a source's card, the layouts of its frames, and the frames.

A frame is a header of 40 bytes and a float64 for each column, little-endian:

    0  2 bytes  magic, "VC"
    2  u8       version, 1
    3  u8       flags, 0
    4  u32      number of columns
    8  8 bytes  digest of the epoch
    16 8 bytes  digest of the layout
    24 u64      offset
    32 i64      time in Unix milliseconds

A layout is JSON and goes before the first frame that has its digest; so does the card, which says whose they are. What
comes in is hostile until it was checked: nothing is believed that was not counted.
"""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import orjson

from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Series
from vitalcast.core.metrics.names import check_name
from vitalcast.core.metrics.resource import Resource, ResourceKind, Source
from vitalcast.errors import BusError, UnknownLayoutError

MAGIC = b"VC"
VERSION = 1
HEADER = struct.Struct("<2sBBI8s8sQq")
OFFSET_MAX = 2**53
TIME_MAX_MS = 2**53
INTERVALS_MS = (100, 3_600_000)
CARD_BYTES_MAX = 65_536
LAYOUT_BYTES_PER_SERIES_MAX = 16_384
LAYOUTS_KEPT = 8  # of one source: series that come and go take turns
ATTRIBUTES_MAX = 64  # of a series, its labels counted apart; and of a resource
TEXT_CHARS_MAX = 4096  # of a value, as long as a path may be
UNIT_CHARS_MAX = 64
EPOCH_CHARS_MAX = 64

_DOUBLES = np.dtype("<f8")


# --- out -----------------------------------------------------------------------------------------------------------


def encode_card(source: Source) -> bytes:
    """Return what a source says of itself."""
    resource = source.resource
    return orjson.dumps(
        {
            "id": resource.id,
            "name": resource.name,
            "kind": resource.kind.value,
            "attributes": dict(resource.attributes),
            "epoch": source.epoch,
            "interval_ms": source.interval_ms,
            "interval_min_ms": source.interval_min_ms,
        }
    )


def encode_layout(layout: Layout) -> bytes:
    """Return which series stands in which column. All columns have one, as a source lays its frames."""
    return orjson.dumps([_describe(one) for one in layout.series if one is not None])


def _describe(one: Series) -> dict[str, Any]:
    d = one.descriptor
    described = {
        "name": d.name,
        "unit": d.unit,
        "kind": d.kind.value,
        "description": d.description,
        "attributes": one.attributes,
    }
    return described | {"labels": dict(one.labels)} if one.labels else described


def epoch_digest(epoch: str) -> bytes:
    """Return the eight bytes that stand for an epoch, which may be any text."""
    return hashlib.blake2b(epoch.encode(), digest_size=8).digest()


def encode_frame(source: Source, frame: Frame) -> bytes:
    """Return header and values."""
    header = HEADER.pack(
        MAGIC,
        VERSION,
        0,
        len(frame.values),
        epoch_digest(source.epoch),
        frame.layout.digest,
        frame.offset,
        frame.time_ms,
    )
    return header + frame.values.astype(_DOUBLES, copy=False).tobytes()


# --- in ------------------------------------------------------------------------------------------------------------


def decode_card(data: bytes) -> Source:
    """Return the source that a card describes. Raises BusError that says what is wrong."""
    if len(data) > CARD_BYTES_MAX:
        raise BusError(f"a card of {len(data)} bytes, at most {CARD_BYTES_MAX} may be")
    card = _object(_loads(data, "card"), "card")
    interval_ms, interval_min_ms = (_integer(card, key, *INTERVALS_MS) for key in ("interval_ms", "interval_min_ms"))
    try:
        resource = Resource(
            _text(card, "id"),
            _text(card, "name"),
            ResourceKind(_text(card, "kind")),
            _pairs(card, "attributes"),
        )
        return Source(resource, _text(card, "epoch", at_most=EPOCH_CHARS_MAX), interval_ms, interval_min_ms)
    except ValueError as error:
        raise BusError(f"card: {error}") from None


def decode_layout(data: bytes, *, series_max: int) -> Layout:
    """Return the layout. Raises BusError that says what is wrong."""
    if len(data) > series_max * LAYOUT_BYTES_PER_SERIES_MAX:
        raise BusError(f"a layout of {len(data)} bytes, too many for {series_max} series")
    described = _loads(data, "layout")
    if not isinstance(described, list) or len(described) > series_max:
        raise BusError(f"a layout is a list of at most {series_max} series")
    known: dict[tuple[object, ...], Descriptor] = {}
    series = tuple(_series(_object(one, "series"), known) for one in described)
    if len(set(series)) != len(series):
        raise BusError("a layout has the same series twice")
    return Layout(series)


def _series(one: dict[str, Any], known: dict[tuple[object, ...], Descriptor]) -> Series:
    attributes = _pairs(one, "attributes")
    name, unit, description = _text(one, "name"), _text(one, "unit", at_most=UNIT_CHARS_MAX), _text(one, "description")
    kind, keys = _text(one, "kind"), tuple(key for key, _ in attributes)
    head = (name, unit, kind, description, keys)
    descriptor = known.get(head)
    if descriptor is None:
        try:
            check_name(name)
            descriptor = known[head] = Descriptor(name, unit, Kind(kind), description, keys)
        except ValueError as error:
            raise BusError(f"series: {error}") from None
    return Series(descriptor, tuple(value for _, value in attributes), _pairs(one, "labels", needed=False))


class FrameDecoder:
    """Takes in what one source sends: its card, layouts and frames, in the order in which they were sent.

    It keeps LAYOUTS_KEPT layouts, the newest ones. A frame whose layout is none of them raises UnknownLayoutError:
    whoever carries it may ask for that layout, and lose the frame. Every other fault raises BusError. Neither
    changes what was taken in before.
    """

    def __init__(self, *, series_max: int) -> None:
        self.source: Source | None = None
        self._series_max = series_max
        self._layouts: OrderedDict[bytes, Layout] = OrderedDict()
        self._epoch = b""
        self._newest = -1

    def card(self, data: bytes) -> Source:
        """Take in a card. A source keeps its id."""
        source = decode_card(data)
        if self.source is not None and source.id != self.source.id:
            raise BusError(f"a card of {source.id} came from {self.source.id}")
        epoch = epoch_digest(source.epoch)
        if epoch != self._epoch:
            self._epoch, self._newest = epoch, -1
        self.source = source
        return source

    def layout(self, data: bytes) -> Layout:
        layout = decode_layout(data, series_max=self._series_max)
        self._layouts[layout.digest] = layout
        self._layouts.move_to_end(layout.digest)
        while len(self._layouts) > LAYOUTS_KEPT:
            self._layouts.popitem(last=False)
        return layout

    def frame(self, data: bytes, *, steady_ms: int = 0, latest_ms: int = TIME_MAX_MS) -> Frame:
        """Return the frame. `steady_ms` is when it arrived on this process's own clock, and no frame is of a time
        after `latest_ms`.
        """
        if len(data) < HEADER.size:
            raise BusError(f"a frame of {len(data)} bytes, the header alone has {HEADER.size}")
        magic, version, flags, count, epoch, digest, offset, time_ms = HEADER.unpack_from(data)
        if magic != MAGIC or version != VERSION or flags:
            raise BusError(f"a frame begins with {data[:4].hex()}, not with {(MAGIC + bytes([VERSION, 0])).hex()}")
        if len(data) != HEADER.size + count * _DOUBLES.itemsize:
            raise BusError(f"a frame of {len(data)} bytes says that it has {count} columns")
        if self.source is None or epoch != self._epoch:
            raise BusError(f"a frame is of the epoch {epoch.hex()}, which no card has named")
        if not self._newest < offset <= OFFSET_MAX:
            raise BusError(f"a frame has the offset {offset}, after {self._newest}")
        if not 0 <= time_ms <= latest_ms:
            raise BusError(f"a frame is of the time {time_ms}, the latest that may be is {latest_ms}")
        layout = self._layouts.get(digest)
        if layout is None:
            raise UnknownLayoutError(digest)
        if count != len(layout.series):
            raise BusError(f"a frame has {count} columns and its layout {len(layout.series)}")
        self._layouts.move_to_end(digest)
        self._newest = offset
        return Frame(offset, time_ms, layout, _values(data), steady_ms)


def _values(data: bytes) -> Any:
    values = np.frombuffer(data, _DOUBLES, offset=HEADER.size)
    if np.isinf(values).any():  # a number that no reading can be, and that spoils every average
        values = np.where(np.isinf(values), np.nan, values)
        values.flags.writeable = False
    return values


# --- parts of cards and layouts ------------------------------------------------------------------------------------


def _loads(data: bytes, what: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BusError(f"a {what} is no JSON") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BusError(f"a {what} is no JSON object")
    return value


def _text(value: dict[str, Any], key: str, *, at_most: int = TEXT_CHARS_MAX) -> str:
    text = value.get(key)
    if not isinstance(text, str) or len(text) > at_most:
        raise BusError(f"{key}: a text of at most {at_most} characters")
    return text


def _integer(value: dict[str, Any], key: str, least: int, most: int) -> int:
    number = value.get(key)
    if type(number) is not int or not least <= number <= most:
        raise BusError(f"{key}: a whole number from {least} to {most}")
    return number


def _pairs(value: dict[str, Any], key: str, *, needed: bool = True) -> tuple[tuple[str, str], ...]:
    """Return keys and values of an object of texts, sorted by key."""
    pairs = value.get(key) if needed or key in value else {}
    if not isinstance(pairs, dict) or len(pairs) > ATTRIBUTES_MAX:
        raise BusError(f"{key}: an object of at most {ATTRIBUTES_MAX} texts")
    for name, text in pairs.items():
        if not isinstance(text, str) or not 0 < len(name) <= TEXT_CHARS_MAX or len(text) > TEXT_CHARS_MAX:
            raise BusError(f"{key}: a text of at most {TEXT_CHARS_MAX} characters for each key")
    return tuple(sorted(pairs.items()))
