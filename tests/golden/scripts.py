"""What happens in the golden conversations: see `conversations`."""

from __future__ import annotations

import math
from collections.abc import Mapping
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


def expired(stage: Stage) -> None:
    """What the server does not keep any more is a gap before the first that it has."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.lose()
    for load in range(2, 202):
        stage.tick(float(load))
    stage.open()
    since = {"epoch": "epoch-1", "offset": 1}
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1, since=since)
    stage.expect_tick("a", LOAD, gap=(2, 200, "expired"))
    stage.tick(12.0)
    stage.expect_tick("a", LOAD)


def renewed(stage: Stage) -> None:
    """What samples the machine begins anew while the stream goes on."""
    stage.tick(1.0)
    stage.program("subscribe", "a", metrics=[LOAD], interval=1)
    stage.open()
    stage.send(type="subscribe", stream="a", metrics=[LOAD], interval=1)
    stage.expect_tick("a", LOAD)
    stage.tick(2.0)
    stage.expect_tick("a", LOAD)
    stage.begin_anew()
    stage.tick(7.0)
    stage.expect_tick("a", LOAD, gap=(None, None, "restart"))
    stage.tick(8.0)
    stage.expect_tick("a", LOAD)


def ratio(stage: Stage) -> None:
    """Shares of a whole, under the keys of the series that are divided."""
    stage.tick(sda=30.0, sdb=10.0)
    disks = ["system.disk.io"]
    asked: dict[str, Any] = {"metrics": disks, "where": {"system.device": ["sda"]}, "interval": 1, "group_by": []}
    asked["ratio_to"] = {"metrics": disks}
    stage.program("subscribe", "a", **asked)
    stage.open()
    stage.send(type="subscribe", stream="a", **asked)
    stage.expect("a", tick=_tick(1, 1, {"system.disk.io": 0.75}))
    stage.tick(sda=5.0, sdb=15.0)
    stage.expect("a", tick=_tick(2, 2, {"system.disk.io": 0.25}))
    stage.tick(sda=0.0, sdb=0.0)
    stage.expect("a", tick=_tick(3, 3, {"system.disk.io": None}))


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


def lines(stage: Stage) -> None:
    """A line that comes to a panel brings its past, of which the program is told what it does not know."""
    stage.tick(sda=1.0)
    stage.program("subscribe", "p", panel="disks", interval=1)
    stage.open()
    stage.send(type="subscribe", stream="p", panel="disks", interval=1)
    for number in range(1, 9):
        if number > 1:
            stage.tick(sda=1.0, **({"sdb": 2.0} if number > 2 else {}))
        drawn = {"sda": 1.0, "sdb": 2.0} if number > 2 else {"sda": 1.0}
        total = sum(drawn.values())
        keys = {f'system.disk.io{{system.device="{name}"}}': value for name, value in drawn.items()}
        told = {"lines": [[name, value] for name, value in drawn.items()]}
        headline = {"label": "all disks", "value": total, "unit": "By", "level": ""}
        stage.expect("p", tick=_tick(number, number, keys | {"@value": total}) | told | {"headline": headline})


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


def query_panel(stage: Stage) -> None:
    """The past of a panel, with what is computed of its lines."""
    for number in range(1, 5):
        stage.tick(sda=number * 10.0, sdb=1.0)
    asked = {"panel": "disks", "start": at(0), "end": at(4), "step": 2}
    stage.program("query", "q", **asked)
    stage.open()
    stage.send(type="query", **asked)
    values = {SDA: [15.0, 35.0], SDB: [1.0, 1.0], "@value": [16.0, 36.0]}
    stage.expect("q", answer={"times": [at(2), at(4)], "values": values, "step": 2})


def _tick(seconds: float, offset: int, values: Mapping[str, float | None]) -> Json:
    return {"time": at(seconds), "offset": offset, "values": values, "gap": None}


def _event(id_: str, seconds: float, kind: EventKind, title: str, *, ongoing: bool = False, **more: Any) -> Event:
    attributes = {"ongoing": 1} if ongoing else {}
    return Event(id_, "machine-1", at(seconds), kind, Severity.INFO, title, attributes=attributes, **more)
