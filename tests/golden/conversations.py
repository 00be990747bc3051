"""Whole conversations of a program with a server, which every client replays: `tests/golden/conversations/*.jsonl`.

Each line is one of these:

- `{"program": …, "name": …, "fields": …}`: the program asks for something, under a name of its own: `subscribe`,
  `table`, `events`, `query`, `list`, or `close` of what it asked for.
- `{"line": "open"}` or `"lost"`: the connection.
- `{"from": "client", "text": …}`: what the client has to send now. Ids, and the names of streams, are its own.
- `{"from": "server", "text": …}`, or `"binary"` in base64: what it gets.
- `{"expect": …, "name": …}`: what the program has to be told next of what it asked for: a `tick`, `rows`, an `event`,
  an `answer`, or `refused` with the code.

A program is told nothing else. After `{"nonsense": true}` each line is for itself: a client may leave a server that
says this, and has to tell the program nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from tests.golden.stage import Json, Stage, at

from vitalcast.core.events.event import Event, EventKind, Severity

LOAD = "system.load"
SDA, SDB = (f'system.disk.io{{system.device="{name}"}}' for name in ("sda", "sdb"))


def subscribe(stage: Stage) -> None:
    """The newest tick, then each as it comes, whether all of it is sent or what has changed."""
    stage.tick(0.5, sda=10.0, sdb=20.0)
    stage.program("subscribe", "a", metrics=["system.>"], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=["system.>"], interval=1)
    stage.expect_tick("a", SDA, SDB, LOAD)
    for load, sda in ((1.5, 11.0), (1.5, 11.0), (1e-9, 12.0)):
        stage.tick(load, sda=sda, sdb=20.0)
        stage.expect_tick("a", SDA, SDB, LOAD)
    stage.tick(math.nan, sda=12.0, sdb=21.0)
    stage.expect_tick("a", SDA, SDB, LOAD)


def backfill(stage: Stage) -> None:
    """Ticks of before are told with their times, then it goes on."""
    for load in (1.0, 2.0, 3.0, 4.0):
        stage.tick(load)
    stage.program("subscribe", "a", metrics=[LOAD], backfill=3)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], backfill=3)
    for ago in (2, 1, 0):
        stage.expect_tick("a", LOAD, ago=ago, numbered=ago == 0)
    stage.tick(5.0)
    stage.expect_tick("a", LOAD)


def aggregates(stage: Stage) -> None:
    """Several aggregates of one series are columns of their own."""
    stage.tick(3.0)
    stage.tick(3.0)
    asked = {"metrics": [LOAD], "interval": 2, "aggregate": ["min", "max"]}
    stage.program("subscribe", "a", **asked)
    stage.open()
    stage.send(type="subscribe", stream="a", **asked)
    stage.expect("a", tick=_tick(2, 2, {f"min({LOAD})": 3.0, f"max({LOAD})": 3.0}))
    stage.tick(1.0)
    stage.tick(4.0)
    stage.expect("a", tick=_tick(4, 4, {f"min({LOAD})": 1.0, f"max({LOAD})": 4.0}))


def resume(stage: Stage) -> None:
    """After the line was lost all comes that was missed, once; what the sampler missed is a gap before its tick."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.tick(2.0)
    stage.expect_tick("a", LOAD)
    stage.lose()
    stage.tick(3.0)
    stage.tick(4.0, skip=2)
    stage.open()
    since = {"epoch": "epoch-1", "offset": 2}
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1, since=since)
    stage.expect_tick("a", LOAD, ago=1)
    stage.expect_tick("a", LOAD, gap=(4, 5, "sampler"))
    stage.tick(5.0, skip=1)
    stage.expect_tick("a", LOAD, gap=(7, 7, "sampler"))
    stage.tick(6.0)
    stage.expect_tick("a", LOAD)


def slow(stage: Stage) -> None:
    """A client that took nothing for a while is told the newest, and what it will not get."""
    stage.tick(1.0, sda=10.0)
    stage.program("subscribe", "a", metrics=["system.>"], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=["system.>"], interval=1)
    stage.expect_tick("a", SDA, LOAD)
    stage.stall()
    stage.tick(2.0, sda=11.0)
    stage.expect_tick("a", SDA, LOAD)
    for load in (3.0, 4.0, 5.0):
        stage.tick(load, sda=11.0)
    stage.drain()
    stage.expect_tick("a", SDA, LOAD, gap=(3, 4, "slow"))
    stage.tick(6.0, sda=12.0)
    stage.expect_tick("a", SDA, LOAD)


def restart(stage: Stage) -> None:
    """A server that counts anew knows nothing of what was: the program is told so."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.tick(2.0)
    stage.expect_tick("a", LOAD)
    stage.restart()
    stage.tick(7.0)
    stage.open()
    since = {"epoch": "epoch-1", "offset": 2}
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1, since=since)
    stage.expect_tick("a", LOAD, gap=(None, None, "restart"))
    stage.tick(8.0)
    stage.expect_tick("a", LOAD)


def series(stage: Stage) -> None:
    """Series come and go while the stream goes on."""
    stage.tick(1.0, sda=10.0)
    stage.program("subscribe", "a", metrics=["system.disk.io"], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=["system.disk.io"], interval=1)
    stage.expect_tick("a", SDA)
    stage.tick(1.0, sda=11.0, sdb=5.0)
    stage.expect_tick("a", SDA, SDB)
    stage.tick(1.0, sda=11.0, sdb=6.0)
    stage.expect_tick("a", SDA, SDB)
    stage.tick(1.0, sdb=6.0)
    stage.expect_tick("a", SDB)
    stage.program("close", "a")
    stage.send(type="unsubscribe", stream="a")
    stage.tick(1.0, sdb=7.0)


def panel(stage: Stage) -> None:
    """A panel's ticks have its lines, its number and its level."""
    stage.tick(0.5)
    stage.program("subscribe", "p", panel="load", interval=1)
    stage.open()
    stage.send(type="subscribe", stream="p", panel="load", interval=1)
    levels = ((0.5, ""), (2.5, ""), (2.5, ""), (2.5, "critical"), (1.5, "warning"), (0.5, ""))
    for number, (load, level) in enumerate(levels):
        if number:
            stage.tick(load)
        values = {LOAD: load, "@value": load, "@level": float(("", "warning", "critical").index(level))}
        headline = {"label": "load", "value": load, "unit": "1", "level": level}
        told = {"lines": [[LOAD, load]], "headline": headline}
        stage.expect("p", tick=_tick(number + 1, number + 1, values) | told)


def table(stage: Stage) -> None:
    """The rows of a table, as often as they are read."""
    stage.tick(1.0)
    stage.program("table", "t", table="processes", sort="cpu", limit=2)
    stage.open()
    stage.send(type="table", stream="t", table="processes", sort="cpu", limit=2)
    for rows in (((412, 0.5), (7, 0.25)), ((7, 0.75),)):
        stage.rows(*rows, total=9)
        named = [dict(zip(("pid", "cpu"), row, strict=True)) for row in rows]
        stage.expect("t", rows={"time": stage.machine.time_ms, "rows": named, "matches": 9, "total": 9})
        stage.tick(1.0)


def events(stage: Stage) -> None:
    """What happened before, then what happens, and what became of it."""
    stage.tick(1.0)
    before = _event("0001", 0.5, EventKind.START, "Vitalcast started")
    mark = _event("0002", 2.0, EventKind.MARK, "Backup", ongoing=True)
    ended = _event("0002", 2.0, EventKind.MARK, "Backup", end_ms=at(3))
    stage.happen(before)
    stage.program("events", "e", backfill=60)
    stage.open()
    stage.send(type="events", stream="e", backfill=60)
    stage.expect("e", event=before.shown(named=True))
    for one in (mark, ended):
        stage.tick(1.0)
        stage.happen(one)
        stage.expect("e", event=one.shown(named=True))


def query(stage: Stage) -> None:
    """The past of series, asked once."""
    for load in (1.0, 2.0, 3.0, 4.0):
        stage.tick(load, sda=load * 10)
    asked = {"metrics": ["system.>"], "start": at(0), "end": at(4), "step": 2, "aggregate": ["avg"]}
    stage.program("query", "q", **asked)
    stage.open()
    stage.send(type="query", **asked)
    answer = {"times": [at(2), at(4)], "values": {SDA: [15.0, 35.0], LOAD: [1.5, 3.5]}, "step": 2}
    stage.expect("q", answer=answer)


def refused(stage: Stage) -> None:
    """What the server refuses is told to whoever asked, and the rest goes on."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=["system.nothing"], interval=1)
    stage.program("subscribe", "b", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=["system.nothing"], interval=1)
    stage.expect("a", refused=102)
    stage.send(type="subscribe", stream="b", metrics=[LOAD], interval=1)
    stage.expect_tick("b", LOAD)
    stage.program("query", "q", metrics=["system.nothing"], start=at(0), end=at(1))
    stage.send(type="query", metrics=["system.nothing"], start=at(0), end=at(1))
    stage.expect("q", refused=102)
    stage.tick(2.0)
    stage.expect_tick("b", LOAD)


def newer(stage: Stage) -> None:
    """A server that is newer says more: other messages, and other fields; and all of them mean what they did."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.say('{"type": "weather", "group": 1, "sky": ["clear", null], "id": 1}')
    stage.say('{"type": "data", "group": 4096, "offset": 2, "time": 1790000002000, "values": [9]}')
    stage.say('{"type": "gap", "group": 4096, "from": 1, "to": 2, "why": "slow"}')
    stage.say('{"type": "heartbeat", "time": 1790000001000, "mood": "good"}')
    stage.say('{"type": "catalogue", "id": 4096, "series": []}')
    stage.say('{"type": "ack", "id": 4096, "stream": "z", "group": 4097, "epoch": "epoch-1", "offset": 1}')
    stage.tick(2.0)
    stage.expect_tick("a", LOAD)
    stage.say(_more(stage.lines, offset=1))  # what was told already
    stage.tick(3.0)
    stage.expect_tick("a", LOAD)


def nonsense(stage: Stage) -> None:
    """What is not of this contract at all."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.lines.append({"nonsense": True})
    group = next(iter(stage.machine.hub.groups))
    data = {"type": "data", "group": group, "offset": 2, "time": at(2), "values": [1]}
    for text in NOT_JSON:
        stage.say(text)
    for field, values in WRONG.items():
        for value in values:
            stage.say(json.dumps(data | {field: value}))
    for more in ({"9": 1}, {"-1": 1}, {"0x0": 1}, {"": 1}, [1], 7):
        stage.say(json.dumps({key: value for key, value in data.items() if key != "values"} | {"changed": more}))
    for kind in ("snapshot", "series", "gap", "rows", "event", "result", "catalogue", "error", "bye", "welcome", "ack"):
        stage.say(json.dumps({"type": kind}))
        stage.say(json.dumps({"type": kind, "id": 1, "group": group, "series": 1, "times": {}, "values": None}))
    for hexed in BINARY_NONSENSE:
        stage.say(bytes.fromhex(hexed))


NOT_JSON = ("", "{", "null", "[]", '"text"', "[[[[[[", "{}", '{"type": 1}', '{"type": null}', '{"type": "data"}')
WRONG: dict[str, tuple[Any, ...]] = {
    "values": ([], [1, 2, 3], None, 7),
    "offset": ("2", 2.5, -1, 2**60, None, [2]),
    "time": ("now", None, -1, 2**62, {}),
    "group": ("g", None, [], {}),
}
BINARY_NONSENSE = ("", "00", "ff" * 31, "01000000" + "ff" * 28, "01000000020000000000000000000000" + "00" * 16)

CONVERSATIONS: dict[str, Callable[[Stage], None]] = {
    one.__name__: one
    for one in (
        subscribe,
        backfill,
        aggregates,
        resume,
        slow,
        restart,
        series,
        panel,
        table,
        events,
        query,
        refused,
        newer,
        nonsense,
    )
}
ALSO_BINARY = (subscribe, resume, slow, restart, series, panel, newer, nonsense)


def conversations() -> dict[str, list[Json]]:
    """Return the lines of each conversation, by the name of its file."""
    found = {}
    for name, script in CONVERSATIONS.items():
        for binary in (False, True) if script in ALSO_BINARY else (False,):
            stage = Stage(binary=binary)
            script(stage)
            found[f"{name}.binary" if binary else name] = stage.lines
    return found


def text_of(lines: list[Json]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _tick(seconds: float, offset: int, values: dict[str, float]) -> Json:
    return {"time": at(seconds), "offset": offset, "values": values, "gap": None}


def _event(id_: str, seconds: float, kind: EventKind, title: str, *, ongoing: bool = False, **more: Any) -> Event:
    attributes = {"ongoing": 1} if ongoing else {}
    return Event(id_, "machine-1", at(seconds), kind, Severity.INFO, title, attributes=attributes, **more)


def _more(lines: list[Json], *, offset: int) -> str:
    """Return the snapshot that has come, as a message of data for the same tick."""
    texts = [json.loads(line["text"]) for line in lines if line.get("from") == "server" and "text" in line]
    snapshot = next(one for one in texts if one["type"] == "snapshot" and one["offset"] == offset)
    data = {"type": "data", "group": snapshot["group"], "offset": offset, "time": snapshot["time"], "values": [9.0]}
    return json.dumps(data)
