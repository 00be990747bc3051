"""The page's socket: patient, polite, and not fooled by a dead line."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAKE = """
const { Socket, socketUrl } = { ...(await load('client/socket')), ...(await load('client/client')) };
const { Backoff } = await load('client/backoff');
const made = [];
class FakeWebSocket {
  constructor(url, protocols) {
    Object.assign(this, { url, protocols, readyState: 1, sent: [], closed: null });
    made.push(this);
  }
  send(text) { this.sent.push(JSON.parse(text)); }
  close(code) { this.closed = code; }
  says(message) { this.onmessage({ data: JSON.stringify(message) }); }
  ends(code, reason = "") { this.onclose({ code, reason }); }
}
const welcome = { type: "welcome", epoch: "e", time: 1, heartbeat: 10 };
let clock = 1_000_000, set = 0;
let found = "", there = true, knocks = 0;
const socket = new Socket("ws://here/ws", { WebSocket: FakeWebSocket, steady: () => clock, wall: () => clock + set,
  probe: async () => found, knock: async () => { knocks += 1; return there; },
  backoff: new Backoff({ firstMs: 40, mostMs: 80, random: () => 0 }) });
const links = [];
socket.addEventListener("link", () => links.push(socket.link));
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));
// Timers are late where the machine is busy.
const until = async (condition) => { for (let i = 0; !condition() && i < 6000; i += 1) await pause(10); };
const end = (result) => {
  const copy = structuredClone(result);
  socket.stop();
  return copy;
};
socket.start();
"""


async def test_speaks_the_protocol_and_is_open_after_the_welcome(js: RunJs) -> None:
    assert await js(
        FAKE
        + """socket.send({ type: "ping" }); made[0].says(welcome); socket.send({ type: "list" });
             return end([made[0].protocols, made[0].sent, socket.link, links]);"""
    ) == [["vitalcast.v1.json"], [{"type": "list"}], "open", ["connecting", "open"]]


async def test_comes_back_after_a_loss(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].says(welcome); made[0].ends(1006); const why = socket.why; const due = socket.retryInMs;
             await until(() => made.length === 2); return end([made.length, why, due, links]);"""
    ) == [2, "the connection was lost", 20, ["connecting", "open", "waiting", "connecting"]]


async def test_tells_a_try_that_came_to_nothing_from_a_loss(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].ends(1006); const whys = [socket.why]; await until(() => made.length === 2);
             made[1].says(welcome); made[1].ends(1006); whys.push(socket.why); await until(() => made.length === 3);
             made[2].ends(1006); return end([...whys, socket.why]);"""
    ) == ["no connection could be made", "the connection was lost", "no connection could be made"]


async def test_asks_for_a_server_that_is_away_before_it_opens_another_socket(js: RunJs) -> None:
    """But tries all the same at times, where questions by HTTP may be forbidden."""
    assert await js(
        FAKE
        + """there = false; const tries = [];
             for (let n = 1; n <= 4; n += 1) {
               await until(() => made.length === n); tries.push(knocks); made[n - 1].ends(1006);
             }
             there = true; await until(() => made.length === 5); made[4].says(welcome);
             return end([tries, knocks, socket.link]);"""
    ) == [[0, 0, 0, 1], 2, "open"]


AWAY = """
const { Socket } = await load('client/socket'); const { Backoff } = await load('client/backoff');
const timers = globalThis.setTimeout, waits = [];
globalThis.setTimeout = (act, ms) => timers(act, (waits.push(Math.round(ms)), 0));
const end = { code: 1006, reason: "" };
const welcome = JSON.stringify({ type: "welcome", epoch: "e", time: 1000, heartbeat: 1 });
const lose = (socket) => { if (given.opens) socket.onmessage({ data: welcome }); socket.onclose?.(end); };
class Refused { constructor() { queueMicrotask(() => lose(this)); } close() {} }
const socket = new Socket(given.url, { WebSocket: Refused, backoff: new Backoff({ random: () => 1 }),
  probe: async () => "", knock: async () => given.there });
socket.watched = given.watched;
socket.start();
while (waits.length < 10) await new Promise((resume) => timers(resume, 1));
socket.stop(); globalThis.setTimeout = timers;
return waits.slice(0, 8);
"""


async def test_a_server_that_is_away_is_looked_for_often_only_while_somebody_looks(js: RunJs) -> None:
    away = {"url": "ws://localhost:1/ws", "there": False, "watched": True}
    slower = [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]
    assert await js(AWAY, away) == [500, 1000, *[1500] * 6]
    assert await js(AWAY, {**away, "watched": False}) == slower
    assert await js(AWAY, {**away, "there": True}) == [500, 1000, 1500, *slower[:5]]  # it is there, and takes nobody
    assert await js(AWAY, {**away, "there": True, "opens": True}) == [500, 1000, *[1500] * 6]  # it restarts at once


async def test_knocks_where_it_costs_least_and_takes_any_answer_but_a_proxys_apology(js: RunJs) -> None:
    assert await js(
        """const { knock } = await load('client/knock'); const asked = [];
           const answers = (status) => async (url) => (asked.push(String(url)), { status });
           return [await knock("wss://a.example/b/ws", answers(200)), await knock("ws://a.example/x?y", answers(404)),
             await knock("ws://a.example/ws", answers(502)), await knock("ws://a.example/ws", answers(503)),
             await knock("ws://a.example/ws", async () => { throw new TypeError("failed"); }), asked];"""
    ) == [True, True, False, False, False, [
        "https://a.example/b/healthz", "http://a.example/x", *["http://a.example/healthz"] * 2
    ]]  # fmt: skip


async def test_asks_a_line_that_is_silent_once_whether_it_is_there(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].says(welcome); clock += 13_000; await until(() => made[0].sent.length === 1); await pause(1100);
             const once = made[0].sent.map(({ type }) => type); made[0].says({ type: "pong", id: "probe" });
             clock += 13_000; await until(() => made[0].sent.length === 2); return end([once, socket.link]);"""
    ) == [["ping"], "open"]


async def test_says_what_a_probe_finds_of_a_try_that_came_to_nothing_until_one_stands(js: RunJs) -> None:
    assert await js(
        FAKE
        + """found = "a proxy is in the way"; made[0].ends(1006); const whys = [socket.why];
             await until(() => socket.why === found); whys.push(socket.why); await until(() => made.length === 2);
             made[1].ends(1006); whys.push(socket.why); await until(() => made.length === 3);
             made[2].says(welcome); made[2].ends(1006); whys.push(socket.why); await until(() => made.length === 4);
             made[3].ends(1006); whys.push(socket.why); return end([...whys, links.at(-1)]);"""
    ) == [
        "no connection could be made",
        "a proxy is in the way",
        "a proxy is in the way",
        "the connection was lost",
        "no connection could be made",
        "waiting",
    ]


PROBE = """
const { whyNoSocket } = await load('client/probe');
const asked = [];
const answering = (status, body, [refused, words] = [405, ""]) => async (url, { method = "GET" }) => {
  asked.push(`${method} ${url}`);
  return method === "GET" ? new Response(body, { status }) : new Response(words, { status: refused });
};
const REFUSED = [403, '{"error":{"message":"it is of another site"}}'];
"""


async def test_a_probe_asks_by_http_what_became_of_a_socket(js: RunJs) -> None:
    assert await js(
        PROBE
        + """return [
               await whyNoSocket("wss://a.example/b/ws", answering(426, '{"stripped":true}')),
               await whyNoSocket("ws://a.example/ws", answering(426, '{"stripped":false}')),
               await whyNoSocket("ws://a.example/ws", answering(426, '{"stripped":false}', REFUSED)),
               await whyNoSocket("ws://a.example/ws", answering(426, '{"stripped":false}', [403, "by a proxy"])),
               await whyNoSocket("ws://a.example/ws", answering(502, "")),
               await whyNoSocket("ws://a.example/ws", answering(426, "no JSON")),
               await whyNoSocket("ws://a.example/ws", async () => { throw new TypeError("failed"); }), asked];"""
    ) == [
        "a proxy between here and the server does not forward the headers Upgrade and Connection, which live values "
        "need; whoever runs it can have it do so",
        "the server answers, but no WebSocket to it can be opened; a proxy or a firewall in between may not let them "
        "through",
        "the server refuses this page: it is of another site",
        "",
        "",
        "",
        "",
        ["GET https://a.example/b/ws", *["GET http://a.example/ws", "POST http://a.example/ws"] * 3]
        + ["GET http://a.example/ws"] * 2,
    ]


async def test_obeys_when_it_is_told_when_to_come_back(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].says(welcome); made[0].says({ type: "bye", code: 4001, reconnect_after_ms: 7000 });
             made[0].ends(4001); return end([socket.retryInMs, socket.why]);"""
    ) == [7000, "the server is shutting down"]


@pytest.mark.parametrize(
    ("code", "words"), [(4500, "token is not valid"), (4504, "as many viewers as it allows"), (4599, "its own words")]
)
async def test_stays_away_when_it_is_told_to(js: RunJs, code: int, words: str) -> None:
    count, link, why = await js(
        FAKE
        + """made[0].says(welcome); made[0].ends(given, "its own words"); const { link, why } = socket;
             await pause(120); return end([made.length, link, why]);""",
        code,
    )
    assert (count, link) == (1, "stopped")
    assert words in why


async def test_notices_a_line_that_is_dead_though_open(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].says(welcome); clock += 24_000; await pause(1100); const before = socket.link;
             made[0].says({ type: "heartbeat" }); clock += 26_000; await until(() => made.length === 2);
             return end([before, made[0].closed, made.length, socket.why]);"""
    ) == ["open", 4012, 2, "the server is silent"]


async def test_asks_after_a_sleep_whether_the_line_is_still_there(js: RunJs) -> None:
    """Sleep stops the steady clock alone; where somebody has set the other one, the line answers and stays."""
    assert await js(
        FAKE
        + """const asked = () => made.at(-1).sent.filter(({ type }) => type === "ping").length;
             const heard = []; socket.addEventListener("message", ({ detail }) => heard.push(detail.type));
             made[0].says(welcome); await pause(1100); const unasked = asked();
             set += 3_600_000; await until(() => asked() === 1);
             made[0].says({ type: "pong", id: made[0].sent.at(-1).id });
             clock += 6000; await pause(1100); const answered = [socket.link, asked()];
             set -= 3_600_000; await until(() => asked() === 2);
             clock += 6000; await until(() => made.length === 2);
             return end([unasked, answered, made[0].closed, socket.why, heard]);"""
    ) == [0, ["open", 1], 4012, "the server is silent", ["welcome"]]


async def test_does_not_wait_for_a_welcome_for_ever(js: RunJs) -> None:
    assert await js(
        FAKE + "clock += 11_000; await until(() => made.length === 2); return end([made[0].closed, made.length]);"
    ) == [4012, 2]


async def test_tries_at_once_when_the_network_is_back(js: RunJs) -> None:
    assert await js(
        FAKE
        + """made[0].says(welcome); made[0].says({ type: "bye", code: 4001, reconnect_after_ms: 60000 });
             made[0].ends(4001); dispatchEvent(new Event("online")); return end([made.length, socket.link]);"""
    ) == [2, "connecting"]


SHOWN = FAKE.replace("{ WebSocket:", '{ token: "t1", WebSocket:')
ASKED = 'made.at(-1).says({ type: "welcome", version: "v", time: 1, heartbeat: 10, auth: "required" });'
TAKEN = 'made.at(-1).says({ type: "ack", id: "hello", scope: "view", expires: null });'


async def test_shows_its_token_and_waits_for_the_welcome_that_follows(js: RunJs) -> None:
    assert await js(
        SHOWN
        + f"""const heard = []; socket.addEventListener("message", ({{ detail }}) => heard.push(detail.type));
              {ASKED} const before = [...links]; {TAKEN} made[0].says(welcome);
              return end([made[0].sent, before, links, heard]);"""
    ) == [[{"type": "hello", "id": "hello", "token": "t1"}], ["connecting"], ["connecting", "open"], ["welcome"]]


async def test_shows_its_token_where_none_is_needed_and_opens_once_it_is_taken(js: RunJs) -> None:
    assert await js(
        SHOWN
        + f"""made[0].says(welcome); const before = [...links]; {TAKEN}
              return end([made[0].sent.length, before, links]);"""
    ) == [1, ["connecting"], ["connecting", "open"]]


async def test_shows_its_token_again_after_a_loss(js: RunJs) -> None:
    assert await js(
        SHOWN
        + f"""{ASKED} {TAKEN} made[0].says(welcome); made[0].ends(1006); await pause(60);
              {ASKED} const before = socket.link; {TAKEN} made[1].says(welcome);
              return end([made[1].sent.length, before, socket.link]);"""
    ) == [1, "connecting", "open"]


@pytest.mark.parametrize(
    ("error", "close", "code", "words"),
    [
        ({"code": 101, "message": "token: it has been revoked"}, 4500, 101, "not valid: it has been revoked"),
        ({"code": 109, "message": "token: it has expired"}, 4500, 109, "the token has expired"),
        (None, 4509, 4509, "access was revoked"),
    ],
)
async def test_says_what_is_wrong_with_its_token(
    js: RunJs, error: dict[str, object] | None, close: int, code: int, words: str
) -> None:
    found, link, why = await js(
        SHOWN
        + f"""{ASKED} const [error, close] = given;
              if (error) made[0].says({{ type: "error", id: "hello", ...error }});
              made[0].ends(close); return end([socket.code, socket.link, socket.why]);""",
        [error, close],
    )
    assert (found, link) == (code, "stopped")
    assert words in why


async def test_says_that_its_token_has_expired_while_it_was_open(js: RunJs) -> None:
    assert await js(
        SHOWN
        + f"""{ASKED} {TAKEN} made[0].says(welcome); made[0].says({{ type: "error", code: 109, message: "" }});
              made[0].ends(4500); return end([socket.code, socket.why]);"""
    ) == [109, "the token has expired"]


async def test_comes_back_where_tokens_are_not_looked_at_for_a_while(js: RunJs) -> None:
    assert await js(
        SHOWN
        + f"""{ASKED} made[0].says({{ type: "error", id: "hello", code: 111, message: "later", temporary: true }});
              return end([socket.link, socket.why, made[0].closed]);"""
    ) == ["waiting", "later", 1000]


async def test_stays_away_where_it_has_no_token_and_one_is_needed(js: RunJs) -> None:
    assert await js(FAKE + f"{ASKED} return end([socket.link, socket.code, socket.why, made[0].closed]);") == [
        "stopped",
        101,
        "the server requires a token",
        1000,
    ]


@pytest.mark.parametrize(
    ("page", "url"),
    [
        ("http://host:8000/", "ws://host:8000/ws"),
        ("https://host/", "wss://host/ws"),
        ("https://host/some/prefix/?a=1#b", "wss://host/some/prefix/ws"),
    ],
)
async def test_finds_the_socket_beside_the_page(js: RunJs, page: str, url: str) -> None:
    assert await js("return (await load('client/client')).socketUrl(given).href", page) == url
