"""What the page asks the server for, over pauses, reconnects and refusals."""

from __future__ import annotations

import pytest
from tests.browser.conftest import RunJs

pytestmark = pytest.mark.asyncio(loop_scope="session")

SESSION = """
const { Session } = await load('core/session');
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
             session.receive({ type: "error", id: sent[0].id, code: 111, message: "later", temporary: true });
             const refused = cpu.refusal.code; due[0](); ack(7);
             return [told, refused, sent.length, cpu.refusal];"""
    ) == [1, 111, 2, None]


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
