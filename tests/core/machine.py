"""A small imaginary machine for the tests: a catalogue, a hub, ticks on demand, and a client that keeps the score."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from tests.schemas import check_accepted, check_message

from vitalcast.bus.base import Bus
from vitalcast.bus.local import LocalBus
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Frame, Kind, Sample, Series
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.core.metrics.ring import Ring
from vitalcast.core.metrics.table_info import TableInfo
from vitalcast.core.metrics.timeline import Timeline
from vitalcast.core.stream.hub import Hub
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.stream.output import Output
from vitalcast.core.stream.session import Session
from vitalcast.core.wire.limits import DEFAULT_LIMITS, Limits
from vitalcast.core.wire.messages import Message

LOAD = Descriptor("system.load", "1", Kind.GAUGE, "Load.")
IO = Descriptor("system.disk.io", "By", Kind.COUNTER, "Bytes.", ("system.device",))
GHOST = Descriptor("hw.fan.speed", "rpm", Kind.GAUGE, "No fan has been seen yet.")
TABLES = {
    "processes": TableInfo([{"name": name, "unit": "1", "description": name} for name in ("pid", "cpu")], 1000),
    "units": TableInfo(
        [{"name": name, "unit": unit, "description": name} for name, unit in (("unit", ""), ("cpu", "1"))]
    ),
}
START_MS = 1_790_000_000_000


def disk(name: str) -> Series:
    return Series(IO, (name,))


class Machine:
    """Ticks when told to, with the readings it is given. Its frames come to its hub by a bus of `make_bus`.

    The hub is its own, and it is at home there, unless it is given one to share.
    """

    make_bus: ClassVar[Callable[[], Bus]] = LocalBus

    def __init__(
        self,
        *,
        limits: Limits = DEFAULT_LIMITS,
        window_ms: int = 900_000,
        epoch: str = "epoch-1",
        descriptors: Iterable[Descriptor] = (LOAD, IO, GHOST),
        hub: Hub | None = None,
        source: Source | None = None,
    ) -> None:
        self.source = source or Source(Resource("machine-1", "web-1"), epoch)
        self.ring = Ring(window_ms=window_ms)
        self._home = Timeline(self.source, ring=self.ring, descriptors=descriptors, tables=TABLES)
        self.hub = hub or Hub(home=self._home, limits=limits)
        self.hub.emitted.append(self._note)
        self.bus = Machine.make_bus()
        self.bus.subscribe(self.hub.take)
        self.offset = 0
        self.time_ms = START_MS
        self.now_s = 1000.0
        self._frames = FrameBuilder()
        self._emitted: dict[int, list[Message]] = {}

    @property
    def timeline(self) -> Timeline:
        """What its hub remembers of it."""
        return self.hub.timelines.get(self.source.id, self._home)

    def _note(self, out: Output) -> None:
        self._emitted = out.by_group()

    @property
    def steady_ms(self) -> int:
        return round(self.now_s * 1000)

    def wait(self, ms: int) -> None:
        """Let time pass without a tick."""
        self.time_ms += ms
        self.now_s += ms / 1000

    def frame(self, readings: dict[Series, float], *, step_ms: int = 1000, skip: int = 0) -> Frame:
        """Make the next frame, `skip` ticks having been missed before it."""
        self.offset += 1 + skip
        self.wait(step_ms * (1 + skip))
        samples = [Sample(series, value) for series, value in readings.items()]
        return self._frames.frame(self.offset, self.time_ms, samples, steady_ms=self.steady_ms)

    def take(self, frame: Frame) -> dict[int, list[Message]]:
        """Take a frame into the hub; return what it emits, by group."""
        self._emitted = {}
        self.bus.publish(self.timeline.source if self.hub.sources.home is self._home else self.source, frame)
        return self._emitted

    def tick(
        self, load: float = 0.0, disks: Iterable[str] = ("sda",), *, step_ms: int = 1000, skip: int = 0
    ) -> dict[int, list[Message]]:
        """Take one tick into the hub; return what it emits, by group."""
        readings = {Series(LOAD): load} | {disk(name): self.offset * 10.0 + len(name) for name in disks}
        return self.take(self.frame(readings, step_ms=step_ms, skip=skip))

    def session(self, *, plain: bool = False, **kwargs: Any) -> Session:
        key = SeriesKey("machine-1", Selection.of(["system.load"]), 1000, form=Form.SELF_DESCRIBING) if plain else None
        return Session(self.hub, plain=key, now_ms=lambda: self.time_ms, now_s=lambda: self.now_s, **kwargs)


def decode(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return what was sent, each held to its schema."""
    decoded = [json.loads(message.payload) for message in messages]
    for message in decoded:
        check_message(message)
    return decoded


def ask(session: Session, **command: Any) -> list[dict[str, Any]]:
    """Send a command and return the decoded answers. One that is accepted is one by its schema too."""
    answers = decode(session.receive(json.dumps(command)))
    if any(answer["type"] != "error" for answer in answers):
        check_accepted(command)
    return answers


class Client:
    """Applies messages as a careful client does, and remembers every point of every series."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.state: list[float | None] = []
        self.points: dict[str, dict[int, float | None]] = {}
        self.gaps: list[tuple[int, int, str]] = []
        self.offset = 0

    def take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                self._name(message["series"])
                self.offset = message["offset"]
                width = len(message["values"]) // max(len(self.keys), 1)
                for column, values in enumerate(message["values"]):
                    for time, value in zip(message["times"], values, strict=True):
                        self._put(column // max(width, 1), column % max(width, 1), time, value)
                self.state = [values[-1] if values else None for values in message["values"]]
            case "series":
                self._name(message["series"])
                self.state = []
            case "data":
                assert message["offset"] > self.offset, "an offset came twice or went back"
                self.offset = message["offset"]
                if "values" in message:
                    self.state = message["values"]
                else:
                    for position, value in message["changed"].items():
                        self.state[int(position)] = value
                width = len(self.state) // max(len(self.keys), 1)
                for column, value in enumerate(self.state):
                    self._put(column // width, column % width, message["time"], value)
            case "gap":
                self.gaps.append((message["from"], message["to"], message["why"]))

    def _name(self, series: list[dict[str, Any]]) -> None:
        self.keys = [one["name"] + "".join(sorted(one["attributes"].values())) for one in series]

    def _put(self, series: int, aggregate: int, time: int, value: float | None) -> None:
        points = self.points.setdefault(f"{self.keys[series]}#{aggregate}", {})
        assert time not in points, "a point was told twice"
        points[time] = value


def null(value: float) -> float | None:
    return None if math.isnan(value) else value


def floats(values: Iterable[float]) -> np.ndarray:
    return np.array(list(values), dtype=np.float64)
