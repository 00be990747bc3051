"""What frames tell beside their values becomes events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.core.machine import Machine, disk

from vitalcast.core.events.event import Event, Severity
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.metrics.resource import Resource, Source
from vitalcast.live.event_log import EventLog
from vitalcast.live.machine_watch import MachineWatch

INTERFACE = Descriptor("system.network.io", "By", Kind.COUNTER, "", ("network.interface.name",))
FILESYSTEM = Descriptor("system.filesystem.usage", "By", Kind.UPDOWNCOUNTER, "", ("system.filesystem.mountpoint",))


class Watched:
    """A machine that is watched. Its clocks are those of the machine, with a wall clock that can be set."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.set_ms = 0
        self.asleep_ms = 0
        self.events: dict[str, Event] = {}
        self.log = EventLog(
            "machine-1", tell=self._take, now_ms=lambda: self.machine.time_ms, now_s=lambda: self.machine.now_s
        )
        watch = MachineWatch(
            self.log,
            self.machine.timeline,
            wall_ms=lambda: self.machine.time_ms + self.set_ms,
            steady_ms=lambda: self.machine.steady_ms,
            awake_ms=lambda: self.machine.steady_ms - self.asleep_ms,
        )
        self.machine.hub.advanced.append(watch.advance)
        self.ticks(20)

    def _take(self, event: Event) -> None:
        self.events[event.id] = event

    def tick(
        self,
        disks: Iterable[str] = ("sda",),
        mounts: Iterable[str] = ("/",),
        more: Iterable[Series] = (),
        *,
        skip: int = 0,
    ) -> None:
        series = [*map(disk, disks), *(Series(FILESYSTEM, (mount,)) for mount in mounts), *more]
        self.machine.take(self.machine.frame(dict.fromkeys(series, 1.0), skip=skip))

    def ticks(self, count: int, **fields: Any) -> None:
        for _ in range(count):
            self.tick(**fields)

    def titles(self) -> list[str]:
        return [event.title for event in self.events.values()]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_calm_machine_has_no_events(watched: Watched) -> None:
    watched.ticks(100)
    assert watched.events == {}


def test_a_hole_is_a_gap_and_holes_close_to_each_other_are_one(watched: Watched) -> None:
    watched.tick(skip=9)
    [event] = watched.events.values()
    assert watched.titles() == ["Not sampled for 10 s"]
    assert event.end_ms == watched.machine.time_ms == event.time_ms + 10_000
    assert (event.kind, event.severity) == ("gap", Severity.WARNING)
    watched.ticks(5)
    watched.tick(skip=4)
    assert watched.titles() == ["Not sampled 2 times within 20 s"]
    assert {**watched.events[event.id].attributes} == {"ticks": 13, "why": "held up", "gaps": 2}
    watched.ticks(100)
    watched.tick(skip=4)
    assert len(watched.events) == 2


def test_a_machine_that_slept_is_told_from_one_that_was_held_up(watched: Watched) -> None:
    watched.asleep_ms = 7_199_000
    watched.tick(skip=7199)
    watched.tick(skip=9)
    assert watched.titles() == ["Suspended for 2 h", "Not sampled for 10 s"]
    assert [event.severity for event in watched.events.values()] == ["info", "warning"]


def test_a_clock_that_is_set_is_said_and_is_no_gap(watched: Watched) -> None:
    for by_ms in (-3_600_000, 5000):
        watched.set_ms += by_ms
        watched.ticks(3)
    assert watched.titles() == ["Clock set back by 1 h", "Clock set forward by 5 s"]
    assert [event.attributes["by_s"] for event in watched.events.values()] == [-3600, 5]
    assert [event.severity for event in watched.events.values()] == ["warning", "info"]


def test_disks_and_filesystems_that_come_and_go_are_named(watched: Watched) -> None:
    watched.ticks(10, disks=("sda", "sdb"), mounts=("/", "/mnt/usb"))
    watched.ticks(10, disks=("sda", "sdb", "sdc", "sdd"), mounts=("/", "/mnt/usb"))
    watched.ticks(10)
    assert watched.titles() == [
        "Disk sdb came",
        "Filesystem /mnt/usb mounted",
        "2 disks came: sdc, sdd",
        "3 disks are gone: sdb, sdc, sdd",
        "Filesystem /mnt/usb is gone",
    ]
    first, second, *_ = watched.events.values()
    assert (first.kind, dict(first.attributes)) == ("device", {"system.device": "sdb"})
    assert (second.kind, dict(second.attributes)) == ("filesystem", {"system.filesystem.mountpoint": "/mnt/usb"})


def test_interfaces_that_flap_leave_room_for_a_disk_that_goes(watched: Watched) -> None:
    interface = Series(INTERFACE, ("veth1",))
    for _ in range(100):
        watched.ticks(10, more=(interface,))
        watched.ticks(10)
    assert watched.log.left_out > 0
    watched.ticks(10, disks=())
    *_, event = watched.events.values()
    assert (event.title, event.severity) == ("Disk sda is gone", Severity.WARNING)


def test_what_flaps_for_a_day_stays_within_bounds(watched: Watched) -> None:
    for _ in range(1000):
        watched.ticks(10, disks=("sda", "sdb"))
        watched.ticks(10)
    assert len(watched.events) < 20 + 2 * 20_000 / 60 + 1
    assert watched.log.left_out > 0


def test_other_sources_are_not_watched(watched: Watched) -> None:
    other = Machine(hub=watched.machine.hub, source=Source(Resource("machine-2", "web-2"), "epoch-2"))
    for skip in (0, 100):
        other.take(other.frame({disk("sda"): 1.0}, skip=skip))
    assert "machine-2" in watched.machine.hub.timelines
    watched.tick()
    assert watched.events == {}
