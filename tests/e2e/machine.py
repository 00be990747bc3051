"""A server whose machine does as a test says: `python -m tests.e2e.machine` for `python -m vitalcast`.

Beside the real metrics it has `test.disk`, one series for each line of the file `disks` in its working folder, and
`test.bulk`, as many ever-changing series as the environment variable E2E_BULK says. `test.flip` is 0 and 1 by turns,
and `test.program` has the name of a program.
The file `metrics` has a metric a line that nobody knew before: its name, its unit, its value and its label `team`.
E2E_OTHER is the name of another source, whose frames come by the bus beside this machine's, twice a second and from
another epoch: its `test.length` is as long as the file `disks` is. With E2E_BUS=serialising that bus carries bytes.
E2E_VLANS is how many interfaces there are beside the real ones, each with errors, the last with most; and as many
filesystems, number n of N being n / N full. E2E_HOST is what the machine is called, in any bytes.

Its wall clock is ahead by as many seconds as the file `clock` says.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.contracts.serialising_bus import SerialisingBus

from vitalcast.bus import local
from vitalcast.collectors import registry
from vitalcast.collectors.base import Collector
from vitalcast.collectors.filesystem import USAGE
from vitalcast.collectors.network import DROPPED, ERRORS
from vitalcast.core.metrics.frames import FrameBuilder
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.metrics.resource import Resource, Source

if TYPE_CHECKING:
    from fastapi import FastAPI

DISKS = "disks"
METRICS = "metrics"
CLOCK = "clock"
DISK = Descriptor("test.disk", "By", Kind.GAUGE, "The length of a disk's name.", ("name",))
BULK = Descriptor("test.bulk", "1", Kind.GAUGE, "A number that is never the same.", ("number",))
PROGRAM = Descriptor("test.program", "1", Kind.GAUGE, "A number of a program.", ("process.executable.name",))
LENGTH = Descriptor("test.length", "By", Kind.GAUGE, "The length of a file.")
OTHER_EPOCH = "00000000000000ff"
OTHER_ID = "other-1"
OTHER_S = 0.5
FLIP = Descriptor("test.flip", "1", Kind.GAUGE, "0 and 1 by turns.")


class MachineCollector(Collector):
    name = "machine"
    descriptors = (DISK, BULK, PROGRAM, FLIP)
    deadline_s = 60.0  # thousands of series take a busy machine a while, and are no fault

    def __init__(self, *, folder: Path, bulk: int, vlans: int) -> None:
        super().__init__()
        self._vlans = vlans
        self._disks = folder / DISKS
        self._metrics = folder / METRICS
        self._bulk = [Series(BULK, (f"{number:05}",)) for number in range(bulk)]
        self._reads = 0

    def collect(self, now_s: float, /) -> list[Sample]:
        self._reads += 1
        names = self._disks.read_text().split() if self._disks.exists() else []
        samples = [Sample(Series(DISK, (name,)), float(len(name))) for name in names]
        samples += self._unknown()
        samples.append(self.sample(FLIP, self._reads % 2))
        samples.append(Sample(Series(PROGRAM, ("nginx",)), 1.0))
        samples += [Sample(series, self._reads + index / 7) for index, series in enumerate(self._bulk)]
        return samples + [sample for number in range(self._vlans) for sample in self._vlan(number)]

    def _unknown(self) -> Iterator[Sample]:
        lines = self._metrics.read_text().splitlines() if self._metrics.exists() else []
        for line in lines:
            name, unit, value, team = line.split()
            yield Sample(Series(Descriptor(name, unit, Kind.GAUGE, ""), (), (("team", team),)), float(value))

    def _vlan(self, number: int) -> Iterator[Sample]:
        errors, usage = _vlan_series(number)
        yield from (Sample(series, float(self._reads * number)) for series in errors)
        for series, share in zip(usage, (number, self._vlans - number, 0), strict=True):
            yield Sample(series, share * 2.0**20)


@functools.cache
def _vlan_series(number: int) -> tuple[list[Series], list[Series]]:
    """Return the series of an interface's errors, and of a filesystem's used, free and reserved bytes."""
    ways = ("receive", "transmit")
    errors = [Series(descriptor, (f"vlan{number}", way)) for descriptor in (ERRORS, DROPPED) for way in ways]
    usage = []
    for state in ("used", "free", "reserved"):
        values = {"system.filesystem.mountpoint": f"/srv/{number}", "system.filesystem.state": state}
        usage.append(Series(USAGE, tuple(values.get(key, "x") for key in USAGE.attributes)))
    return errors, usage


def _install() -> None:
    """Add the collector to the usual ones and set the clock, before anybody has imported these."""
    usual = registry.default_collectors
    if (name := os.environ.get("E2E_HOST")) is not None:
        socket.gethostname = lambda: name

    def with_machine(**arguments: Any) -> list[Collector]:
        bulk = int(os.environ.get("E2E_BULK", "0"))
        vlans = int(os.environ.get("E2E_VLANS", "0"))
        return [*usual(**arguments), MachineCollector(folder=Path.cwd(), bulk=bulk, vlans=vlans)]

    registry.default_collectors = with_machine
    if os.environ.get("E2E_BUS") == "serialising":
        local.LocalBus = SerialisingBus  # type: ignore[misc]
    if other := os.environ.get("E2E_OTHER"):
        _add_source(Source(Resource(OTHER_ID, other), OTHER_EPOCH, interval_ms=500))
    _steer_clock(Path.cwd() / CLOCK)


def _add_source(source: Source) -> None:
    """Have every service hear of another source by its bus, from before it serves until it stops."""
    from vitalcast.live.service import Service

    start, stop = Service.start, Service.stop
    tasks: dict[Service, asyncio.Task[None]] = {}

    async def publish(service: Service) -> None:
        frames = FrameBuilder()
        for offset in itertools.count(1000):
            file = Path(DISKS)
            length = float(len(file.read_bytes())) if file.exists() else 0.0
            time_ms = (offset - 1000) * 500  # its clock begins in 1970
            service.bus.publish(source, frames.frame(offset, time_ms, [Sample(Series(LENGTH), length)]))
            await asyncio.sleep(OTHER_S)

    async def start_both(service: Service) -> None:
        await start(service)
        tasks[service] = asyncio.create_task(publish(service))
        await asyncio.sleep(0)  # its first frame

    async def stop_both(service: Service) -> None:
        tasks[service].cancel()
        await asyncio.gather(tasks.pop(service), return_exceptions=True)
        await stop(service)

    Service.start, Service.stop = start_both, stop_both  # type: ignore[method-assign]


def _steer_clock(file: Path) -> None:
    true_ns = time.time_ns

    def time_ns() -> int:
        try:
            ahead_s = float(file.read_text() or 0)  # it may be in the midst of being written
        except FileNotFoundError:
            ahead_s = 0.0
        return true_ns() + int(ahead_s * 1e9)

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


def create_app() -> FastAPI:
    _install()
    from vitalcast.web.app import create_app

    return create_app()


if __name__ == "__main__":
    _install()
    from vitalcast.cli.main import main

    main()
