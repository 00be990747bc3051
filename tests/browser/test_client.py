"""The client as programs use it: in a page and under Node, against a real server and a made-up one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import playwright
import pytest
from tests.browser.conftest import RunJs
from tests.e2e.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENT = Path(__file__).parents[2] / "frontend" / "client" / "client.js"
PROGRAM = Path(__file__).with_name("client_in_node.mjs")
NODE = Path(playwright.__file__).parent / "driver" / "node"  # comes with the test environment, and has a WebSocket
WITHIN_S = 60

FAKE = """
const { Client } = await load('client/client'); const { Backoff } = await load('client/backoff');
const made = [];
class FakeWebSocket {
  constructor(url, protocols) { Object.assign(this, { url, protocols, readyState: 1, sent: [] }); made.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() {}
  says(...messages) { for (const message of messages) this.onmessage({ data: JSON.stringify(message) }); }
  ends(code) { this.onclose({ code, reason: "" }); }
}
const backoff = () => new Backoff({ firstMs: 1, mostMs: 1, random: () => 0 });
const make = (options) =>
  new Client("http://here.example/below/", { WebSocket: FakeWebSocket, backoff: backoff(), ...options });
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));
const until = async (condition) => { for (let i = 0; !condition() && i < 3000; i += 1) await pause(5); };
const welcome = { type: "welcome", epoch: "e", time: 1000, heartbeat: 10, host: "h" };
const one = (name) => ({ name, unit: "1", attributes: {} });
const begin = (socket, { id, stream }, group = 1) =>
  socket.says({ type: "ack", id, stream, group, epoch: "e", interval: 1 });
const past = (group, offset, ...times) => ({ type: "snapshot", group, offset, time: times.at(-1), series: [one("a")],
  times, values: [times.map((time) => time / 1000)] });
const tick = (group, offset, value) => ({ type: "data", group, offset, time: offset * 1000, values: [value] });
const taken = async (feed, count) => {
  const items = [];
  while (items.length < count) items.push((await feed.next()).value);
  return items;
};
"""


async def test_a_program_without_a_page_reads_lists_asks_and_is_refused_in_words(page_server: Server) -> None:
    process = await asyncio.create_subprocess_exec(
        *[str(NODE), str(PROGRAM), CLIENT.as_uri(), f"{page_server.url}/"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 0, errors.decode()
    found = json.loads(out)
    assert set(found["columns"]) == {"system.cpu.utilization"}
    assert all(len(tick["keys"]) == len(found["columns"]) and tick["gap"] is None for tick in found["ticks"])
    assert all(key.startswith("system.cpu.utilization{cpu.mode=") for key in found["ticks"][0]["keys"])
    times = [tick["time"] for tick in found["ticks"]]
    assert times == sorted(set(times))
    assert found["ticks"][-1]["offset"] > 0
    assert (found["state"], found["closed"]) == ("live", "closed")
    assert set(found["listed"]) >= {"system.memory.usage", "system.memory.limit"}
    assert (found["rows"], found["named"]) == (2, True)
    assert found["refused"] == [True, 102]
    assert found["thrown"] == ["RefusedError", 102]
    assert found["query"] in (["RefusedError", 104], "result")
    assert found["late"] == "ClosedError"


async def test_connects_when_something_is_asked_for_and_asks_for_all_again(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const before = [client.link, made.length];
             const cpu = client.subscribe({ metrics: ["a"] }); const listed = client.list(["a.*"]);
             made[0].says(welcome); begin(made[0], made[0].sent[0]); made[0].says(past(1, 5, 4000, 5000));
             made[0].ends(1006); await until(() => made.length === 2); made[1].says(welcome);
             const [again, list] = made[1].sent; made[1].says({ type: "catalogue", id: list.id, series: [one("a.b")] });
             const types = made[0].sent.map(({ type }) => type);
             const result = [before, made[0].url, types, again.since, (await listed)[0].name];
             client.close(); return result;"""
    ) == [
        ["new", 0],
        "ws://here.example/below/ws",
        ["subscribe", "list"],
        {"epoch": "e", "offset": 5},
        "a.b",
    ]


async def test_tells_each_tick_once_and_each_gap(js: RunJs) -> None:
    """Over a reconnect that replays what was missed, and a gap that it could not."""
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] }); const feed = cpu.items();
             made[0].says(welcome); begin(made[0], made[0].sent[0]);
             made[0].says(past(1, 5, 4000, 5000), tick(1, 6, 0.6)); made[0].ends(1006);
             await until(() => made.length === 2); made[1].says(welcome); begin(made[1], made[1].sent[0], 2);
             made[1].says(past(2, 8, 5000, 6000, 7000, 8000), { type: "gap", group: 2, from: 9, to: 10, why: "slow" },
               tick(2, 11, 1.1));
             const items = await taken(feed, 6); client.close();
             const end = await feed.next();
             return [items.map(({ time, offset, values, gap }) => [time, offset, values.a, gap]), end.done];"""
    ) == [
        [
            [4000, None, 4, None],
            [5000, 5, 5, None],
            [6000, 6, 0.6, None],
            [7000, None, 7, None],
            [8000, 8, 8, None],
            [11000, 11, 1.1, {"from": 9, "to": 10, "why": "slow"}],
        ],
        True,
    ]


async def test_a_gap_stands_before_the_tick_that_it_was_before(js: RunJs) -> None:
    """Of a replay with a hole, over a server that began anew, and of what memory no longer had."""
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] });
             const feed = cpu.items();
             made[0].says(welcome); begin(made[0], made[0].sent[0]); made[0].says(past(1, 5, 5000)); made[0].ends(1006);
             await until(() => made.length === 2); made[1].says(welcome);
             const [{ id, stream, since }] = made[1].sent;
             made[1].says({ type: "ack", id, stream, group: 2, epoch: "e", interval: 1, recovered: true },
               { ...past(2, 12, 4000, 11000, 12000), offsets: [6, 11, 12], gaps: [[7, 10]] },
               { type: "gap", group: 2, from: 7, to: 10, why: "sampler" }, tick(2, 13, 1.3));
             made[1].says({ type: "gap", group: 2, from: 14, to: 20, why: "expired" });
             made[1].says({ ...past(2, 1, 13000, 14000), epoch: "f" });
             const items = await taken(feed, 6); const { position } = cpu; client.close();
             return [since.offset, position, items.map(({ time, offset, gap }) =>
               [time, offset, gap && [gap.from, gap.to, gap.why]])];"""
    ) == [
        5,
        {"epoch": "f", "offset": 1},
        [
            [5000, 5, None],
            [4000, 6, None],  # its clock was set back, and it is new all the same
            [11000, 11, [7, 10, "sampler"]],
            [12000, 12, None],
            [13000, 13, None],
            [14000, 1, [None, None, "restart"]],
        ],
    ]


async def test_a_long_past_is_no_reason_to_drop_any_of_it(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"], backfill: 3000 });
             const feed = cpu.items({ itemsMax: 2 });
             made[0].says(welcome); begin(made[0], made[0].sent[0]);
             made[0].says(past(1, 3000, ...Array.from({ length: 3000 }, (_, at) => at * 1000)));
             const items = await taken(feed, 3000); client.close();
             const whole = ({ time, values, gap }, at) => time === at * 1000 && values.a === at && !gap;
             return [items.every(whole), items.at(-1).offset];"""
    ) == [True, 3000]


async def test_events_that_were_told_are_not_told_again_after_a_reconnect(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const feed = client.events({ backfill: 86400 }, { resumes: true }).items();
             const event = { type: "event", group: 1, id: "1", time: 1000, end: null, kind: "alert", title: "t" };
             made[0].says(welcome); begin(made[0], made[0].sent[0]); made[0].says(event); made[0].ends(1006);
             await until(() => made.length === 2); made[1].says(welcome); begin(made[1], made[1].sent[0]);
             made[1].says(event, { ...event, end: 2000 }, { type: "gap", group: 1, from: 0, to: 0, why: "slow" },
               { ...event, id: "2" });
             const items = await taken(feed, 3); client.close();
             return [made[1].sent[0].backfill <= 61, items.map(({ id, end, gap }) => [id, end, gap?.why ?? null])];"""
    ) == [True, [["1", None, None], ["1", 2000, None], ["2", None, "slow"]]]


async def test_a_slow_reader_is_told_what_was_dropped_for_it(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] });
             const slow = cpu.items({ itemsMax: 3 });
             made[0].says(welcome); begin(made[0], made[0].sent[0]); made[0].says(past(1, 1, 1000));
             for (let offset = 2; offset < 8; offset += 1) made[0].says(tick(1, offset, 0));
             const items = await taken(slow, 3); client.close();
             return items.map(({ offset, gap }) => [offset, gap]);"""
    ) == [[5, {"from": 1, "to": 4, "why": "slow"}], [6, None], [7, None]]


async def test_leaving_the_loop_leaves_the_subscription(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] }); const states = [];
             cpu.addEventListener("state", () => states.push(cpu.state));
             const read = async () => { for await (const tick of cpu) break; };
             const other = cpu.items(); const reading = read();
             made[0].says(welcome); begin(made[0], made[0].sent[0]); made[0].says(past(1, 1, 1000)); await reading;
             const shared = cpu.state; await other.return(); const left = cpu.state;
             cpu.hold(); cpu.release(); const last = read(); made[0].says(tick(1, 2, 2)); await last;
             const result = [shared, left, states, made[0].sent.map(({ type }) => type), [...client.streams].length];
             client.close(); return result;"""
    ) == [
        "live",
        "live",
        ["live", "paused", "live", "closed"],
        ["subscribe", "update", "update", "unsubscribe"],
        0,
    ]


async def test_a_panel_is_subscribed_to_by_its_name(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make();
             const cpu = client.subscribe({ panel: "cpu", range: 300, interval: 1 }, { name: "cpu" });
             made[0].says(welcome); begin(made[0], made[0].sent[0]); cpu.update({ range: 60 });
             const wrong = []; for (const request of [{}, { panel: "a", metrics: ["b"] }]) {
               try { client.subscribe(request); } catch ({ message }) { wrong.push(message); } }
             client.close(); return [made[0].sent.slice(0, 2), wrong];"""
    ) == [
        [
            {"type": "subscribe", "id": 1, "stream": "cpu", "panel": "cpu", "range": 300, "interval": 1},
            {"type": "update", "id": 2, "stream": "cpu", "range": 60, "interval": 1, "paused": False},
        ],
        ["give metrics or panel, and not both"] * 2,
    ]


async def test_a_token_is_asked_for_before_each_connection_and_renewed_when_it_has_expired(js: RunJs) -> None:
    assert await js(
        FAKE
        + """let count = 0; const client = make({ token: async () => `token ${count += 1}` });
             client.subscribe({ metrics: ["a"] });
             const wanted = { ...welcome, auth: "required" };
             made[0].says(wanted); await until(() => made[0].sent.length);
             made[0].says({ type: "ack", id: "hello", scope: "view" }, welcome);
             made[0].says({ type: "error", code: 109, message: "expired" }); made[0].ends(4500);
             await until(() => made.length === 2); made[1].says(wanted); await until(() => made[1].sent.length);
             made[1].says({ type: "ack", id: "hello", scope: "view" }, welcome); const links = [client.link];
             made[1].says({ type: "error", code: 101, message: "token: unknown" }); made[1].ends(4500);
             links.push(client.link);
             client.close(); return [made.map(({ sent }) => sent[0].token), links];"""
    ) == [["token 1", "token 2"], ["open", "stopped"]]


async def test_whoever_awaits_hears_that_the_server_turns_the_client_away(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] });
             const read = cpu.items().next().catch(({ name, message, code }) => [name, message, code]);
             const listed = client.list().catch(({ name }) => name);
             made[0].ends(4504); const result = [await read, await listed]; client.close(); return result;"""
    ) == [["ClosedError", "the server has as many viewers as it allows", 4504], "ClosedError"]


async def test_whoever_asks_after_the_end_is_told_so_and_does_not_wait(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const words = ({ name, message }) => `${name}: ${message}`;
             const asks = (client) => [client.subscribe({ metrics: ["a"] }).items().next(), client.list(),
               client.events().items().next(), client.query({ metrics: ["a"] })].map((asked) => asked.catch(words));
             const [closed, refused] = [make(), make()];
             closed.subscribe({ metrics: ["a"] }); refused.subscribe({ metrics: ["a"] });
             closed.close(); made[1].ends(4504);
             const told = await Promise.all([...asks(closed), ...asks(refused)]);
             refused.stop(); refused.start(); made[2].says(welcome);
             const again = refused.list(); made[2].says({ type: "catalogue", id: made[2].sent.at(-1).id, series: [] });
             const listed = await again; refused.close();
             return [[...new Set(told)], listed];"""
    ) == [["ClosedError: the client was closed", "ClosedError: the server has as many viewers as it allows"], []]


async def test_a_loop_that_begins_late_is_told_all_from_the_beginning(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const { Client: Program } = await load("client/program");
             const client = new Program("http://here.example/", { WebSocket: FakeWebSocket, backoff: backoff() });
             const stream = client.subscribe({ metrics: "a", backfill: 3 });
             made[0].says(welcome); begin(made[0], made[0].sent[0]);
             made[0].says(past(1, 2, 1000, 2000), tick(1, 3, 3));
             const told = [];
             for await (const { time } of stream) { told.push(time); if (told.length === 3) break; }
             const result = [told, stream.state]; client.close(); return result;"""
    ) == [[1000, 2000, 3000], "closed"]


async def test_one_text_stands_for_a_list_and_what_cannot_be_sent_is_refused(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const { Client: Program } = await load("client/program");
             const client = new Program("http://here.example/", { WebSocket: FakeWebSocket, backoff: backoff() });
             client.subscribe({ metrics: "a", where: { b: "c" }, aggregate: "max", group_by: "d", ratio_to: "e" });
             client.events({ kinds: "mark" });
             const thrown = [];
             const wrong = [() => client.subscribe({ metrics: "a", interval: NaN }),
               () => client.table({ table: "t", limit: 1 / 0 })];
             for (const one of wrong) try { one(); } catch (error) { thrown.push(error.message); }
             made[0].says(welcome);
             const sent = made[0].sent.map(({ id, stream, type, ...fields }) => fields);
             client.close(); return [sent, thrown];"""
    ) == [
        [
            {
                "metrics": ["a"],
                "where": {"b": ["c"]},
                "aggregate": ["max"],
                "group_by": ["d"],
                "ratio_to": {"metrics": ["e"]},
            },
            {"kinds": ["mark"]},
        ],
        ["interval: NaN cannot be sent", "limit: Infinity cannot be sent"],
    ]


async def test_a_question_that_came_too_fast_is_asked_again(js: RunJs) -> None:
    assert await js(
        """const { Session } = await load('client/session'); const sent = []; const soon = [];
           const session = new Session({ send: (message) => sent.push(message), later: (action) => soon.push(action) });
           session.opened({});
           const answer = session.ask((id) => ({ type: "list", id }));
           session.receive({ type: "error", id: 1, code: 111, message: "slow down", temporary: true });
           soon[0](); session.receive({ type: "catalogue", id: 1, series: [] });
           return [sent, (await answer).type];"""
    ) == [[{"type": "list", "id": 1}, {"type": "list", "id": 1}], "catalogue"]


async def test_events_come_in_a_loop(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const feed = client.events({ kinds: ["alert"], backfill: 60 }).items();
             made[0].says(welcome); const [{ type, kinds, backfill }] = made[0].sent; begin(made[0], made[0].sent[0]);
             made[0].says({ type: "event", group: 1, id: "1", time: 1000, kind: "alert", title: "t" });
             const { value } = await feed.next(); client.close(); return [type, kinds, backfill, value];"""
    ) == ["events", ["alert"], 60, {"id": "1", "time": 1000, "kind": "alert", "title": "t", "gap": None}]


async def test_a_stream_that_the_server_ends_says_so(js: RunJs) -> None:
    """Its panel went, or the token covers less now."""
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ panel: "cpu" }, { name: "cpu" });
             const read = cpu.items().next().catch(({ code }) => code);
             made[0].says(welcome); begin(made[0], made[0].sent[0]);
             made[0].says({ type: "error", stream: "cpu", code: 102, message: "panel: gone", temporary: false });
             const result = [cpu.state, cpu.refusal.message, await read]; client.close(); return result;"""
    ) == ["refused", "panel: gone", 102]


async def test_a_position_is_of_its_source_and_of_the_epoch_that_a_snapshot_begins(js: RunJs) -> None:
    assert await js(
        FAKE
        + """const client = make(); const cpu = client.subscribe({ metrics: ["a"] });
             made[0].says(welcome); const [{ id, stream }] = made[0].sent;
             made[0].says({ type: "ack", id, stream, group: 1, epoch: "e", source: "host-1", interval: 1 });
             made[0].says(past(1, 9, 9000)); const before = cpu.store.position;
             made[0].says({ ...past(1, 20, 20000), epoch: "f" }, tick(1, 21, 12));
             client.close(); return [before, cpu.store.position];"""
    ) == [
        {"epoch": "e", "offset": 9, "source": "host-1"},
        {"epoch": "f", "offset": 21, "source": "host-1"},
    ]


@pytest.mark.parametrize("binary", [False, True])
async def test_values_are_the_same_in_both_encodings(js: RunJs, binary: bool) -> None:
    """From a real server, beside a client of the other encoding."""
    assert await js(
        """const { Client } = await load('client/client'); const sockets = [];
           class Kept extends WebSocket { constructor(...given) { super(...given); sockets.push(this); } }
           const one = new Client(`${location.origin}/`, { binary: given, WebSocket: Kept });
           const two = new Client(`${location.origin}/`);
           const rows = async (client) => { const seen = new Map();
             for await (const { offset, values } of client.subscribe({ panel: "cpu", interval: 0.5 })) {
               if (offset !== null) seen.set(offset, JSON.stringify(values));
               if (seen.size > 5) return seen; } };
           const [a, b] = await Promise.all([rows(one), rows(two)]);
           const common = [...a.keys()].filter((offset) => b.has(offset));
           one.close(); two.close();
           const others = common.filter((offset) => a.get(offset) !== b.get(offset));
           return [sockets[0].protocol, common.length > 2, others];""",
        binary,
    ) == ["vitalcast.v1.bin" if binary else "vitalcast.v1.json", True, []]


async def test_answers_are_by_name(js: RunJs) -> None:
    """Of several aggregates each; a name that objects have in JavaScript is one like any other."""
    assert await js(
        FAKE
        + """const { Client: Program } = await load("client/program");
             const client = new Program("http://here.example/", { WebSocket: FakeWebSocket, backoff: backoff() });
             client.clock.now = () => 10_000_000;
             const many = client.query({ metrics: "a", start: "-1.5m", end: new Date(9_999_000), at: null });
             const rows = client.query({ table: "processes", at: "1970-01-01T01:00:00Z" });
             const wrong = await client.query({ metrics: "a", start: "lately" }).catch(({ name }) => name);
             const latest = client.latest("a.>", { aggregate: ["max"] }); made[0].says(welcome);
             const [read, asked, then] = made[0].sent; const { id, start, end, metrics } = asked;
             made[0].says({ type: "result", id, step: 1, aggregate: ["avg", "max"], times: [1000, 2000],
               series: [one("__proto__"), { ...one("b"), attributes: { c: "d" } }],
               values: [[1, 2], [3, null], [5, 6], [7, 8]], lines: [{ key: "b", column: 1 }] },
               { type: "result", id: then.id, columns: [{ name: "pid" }, { name: "name" }], rows: [[1, "init"]] });
             begin(made[0], read); made[0].says(past(1, 1, 1000));
             const { values, series, lines, step } = await many; const newest = await latest;
             client.close();
             return [[start, end, metrics, then.at, wrong, read.metrics], Object.entries(values), lines, step,
               series.map(({ key, aggregate }) => [key, aggregate]), (await rows).rows, newest.values,
               made[0].sent.map(({ type }) => type)];"""
    ) == [
        [9_910_000, 9_999_000, ["a"], 3_600_000, "TypeError", ["a.>"]],
        [
            ["avg(__proto__)", [1, 2]],
            ["max(__proto__)", [3, None]],
            ['avg(b{c="d"})', [5, 6]],
            ['max(b{c="d"})', [7, 8]],
        ],
        [{"key": "b", "column": 1, "values": [5, 6]}],
        1,
        [
            ["avg(__proto__)", "avg"],
            ["max(__proto__)", "max"],
            ['avg(b{c="d"})', "avg"],
            ['max(b{c="d"})', "max"],
        ],
        [{"pid": 1, "name": "init"}],
        {"a": 1},
        ["subscribe", "query", "query", "unsubscribe"],
    ]


async def test_of_several_aggregates_each_has_its_unit(js: RunJs) -> None:
    assert await js(
        """const { columnsOf } = await load("client/ticks"); const bytes = { name: "io", unit: "By", attributes: {} };
           const told = (asked, unit) => columnsOf([{ ...bytes, ...unit }], asked).map(({ key, unit }) => [key, unit]);
           return [told({ aggregate: ["last", "rate", "delta", "count"] }), told({ aggregate: ["rate"] }),
                   told({ aggregate: ["rate", "count"], ratio_to: { metrics: ["a"] } }, { unit: "1" }),
                   told({ aggregate: ["avg", "rate"], reduce: "count" }, { unit: "{series}" })];"""
    ) == [
        [["last(io)", "By"], ["rate(io)", "By/s"], ["delta(io)", "By"], ["count(io)", ""]],
        [["io", "By"]],
        [["rate(io)", "1"], ["count(io)", "1"]],
        [["avg(io)", "{series}"], ["rate(io)", "{series}"]],
    ]
