"""The client between a program and a server that says what it should not."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs
from tests.browser.test_client import FAKE

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Each part of each message, each time, is each of what it should not be.
GARBLED = """
const { Client: Program } = await load("client/program");
const wrong = [null, 0, -1, 1e400, "", "__proto__", true, [], {}, [null], [[null]], { length: 1e9 }];
const isTree = (value) => typeof value === "object" && value !== null;
const paths = (value) => [[], ...(isTree(value) ? Object.keys(value).flatMap((key) =>
  paths(value[key]).map((path) => [key, ...path])) : [])];
const changed = (value, [key, ...rest], other) => key === undefined ? other :
  Object.assign(Array.isArray(value) ? [...value] : { ...value }, { [key]: changed(value[key], rest, other) });

const line = { id: 1, key: "k", label: "l", color: 1, direction: "up", part: "", column: 0 };
const number = { label: "l", value: 1, unit: "1", column: 0 };
const panel = { panel: "p", unit: "1", more: 0, axis: { max: 1, column: null, span_min: 1 }, reference: null,
  lines: [line], headline: { ...number, level: "", which: null, levels: 0, end: 1, rule: "", numbers: [number] } };
const talk = (head, { subscribe: { id, stream }, list, query }) => [
  welcome,
  { type: "ack", id, stream, group: 1, epoch: "e", interval: 1, recovered: true },
  { ...past(1, 5, 4000, 5000), ...head, offsets: [4, 5], gaps: [[3, 3]], epoch: "e" },
  tick(1, 6, 6),
  { type: "data", group: 1, offset: 7, time: 7000, changed: { 0: 7 } },
  { type: "gap", group: 1, from: 8, to: 9, why: "slow" },
  { type: "series", group: 1, series: [one("b")], ...head },
  { type: "catalogue", id: list.id, series: [one("b")] },
  { type: "result", id: query.id, series: [one("b")], times: [1000], values: [[1]], aggregate: ["avg"], lines: [line] },
  { type: "error", code: 106, message: "m", id: 99, stream },
];

const thrown = new Set(); let sent = 0;
addEventListener("error", ({ message }) => thrown.add(message));
const refusable = ({ name, message }) => name === "RefusedError" || name === "ClosedError" || thrown.add(message);
const tell = async (request, head, at, path, other) => {
  made.length = 0;
  const client = new Program("http://here.example/", { WebSocket: FakeWebSocket, backoff: backoff() });
  const feed = client.subscribe(request).items();
  const asked = [client.list(), client.query({ metrics: "a" })].map((answer) => answer.catch(refusable));
  made[0].says(welcome);
  const sentOf = Object.fromEntries(made[0].sent.map((command) => [command.type, command]));
  talk(head, sentOf).forEach((message, i) => made[0].says(i === at ? changed(message, path, other) : message));
  const read = feed.next().catch(refusable);
  client.close();
  await Promise.all([...asked, read]);
  sent += 1;
};
for (const [request, head] of [[{ metrics: ["a"] }, {}], [{ panel: "p" }, panel]]) {
  const whole = talk(head, { subscribe: { id: 3, stream: "s1" }, list: { id: 1 }, query: { id: 2 } });
  for (const [at, message] of whole.entries())
    for (const path of paths(message)) for (const other of wrong) await tell(request, head, at, path, other);
}
return { sent, thrown: [...thrown] };
"""


async def test_no_message_whatever_it_is_ends_a_program(js: RunJs) -> None:
    """Under Node.js an error while one is read would. What a loop or a promise gets are the client's own errors."""
    told = await js(FAKE + GARBLED)
    assert told["thrown"] == []
    assert told["sent"] > 2000
