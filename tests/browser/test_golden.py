"""What both sides compute is written down: the page gives the answers of `tests/golden`, as Python does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.browser.conftest import RunJs
from tests.golden.__main__ import FOLDER

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _golden(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


async def test_the_page_writes_numbers_as_written_down(js: RunJs) -> None:
    golden = _golden("format")
    answers = await js(
        """const { formatAge, formatDuration, formatTick, formatValue } = await load("charts/model/format");
        const tick = ({ value, unit }) => (value === null ? null : formatTick(value, unit));
        const written = (one) => [formatValue(one.value, one.unit), tick(one)];
        return { values: given.values.map(written),
                 durations: given.durations.map(({ seconds }) => formatDuration(seconds)),
                 ages: given.ages.map(({ seconds }) => formatAge(seconds)) };""",
        golden,
    )
    for one, (text, tick) in zip(golden["values"], answers["values"], strict=True):
        assert (one, text, tick) == (one, one["text"], one["tick"])
    assert answers["durations"] == [one["text"] for one in golden["durations"]]
    assert answers["ages"] == [one["text"] for one in golden["ages"]]


async def test_the_client_reads_binary_data_as_written_down(js: RunJs) -> None:
    golden = _golden("binary")
    answers = await js(
        """const { decode } = await load("client/binary"); const { StreamStore } = await load("client/store");
        const known = (values) => Array.from(values, (value) => (Number.isNaN(value) ? null : value));
        const read = (hex) => decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)).buffer);
        const applied = (before, { offset, ...data }) => {
          const store = new StreamStore({ windowS: 60 });
          const series = before.map((_, i) => ({ name: `m${i}`, unit: "1", attributes: {} }));
          store.snapshot({ series, offset: 0, times: [data.time - 1000], values: before.map((value) => [value]) });
          store.data({ offset, ...data });
          return known(store.ring.last());
        };
        return { frames: given.frames.map(({ hex, before }) => {
                   const data = read(hex); const { type, columns, values, ...frame } = data;
                   const after = before ? applied(before, data) : null;
                   return [type, { ...frame, changed: columns, values: known(values) }, after];
                 }),
                 refused: given.refused.map(({ hex }) => read(hex).type) };""",
        golden,
    )
    for one, (kind, frame, after) in zip(golden["frames"], answers["frames"], strict=True):
        assert (kind, frame) == ("data", one["frame"]), one["name"]
        assert after == one.get("after"), one["name"]
    assert answers["refused"] == ["invalid"] * len(golden["refused"])


async def test_the_page_places_ticks_as_written_down(js: RunJs) -> None:
    golden = _golden("axis")
    answers = await js(
        """const { roundRange, roundStep, ticksOf } = await load("charts/model/axis");
        return { steps: given.steps.map(({ rough, unit }) => roundStep(rough, unit)),
                 ranges: given.ranges.map(({ unit, mirrored, ...need }) => {
                   const range = roundRange({ unit, ...need });
                   const texts = ticksOf(range, unit, { mirrored }).map(({ text }) => text);
                   return { range: [range.low, range.high, range.step], texts };
                 }) };""",
        golden,
    )
    assert answers["steps"] == pytest.approx([one["step"] for one in golden["steps"]])
    for one, answer in zip(golden["ranges"], answers["ranges"], strict=True):
        assert answer["range"] == pytest.approx(one["range"]), one
        assert answer["texts"] == one["texts"], one


async def test_the_page_filters_tables_as_the_server_does(js: RunJs) -> None:
    golden = _golden("filters")["filters"]
    answers = await js(
        """const { exactly, fieldTest } = await load("charts/model/table_filter");
        return [exactly("python3"), given.map(({ filter, fields }) => fields.map(fieldTest(filter)))];""",
        golden,
    )
    assert answers == ['"python3"', [one["found"] for one in golden]]


async def test_the_page_stacks_bands_as_stills_do(js: RunJs) -> None:
    golden = _golden("stacks")["stacks"]
    answers = await js(
        """const { stacked } = await load("charts/model/stack");
        const numbers = (list) => Array.from(list, (one) => (Number.isNaN(one) ? null : one));
        return given.map(({ values, down }) => {
          const sums = [0, 1].map(() => values[0].map(() => 0));
          // As the page has them: running sums of each pile, upwards both.
          const tracks = values.map((line, i) => Float64Array.from(line, (one, at) => {
            if (one === null) return NaN;
            return (sums[Number(down[i])][at] += one); }));
          return stacked(tracks, down.map(Number)).map(({ top, base }, i) =>
            ({ base: numbers(base), top: numbers(top) }));
        });""",
        golden,
    )
    for one, answer in zip(golden, answers, strict=True):
        signs = [-1 if down else 1 for down in one["down"]]
        for sign, own, band in zip(signs, answer, one["bands"], strict=True):
            # What a band without readings lies on is seen by nobody.
            seen = [at for at, top in enumerate(band["top"]) if top is not None]
            assert [at for at, top in enumerate(own["top"]) if top is not None] == seen
            for key in ("base", "top"):
                assert [own[key][at] * sign for at in seen] == [band[key][at] for at in seen], (one, key)


async def test_an_embed_accepts_the_names_that_the_server_does(js: RunJs) -> None:
    golden = _golden("names")["names"]
    answers = await js(
        """const { readOptions } = await load("page/options");
        const known = ["metric", "where"];
        return given.map(({ name }) => [readOptions([["metric", name]], known).options.metric ?? null,
          Object.keys(readOptions([["where", `${name}=x`]], known).options.where ?? {})]);""",
        golden,
    )
    for one, answer in zip(golden, answers, strict=True):
        assert answer == ([one["name"], [one["name"]]] if one["valid"] else [None, []]), one
    assert {True, False} == {one["valid"] for one in golden}


async def test_the_page_reads_moments_as_the_command_line_does(js: RunJs) -> None:
    golden = _golden("times")
    answers = await js(
        """const { momentOf, windowOf, WhenError } = await load("page/when");
        const quoted = /^\u201c.*?\u201d(?= is )|(?<= is not after )\u201c.*\u201d$/g;
        const said = (read) => { try { return read(); } catch (error) {
          if (!(error instanceof WhenError)) throw error;
          return { problem: error.message.replace(quoted, "") }; } };
        const windowed = ({ since, until, now }) => windowOf(since, until ?? "", now);
        return { moments: given.moments.map(({ text, now }) => said(() => ({ time: momentOf(text, now) }))),
                 windows: given.windows.map((one) => said(() => windowed(one))) };""",
        golden,
    )
    for kind in ("moments", "windows"):
        for one, answer in zip(golden[kind], answers[kind], strict=True):
            assert answer == {key: one[key] for key in ("time", "from", "to", "problem") if key in one}, one


async def test_a_text_may_hold_both_ends_of_a_window(js: RunJs) -> None:
    answers = await js(
        'const { bothOf } = await load("page/when"); return given.map(bothOf);',
        [
            "14:00\u201315:30",
            "14:00-15:30",
            "14:00 - 15:30",
            "yesterday 14:00 to 15:30",
            "from 2pm until 3pm",
            "2026-11-27 14:00 \u2013 2026-11-28",
            "2026-11-27",
            "2026-11-27T14:00:00-04:30",
            "-3h",
            "02:00",
            "1 to 2 to 3",
        ],
    )
    assert answers == [
        ["14:00", "15:30"],
        ["14:00", "15:30"],
        ["14:00", "15:30"],
        ["yesterday 14:00", "15:30"],
        ["2pm", "3pm"],
        ["2026-11-27 14:00", "2026-11-28"],
        *[None] * 5,
    ]


async def test_the_page_keeps_the_spikes_of_thinned_lines(js: RunJs) -> None:
    cases = _golden("decimate")["cases"]
    answers = await js(
        """const { pointsOf } = await load("charts/model/decimate"); const { Ring } = await load("client/ring");
        return given.map(({ values, most }) => {
          const ring = new Ring(values.length, 1);
          values.forEach((value, i) => ring.push(i * 1000, [value ?? NaN]));
          const to = (values.length - 1) * 1000;
          const points = pointsOf(ring, [0], { from: 0, to, width: most, intervalMs: 1000 });
          return Array.from(points.tracks[0], (value) => (Number.isNaN(value) ? null : value));
        });""",
        cases,
    )
    for case, points in zip(cases, answers, strict=True):
        assert len(points) <= 1.5 * max(case["most"], 64) + 2, case["name"]
        assert set(case["keep"]) <= set(points) <= {*case["values"], None}, case["name"]


async def test_the_page_judges_a_number_as_the_server_does(js: RunJs) -> None:
    golden = _golden("levels")
    answers = await js(
        """const { levelAfter } = await load("charts/model/levels");
        const limits = { warning: 10, critical: 20 };
        return given.cases.map(({ values }) => {
          const moments = values.map((value, at) => [at * 1000, value ?? NaN]);
          return values.map((_, at) => levelAfter(moments.slice(0, at + 1), limits)[0] ?? ".").join("");
        });""",
        golden,
    )
    assert answers == [one["levels"] for one in golden["cases"]]
