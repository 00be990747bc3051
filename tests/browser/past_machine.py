"""What the machine of the generated past did: a value of each of its series at any times, all telling one story.

The series are those that this machine has now, but for the programs, which are made up. Days have a rhythm, a backup
runs each night, `java` swells until the kernel kills it, and `gzip` takes all CPUs for 25 seconds.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vitalcast.collectors.programs import IO_RATE, MEMORY, OTHERS, SHORT_LIVED, UTILIZATION
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.schema import Settings
from vitalcast.core.metrics.model import Kind, Series
from vitalcast.live.collector_runner import CollectorRunner
from vitalcast.live.machine_readers import machine_readers

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
SPIKE_MS = 25_000
BACKUP_MS = 18 * MINUTE_MS
SWELLS_MS = 2 * HOUR_MS
JAVA_SHARE = 0.76  # of the memory, when it is killed
MIB = 2**20
GZIP, RESTIC, JAVA = "gzip", "restic", "java"


class Program(NamedTuple):
    """A program: the shares of the host that it takes always and at noon, its memory, and who runs it."""

    name: str
    always: float
    at_noon: float
    memory_mib: int
    pids: tuple[int, ...]
    user: str
    unit: str
    read: float = 0.0
    write: float = 0.0


PROGRAMS = (
    Program("postgres", 0.02, 0.09, 1400, (812, 1204, 1205, 1371), "postgres", "postgresql.service", 4e4, 6e5),
    Program("python3", 0.02, 0.07, 620, (1420, 1421), "app", "shop.service", 0, 3e4),
    Program("nginx", 0.005, 0.03, 90, (930, 931, 932), "www-data", "nginx.service", 0, 1.2e5),
    Program("node", 0.01, 0.02, 310, (1502,), "app", "shop-assets.service"),
    Program("redis-server", 0.004, 0.006, 140, (977,), "redis", "redis-server.service", 0, 1e4),
    Program("containerd", 0.004, 0.0, 75, (701,), "root", "containerd.service"),
    Program("systemd-journal", 0.002, 0.002, 48, (301,), "root", "systemd-journald.service", 0, 2e4),
)


@dataclass(frozen=True)
class Story:
    """When things happened, in Unix ms; `end_ms` is the newest tick."""

    end_ms: int
    spike_ms: int
    days: int = 30
    deploy_ms: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deploy_ms", last_clock(self.end_ms, 2))

    @property
    def start_ms(self) -> int:
        """The beginning, a whole hour."""
        return (self.end_ms - self.days * DAY_MS) // HOUR_MS * HOUR_MS

    @property
    def spike_end_ms(self) -> int:
        return self.spike_ms + SPIKE_MS

    @property
    def oom_ms(self) -> int:
        return self.end_ms - 26 * HOUR_MS

    @property
    def restart(self) -> tuple[int, int]:
        """From when to when the server was away."""
        return self.end_ms - 100 * MINUTE_MS, self.end_ms - 96 * MINUTE_MS

    @property
    def hole(self) -> tuple[int, int]:
        """From when to when nothing was sampled, nine days ago."""
        end_ms = self.end_ms // HOUR_MS * HOUR_MS - 9 * DAY_MS
        return end_ms - 100 * MINUTE_MS, end_ms - 60 * MINUTE_MS

    @cached_property
    def backups_ms(self) -> tuple[int, ...]:
        """When the backup of each night began."""
        newest = last_clock(self.end_ms - BACKUP_MS, 3)
        nights = (newest - day * DAY_MS for day in range(self.days))
        return tuple(night for night in reversed(list(nights)) if night > self.start_ms)


def last_clock(before_ms: int, hour: int) -> int:
    """Return when it last was this hour here, before some time."""
    local = time.localtime(before_ms / 1000)
    seconds = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec
    found = before_ms - before_ms % 1000 - (seconds - hour * 3600) * 1000
    return found if found < before_ms else found - DAY_MS


def newest_samples() -> dict[Series, float]:
    """Read the collectors of this machine twice, so that there are rates, and return what they say."""
    stats = RuntimeStats()
    runners = [CollectorRunner(one, stats) for one in machine_readers(Settings(), stats).collectors]
    for _ in range(2):
        for runner in runners:
            runner.take(runner.read())
        time.sleep(0.05)
    return {series: value for runner in runners for series, value in runner.samples}


class Machine:
    """Has a value for each of `series` at any times, which are to be asked from old to new."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.cores = os.cpu_count() or 1
        now = newest_samples()
        usual = [series for series in now if not series.name.startswith("process.")]
        self._newest = {series.key: 0.0 if math.isnan(now[series]) else now[series] for series in usual}
        names = [program.name for program in PROGRAMS]
        whole = (*names, SHORT_LIVED, OTHERS)
        self.usual = (
            *usual,
            *(Series(UTILIZATION, (name,)) for name in whole),
            *(Series(MEMORY, (name,)) for name in (*names, OTHERS)),
            *(Series(IO_RATE, (name, way)) for name in (*names, OTHERS) for way in ("read", "write")),
        )
        rare = (RESTIC, GZIP, JAVA)
        self.series = (
            *self.usual,
            *(Series(UTILIZATION, (name,)) for name in rare),
            *(Series(MEMORY, (name,)) for name in rare),
            *(Series(IO_RATE, (name, way)) for name in (RESTIC, GZIP) for way in ("read", "write")),
        )
        self._random = np.random.default_rng(12)
        self._counts: dict[Series, float] = {}
        self.last_ms = story.start_ms - MINUTE_MS

    def now(self, key: str) -> float:
        """Return what a series has on this machine, 0 for none of its own."""
        return self._newest.get(key, 0.0)

    @cached_property
    def memory_bytes(self) -> float:
        """The memory of this machine."""
        return self.now("system.memory.limit") or 8192.0 * MIB

    def values(self, times_ms: Integers) -> Floats:
        """Return the values at times, in the shape (times, series), `nan` for what was not there."""
        moments = Moments(self, times_ms, self._random)
        steps_s = np.diff(times_ms, prepend=self.last_ms) / 1000
        found = np.empty((len(times_ms), len(self.series)))
        for column, series in enumerate(self.series):
            if series.descriptor.kind is Kind.COUNTER:
                grown = np.cumsum(moments.flow(series) * steps_s) + self._counts.get(series, self.now(series.key) / 2)
                self._counts[series] = float(grown[-1])
                found[:, column] = np.round(grown, 2 if series.descriptor.unit == "s" else 0)
            elif series.name.endswith(".rate") and series.descriptor is not IO_RATE:
                found[:, column] = significant(moments.flow(series))
            else:
                found[:, column] = moments.level(series, self.now(series.key))
        self.last_ms = int(times_ms[-1])
        return found


class Moments:
    """What went on at some times."""

    def __init__(self, machine: Machine, times_ms: Integers, random: np.random.Generator) -> None:
        self._machine = machine
        self._story = machine.story
        self._times_ms = times_ms
        self._random = random
        self._cores = machine.cores
        self._memory_bytes = machine.memory_bytes

    @cached_property
    def day(self) -> Floats:
        """How much of a day's work is done: 0 at four in the morning, 1 at four in the afternoon, less on weekends."""
        here_ms = self._times_ms - (last_clock(int(self._times_ms[-1]), 0) % DAY_MS)
        rhythm = 0.5 - 0.5 * np.cos((here_ms / HOUR_MS - 4) * math.tau / 24)
        return rhythm * np.where(((here_ms // DAY_MS) + 4) % 7 >= 5, 0.5, 1.0) * self.waves(0.12)

    def waves(self, amount: float) -> Floats:
        """What goes up and down within minutes, about 1."""
        minutes = self._times_ms / MINUTE_MS
        slow = np.sin(minutes / 7.3) + np.sin(minutes / 2.9 + 1) + np.sin(minutes / 31 + 2)
        return np.maximum(0.05, 1 + amount * (slow / 2 + self._random.normal(0, 0.6, len(minutes))))

    def within(self, start_ms: int, end_ms: int) -> Floats:
        """1 in (start, end], else 0."""
        return ((self._times_ms > start_ms) & (self._times_ms <= end_ms)).astype(np.float64)

    @cached_property
    def spike(self) -> Floats:
        return self.within(self._story.spike_ms, self._story.spike_end_ms)

    @cached_property
    def backup(self) -> Floats:
        return sum((self.within(one, one + BACKUP_MS) for one in self._story.backups_ms), np.zeros(len(self._times_ms)))

    @cached_property
    def swollen(self) -> Floats:
        """How far `java` is on its way to the kill."""
        begin_ms = self._story.oom_ms - SWELLS_MS
        return np.clip((self._times_ms - begin_ms) / SWELLS_MS, 0, 1) * self.within(begin_ms, self._story.oom_ms)

    @cached_property
    def shares(self) -> dict[str, Floats]:
        """What each program takes of the host's CPU time; `nan` where it was not there."""
        made_way = 1 - 0.75 * self.spike
        usual = {one.name: (one.always + one.at_noon * self.day) * self.waves(0.3) * made_way for one in PROGRAMS} | {
            SHORT_LIVED: 0.004 * self.waves(0.5) * made_way,
            OTHERS: 0.012 * self.waves(0.3) * made_way,
        }
        usual[RESTIC] = _there(0.22 * self.backup * self.waves(0.2), self.backup)
        usual[JAVA] = _there(0.05 * self.waves(0.3) * (self.swollen > 0), self.swollen)
        others = np.nansum(list(usual.values()), axis=0)
        usual[GZIP] = _there((0.98 - others) * self.spike, self.spike)
        return {name: np.round(share, 5) for name, share in usual.items()}

    @cached_property
    def busy(self) -> Floats:
        """What all programs together take of the host's CPU time."""
        return np.minimum(1.0, np.nansum(list(self.shares.values()), axis=0))

    @cached_property
    def modes(self) -> dict[str, Floats]:
        found = {"user": 0.8 * self.busy, "system": 0.17 * self.busy, "interrupt": 0.03 * self.busy}
        found["iowait"] = np.minimum(1 - self.busy, 0.003 + 0.06 * self.backup)
        found["idle"] = 1 - self.busy - found["iowait"]
        return {name: np.round(share, 5) for name, share in found.items()}

    def memory(self, name: str) -> Floats:
        """What a program has in memory, `nan` where it was not there."""
        match name:
            case "restic":
                return _there(_pages(260 * MIB * self.backup), self.backup)
            case "gzip":
                return _there(_pages(9 * MIB * self.spike), self.spike)
            case "java":
                return _there(_pages((0.04 + (JAVA_SHARE - 0.04) * self.swollen) * self._memory_bytes), self.swollen)
            case _:
                mib = next((one.memory_mib for one in PROGRAMS if one.name == name), 220)
                return _pages(min(mib * MIB, mib / 16_384 * self._memory_bytes) * (1 + 0.05 * self.day))

    def moved(self, name: str, way: str) -> Floats:
        """What a program reads or writes a second."""
        if name == RESTIC:
            return _there((9e7 if way == "read" else 6e6) * self.backup * self.waves(0.2), self.backup)
        if name == GZIP:
            return _there((4.2e7 if way == "read" else 5e6) * self.spike * self.waves(0.1), self.spike)
        program = next((one for one in PROGRAMS if one.name == name), None)
        base = 2e3 if program is None else program.read if way == "read" else program.write
        return base * (0.2 + self.day) * self.waves(0.3)

    @cached_property
    def disk(self) -> dict[str, Floats]:
        names = [*(one.name for one in PROGRAMS), RESTIC, GZIP, OTHERS]
        return {way: np.nansum([self.moved(name, way) for name in names], axis=0) for way in ("read", "write")}

    @cached_property
    def used(self) -> Floats:
        """The bytes of memory that programs use."""
        names = [*(one.name for one in PROGRAMS), RESTIC, GZIP, JAVA, OTHERS]
        return np.nansum([self.memory(name) for name in names], axis=0)

    # --- of series -----------------------------------------------------------------------------------------------

    def flow(self, series: Series) -> Floats:
        """Return by how much a counter grows in a second."""
        name, of = series.name.removesuffix(".rate"), series.attributes
        nothing = np.zeros(len(self._times_ms))
        if name.startswith("system.disk."):
            return self._disk_flow(name, of.get("disk.io.direction", ""))
        if name.startswith("system.network."):
            return self._network_flow(name, of)
        match name:
            case "system.cpu.time":
                return self.modes.get(of["cpu.mode"], nothing) * self._cores
            case "system.cpu.context_switches":
                return (3000 + 40_000 * self.busy) * self.waves(0.1)
            case "system.cpu.interrupts":
                return (1500 + 16_000 * self.busy) * self.waves(0.1)
            case "system.paging.faults":
                return (400 + 20_000 * self.busy) * (1.0 if of["system.paging.fault.type"] == "minor" else 1e-4)
            case "system.pressure.time":
                return self.pressure(of["system.pressure.resource"])
            case "system.process.created":
                return 2 + 12 * self.busy * self.waves(0.4)
            case _:
                return nothing

    def _disk_flow(self, name: str, way: str) -> Floats:
        moved = self.disk[way] if way else self.disk["read"] + self.disk["write"]
        match name:
            case "system.disk.io":
                return moved
            case "system.disk.operations":
                return moved / 24_000
            case "system.disk.operation_time":
                return moved / 24_000 * 4e-4
            case _:
                return np.minimum(0.97, moved / 1.1e8)

    def _network_flow(self, name: str, of: dict[str, str]) -> Floats:
        if name not in ("system.network.io", "system.network.packet.count"):
            return np.zeros(len(self._times_ms))
        is_loopback, received = of["network.interface.name"] == "lo", of["network.io.direction"] == "receive"
        base = 4e5 if is_loopback else 9e5 if received else 5e6
        io = base * (0.1 + self.day) * self.waves(0.25) + (0 if is_loopback or received else 6e6) * self.backup
        return io / (1.0 if name == "system.network.io" else 880.0)

    def pressure(self, resource: str) -> Floats:
        """Return the share of the time in which something waited."""
        match resource:
            case "cpu":
                return np.clip((self.busy - 0.5) * 1.6, 0.002, 0.9)
            case "io":
                return np.clip(0.004 + 0.12 * self.backup * self.waves(0.2), 0, 1)
            case _:
                return 0.3 * (self.swollen > 0.95)

    def level(self, series: Series, now: float) -> Floats:
        """Return the value of what is not counted; `now` is what this machine has."""
        name, of = series.name, series.attributes
        if name.startswith("process."):
            return self._of_program(name, of["process.executable.name"], of.get("disk.io.direction", ""))
        if name.startswith("system.memory."):
            return self._memory_level(name, of.get("system.memory.state", ""), now)
        match name:
            case "system.cpu.utilization":
                return self.modes.get(of["cpu.mode"], np.zeros(len(self._times_ms)))
            case "system.cpu.logical.utilization":
                return np.round(np.clip(self.busy * self.waves(0.15 * (1 - self.busy.max())), 0, 1), 5)
            case "system.load.average":
                return np.round(self._cores * self.busy * 1.2, 2)
            case "system.pressure.utilization":
                return np.round(self.pressure(of["system.pressure.resource"]), 4)
            case "system.filesystem.usage" | "system.filesystem.utilization":
                return self._filled(series, now)
            case "system.uptime":
                return (self._times_ms - self._story.start_ms + DAY_MS) / 1000
            case _ if series.descriptor.unit in ("{process}", "{socket}", "{connection}"):
                return np.round(now * self.waves(0.06))
            case _ if series.descriptor.unit == "Cel":
                return np.round(38 + 30 * self.busy, 1)
            case _:
                return np.full(len(self._times_ms), now)

    def _of_program(self, metric: str, name: str, way: str) -> Floats:
        if metric == UTILIZATION.name:
            return self.shares[name]
        return self.memory(name) if metric == MEMORY.name else significant(self.moved(name, way))

    def _memory_level(self, name: str, state: str, now: float) -> Floats:
        cached = _pages(np.minimum(self._memory_bytes * 0.35, self._memory_bytes - self.used * 1.05))
        buffers = np.full(len(self._times_ms), 200.0 * MIB)
        found = {"used": self.used, "cached": cached, "buffers": buffers}
        found["free"] = np.maximum(64 * MIB, self._memory_bytes - self.used - cached - buffers)
        match name:
            case "system.memory.usage":
                return found.get(state, np.full(len(self._times_ms), now))
            case "system.memory.utilization":
                return np.round(found.get(state, np.full(len(self._times_ms), 0.0)) / self._memory_bytes, 5)
            case "system.memory.limit":
                return np.full(len(self._times_ms), self._memory_bytes)
            case "system.memory.linux.available":
                return self._memory_bytes - self.used
            case _:
                return np.full(len(self._times_ms), now)

    def _filled(self, series: Series, now: float) -> Floats:
        """A filesystem fills slowly: what was free is used."""
        state = series.attributes["system.filesystem.state"]
        used = self._machine.now(series.key.replace(f'state="{state}"', 'state="used"'))
        days = (self._times_ms - self._story.end_ms) / DAY_MS
        change = 0.006 * days * used * {"used": 1, "free": -1}.get(state, 0)
        return np.round(now + change, 5 if series.descriptor.unit == "1" else 0)


def _there(values: Floats, where: Floats) -> Floats:
    return np.where(where > 0, values, np.nan)


def _pages(values: Floats) -> Floats:
    return np.floor(values / 4096) * 4096


def significant(values: Floats) -> Floats:
    """Round to four digits, as rates are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tens = 10.0 ** (np.floor(np.log10(np.maximum(values, 1e-9))) - 3)
    rounded: Floats = np.round(np.round(values / tens) * tens, 9)
    return rounded
