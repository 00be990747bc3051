"""Frames in bytes: what arrives is what was sent, and nothing hostile gets further than an error."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.serialising_bus import SerialisingBus

from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Layout, Sample, Series
from vitalcast.core.metrics.resource import Resource, ResourceKind, Source
from vitalcast.core.wire.frames import (
    HEADER,
    LAYOUTS_KEPT,
    FrameDecoder,
    decode_card,
    decode_layout,
    encode_card,
    encode_frame,
    encode_layout,
    epoch_digest,
)
from vitalcast.errors import BusError, UnknownLayoutError

SOURCE = Source(Resource("machine-1", "web-1", attributes=(("os.type", "linux"),)), "0123456789abcdef")
LOAD = Series(Descriptor("system.load", "1", Kind.GAUGE, "Load."))
DISK = Series(
    Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes.", ("system.device",)), ("sda",), (("disk.model", "X"),)
)


def frame(offset: int = 7, *values: float, series: tuple[Series, ...] = (LOAD, DISK)) -> Frame:
    readings = values or tuple(map(float, range(len(series))))
    return FrameBuilder().frame(offset, 1_790_000_000_000 + offset, list(map(Sample, series, readings)))


def ready(one: Frame | None = None) -> FrameDecoder:
    """Return a decoder that knows the card and the layout."""
    decoder = FrameDecoder(series_max=100)
    decoder.card(encode_card(SOURCE))
    decoder.layout(encode_layout((one or frame()).layout))
    return decoder


# --- round trip ------------------------------------------------------------------------------------------------------

tokens = st.text("abcXYZ019_:/-", min_size=1, max_size=6)
names = st.lists(tokens, min_size=1, max_size=5).map(".".join)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
pairs = st.dictionaries(texts.filter(bool), texts, max_size=3).map(lambda found: tuple(sorted(found.items())))
readings = st.floats(allow_nan=True, allow_infinity=False)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    attributes = draw(pairs)
    keys = tuple(draw(st.permutations([key for key, _ in attributes])))
    descriptor = Descriptor(draw(names), draw(texts), draw(st.sampled_from(list(Kind))), draw(texts), keys)
    return Series(descriptor, tuple(dict(attributes)[key] for key in keys), draw(pairs))


@given(st.lists(st.tuples(any_series(), readings), unique_by=lambda pair: pair[0], max_size=8), st.data())
def test_what_arrives_is_what_was_sent(content: list[tuple[Series, float]], data: st.DataObject) -> None:
    offset, time_ms = data.draw(st.integers(0, 2**53)), data.draw(st.integers(0, 2**53))
    sent = FrameBuilder().frame(offset, time_ms, [Sample(*one) for one in content])
    decoder = ready(sent)
    got = decoder.frame(encode_frame(SOURCE, sent), steady_ms=5)
    assert (got.offset, got.time_ms, got.steady_ms) == (offset, time_ms, 5)
    assert got.layout.same(sent.layout)
    assert got.layout.series == sent.layout.series
    np.testing.assert_array_equal(got.values, sent.values)
    assert not got.values.flags.writeable


@given(
    st.builds(
        Source,
        st.builds(
            Resource,
            st.text("abcXYZ019_-", min_size=1, max_size=64),
            st.text(min_size=1, max_size=50).filter(str.isprintable),
            st.sampled_from(list(ResourceKind)),
            pairs,
        ),
        st.text(st.characters(codec="utf-8"), max_size=64),
        st.integers(100, 3_600_000),
        st.integers(100, 3_600_000),
    )
)
def test_a_card_comes_back_as_it_was(source: Source) -> None:
    assert decode_card(encode_card(source)) == source


def test_the_header_is_as_the_page_of_it_says() -> None:
    one = frame(0x0102030405060708 % 2**40, 1.5)
    data = encode_frame(SOURCE, frame(258, 1.5, math.nan))
    assert data[:8] == b"VC\x01\x00\x02\x00\x00\x00"
    assert data[8:16] == epoch_digest(SOURCE.epoch)
    assert data[16:24] == frame().layout.digest
    assert data[24:32] == (258).to_bytes(8, "little")
    assert int.from_bytes(data[32:40], "little") == 1_790_000_000_258
    assert data[40:48] == struct.pack("<d", 1.5)
    assert HEADER.size == 40
    assert len(encode_frame(SOURCE, one)) % 8 == 0


# --- what is refused -------------------------------------------------------------------------------------------------


def changed(**fields: Any) -> bytes:
    """Return a good frame in which some of the header says something else."""
    names_ = ("magic", "version", "flags", "count", "epoch", "digest", "offset", "time_ms")
    good = encode_frame(SOURCE, frame())
    header = dict(zip(names_, HEADER.unpack_from(good), strict=True)) | fields
    return HEADER.pack(*header.values()) + good[HEADER.size :]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a frame of 0 bytes"),
        (changed()[:39], "the header alone has 40"),
        (changed(magic=b"XX"), "begins with 58580100"),
        (changed(version=2), "begins with 56430200"),
        (changed(flags=1), "begins with 56430101"),
        (changed(count=3), "says that it has 3 columns"),
        (changed(count=2**32 - 1), "columns"),
        (changed()[:-1], "says that it has 2 columns"),
        (changed() + b"\0" * 8, "says that it has 2 columns"),
        (changed(epoch=b"12345678"), "which no card has named"),
        (changed(digest=b"12345678"), "which has not come"),
        (changed(offset=2**53 + 1), "has the offset"),
        (changed(offset=2**64 - 1), "has the offset"),
        (changed(time_ms=-1), "is of the time -1"),
        (changed(time_ms=2**63 - 1), "is of the time"),
    ],
)
def test_a_frame_that_is_none_says_why(data: bytes, why: str) -> None:
    decoder = ready()
    with pytest.raises(BusError, match=why):
        decoder.frame(data)
    assert decoder.frame(encode_frame(SOURCE, frame())).offset == 7, "the next good one is taken"


def test_a_frame_of_the_future_or_of_the_past_is_refused() -> None:
    decoder, good = ready(), frame()
    with pytest.raises(BusError, match="the latest that may be"):
        decoder.frame(encode_frame(SOURCE, good), latest_ms=good.time_ms - 1)
    assert decoder.frame(encode_frame(SOURCE, good), latest_ms=good.time_ms).offset == 7
    for offset in (7, 6):
        with pytest.raises(BusError, match="after 7"):
            decoder.frame(encode_frame(SOURCE, frame(offset)))


def test_a_layout_of_another_width_is_refused() -> None:
    decoder, alone = ready(), frame(7, 1.0, series=(LOAD,))
    decoder.layout(encode_layout(alone.layout))
    data = bytearray(encode_frame(SOURCE, frame()))
    data[16:24] = alone.layout.digest
    with pytest.raises(BusError, match="has 2 columns and its layout 1"):
        decoder.frame(bytes(data))


def test_infinities_are_no_readings() -> None:
    got = ready().frame(encode_frame(SOURCE, frame(7, math.inf, -math.inf)))
    assert np.isnan(got.values).all()
    assert not got.values.flags.writeable


def described(**fields: Any) -> bytes:
    return json.dumps([json.loads(encode_layout(frame().layout))[1] | fields]).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "no JSON"),
        (b"{}", "is a list of at most 100"),
        (b"[1]", "no JSON object"),
        (json.dumps([{}] * 101).encode(), "is a list of at most 100"),
        (encode_layout(frame().layout)[:-1], "no JSON"),
        (described(name="a b"), "is no name"),
        (described(name=".".join("a" * 33)), "more than 32 tokens"),
        (described(name="a" * 256), "1 to 255"),
        (described(name=1), "name: a text"),
        (described(kind="sum"), "sum"),
        (described(unit="x" * 65), "unit: a text"),
        (described(attributes=None), "attributes: an object"),
        (described(attributes={str(n): "" for n in range(65)}), "attributes: an object of at most 64"),
        (described(attributes={"a": 1}), "attributes: a text"),
        (described(attributes={"a": "x" * 4097}), "attributes: a text"),
        (described(labels=[]), "labels: an object"),
        (described(labels={"": "x"}), "labels: a text"),
    ],
)
def test_a_layout_that_is_none_says_why(data: bytes, why: str) -> None:
    with pytest.raises(BusError, match=why):
        decode_layout(data, series_max=100)


def test_a_layout_cannot_name_a_series_twice() -> None:
    one = json.loads(encode_layout(frame().layout))[0]
    with pytest.raises(BusError, match="the same series twice"):
        decode_layout(json.dumps([one, one]).encode(), series_max=100)


def card(**fields: Any) -> bytes:
    return json.dumps(json.loads(encode_card(SOURCE)) | fields).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[]", "no JSON object"),
        (b"x" * 70_000, "at most 65536"),
        (card(id="a.b"), "an id has"),
        (card(name="\x1b[0m"), "printable"),
        (card(kind="cat"), "cat"),
        (card(epoch="x" * 65), "epoch: a text"),
        (card(interval_ms=0), "interval_ms: a whole number from 100"),
        (card(interval_ms=True), "interval_ms"),
        (card(interval_min_ms=1.5), "interval_min_ms"),
        (card(attributes="x"), "attributes"),
    ],
)
def test_a_card_that_is_none_says_why(data: bytes, why: str) -> None:
    with pytest.raises(BusError, match=why):
        decode_card(data)


def test_a_source_keeps_its_id() -> None:
    with pytest.raises(BusError, match="came from machine-1"):
        ready().card(card(id="machine-2"))


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    decoder = ready()
    for take in (decoder.card, decoder.layout, decoder.frame):
        try:
            take(data)
        except BusError as error:
            assert str(error)


@given(st.data())
def test_no_damage_does_more_than_be_refused(data: st.DataObject) -> None:
    good = data.draw(
        st.sampled_from([encode_card(SOURCE), encode_layout(frame().layout), encode_frame(SOURCE, frame())])
    )
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(good)))] if data.draw(st.booleans()) else damaged
    test_no_bytes_do_more_than_be_refused.hypothesis.inner_test(bytes(damaged))  # type: ignore[attr-defined]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_only_the_newest_layouts_are_kept_and_one_that_is_used_is_new() -> None:
    decoder = ready()
    digests = []
    for number in range(LAYOUTS_KEPT):
        layout = Layout((Series(Descriptor(f"queue.n{number}", "1", Kind.GAUGE, "")),))
        decoder.layout(encode_layout(layout))
        digests.append(layout.digest)
    with pytest.raises(UnknownLayoutError) as missing:
        decoder.frame(encode_frame(SOURCE, frame()))
    assert missing.value.digest == frame().layout.digest
    decoder.layout(encode_layout(frame().layout))
    assert decoder.frame(encode_frame(SOURCE, frame())).offset == 7


def test_a_new_epoch_begins_its_offsets_anew() -> None:
    decoder = ready()
    decoder.frame(encode_frame(SOURCE, frame(1000)))
    again = Source(SOURCE.resource, "another")
    with pytest.raises(BusError, match="no card has named"):
        decoder.frame(encode_frame(again, frame(1)))
    decoder.card(encode_card(again))
    assert decoder.frame(encode_frame(again, frame(1))).offset == 1


def test_what_a_source_breaks_costs_no_other_source() -> None:
    bus, seen = SerialisingBus(), list[tuple[str, int]]()
    bus.subscribe(lambda source, one: seen.append((source.id, one.offset)))
    other = Source(Resource("machine-2", "web-2"), "epoch")
    bus.publish(SOURCE, frame(1))
    for junk in (b"", b"VC" + b"\xff" * 60, encode_frame(SOURCE, frame(1))):
        bus.deliver(SOURCE.id, frame=junk)
    bus.deliver(SOURCE.id, layout=b"[", card=b"{}")
    bus.publish(other, frame(1))
    bus.publish(SOURCE, frame(2))
    assert seen == [("machine-1", 1), ("machine-2", 1), ("machine-1", 2)]
    assert bus.refused == {"machine-1": 4}
