"""A machine with a ConnectionManager before it, whose clients record, stall and resume on command."""

from __future__ import annotations

import json
from typing import Any

from tests.core.machine import LOAD, Machine
from tests.schemas import check_message

from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.model import Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import OPEN, Caller, Grant
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.limits import Limits
from vitalcast.errors import AccessError
from vitalcast.live.connection import Connection
from vitalcast.live.connections import ConnectionManager
from vitalcast.live.deferred_answers import Read
from vitalcast.live.writer import Batch, Writer


class RecordingWriter(Writer):
    """Takes what it is given; while `stalled` its client takes nothing more after the current batch."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.batches = 0
        self.stalled = False
        self.taken = 0
        self.unread = 0
        self.closed: tuple[int, str] | None = None
        self._waiting = False

    def write(self, batch: Batch) -> bool:
        assert not self._waiting, "written to while blocked"
        assert batch.messages, "an empty write"
        self._put(batch)
        self._waiting = self.stalled
        return not self.stalled

    def _put(self, batch: Batch) -> None:
        self.batches += 1
        self.texts += [message.text for message in batch.messages]

    def progress(self) -> int:
        return self.taken

    def unread_bytes(self) -> int:
        return self.unread

    def close(self, code: int, reason: str, last: Batch) -> None:
        self._put(last)
        self.closed = (code, reason)

    def drain(self) -> None:
        """Let the client take all that was written."""
        self.stalled = self._waiting = False

    def messages(self) -> list[dict[str, Any]]:
        """Return and forget the JSON messages so far, each held to its schema."""
        texts, self.texts = self.texts, []
        messages = [json.loads(text) for text in texts]
        for message in messages:
            check_message(message)
        return messages

    def types(self) -> list[str]:
        return [message["type"] for message in self.messages()]


class House:
    """A machine with a manager before it, and clients to open."""

    def __init__(self, *, read: Read | None = None, **limits: int) -> None:
        self.machine = Machine(limits=Limits(**limits))
        self.machine.tick()
        self.stats = RuntimeStats()
        self.demands = 0
        self.dashboards = "revision-1"
        self.refused: list[tuple[Caller, str]] = []
        self.manager = ConnectionManager(
            self.machine.hub,
            plain=SeriesKey("machine-1", Selection.of(["system.load"]), 1000, form=Form.SELF_DESCRIBING),
            stats=self.stats,
            now_s=lambda: self.machine.now_s,
            now_ms=lambda: self.machine.time_ms,
            on_demand=self._demanded,
            hello_s=10.0,
            verify=self._verify,
            dashboards=lambda: self.dashboards,
            on_refused=lambda caller, why: self.refused.append((caller, why)),
            read=read,
        )
        self.machine.hub.emitted.append(self.manager.publish)

    def _demanded(self) -> None:
        self.demands += 1

    @staticmethod
    def _verify(token: str, caller: Caller) -> Grant:
        """Tokens are good whose name is long: it is their id."""
        if len(token) < 4:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")
        return Grant(Scope.VIEW, token)

    def open(self, *, plain: bool = False, caller: Caller = OPEN) -> tuple[Connection, RecordingWriter]:
        writer = RecordingWriter()
        return self.manager.connect(writer, plain=plain, caller=caller), writer

    def subscribed(self, caller: Caller = OPEN, **fields: Any) -> tuple[Connection, RecordingWriter]:
        connection, writer = self.open(caller=caller)
        self.ask(connection, **({"type": "subscribe", "stream": "s", "metrics": ["system.load"]} | fields))
        writer.messages()
        writer.batches = 0
        return connection, writer

    def ask(self, connection: Connection, **command: Any) -> None:
        self.manager.receive(connection, json.dumps(command))

    def tick(self, load: float = 0.0, **kwargs: Any) -> None:
        self.machine.take(self.machine.frame({Series(LOAD): load}, **kwargs))
