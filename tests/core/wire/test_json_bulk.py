"""Many emissions written at one go are to the byte what each is alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire import json_bulk
from vitalcast.core.wire.emission import FEW, TickValues
from vitalcast.core.wire.encodings import JSON
from vitalcast.core.wire.json_bulk import JsonBulk
from vitalcast.core.wire.websocket import OPCODE_TEXT, frame, payload_bytes, payload_of

numbers = st.sampled_from([math.nan, 0.0, -0.0, 1.0, 12.5, 1e16, 123456.789012, 5e-324, -1e300])


def chosen_of(columns: list[int]) -> Chosen:
    index = np.array(columns, dtype=np.intp)
    return Chosen((), index, index.tobytes())


def alone(rows: list[tuple[bytes, Chosen]], tick: TickValues, each: int) -> list[bytes]:
    return [frame(OPCODE_TEXT, head + JSON.body(tick.emission(chosen, each), whole=False)) for head, chosen in rows]


@given(st.data())
def test_each_frame_is_what_it_is_alone(data: st.DataObject) -> None:
    width, each = data.draw(st.integers(1, 90)), data.draw(st.sampled_from([1, 1, 2, 4]))
    values = np.array(data.draw(st.lists(numbers, min_size=width * each, max_size=width * each)))
    before = None
    if data.draw(st.booleans()):
        before = values.copy()
        different = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=len(values)))
        before[different] = 7.25
    columns = st.lists(st.integers(0, width - 1), min_size=1, max_size=min(width, FEW // each), unique=True)
    chosen = [chosen_of(one) for one in data.draw(st.lists(columns, min_size=1, max_size=20))]
    tick = TickValues(812, 1_790_000_000_123, values, before=before, shared=True)
    rows = [(JSON.head(number * 500), one) for number, one in enumerate(chosen)]
    assert JsonBulk(rows, each).frames(tick) == alone(rows, tick, each)


def test_sheets_end_between_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_bulk, "SHEET_VALUES", 5)
    chosen = [chosen_of(list(range(at, at + size))) for at, size in enumerate((1, 3, 2, 6, 1, 1))]
    values = np.arange(12.0)
    tick = TickValues(1, 2, values, before=values - (values % 3 == 0), shared=True)
    rows = [(JSON.head(number), one) for number, one in enumerate(chosen)]
    assert JsonBulk(rows, 1).frames(tick) == alone(rows, tick, 1)


@given(st.lists(st.integers(0, 200), max_size=10))
def test_the_payload_of_a_frame_is_what_it_was_made_of(sizes: list[int]) -> None:
    payloads = [b"x" * size for size in (*sizes, 125, 126, 65_535, 65_536)]
    frames = [frame(OPCODE_TEXT, payload) for payload in payloads]
    assert [payload_of(one) for one in frames] == payloads
    assert payload_bytes(frames) == sum(map(len, payloads))
