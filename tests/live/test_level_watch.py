"""Levels that are not good become events, with the programs that had to do with them, and bring a burst."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.machine import Machine
from tests.core.panel_machine import DESCRIPTORS

from vitalcast.core.events.event import Event, Severity
from vitalcast.core.metrics.model import Descriptor, Kind, Series
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Headline, Panel
from vitalcast.core.processes.snapshot import ProcessRow, ProcessSnapshot
from vitalcast.dashboards.store import DashboardStore
from vitalcast.live.burst import Burst
from vitalcast.live.event_log import EventLog
from vitalcast.live.level_watch import LevelWatch
from vitalcast.live.panel_board import PanelBoard

CPU = DESCRIPTORS["system.cpu.utilization"]
FILESYSTEM = DESCRIPTORS["system.filesystem.usage"]
PROGRAM = Descriptor("process.cpu.utilization", "1", Kind.GAUGE, "", ("process.executable.name",))


def cpu_panel(**thresholds: float) -> Panel:
    """Return the built-in panel of the CPU, whose level rises after five seconds and falls at once unless told."""
    [cpu] = [panel for panel in BUILT_IN if panel.id == "cpu"]
    assert cpu.thresholds is not None
    other = cpu.thresholds.model_copy(update={"for_s": 5.0, "keep_s": 0.0} | thresholds)
    return cpu.model_copy(update={"thresholds": other})


PANELS = tuple(cpu_panel() if panel.id == "cpu" else panel for panel in BUILT_IN)


class Watched:
    """A machine whose panels are judged and watched; `events` are those that it told, as they are by now."""

    def __init__(self, *panels: Panel) -> None:
        self.machine = Machine(descriptors=DESCRIPTORS.values())
        self.store = DashboardStore(panels or PANELS, ())
        board = PanelBoard(self.store)
        self.events: dict[str, Event] = {}
        self.told = 0
        self.demands: list[int] = []
        hub, timeline = self.machine.hub, self.machine.timeline
        board.judge(timeline)
        hub.demanded.append(lambda _, tick_ms: self.demands.append(tick_ms))
        log = EventLog(
            "machine-1", tell=self._take, now_ms=lambda: self.machine.time_ms, now_s=lambda: self.machine.now_s
        )
        self.watch = LevelWatch(
            log,
            board,
            timeline,
            burst=Burst(hub, timeline, lasts_ms=30_000),
            burst_s=30,
            steady_ms=lambda: self.machine.steady_ms,
        )
        hub.advanced += [board.advance, self.watch.advance]

    def _take(self, event: Event) -> None:
        self.told += 1
        self.events[event.id] = event

    def take(self, readings: dict[Series, float], *, times: int = 1) -> None:
        for _ in range(times):
            self.machine.take(self.machine.frame(readings))

    def cpu(self, busy: float, *, times: int = 1) -> None:
        self.take({Series(CPU, ("user",)): busy, Series(CPU, ("idle",)): 1 - busy}, times=times)

    def see(self, **cpu: float) -> None:
        rows = tuple(
            ProcessRow(at, 0, 0, name, None, None, 1, "running", share, 1000 * (at + 1), 0.0, 0.0)
            for at, (name, share) in enumerate(cpu.items())
        )
        self.watch.see(ProcessSnapshot(self.machine.time_ms, 5000, rows))

    @property
    def event(self) -> Event:
        [event] = self.events.values()
        return event


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_level_that_is_good_is_no_event(watched: Watched) -> None:
    watched.cpu(0.5, times=100)
    watched.cpu(0.99, times=3)
    watched.cpu(0.5, times=100)
    assert watched.events == {}


def test_a_level_is_one_event_from_its_beginning_to_its_end_with_its_three_programs(watched: Watched) -> None:
    watched.cpu(0.1, times=10)
    begin_ms = watched.machine.time_ms
    watched.see(earlier=9.0)
    watched.cpu(0.88, times=5)
    watched.see(gzip=0.9, chromium=0.6)
    watched.cpu(0.88)
    begun = watched.event
    assert (begun.kind, begun.severity, begun.ongoing) == ("level", Severity.WARNING, True)
    assert (begun.title, begun.names) == ("CPU 88 % for 5 s", ("gzip", "chromium"))
    assert begun.time_ms == pytest.approx(begin_ms, abs=1000)
    watched.see(python=0.7, idle=0.01, gzip=0.9)
    watched.cpu(0.98, times=10)
    assert watched.event.severity is Severity.CRITICAL
    watched.cpu(0.7, times=10)
    ended = watched.event
    assert (ended.title, ended.ongoing) == ("CPU 98 % for 16 s", False)
    assert ended.names == ("gzip", "python", "chromium")
    assert ended.end_ms == begin_ms + 17_000  # the first tick that was good
    assert ended.attributes == {"panel": "cpu", "value": 0.98, "burst_s": 30, "burst_interval_s": 0.1}
    assert watched.told < 8


def test_an_event_ends_with_its_values_however_long_its_level_is_kept() -> None:
    watched = Watched(*BUILT_IN)
    watched.cpu(0.1, times=30)
    begin_ms = watched.machine.time_ms
    watched.cpu(0.98, times=25)
    watched.cpu(0.1, times=19)
    assert (watched.event.title, watched.event.ongoing) == ("CPU 98 % for 20 s", True)
    watched.cpu(0.1, times=5)
    ended = watched.event
    assert (ended.title, ended.ongoing) == ("CPU 98 % for 25 s", False)
    assert (ended.time_ms, ended.end_ms) == (begin_ms + 1000, begin_ms + 26_000)


def test_what_comes_back_while_its_level_is_kept_goes_on() -> None:
    watched = Watched(*BUILT_IN)
    watched.cpu(0.1, times=30)
    for _ in range(6):
        watched.cpu(0.98, times=25)
        watched.cpu(0.5, times=10)
    assert watched.event.ongoing
    assert "times" not in watched.event.attributes


def test_the_culprits_follow_where_they_were_not_known_at_first(watched: Watched) -> None:
    watched.cpu(0.99, times=7)
    assert watched.event.names == ()
    watched.see(gzip=1.0)
    assert watched.event.names == ("gzip",)
    assert watched.event.ongoing


def test_of_a_panel_that_no_program_is_behind_none_is_named_but_the_worst_bar_is(watched: Watched) -> None:
    series = {
        Series(FILESYSTEM, ("/dev/sda", mount, "ext4", state)): value
        for mount, full in (("/", 10.0), ("/home", 96.0))
        for state, value in (("used", full), ("free", 100 - full))
    }
    watched.see(gzip=1.0)
    watched.take(series, times=7)
    assert (watched.event.title, watched.event.names) == ("Filesystems, /home, 96 % for 5 s", ())


def test_names_of_programs_in_a_panels_lines_stay_out_of_the_title() -> None:
    panel = Panel.model_validate(
        {
            "id": "programs",
            "title": "Programs",
            "metrics": ["process.cpu.utilization"],
            "by": ["process.executable.name"],
            "headline": {"reduce": "max"},
            "thresholds": {"warning": 0.5, "critical": 0.9, "for": 0},
        }
    )
    watched = Watched(panel)
    watched.take({Series(PROGRAM, ("gzip",)): 0.7, Series(PROGRAM, ("python",)): 0.1}, times=2)
    assert (watched.event.title, watched.event.names) == ("Programs 70 %", ("gzip",))


def test_a_name_in_the_lines_of_whatever_metric_stays_out_of_the_title() -> None:
    busy = Descriptor("app.busy", "1", Kind.GAUGE, "", ("user.name",))
    panel = cpu_panel(for_s=0.0).model_copy(
        update={"id": "app", "metrics": ("app.busy",), "by": (), "rest": (), "headline": Headline(reduce="max")}
    )
    watched = Watched(panel)
    watched.take({Series(busy, ("root",)): 0.97, Series(busy, ("nobody",)): 0.5}, times=2)
    assert (watched.event.title, watched.event.names) == ("CPU 97 %", ("root",))


def test_a_panel_without_a_value_goes_on_for_a_while(watched: Watched) -> None:
    watched.cpu(0.99, times=10)
    watched.take({}, times=30)
    assert watched.event.ongoing
    watched.take({}, times=60)
    assert watched.event.end_ms == watched.machine.time_ms - 90_000


def test_what_flaps_for_an_hour_is_one_event(watched: Watched) -> None:
    for _ in range(120):
        watched.cpu(0.99, times=10)
        watched.cpu(0.2, times=20)
    assert watched.event.attributes["times"] == 120
    assert watched.event.title.startswith("CPU 99 %, 120 times in 59 min")
    assert watched.told < 2.5 * 120


def test_what_was_bad_before_a_start_and_is_bad_still_begins_with_the_first_tick(watched: Watched) -> None:
    watched.machine.hub.advanced.remove(watched.watch.advance)
    watched.cpu(0.99, times=10)  # which a run before has left in the ring
    watched.machine.hub.advanced.append(watched.watch.advance)
    watched.cpu(0.99)
    assert watched.event.time_ms == watched.machine.time_ms
    assert watched.event.title == "CPU 99 %"


def test_a_stop_ends_what_is_not_good_and_says_that_it_may_go_on(watched: Watched) -> None:
    watched.cpu(0.99, times=20)
    end_ms = watched.machine.time_ms + 500
    watched.watch.end(end_ms)
    assert (watched.event.ongoing, watched.event.end_ms, watched.event.attributes["cut_off"]) == (False, end_ms, 1)


def test_a_panel_that_goes_ends_its_event_and_one_with_other_thresholds_begins_anew(watched: Watched) -> None:
    watched.cpu(0.97, times=10)
    watched.store.replace((cpu_panel(critical=0.99),), ())
    watched.cpu(0.97, times=10)
    assert [event.severity for event in watched.events.values()] == [Severity.CRITICAL, Severity.WARNING]
    watched.store.replace((), ())
    watched.cpu(0.97)
    assert not any(event.ongoing for event in watched.events.values())


def test_a_critical_level_brings_ticks_in_tenths_for_a_while_and_not_again_soon(watched: Watched) -> None:
    watched.cpu(0.88, times=10)
    assert watched.demands == []
    watched.cpu(0.99, times=10)
    assert watched.demands == [100]
    assert watched.machine.hub.tick_ms("machine-1") == 100
    watched.cpu(0.99, times=30)
    assert watched.demands == [100, 1000]
    watched.cpu(0.1, times=200)
    watched.cpu(0.99, times=10)
    assert watched.demands == [100, 1000]
    assert [("burst_s" in event.attributes) for event in watched.events.values()] == [True, False]
    watched.cpu(0.1, times=400)
    watched.cpu(0.99, times=10)
    assert watched.demands == [100, 1000, 100]


def test_a_burst_and_a_subscription_do_not_get_in_each_others_way(watched: Watched) -> None:
    machine = watched.machine
    watched.cpu(0.99)
    session = machine.session()
    session.receive('{"type":"subscribe","stream":"s","metrics":["system.cpu.utilization"],"interval":0.5}')
    assert watched.demands == [500]
    watched.cpu(0.99, times=10)
    session.close()
    assert watched.demands == [500, 100]
    watched.cpu(0.99, times=40)
    assert watched.demands == [500, 100, 1000]


def test_a_burst_is_never_faster_than_the_machine_may_be_sampled() -> None:
    machine = Machine()
    machine.tick()
    for interval_ms, begun in ((500, 500), (1000, None)):
        machine.timeline.describe(replace(machine.source, interval_min_ms=interval_ms))
        assert Burst(machine.hub, machine.timeline, lasts_ms=1000).begin(0) == begun
