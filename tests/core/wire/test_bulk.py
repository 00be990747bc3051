"""Many emissions written at one go are to the byte what each is alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire import sheet
from vitalcast.core.wire.binary import BINARY
from vitalcast.core.wire.emission import FEW, TickValues
from vitalcast.core.wire.encodings import JSON, Encoding
from vitalcast.core.wire.websocket import OPCODE_BINARY, OPCODE_TEXT, frame, payload_bytes, taken_apart

numbers = st.sampled_from([math.nan, 0.0, -0.0, 1.0, 12.5, 1e16, 123456.789012, 5e-324, -1e300])
encodings = pytest.mark.parametrize("encoding", [JSON, BINARY], ids=repr)


def chosen_of(columns: list[int]) -> Chosen:
    index = np.array(columns, dtype=np.intp)
    return Chosen((), index, index.tobytes())


def assert_as_alone(encoding: Encoding, chosen: list[Chosen], tick: TickValues, each: int) -> None:
    rows = [(encoding.head(number * 500), one) for number, one in enumerate(chosen)]
    alone = [frame(encoding.opcode, head + encoding.body(tick.emission(one, each), whole=False)) for head, one in rows]
    bulk = encoding.bulk(rows, each)
    assert bulk is not None
    assert bulk.frames(tick) == alone


@encodings
@given(data=st.data())
def test_each_frame_is_what_it_is_alone(encoding: Encoding, data: st.DataObject) -> None:
    width, each = data.draw(st.integers(1, 140)), data.draw(st.sampled_from([1, 1, 2, 4]))
    values = np.array(data.draw(st.lists(numbers, min_size=width * each, max_size=width * each)))
    before = None
    if data.draw(st.booleans()):
        before = values.copy()
        different = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=len(values)))
        before[different] = 7.25
    columns = st.lists(st.integers(0, width - 1), min_size=1, max_size=min(width, FEW // each), unique=True)
    chosen = [chosen_of(one) for one in data.draw(st.lists(columns, min_size=1, max_size=12))]
    tick = TickValues(812, 1_790_000_000_123, values, before=before, shared=True)
    assert_as_alone(encoding, chosen, tick, each)


@encodings
def test_long_rows_of_which_little_changed_are_what_they_are_alone(encoding: Encoding) -> None:
    values = np.arange(200.0)
    for different in ([], [0], [63, 64, 127], [5, 70], list(range(0, 200, 3)), list(range(200))):
        before = values.copy()
        before[different] = -1.5
        chosen = [chosen_of(list(range(at, at + size))) for at in (0, 40, 72) for size in (1, 63, 64, 65, 127, 128)]
        tick = TickValues(2**53, -1000, values, before=before, shared=True)
        assert_as_alone(encoding, chosen, tick, 1)


@encodings
def test_sheets_end_between_rows(encoding: Encoding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SHEET_VALUES", 5)
    chosen = [chosen_of(list(range(at, at + size))) for at, size in enumerate((1, 3, 2, 6, 1, 1))]
    values = np.arange(12.0)
    tick = TickValues(1, 2, values, before=values - (values % 3 == 0), shared=True)
    assert_as_alone(encoding, chosen, tick, 1)


@given(st.lists(st.integers(0, 200), max_size=10), st.sampled_from([OPCODE_TEXT, OPCODE_BINARY]))
def test_a_frame_can_be_taken_apart(sizes: list[int], opcode: int) -> None:
    payloads = [b"x" * size for size in (*sizes, 125, 126, 65_535, 65_536)]
    frames = [frame(opcode, payload) for payload in payloads]
    assert [taken_apart(one) for one in frames] == [(opcode, payload) for payload in payloads]
    assert payload_bytes(frames) == sum(map(len, payloads))
