"""What the page asks the server for, over pauses, reconnects and refusals."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

SESSION = """
const { Session } = await load('client/session');
const sent = []; const due = [];
const session = new Session({ send: (message) => sent.push(message), later: (action) => due.push(action) });
const cpu = session.subscribe("cpu", { metrics: ["cpu"], backfill: 60 }, { windowS: 60 });
const ack = (group, extra = {}) => session.receive({ type: "ack", id: sent.at(-1).id, stream: "cpu", group, epoch: "e",
  interval: 1, ...extra });
const snapshot = (group, offset) => session.receive({ type: "snapshot", group, offset, times: [offset * 1000],
  values: [[1]], series: [{ name: "cpu", unit: "1", attributes: {} }] });
const types = () => sent.map(({ type, paused, since }) => [type, paused ?? null, since?.offset ?? null]);
"""


async def test_a_session_asks_again_from_where_it_stood(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5);
             session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
             session.closed(); session.opened({ host: "a" });
             return types();"""
    ) == [["subscribe", None, None], ["subscribe", None, 6]]


async def test_a_session_asks_for_the_past_of_the_first_lines_that_come_to_a_panel(js: RunJs) -> None:
    told = await js(
        SESSION
        + """const panel = session.subscribe("p", { panel: "p", range: 60, backfill: 60 }, { windowS: 60 });
             session.opened({ host: "a" });
             session.receive({ type: "ack", id: sent.at(-1).id, stream: "p", group: 9, epoch: "e", interval: 1 });
             const head = { panel: "p", unit: "1", lines: [], more: 0, axis: {}, headline: null };
             const series = [{ name: "cpu", unit: "1", attributes: {} }];
             const take = (message) => {
               session.receive({ group: 9, ...head, ...message });
               const { type, since = null, backfill } = sent.at(-1);
               return [sent.length, type, since, backfill];
             };
             return [take({ type: "snapshot", offset: 5, series: [], times: [4000, 5000], values: [] }),
               take({ type: "series", series }), take({ type: "series", series: [] })];"""
    )
    assert told == [[2, "subscribe", None, 60], [3, "update", None, 60], [3, "update", None, 60]]


async def test_a_session_asks_no_faster_than_the_server_grants(js: RunJs) -> None:
    assert await js(
        SESSION
        + """const rows = session.table("top", { table: "processes", interval: 2 });
             session.subscribe("own", { metrics: ["load"] }, { windowS: 60 });
             session.opened({ interval: 10, interval_min: 5 });
             session.subscribe("late", { metrics: ["load"], interval: 1 }, { windowS: 60 });
             const asked = sent.map(({ stream, interval }) => [stream, interval ?? null]);
             session.retune(rows, { interval: 0.5 });
             return [asked, sent.length, session.retune(rows, { interval: 10 }), sent.at(-1).interval];"""
    ) == [[["cpu", None], ["top", 5], ["own", None], ["late", 5]], 4, None, 10]


async def test_a_session_asks_for_no_more_rows_than_the_server_grants(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.table("many", { table: "processes", limit: 40 });
             session.table("few", { table: "processes", limit: 3 });
             session.table("some", { table: "processes" });
             session.opened({ limits: { table_rows: 10 } });
             const asked = sent.filter(({ type }) => type === "table").map(({ limit }) => limit ?? null);
             session.closed(); session.opened({ limits: { table_rows: 100 } });
             return [asked, sent.find(({ limit }) => limit > 10).limit];"""
    ) == [[10, 3, None], 40]


async def test_a_session_does_not_mix_two_hosts(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5); session.closed(); session.opened({ host: "b" });
             return [cpu.store.ring.length, sent.at(-1).since ?? null];"""
    ) == [0, None]


async def test_a_session_pauses_and_resumes_by_update(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened(); ack(7); snapshot(7, 5); session.pause(); ack(null, { paused: true });
             session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
             session.resume(); ack(8, { recovered: true }); snapshot(8, 9);
             return { types: types(), newest: cpu.newest, group: cpu.group };"""
    ) == {
        "types": [["subscribe", None, None], ["update", True, None], ["update", False, 5]],
        "newest": 9000,
        "group": 8,
    }


async def test_a_session_asks_for_nothing_while_nobody_looks(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.pause(); session.opened(); const before = sent.length; session.resume();
             return [before, types()];"""
    ) == [0, [["subscribe", None, None]]]


async def test_a_session_tells_a_refusal_and_tries_again_where_it_may(js: RunJs) -> None:
    assert await js(
        SESSION
        + """let told = 0; cpu.addEventListener("refused", () => { told += 1; });
             session.opened();
             session.receive({ type: "error", id: sent[0].id, code: 106, message: "later", temporary: true });
             const refused = cpu.refusal.code; due[0](); ack(7);
             return [told, refused, sent.length, cpu.refusal];"""
    ) == [1, 106, 2, None]


async def test_a_refused_panel_is_asked_for_again_when_the_server_has_other_panels(js: RunJs) -> None:
    assert await js(
        SESSION
        + """const panel = session.subscribe("load", { panel: "load" }, { windowS: 60 });
             session.opened();
             for (const { id } of [...sent]) session.receive({ type: "error", id, code: 102, message: "no such" });
             session.panelsChanged();
             const again = sent.slice(2).map(({ type, stream }) => [type, stream]);
             session.receive({ type: "ack", id: sent.at(-1).id, stream: "load", group: 7, epoch: "e", interval: 1 });
             session.panelsChanged();
             return [again, sent.length, panel.refusal, cpu.refusal.code];"""
    ) == [[["subscribe", "load"]], 3, None, 102]


async def test_a_stale_group_number_is_not_listened_to(js: RunJs) -> None:
    assert (
        await js(
            SESSION
            + """session.opened(); ack(7); snapshot(7, 5); session.closed(); session.opened();
                 session.receive({ type: "data", group: 7, offset: 6, time: 6000, values: [2] });
                 return cpu.store.ring.length;"""
        )
        == 1
    )


async def test_a_held_stream_is_paused_alone_and_filled_when_it_is_released(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened(); ack(7); session.subscribe("other", { metrics: ["x"] }, { windowS: 60 });
             const first = sent.length; snapshot(7, 5); session.hold(cpu); session.hold(cpu);
             const held = sent.slice(first).map(({ type, stream, paused }) => [type, stream, paused]);
             session.pause(); session.resume(); const between = sent.slice(first + 1).map(({ stream }) => stream);
             session.release(cpu); const { type, paused, since, backfill } = sent.at(-1);
             return { held, between, release: [type, paused, since.offset, backfill] };"""
    ) == {
        "held": [["update", "cpu", True]],
        "between": ["other", "other"],
        "release": ["update", False, 5, 60],
    }


async def test_a_faster_pace_and_a_longer_window_ask_for_the_past_anew(js: RunJs) -> None:
    """A slower pace and a shorter window do not: what is kept is finer than what could be had."""
    assert await js(
        SESSION
        + """session.opened(); ack(7); snapshot(7, 5); const log = [];
             const step = (action) => { const before = sent.length; action();
               log.push(sent.slice(before).map(({ type, interval, since, backfill }) =>
                 [type, interval ?? null, since?.offset ?? null, backfill ?? null]));
               if (sent.length > before) ack(7); };
             step(() => session.retune(cpu, { interval: 5 }));
             step(() => session.retune(cpu, { interval: 5 }));
             step(() => session.retune(cpu, { interval: 0.5 }));
             step(() => session.widen(cpu, 30));
             step(() => session.widen(cpu, 900));
             step(() => session.widen(cpu, 60));
             session.hold(cpu); ack(null, { paused: true });
             step(() => { session.retune(cpu, { interval: 0.1 }); session.widen(cpu, 300); });
             step(() => session.release(cpu));
             return log;"""
    ) == [
        [["update", 5, 5, 60]],
        [],
        [["update", 0.5, None, 60]],
        [],
        [["update", 0.5, None, 900]],
        [],
        [],
        [["update", 0.1, None, 300]],
    ]


async def test_a_session_asks_for_less_of_the_past_where_all_is_too_much(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened(); let told = 0; cpu.addEventListener("refused", () => { told += 1; });
             const tooMuch = () => session.receive({ type: "error", id: sent.at(-1).id, code: 106, temporary: false,
               message: "backfill: 9 values and a snapshot has 1 at most" });
             tooMuch(); tooMuch();
             const asked = sent.filter(({ type }) => type === "subscribe").map(({ backfill }) => backfill);
             ack(7); const fine = [told, cpu.refusal];
             session.widen(cpu, 900); tooMuch(); tooMuch();
             const wide = [sent.at(-1).type, sent.at(-1).backfill];
             ack(7); snapshot(7, 5); session.closed(); session.opened(); const since = [sent.at(-1).since?.offset];
             for (let i = 0; i < 6; i += 1) { tooMuch(); since.push(sent.at(-1).since ?? null, sent.at(-1).backfill); }
             return [asked, fine, wide, since];"""
    ) == [[60, 30, 15], [0, None], ["subscribe", 225], [5, None, 112, None, 56, None, 28, None, 14, None, 7, None, 0]]


async def test_a_session_says_why_readings_were_missing(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a", interval: 1 }); ack(7); snapshot(7, 5); session.closed();
             session.opened({ host: "a", interval: 1 }); ack(7, { epoch: "f" }); snapshot(7, 60);
             session.hold(cpu);
             session.receive({ type: "data", group: 7, offset: 61, time: 61000, values: [2] }); ack(null);
             session.release(cpu); ack(7); snapshot(7, 90);
             const breaks = cpu.store.breaks.map(({ from, to, why }) => [from / 1000, to / 1000, why]);
             return [cpu.store.serverIntervalS, ...breaks];"""
    ) == [1, [5, 60, "disconnected"], [61, 90, "paused"]]


MODEL = """
const { Session } = await load('client/session');
const dice = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
/** A server that takes commands in order, refuses some for being too many, and may be late with its answers. */
class Model {
  streams = new Map(); answers = [];
  constructor(random) { this.random = random; }
  take(command) {
    const { id, type, stream, interval, paused } = command;
    const refuse = (code) => this.answers.push({ type: "error", id, code, message: "no", temporary: code === 111 });
    if (this.random() < 0.15) return refuse(111);
    const known = this.streams.get(stream);
    if (type === "subscribe") {
      if (known) return refuse(105);
      this.streams.set(stream, { interval, paused: false });
    } else if (!known) return refuse(107);
    else if (type === "unsubscribe") this.streams.delete(stream);
    else Object.assign(known, { interval: interval ?? known.interval, paused: paused ?? known.paused });
    const now = this.streams.get(stream);
    const group = !now || now.paused ? null : `${stream} ${now.interval}`;
    this.answers.push({ type: "ack", id, stream, group, epoch: "e", interval: now?.interval ?? interval });
    if (group) this.answers.push({ type: "snapshot", group, offset: 1, time: 1, series: [], times: [], values: [] });
    return undefined;
  }
}
"""


async def test_whatever_happens_in_whatever_order_the_wanted_state_is_reached(js: RunJs) -> None:
    """Streams held, released and retuned, the page hidden, the link lost, commands refused, answers late: at random."""
    assert (
        await js(
            MODEL
            + """
    const wrong = [];
    for (let seed = 1; seed <= 1000; seed += 1) {
      const random = dice(seed);
      const pick = (list) => list[Math.floor(random() * list.length)];
      let server = null; let way = []; const due = []; let hidden = false;
      const session = new Session({ send: (command) => way.push(command), later: (action) => due.push(action) });
      const wanted = new Map(["a", "b", "c"].map((name) =>
        [session.subscribe(name, { metrics: [name], interval: 1 }, { windowS: 60 }), { held: false, interval: 1 }]));
      const open = () => { if (!server) { server = new Model(random); way = []; session.opened({ host: "h" }); } };
      const close = () => { if (server && random() < 0.3) { server = null; session.closed(); } };
      const hold = (stream, held) => {
        wanted.get(stream).held = held; held ? session.hold(stream) : session.release(stream); };
      const retune = (stream, interval) => {
        wanted.get(stream).interval = interval; session.retune(stream, { interval }); };
      const hide = (yes) => { hidden = yes; yes ? session.pause() : session.resume(); };
      const deliver = () => { if (server && way.length) server.take(way.shift()); };
      const answer = () => { if (server?.answers.length) session.receive(server.answers.shift()); };
      const wait = () => due.splice(0).forEach((action) => action());
      const streams = [...wanted.keys()];
      const steps = [open, close, () => hold(pick(streams), true), () => hold(pick(streams), false), wait,
        () => retune(pick(streams), pick([0.1, 0.5, 1, 5])), () => session.widen(pick(streams), pick([60, 300, 900])),
        () => hide(true), () => hide(false), deliver, deliver, deliver, answer, answer, answer];
      for (let step = 0; step < 200; step += 1) pick(steps)();
      open(); server.random = () => 1;
      for (let round = 0; way.length || server.answers.length || due.length; round += 1) {
        while (way.length) deliver();
        while (server.answers.length) answer();
        wait();
        if (round > 20) { wrong.push(`no end in ${seed}`); break; }
      }
      // Where all is as wanted, nothing is sent.
      hide(hidden);
      for (const [stream, { held, interval }] of wanted) { hold(stream, held); retune(stream, interval); }
      if (way.length) wrong.push(`asks for what it has in ${seed}`);
      for (const [stream, { held, interval }] of wanted) {
        const there = server.streams.get(stream.name);
        const runs = Boolean(there && !there.paused);
        if (runs !== !(held || hidden)) wrong.push(`${stream.name} runs: ${runs} in ${seed}`);
        if (runs && (there.interval !== interval || stream.group !== `${stream.name} ${interval}` || stream.refusal
          || stream.wantsPast)) wrong.push(`${stream.name} is other than wanted in ${seed}`);
      }
    }
    return wrong;"""
        )
        == []
    )


async def test_a_real_server_fills_what_was_held_back(js: RunJs) -> None:
    """Held, released, and asked for a faster pace: every tick is there once, in order, and none is called missing."""
    found = await js(
        """const { Client } = await load('client/client');
           const client = new Client(`${location.origin}/`);
           const cpu = client.subscribe({ metrics: ["system.cpu.utilization"], interval: 0.5,
             aggregate: ["avg"], backfill: 60 });
           const until = (condition) => new Promise((resolve, reject) => {
             const deadline = performance.now() + 60_000;
             const look = () => { if (condition()) resolve(); else if (performance.now() > deadline) reject(condition);
               else setTimeout(look, 20); };
             look();
           });
           const times = ({ store: { ring } }) => Array.from({ length: ring.length }, (_, row) => ring.time(row));
           try {
             await until(() => cpu.store.ring.length >= 2);
             cpu.hold(); await until(() => cpu.group === null);
             const before = cpu.newest; const other = client.subscribe(cpu.request);
             await until(() => other.newest >= before + 1000);
             const quiet = cpu.newest === before;
             cpu.release(); await until(() => cpu.newest >= before + 1000);
             const known = new Set(times(cpu));
             const filled = times(other).filter((time) => time <= cpu.newest).every((time) => known.has(time));
             cpu.update({ interval: 0.1 });
             await until(() => times(cpu).filter((time, i, all) => i && time - all[i - 1] < 250).length >= 5);
             const ordered = times(cpu).every((time, i, all) => !i || time > all[i - 1]);
             const { breaks, intervalS } = cpu.store;
             const unexplained = breaks.filter(({ why }) => why === "missing").length;
             return { quiet, filled, ordered, intervalS, unexplained };
           } finally { client.close(); }"""
    )
    assert found == {"quiet": True, "filled": True, "ordered": True, "intervalS": 0.1, "unexplained": 0}


async def test_a_stream_that_the_server_moves_to_another_pace_goes_on_there(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5);
             session.receive({ type: "ack", stream: "cpu", group: 9, epoch: "e", interval: 5 }); snapshot(9, 6);
             session.receive({ type: "data", group: 7, offset: 7, time: 7000, values: [2] });
             session.receive({ type: "data", group: 9, offset: 11, time: 11000, values: [3] });
             session.receive({ type: "ack", stream: "nobody", group: 8, epoch: "e", interval: 5 });
             return [cpu.group, cpu.store.intervalS, cpu.newest, types()];"""
    ) == [9, 5, 11000, [["subscribe", None, None]]]


async def test_a_range_that_changes_while_nobody_is_there_brings_the_past_of_its_lines(js: RunJs) -> None:
    assert await js(
        SESSION
        + """session.opened({ host: "a" }); ack(7); snapshot(7, 5); session.closed();
             session.range(cpu, 300); session.opened({ host: "a" }); ack(8); snapshot(8, 6);
             session.range(cpu, 60);
             return types();"""
    ) == [["subscribe", None, None], ["subscribe", None, None], ["update", False, 6]]
