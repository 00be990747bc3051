"""What is held of the past, joined with what comes live: no seam, no point twice, no peak lost, and words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import RunJs

WORLD = Path(__file__).with_name("past_world.js").read_text()
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_comes_live_goes_on_where_the_answer_ends_as_if_all_had_been_answered(js: RunJs) -> None:
    """The answer ends within a step, the live rows overlap it, and more come: each second counts once."""
    told = await js(
        WORLD
        + """
        const out = [];
        for (const [step, end] of [[10, 203], [10, 200], [60, 239], [7200, 250]]) {
          const store = live(90, 210);
          const answered = answer(0, Math.min(end, 210), step);
          let past = joined([answered], store, [0, 260], step);
          for (let second = 211; second <= 260; second += 1) {
            tick(store, second);
            // The live ring may have become another, with more room.
            if (!past.follow()) past = joined([answered], store, [0, 260], step);
          }
          const whole = stepsOf(0, 260, step);
          // The newest step is not over: it is known by its newest second.
          whole.at(-1)[0] = 260;
          out.push([rowsOf(past), whole]);
        }
        return out;"""
    )
    for rows, whole in told:
        assert [row[0] for row in rows] == [row[0] for row in whole]
        for row, exact in zip(rows, whole, strict=True):
            assert row == pytest.approx(exact)


async def test_programs_that_come_and_go_never_add_up_to_more_than_there_was(js: RunJs) -> None:
    """What is not there in a row used nothing: neither in a point of several steps nor in the step that grows."""
    told = await js(
        """
        const { Ring } = await load("client/ring");
        const { pastPointsOf } = await load("charts/model/past_points");
        const { PastTail } = await load("charts/model/past_tail");
        // Each second one of the programs has all CPUs, and the others are not there.
        const valueOf = (second, i) => (second === 7 ? NaN : second % 3 === i ? 1 : second % 2 && i === 3 ? 0 : NaN);
        const bands = new Map([0, 1, 2, 3].map((i) => [i, { low: 4 + i, high: 8 + i }]));
        const ring = new Ring(100, 12), steps = new Ring(100, 12);
        const tail = new PastTail(steps, ["a", "b", "c", "d"], 10_000, true);
        for (let second = 1; second <= 60; second += 1) {
          const values = [0, 1, 2, 3].map((i) => valueOf(second, i));
          ring.push(second * 1000, [...values, ...values, ...values]);
          tail.add(second * 1000, (i) => values[i], { weight: 1000 });
        }
        const numbers = (list) => Array.from(list, (one) => (Number.isNaN(one) ? null : one));
        const { tracks, lows, highs } = pastPointsOf({ ring, bands, stepMs: 1000 }, [0, 1, 2, 3],
          { from: 0, to: 60_000, width: 6, whole: true });
        const row = (i) => Array.from({ length: 4 }, (_, column) => steps.value(column, i));
        return { points: tracks.map(numbers), lows: lows.map(numbers), highs: highs.map(numbers),
          steps: Array.from({ length: steps.length }, (_, i) => numbers(row(i))) };"""
    )
    sums = [sum(value for value in point if value is not None) for point in zip(*told["points"], strict=True)]
    assert sums == pytest.approx([1] * len(sums))
    assert [sum(value for value in step if value is not None) for step in told["steps"]] == pytest.approx([1] * 6)
    assert {low for lows in told["lows"][:3] for low in lows} == {0}
    assert {high for highs in told["highs"][:3] for high in highs} == {1}


async def test_the_peak_of_a_second_is_in_every_view_of_it(js: RunJs) -> None:
    told = await js(
        WORLD
        + """
        const { chartModelOf } = await load("charts/model/chart_model");
        const { layoutOf } = await load("charts/model/lines");
        const { CalmRange } = await load("charts/model/axis");
        return [[10, 400], [60, 400], [10, 20]].flatMap(([step, width]) => [false, true].map((stack) => {
          const store = joined([answer(0, 3600, step)], live(3000, 3600), [0, 3600], step);
          const model = chartModelOf({ panel: { id: "p", title: "P", stack }, store, layout: layoutOf(store),
            range: new CalmRange(), from: T0, to: T0 + 3600_000, width, height: 200 });
          const [extra] = model.extras;
          const mean = Math.max(...model.shapes[0].top);
          const peak = Math.max(...extra.top.filter((value) => value === value));
          return { kind: extra.kind, peak, mean, high: model.high, points: model.times.length, width };
        }));"""
    )
    assert [one["kind"] for one in told] == ["band", "peak"] * 3
    for one in told:
        assert one["peak"] == pytest.approx(500 + 50 + 40 * 0.688, abs=2)
        assert one["mean"] < 200 < 500 < one["high"]
        assert one["points"] <= 1.3 * max(one["width"], 20) + 2


async def test_the_best_that_is_held_is_shown_each_moment_once(js: RunJs) -> None:
    told = await js(
        WORLD
        + """
        const none = new StreamStore({ windowS: 900 });
        const steps = (store) => rowsOf(store).map(([time], i, all) => (i ? time - all[i - 1][0] : 0)).slice(1);
        const coarse = answer(0, 3600, 300), fine = answer(1200, 1800, 10);
        const zoomed = joined([coarse, fine], none, [900, 2400], 10, T0 + 2400_000);
        const onlyCoarse = joined([coarse], none, [1200, 1500], 10, T0 + 1500_000);
        const held = new PastHeld();
        for (let i = 0; i < 40; i += 1) held.add(answer(i * 100, i * 100 + 100, 1));
        const bounded = held.piecesOf({ from: T0, to: T0 + 4_000_000 }, 1000).length;
        const window = { from: T0 + 3_950_000, to: T0 + 3_990_000 };
        const rising = steps(zoomed).every((step) => step > 0);
        return { steps: [...new Set(steps(zoomed))], rising, coarse: rowsOf(onlyCoarse).length, bounded,
          covers: [held.covering(window, 1000) !== null, held.covering(window, 2000) !== null,
            held.covering({ from: T0 + 3_800_000, to: T0 + 3_990_000 }, 1000) !== null] };"""
    )
    assert told["rising"]
    assert {10, 300} <= set(told["steps"])
    assert told["coarse"] >= 1
    assert told["bounded"] <= 6
    assert told["covers"] == [True, False, False]


async def test_the_step_that_a_window_ends_in_is_shown_to_its_edge_and_each_is_as_long_as_what_is_kept(
    js: RunJs,
) -> None:
    told = await js(
        WORLD
        + """
        const none = new StreamStore({ windowS: 900 });
        const reached = (tier, from, to) => ({ tier, start: T0 + from * 1000, end: T0 + to * 1000 });
        const tiers = [reached("1m", 0, 600), reached("raw", 600, 1200)];
        const coarser = answer(0, 1200, 10, { drop: (end) => end <= 600 && end % 60 !== 0, tiers });
        const over = (from, to) => joined([coarser], none, [from, to], 10, T0 + to * 1000);
        const ends = [[0, 290], [0, 300], [500, 905]].map(([from, to]) => rowsOf(over(from, to)).at(-1));
        const means = [300, 910].map((end) => rowsOf(over(0, 1200)).find(([time]) => time === end)[1]);
        const steps = [290, 600, 601, 905].map((second) => over(0, 1200).stepAt(T0 + second * 1000));
        const within = answer(0, 600, 1, { drop: (end) => end % 600 !== 0, tiers: [reached("10m", 120, 124)] });
        return { within: [...within.steps],
          ends: ends.map(([time]) => time), same: [ends[0][1] === means[0], ends[2][1] === means[1]], steps };"""
    )
    assert told["ends"] == [290, 300, 905]
    assert told["within"] == [600_000]
    assert told["same"] == [True, True]
    assert told["steps"] == [60_000, 60_000, 10_000, 10_000]


async def test_where_nothing_was_recorded_there_is_a_break_and_where_the_clock_was_set_back_too(js: RunJs) -> None:
    told: dict[str, Any] = await js(
        WORLD
        + """
        const none = new StreamStore({ windowS: 900 });
        const said = ({ breaks }) => breaks.map(({ from, to, why }) => [(from - T0) / 1000, (to - T0) / 1000, why]);
        const gappy = answer(0, 600, 10, { drop: (end) => end > 200 && end <= 300 });
        const hole = joined([gappy], none, [0, 600], 10, T0 + 600_000);
        const back = [10, 20, 30, 40, 25, 35, 45].map((s) => T0 + s * 1000);
        const set = answer(0, 70, 10, { times: back });
        const clock = joined([set], none, [0, 70], 10, T0 + 70_000);
        const reached = (tier, from, to) => ({ tier, start: T0 + from * 1000, end: T0 + to * 1000 });
        const tiers = [reached("1m", 0, 600), reached("raw", 600, 1200)];
        const coarser = answer(0, 1200, 10, { drop: (end) => end <= 600 && end % 60 !== 0, tiers });
        const parts = answer(0, 40, 10, { times: [10, 20, 20, 30].map((s) => T0 + s * 1000) });
        const [, of20, to20] = stepsOf(0, 40, 10);
        const folded = rowsOf(joined([parts], none, [0, 40], 10, T0 + 40_000))[1];
        const whole = [Math.min(of20[2], to20[2]), Math.max(of20[3], to20[3])];
        const one = [parts.twice, parts.length, folded[2] === whole[0], folded[3] === whole[1]];
        const { twiceWords } = await load("page/panel_words");
        const words = twiceWords({ twice: set.twice, now: T0 + 70_000 });
        const twice = [set.twice, gappy.twice].map((one) => one && [one.from - T0, one.to - T0]);
        return { twice, words, one, hole: said(hole),
          clock: [rowsOf(clock).map(([time]) => time), said(clock).map(([, , why]) => why)],
          tiers: said(joined([coarser], none, [0, 1200], 10, T0 + 1_200_000)) };"""
    )
    assert told["hole"] == [[200, 310, "unrecorded"]]
    assert told["one"] == [None, 3, True, True]  # set back within a step: one step, of which no peak is lost
    assert told["twice"] == [[25_000, 40_000], None]
    assert told["words"].startswith("Clock set back: recorded twice from ")
    times, why = told["clock"]
    assert times == sorted(times)
    assert (times, why) == ([10, 20, 25, 35, 45], ["clock"])
    assert told["tiers"] == []


async def test_a_window_of_which_nothing_is_held_is_asked_for_whatever_the_one_before_showed(js: RunJs) -> None:
    told = await js(
        WORLD
        + """
        const { PanelPast } = await load("page/panel_past");
        const loader = Object.assign(new EventTarget(), { reaches: NaN, now: () => T0 + 90_000_000, mark: "",
          want() {}, unwanted() {}, wantReach() {} });
        const stream = { store: live(89_000, 89_900) };
        const past = new PanelPast({ id: "p", title: "P" }, stream, loader);
        const state = (from, to) => {
          past.store({ from: T0 + from * 1000, to: T0 + to * 1000, live: false });
          return past.state;
        };
        const seen = [state(0, 3600)];
        const { from, to, stepMs } = past.question.wish;
        past.answered({ type: "result", step: stepMs / 1000, aggregate: ["avg"], series, ...head,
          tiers: [{ tier: "raw", start: from, end: to }], times: [T0 + 3600_000], values: [[1], [1]] },
          { from, to, stepMs });
        return [...seen, state(0, 3600), state(40_000, 43_600), state(3000, 6600)];"""
    )
    assert told == ["asking", "", "asking", "coarse"]


async def test_charts_begin_later_where_less_is_kept_by_and_by(js: RunJs) -> None:
    told = await js(
        WORLD
        + """
        const { Past } = await load("page/past");
        const reached = [];
        for (const [from, begins] of [[0, 300], [400, 300], [0, 310], [0, 900]]) {
          const past = new Past({ client: { query: async () => ({}) }, view: {}, clock: { now: () => T0 + 9e6 } });
          past.learn(T0 + 300_000);
          const first = Math.max(from, begins);
          const tiers = [{ tier: "raw", start: T0 + first * 1000, end: T0 + 1200_000 }];
          const one = Object.assign(answer(first, 1200, 10, { tiers }), { from: T0 + from * 1000 });
          await new Promise((done) => past.want(
            { urgent: true, question: { wish: {}, request: {} }, answered: () => (setTimeout(done), one) }));
          past.stop();
          reached.push((past.reaches - T0) / 1000);
        }
        return reached;"""
    )
    assert told == [300, 300, 300, 900]


async def test_steps_fit_the_chart_and_each_other_and_are_said(js: RunJs) -> None:
    told = await js(
        """const { stepOf, STEPS_S, saidOf } = await load("charts/model/past_steps");
        const day = 86_400_000;
        const spans = [3_600_000, day, 7 * day, 30 * day, 365 * day, 5 * 365 * day];
        const tiers = [{ tier: "10m" }, { tier: "1m" }, { tier: "10m" }];
        return { steps: spans.map((span) => stepOf(span, { width: 420 })),
          narrow: stepOf(day, { width: 100 }), finest: stepOf(20_000, { width: 900, finestS: 5 }),
          nested: STEPS_S.every((step) => 86_400 % step === 0),
          said: saidOf({ stepMs: 600_000, tiers, ranged: true }) };"""
    )
    assert told["steps"] == [10, 300, 1800, 7200, 86_400, 5 * 86_400]
    assert (told["narrow"], told["finest"], told["nested"]) == (600, 5, True)
    assert told["said"]["said"] == "by 10\u00a0min"
    assert "values kept by 10 minutes, then values kept by the minute" in told["said"]["title"]


async def test_the_difference_to_before_is_in_words(js: RunJs) -> None:
    told = await js(
        """const { differenceWords } = await load("charts/model/ghost");
        const yesterday = (now, then, unit = "1") => differenceWords(now, then, { ago: "yesterday", unit });
        return [yesterday(0.57, 0.5), yesterday(0.4, 0.5), yesterday(0.5, 0.505), yesterday(5, 0.5),
          yesterday(3, 0, "By/s"), yesterday(0, 0), yesterday(-3, 2, "Cel")];"""
    )
    assert [one.replace("\u00a0", " ") for one in told] == [
        "14 % more than yesterday",
        "20 % less than yesterday",
        "same as yesterday",
        "10.0 times as much as yesterday",
        "0 B/s yesterday",
        "same as yesterday",
        "2.0 °C yesterday",
    ]


async def test_a_time_axis_follows_clock_and_calendar_and_says_days_where_they_begin(js: RunJs) -> None:
    told = await js(
        """const { timeAxis } = await load("charts/model/time_axis");
        const at = (...parts) => new Date(...parts).getTime();
        const now = at(2026, 10, 28, 12);
        const plain = ({ text }) => text.replaceAll("\\u00a0", " ");
        const texts = (from, to, most) => timeAxis({ from, to, most, now }).map(plain);
        const rising = [1, 3, 10, 40, 100, 400, 2000, 9000].every((days) => {
          const ticks = timeAxis({ from: now - days * 86_400_000, to: now, most: 6, now });
          const later = ({ value, n }, before) => value > before.value && !(n <= before.n);
          return ticks.length >= 2 && ticks.length <= 9 && ticks.slice(1).every((one, i) => later(one, ticks[i]));
        });
        return { rising, night: texts(at(2026, 10, 27, 23, 50), at(2026, 10, 28, 0, 10), 5),
          day: texts(at(2026, 10, 27, 13), at(2026, 10, 28, 13), 5),
          week: texts(at(2026, 10, 21, 12), at(2026, 10, 28, 12), 8),
          spring: texts(at(2026, 2, 28, 21), at(2026, 2, 29, 9), 12),
          year: texts(at(2025, 10, 28), at(2026, 10, 28), 5) };"""
    )
    assert told["rising"]
    assert told["night"] == ["23:50", "23:55", "28 Nov", "00:05", "00:10"]
    assert told["day"] == ["18:00", "28 Nov", "06:00", "12:00"]
    assert told["week"] == ["22 Nov", "23 Nov", "24 Nov", "25 Nov", "26 Nov", "27 Nov", "28 Nov"]
    assert told["spring"][:7] == ["21:00", "22:00", "23:00", "29 Mar", "01:00", "03:00", "04:00"]  # in Berlin
    assert told["year"] == ["2026", "Apr", "Jul", "Oct"]
