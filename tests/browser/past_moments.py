"""What went on at some times on the machine of the generated past: its CPUs, memory, disks and networks, by program."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tests.browser.past_story import (
    BACKUP_MS,
    DAY_MS,
    GZIP,
    HOUR_MS,
    JAVA,
    JAVA_SHARE,
    MIB,
    MINUTE_MS,
    PROGRAMS,
    RESTIC,
    SECOND_MS,
    SWELLS_MS,
    Story,
    last_clock,
)

from vitalcast.collectors.programs import MEMORY, OTHERS, SHORT_LIVED, UTILIZATION
from vitalcast.core.metrics.model import Series

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


class Hardware(Protocol):
    """The machine that it went on: what it has, and what its series are now."""

    story: Story
    cores: int
    memory_bytes: float

    def now(self, key: str) -> float: ...


class Moments:
    """What went on at some times."""

    def __init__(self, machine: Hardware, times_ms: Integers, random: np.random.Generator) -> None:
        self._machine = machine
        self._story = machine.story
        self._times_ms = times_ms
        self._random = random
        self._cores = machine.cores
        self._memory_bytes = machine.memory_bytes

    @cached_property
    def day(self) -> Floats:
        """How much of a day's work is done, by and by."""
        return self.calm_day * self.waves(0.12)

    @cached_property
    def calm_day(self) -> Floats:
        """The same without its ups and downs: 0 at four in the morning, 1 at four in the afternoon."""
        here_ms = self._times_ms - (last_clock(int(self._times_ms[-1]), 0) % DAY_MS)
        rhythm = 0.5 - 0.5 * np.cos((here_ms / HOUR_MS - 4) * math.tau / 24)
        weekend = ((here_ms // DAY_MS) + 4) % 7 >= 5
        return rhythm * np.where(weekend, 0.5, 1.0)

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
    def job(self) -> Floats:
        """1 while `python3` does what it does every four minutes, which takes it 20 to 40 seconds."""
        turn, within_ms = np.divmod(self._times_ms + 37 * SECOND_MS, 4 * MINUTE_MS)
        return (within_ms < (20 + turn * 7 % 21) * SECOND_MS).astype(np.float64)

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
        usual["python3"] += 0.16 * self.job * self.waves(0.2) * made_way
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
                return np.round(self._cores * self._waiting(of["system.load.window"]), 2)
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

    def _waiting(self, window: str) -> Floats:
        """A load average: it follows what the CPUs do as slowly as its window is long."""
        lag_ms = {"1m": 1, "5m": 5, "15m": 15}.get(window, 1) * MINUTE_MS
        calm = 1.1 * sum(one.always + one.at_noon * self.calm_day for one in PROGRAMS)
        for start_ms, end_ms, more in (
            (self._story.spike_ms, self._story.spike_end_ms, 2.4),
            *((one, one + BACKUP_MS, 0.3) for one in self._story.backups_ms),
        ):
            since, after = self._times_ms - start_ms, np.maximum(0, self._times_ms - end_ms)
            risen = 1 - np.exp(-np.clip(since, 0, end_ms - start_ms) / lag_ms)
            calm = calm + more * risen * np.exp(-after / lag_ms)
        return calm

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
