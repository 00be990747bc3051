"""A server whose clock stands still between ticks, and one program before it: what passes between them is noted.

Everything is the server's own but the machine, which ticks when told to. What a program must be told is noted from the
machine's readings, and not from what the server sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.core.machine import IO, LOAD, START_MS, null
from tests.core.stream.keeper import Keeper, Recorded
from tests.schemas import check_accepted, check_message

from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.events.event import Event
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.panels.schema import Panel
from vitalcast.core.stream.deferred import Prepare
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.table_group import TableGroup
from vitalcast.core.vocabulary import CloseCode
from vitalcast.core.wire.binary import BINARY
from vitalcast.core.wire.encodings import JSON
from vitalcast.core.wire.websocket import OPCODE_TEXT
from vitalcast.dashboards.store import DashboardStore
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.panel_board import PanelBoard
from vitalcast.live.writer import Batch, Writer

Json = dict[str, Any]
BACK_IN_MS = 500  # which the server chooses by chance
LOAD_PANEL = Panel.model_validate(
    {
        "id": "load",
        "title": "Load",
        "metrics": ["system.load"],
        "thresholds": {"warning": 1.0, "critical": 2.0, "for": 2.0, "keep": 0.0},
    }
)
DISKS_PANEL = Panel.model_validate(
    {
        "id": "disks",
        "title": "Disks",
        "metrics": ["system.disk.io"],
        "by": ["system.device"],
        "aggregate": "last",
        "headline": {"label": "all disks"},
    }
)
PANELS = (LOAD_PANEL, DISKS_PANEL)


class Read:
    """What was read of the past, at once; as much of a future as is asked of one."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        done(self)

    def result(self) -> Any:
        return self._work()

    def exception(self) -> None:
        return None

    def cancelled(self) -> bool:
        return False

    cancel = cancelled


class Noting(Writer):
    """Notes what the server sends; a stalled client takes no more after the next batch."""

    def __init__(self, note: Callable[[Json], None]) -> None:
        self._note = note
        self.stalled = False

    def write(self, batch: Batch) -> bool:
        for message in batch.messages:
            if message.opcode != OPCODE_TEXT:
                self._note({"binary": base64.b64encode(message.payload).decode()})
                continue
            said = json.loads(message.payload)
            check_message(said)
            if said["type"] == "bye":
                said["reconnect_after_ms"] = said["reconnect_after_ms"] and BACK_IN_MS
            self._note({"text": json.dumps(said)})
        return not self.stalled

    def progress(self) -> int:
        return 0

    def close(self, code: int, reason: str, last: Batch) -> None:
        self.write(last)


class Stage:
    """One conversation. What the program asks for is done at once; `lines` has all of it, in order."""

    def __init__(self, *, binary: bool = False, kept_ms: int | None = None) -> None:
        """With `kept_ms` no more than that is kept, in memory alone."""
        self.lines: list[Json] = []
        self._encoding = BINARY if binary else JSON
        self.machine = Recorded(window_ms=kept_ms or 900_000)
        self.machine.timeline.recorded = kept_ms is None
        hub = self.machine.hub
        hub.panels = PanelBoard(DashboardStore(PANELS, ()))
        self._manager = ConnectionManager(
            hub,
            plain=SeriesKey("machine-1", Selection.of(["system.load"]), 1000, form=Form.SELF_DESCRIBING),
            stats=RuntimeStats(),
            now_s=lambda: self.machine.now_s,
            now_ms=lambda: self.machine.time_ms,
            dashboards=lambda: "revision-1",
            read=self._read,
        )
        hub.emitted.append(self._manager.publish)
        self._connection: Connection | None = None
        self._writer = Noting(self._from_server)
        self._truth: dict[int, dict[str, float | None]] = {}  # by time
        self._offsets: dict[int, int] = {}
        self._id = 0

    # --- the machine -------------------------------------------------------------------------------------------------

    def tick(self, load: float | None = None, *, skip: int = 0, **disks: float) -> None:
        """Let the machine tick with these readings."""
        readings = {Series(IO, (name,)): value for name, value in disks.items()}
        if load is not None:
            readings[Series(LOAD)] = load
        self.machine.hub.take(self.machine.source, self.machine.frame(readings, skip=skip))
        self._truth[self.machine.time_ms] = {one.key: null(value) for one, value in readings.items()}
        self._offsets[self.machine.time_ms] = self.machine.offset

    def restart(self) -> None:
        """Stop the server and start it a minute later, with nothing of what was."""
        assert self._connection is not None
        self._manager.close(self._connection, CloseCode.SHUTDOWN, "the server is stopping")
        self.lose()
        machine = self.machine
        self.begin_anew()
        machine.timeline.restart(machine.source)
        machine.keeper = Keeper(machine.timeline)
        machine.hub.advanced[:] = [machine.keeper.advanced]

    def begin_anew(self) -> None:
        """Have what samples the machine be another a minute later, which counts from the beginning."""
        self.machine.wait(60_000)
        self.machine.offset = 0
        self.machine.source = Source(Resource("machine-1", "web-1"), "epoch-2")

    def happen(self, event: Event) -> None:
        self.machine.hub.happen(event)

    def rows(self, *rows: tuple[int, float], total: int) -> None:
        """Let the table of processes be read."""
        for group in self.machine.hub.table_groups():
            assert isinstance(group, TableGroup)
            said = group.encode(
                self.machine.offset, self.machine.time_ms, ["pid", "cpu"], list(rows), matches=total, total=total
            )
            self.machine.hub.emit(Output({group.id: [said]}))

    def _read(self, prepare: Prepare) -> Any:
        return Read(lambda: prepare()(self.machine.keeper.past()))

    # --- the line ----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self.lines.append({"line": "open"})
        self._connection = self._manager.connect(self._writer, plain=False, encoding=self._encoding)

    def lose(self) -> None:
        assert self._connection is not None
        self._manager.disconnect(self._connection)
        self.lines.append({"line": "lost"})

    def stall(self) -> None:
        """Take nothing any more, but for what comes next."""
        self._writer.stalled = True

    def drain(self) -> None:
        assert self._connection is not None
        self._writer.stalled = False
        self._manager.resume(self._connection)

    def send(self, **command: Any) -> None:
        """Send what the program's client has to."""
        assert self._connection is not None
        self._id += 1
        command = {"type": command.pop("type"), "id": self._id} | command
        check_accepted(command)
        text = json.dumps(command)
        self.lines.append({"from": "client", "text": text})
        self._manager.receive(self._connection, text)

    def say(self, text: str | bytes) -> None:
        """Send the client what no server of ours sends."""
        self._from_server({"text": text} if isinstance(text, str) else {"binary": base64.b64encode(text).decode()})

    def _from_server(self, content: Json) -> None:
        self.lines.append({"from": "server"} | content)

    # --- the program -------------------------------------------------------------------------------------------------

    def program(self, does: str, name: str, **fields: Any) -> None:
        self.lines.append({"program": does, "name": name, "fields": fields})

    def expect(self, name: str, **what: Any) -> None:
        self.lines.append({"expect": what, "name": name})

    def expect_tick(
        self,
        name: str,
        *keys: str,
        ago: int = 0,
        numbered: bool = True,
        gap: tuple[int | None, int | None, str] | None = None,
        **more: Any,
    ) -> None:
        """Have the program be told of a tick, so many before the newest, as the machine had it."""
        time_ms = sorted(self._truth)[-1 - ago]
        truth = self._truth[time_ms]
        offset = self._offsets[time_ms] if numbered else None
        said: Json = {"time": time_ms, "offset": offset, "values": {key: truth[key] for key in keys}}
        said["gap"] = None if gap is None else dict(zip(("first", "last", "why"), gap, strict=True))
        self.expect(name, tick=said | more)


def at(seconds: float) -> int:
    """Return the time so long after the machine began."""
    return START_MS + round(seconds * 1000)
