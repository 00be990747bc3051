"""What the page knows of events: which there are, of which times all are known, and which chart they concern."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVENTS = """
const plain = { end: null, kind: "mark", severity: "info", attributes: {} };
const event = (id, time, more = {}) => ({ id, time, title: id, ...plain, ...more });
const level = (id, time, panel, more = {}) => event(id, time, { kind: "level", severity: "critical", ...more,
  attributes: { panel, ...more.attributes } });
const ids = (events) => events.map(({ id }) => id).join(" ");
"""


async def test_events_are_known_once_in_order_and_as_they_were_told_last(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const { EventStore } = await load('page/event_store');
             const store = new EventStore();
             const grown = level("b", 50, "cpu", { attributes: { ongoing: 1 } });
             const news = [store.add([event("c", 90), grown]), store.add([event("a", 10), event("c", 90)]),
               store.add([event("c", 90)])];
             const reaching = ids(store.between(60, 80));
             store.add([level("b", 50, "cpu", { end: 55 })]);
             store.add([{ id: 3, time: 1, kind: "x" }, { id: "x", time: "soon", kind: "x" }, null,
               { kind: "level", time: 70, id: "d" }]);
             return { news, reaching, all: ids(store.between(0, 100)), ended: ids(store.between(60, 80)),
               bare: store.between(70, 70)[0].severity };"""
    ) == {"news": [True, True, False], "reaching": "b", "all": "a b d c", "ended": "d", "bare": "info"}


async def test_times_of_which_all_events_are_known_join(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const { EventStore } = await load('page/event_store');
             const store = new EventStore({ heldMax: 3 });
             const gaps = [store.missing(0, 100)];
             store.know(20, 40); store.know(60, 80);
             gaps.push(store.missing(0, 100), store.missing(20, 100), store.missing(30, 35));
             store.know(40, 65); gaps.push(store.missing(20, 80), store.missing(25, 90));
             store.add([event("a", 21), event("b", 30), event("c", 40), event("d", 50), event("e", 60)]);
             gaps.push(store.missing(20, 80), store.missing(0, 30), [store.floor, store.add([event("a", 21)])]
               .reduce((from, to) => ({ from, to })), store.missing(0, 80));
             return gaps.map((gap) => gap && [gap.from, gap.to]).concat([[ids(store.between(0, 99))]]);"""
    ) == [[0, 100], [0, 20], [40, 60], None, None, [80, 90], None, None, [31, True], None, ["c d e"]]


async def test_a_log_asks_once_for_what_is_not_known_and_hears_the_rest(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const { EventLog } = await load('page/event_log');
             const { Session } = await load('client/session');
             const { Client } = await load('client/client');
             const DAY = 86_400_000, now = 1000 * DAY;
             class Server extends EventTarget {
               session = new Session({ send: (message) => this.sent.push(message), later: () => {} });
               sent = [];
               events(request, { name, awake }) { return this.session.events(name, request, { awake }); }
               open() {
                 this.session.opened({ source: "s" });
                 this.session.receive({ type: "ack", id: this.sent.at(-1).id, stream: "@events", group: 4 });
                 this.dispatchEvent(new CustomEvent("welcome", { detail: { source: "s" } }));
               }
             }
             const server = new Server(), asked = [];
             const load_ = async ({ from, to }) => {
               asked.push([(from - now) / DAY, (to - now) / DAY]);
               return [event("old", now - 3 * DAY)];
             };
             const log = new EventLog({ client: server, clock: { now: () => now }, load: load_ });
             let changes = 0;
             log.addEventListener("change", () => { changes += 1; });
             log.start(); server.open();
             const first = server.sent.map(({ type, backfill }) => [type, backfill]);
             server.session.receive({ type: "event", group: 4, ...event("new", now - 5) });
             log.want(now - DAY / 2, now); log.want(now - 4 * DAY, now); log.want(now - 2 * DAY, now);
             await new Promise((resume) => setTimeout(resume));
             log.want(now - 4 * DAY, now + DAY);
             server.session.pause();
             const paused = server.sent.length;
             server.session.closed(); server.open();
             for (let i = 0; i < 1000; i += 1)
               server.session.receive({ type: "event", group: 4, ...event(`s${i}`, now - 1e6 + i) });
             log.want(now - 1e7, now);
             await new Promise((resume) => setTimeout(resume));
             const storm = asked.pop().map((days) => Math.round(days * DAY));
             return { first, storm, asked, changes,
               known: ids(log.between(0, now)).startsWith("old s0 s1"), kept: paused === 1,
               again: server.sent.length, denied: log.denied };"""
    ) == {
        "first": [["events", 86_400]],
        "asked": [[-4, -1]],
        "changes": 1002,
        "storm": [-10_000_000, -1_000_000],
        "known": True,
        "kept": True,
        "again": 2,
        "denied": False,
    }


async def test_a_log_is_quiet_where_events_are_denied(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const { EventLog } = await load('page/event_log');
             const stream = Object.assign(new EventTarget(), { close() {} });
             const client = Object.assign(new EventTarget(), { events: () => stream });
             let asked = 0;
             const load_ = async () => { asked += 1; throw Object.assign(new Error("denied"), { status: 403 }); };
             const log = new EventLog({ client, clock: { now: () => 1e12 }, load: load_ });
             log.start(); log.want(0, 1e12);
             Object.assign(stream, { refusal: { code: 103, temporary: true } }).dispatchEvent(new Event("refused"));
             await new Promise((resume) => setTimeout(resume));
             log.want(0, 1e12);
             return [asked, log.denied, log.between(0, 1e12).length];"""
    ) == [1, True, 0]


async def test_events_say_who_and_which_charts_they_concern(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const m = await load('charts/model/events');
             const names = ["gzip", "python"];
             const title = "CPU 98 % for 10 s: gzip, python";
             const old = level("old", 10, "cpu", { end: 20, title, attributes: { names } });
             const now = level("now", 50, "cpu", { attributes: { ongoing: 1, names: ["tar", 7] } });
             const on = (event, ...panels) => panels.filter((panel) => m.concerns(event, panel))
               .map(({ id }) => id).join(" ");
             const { withKin } = await load('http/panels');
             const all = withKin(
               [["cpu", "x"], ["cpu-programs", "x"], ["cpu-mine", ""], ["memory", ""], ["memory-of-mine", ""]]
                 .map(([id, place]) => ({ id, place })));
             const [cpu] = all;
             return {
               title: m.titleOf(old),
               causes: [m.causeOf([old, now], cpu), m.causeOf([old, now], all[1], 15), m.causeOf([old], cpu),
                 m.causeOf([old, now], all[2])],
               on: [on(old, ...all), on(event("mark", 1), ...all), on(event("oom", 1, { kind: "oom_kill" }), ...all),
                 on(event("start", 1, { kind: "start" }), ...all)],
               worst: m.worstOf([event("a", 1), level("b", 2, "cpu"), event("c", 3)]).id,
               clusters: m.clustersOf([event("a", 0), event("b", 3), event("c", 9), event("d", 30)], (time) => time, 8)
                 .map(({ x, events }) => [x, ids(events)]),
             };"""
    ) == {
        "title": "CPU 98 % for 10 s",
        "causes": [["tar"], ["gzip", "python"], [], []],
        "on": ["cpu cpu-programs", "cpu cpu-programs cpu-mine memory memory-of-mine", "memory", ""],
        "worst": "b",
        "clusters": [[0, "a b"], [9, "c"], [30, "d"]],
    }


async def test_a_title_says_the_worst_level_first_and_none_that_is_over(js: RunJs) -> None:
    assert await js(
        EVENTS
        + """const { levelOf, titleOf } = await load('page/page_title');
             const going = { attributes: { ongoing: 1 } }, mild = { ...going, severity: "warning" };
             const cpu = level("a", 1, "cpu", going), load_ = level("b", 2, "load", going);
             const swap = level("c", 3, "swap", mild), over = level("d", 4, "disk", { end: 9 });
             const of = (...events) => levelOf(events, (id) => id.toUpperCase());
             const title = (level, state) => titleOf({ level, state, host: "web-1" });
             return [of(swap, cpu, over), of(cpu, load_), of(cpu, load_, level("e", 5, "gpu", going)), of(over),
               of(event("m", 1)),
               title("CPU critical", ""), title("CPU critical", "Paused"), title("", "Stale"), title("", "")]
               .map((one) => one.words ?? one);"""
    ) == [
        "CPU critical",
        "CPU and LOAD critical",
        "CPU and 2 more critical",
        "",
        "",
        "● CPU critical – web-1 – Vitalcast",
        "● CPU critical · Paused – web-1 – Vitalcast",
        "Stale – web-1 – Vitalcast",
        "web-1 – Vitalcast",
    ]
