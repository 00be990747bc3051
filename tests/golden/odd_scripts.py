"""What happens in the golden conversations where a server refuses, is newer, or talks nonsense: see `conversations`."""

from __future__ import annotations

import json
from typing import Any

from tests.golden.scripts import LOAD
from tests.golden.stage import Json, Stage, at


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


def _more(lines: list[Json], *, offset: int) -> str:
    """Return the snapshot that has come, as a message of data for the same tick."""
    texts = [json.loads(line["text"]) for line in lines if line.get("from") == "server" and "text" in line]
    snapshot = next(one for one in texts if one["type"] == "snapshot" and one["offset"] == offset)
    data = {"type": "data", "group": snapshot["group"], "offset": offset, "time": snapshot["time"], "values": [9.0]}
    return json.dumps(data)
