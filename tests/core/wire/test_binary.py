"""Binary data frames say what JSON says, and what is none is refused with a reason."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.wire.test_encodings import Case, cases, emission_of

from vitalcast.core.metrics.choices import Chosen
from vitalcast.core.wire.binary import BINARY, HEADER_BYTES, decode
from vitalcast.core.wire.emission import TickValues
from vitalcast.core.wire.encodings import JSON
from vitalcast.core.wire.subprotocols import agreed
from vitalcast.errors import FrameError

VECTORS = json.loads((Path(__file__).resolve().parents[2] / "golden" / "binary.json").read_text())


def state(values: list[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


@given(cases(), st.booleans(), st.booleans())
def test_a_frame_leads_to_the_state_that_json_leads_to(case: Case, shared: bool, whole: bool) -> None:
    emission = emission_of(case, shared=shared)
    frame = decode(BINARY.head(3) + BINARY.body(emission, whole=whole))
    text = json.loads(JSON.head(3) + JSON.body(emission, whole=whole))
    places = [column * case.each + one for column in case.columns for one in range(case.each)]
    before = [(case.before or case.values)[place] for place in places]
    told = state(before)
    for position, value in text.get("changed", {}).items():
        told[int(position)] = value
    assert not any(map(math.isinf, frame.values)), "what is null in JSON is a nan here"
    assert state(frame.onto(before)) == text.get("values", told)
    assert (frame.group, frame.offset, frame.time_ms) == (text["group"], text["offset"], text["time"])
    assert frame.count == len(places)


@given(cases())
def test_the_shorter_form_is_taken_and_everything_is_aligned(case: Case) -> None:
    emission = emission_of(case)
    least, whole = (BINARY.head(3) + BINARY.body(emission, whole=whole) for whole in (False, True))
    assert len(least) % 8 == len(whole) % 8 == 0
    assert len(least) <= len(whole) == HEADER_BYTES + 8 * len(emission)
    if case.before is not None and len(emission):
        changed = sum(
            np.float64(case.values[place]).tobytes() != np.float64(case.before[place]).tobytes()
            for column in case.columns
            for place in range(column * case.each, (column + 1) * case.each)
        )
        assert (decode(least).changed is not None) == (changed + 1 < len(emission))


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda one: one["name"])
def test_golden_frames_mean_what_is_written_beside_them(vector: dict[str, Any]) -> None:
    frame = decode(bytes.fromhex(vector["hex"]))
    assert {
        "group": frame.group,
        "offset": frame.offset,
        "time": frame.time_ms,
        "count": frame.count,
        "changed": None if frame.changed is None else list(frame.changed),
        "values": state(list(frame.values)),
    } == vector["frame"]
    if "before" in vector:
        assert state(frame.onto([math.nan if one is None else one for one in vector["before"]])) == vector["after"]


@pytest.mark.parametrize(
    "name",
    [
        "whole, one value missing",
        "whole, nothing selected",
        "none of three changed",
        "two of nine changed",
        "both sides of the 64th",
    ],
)
def test_golden_frames_are_what_is_written(name: str) -> None:
    [vector] = [one for one in VECTORS["frames"] if one["name"] == name]
    frame = vector["frame"]
    values, before = (
        None if values is None else np.array([math.nan if one is None else one for one in values])
        for values in (vector.get("after", frame["values"]), vector.get("before"))
    )
    assert values is not None
    tick = TickValues(frame["offset"], frame["time"], values, before=before)
    columns = np.arange(frame["count"])
    emission = tick.emission(Chosen((), columns, b""), 1)
    body = BINARY.body(emission, whole=frame["changed"] is None)
    assert (BINARY.head(frame["group"]) + body).hex() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda one: one["name"])
def test_golden_bytes_that_are_no_frame_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match=vector["why"]):
        decode(bytes.fromhex(vector["hex"]))


@given(st.binary(max_size=200))
def test_bytes_of_anybody_are_a_frame_or_refused(data: bytes) -> None:
    try:
        frame = decode(data)
    except FrameError:
        return
    assert len(frame.values) == (frame.count if frame.changed is None else len(frame.changed))


def test_changes_need_as_many_values_before() -> None:
    [vector] = [one for one in VECTORS["frames"] if one["name"] == "two of nine changed"]
    with pytest.raises(FrameError, match="9 values, and there were 8"):
        decode(bytes.fromhex(vector["hex"])).onto([0.0] * 8)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["vitalcast.v1.json"], "vitalcast.v1.json"),
        (["vitalcast.v1.bin"], "vitalcast.v1.bin"),
        (["vitalcast.v1.bin", "vitalcast.v1.json"], "vitalcast.v1.bin"),
        (["vitalcast.v1.json", "vitalcast.v1.bin"], "vitalcast.v1.json"),
        (["vitalcast.v9.bin", "vitalcast.v1.json"], "vitalcast.v1.json"),
        (["mqtt"], None),
        ([], None),
    ],
)
def test_the_client_s_first_choice_that_there_is_is_taken(offered: list[str], chosen: str | None) -> None:
    assert agreed(offered) == chosen
