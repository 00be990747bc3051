"""Temperatures, fans and the battery, where the machine has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from vitalcast.collectors.base import DENIED, NO_READING, Collector
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import amount, read_small
from vitalcast.core.metrics.model import Descriptor, Kind, Sample
from vitalcast.core.text import from_system
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Roots, matcher

TEMPERATURE = Descriptor("hw.temperature", "Cel", Kind.GAUGE, "Temperature of a sensor.", ("hw.id", "hw.name"))
FAN_SPEED = Descriptor("hw.fan.speed", "rpm", Kind.GAUGE, "Revolutions per minute.", ("hw.id", "hw.name"))
BATTERY_CHARGE = Descriptor(
    "hw.battery.charge", "1", Kind.GAUGE, "Share of the battery's charge that is left.", ("hw.id",)
)
BATTERY_TIME_LEFT = Descriptor(
    "hw.battery.time_left",
    "s",
    Kind.GAUGE,
    "Time until the battery is empty; absent unless it is discharging.",
    ("hw.battery.state", "hw.id"),
)

DESCRIPTORS = (TEMPERATURE, FAN_SPEED, BATTERY_CHARGE, BATTERY_TIME_LEFT)

# What lies outside is no reading: a sensor that is not connected, asleep or broken says 65261.85 °C, -127 °C or
# 65535 rpm, most often all ones in its register, and would be the hottest for ever.
_CELSIUS = (-100.0, 250.0)
_RPM = (0.0, 50_000.0)
# A worn battery holds more than it is said to, by some percent; 255 and 65535 are all ones again.
_PERCENT_MAX = 120.0
_TIME_LEFT_MAX_S = 30 * 86400.0
_BATTERY_ID = "battery"


class Sensor(NamedTuple):
    """One sensor of a chip, which may have no label; `nan` where it does not answer. `path` is where it was found."""

    label: str
    current: float
    path: str = ""


class Battery(NamedTuple):
    """A battery as psutil has it: seconds below zero are unknown, and so is None for whether mains are plugged in."""

    percent: float
    secsleft: float
    power_plugged: bool | None


Chips = Mapping[str, Sequence[Any]]  # of Sensor, or of psutil's named tuples: label, current, …


class Readers(NamedTuple):
    """What the collector asks; None where the platform has no answer."""

    temperatures: Callable[[], Chips] | None = None
    fans: Callable[[], Chips] | None = None
    battery: Callable[[], Any] | None = None


def readers(roots: Roots) -> Readers:
    """Return the readers of this system: of Linux's /sys, else those that psutil has on this platform."""
    if roots.psutil:
        return Readers(*(getattr(psutil, f"sensors_{name}", None) for name in Readers._fields))
    return Readers(
        lambda: read_temperatures(roots.sysfs), lambda: read_fans(roots.sysfs), lambda: read_battery(roots.sysfs)
    )


def read_temperatures(sysfs: Path) -> Chips:
    """Read the temperatures of /sys/class/hwmon, and where there are none those of the thermal zones."""
    folders = _folders(f"{sysfs}/class/hwmon")
    # Not every kernel has the chips of Intel's cores in the class.
    cores = (f"{folder}/hwmon" for folder in _folders(f"{sysfs}/devices/platform", "coretemp."))
    classed = {folder.rpartition("/")[2] for folder in folders}
    folders += [
        folder for core in cores for folder in _folders(core, "hwmon") if folder.rpartition("/")[2] not in classed
    ]
    return _chips(folders, "temp", 1000) or _thermal_zones(f"{sysfs}/class/thermal")


def read_fans(sysfs: Path) -> Chips:
    """Read the fans of /sys/class/hwmon."""
    return _chips(_folders(f"{sysfs}/class/hwmon"), "fan", 1)


def _chips(folders: Iterable[str], kind: str, units: int) -> Chips:
    """Return the sensors by chip. One that does not answer keeps its place, so that no other gets its number."""
    found: list[tuple[str, str, frozenset[str]]] = []
    for chip in folders:
        for folder in (chip, f"{chip}/device"):  # the second is where they were before Linux 3.15
            names = frozenset(_names(folder))
            inputs = [name for name in names if name.startswith(kind) and name.endswith("_input")]
            if inputs:
                found += ((f"{folder}/{name.removesuffix('_input')}", folder, names) for name in inputs)
                break
    chips: dict[str, list[Sensor]] = {}
    chip_of = {folder: _text(f"{folder}/name") or from_system(folder.rpartition("/")[2]) for _, folder, _ in found}
    for path, folder, names in sorted(found, key=lambda each: each[0]):
        base = path.rpartition("/")[2]
        label = _text(f"{path}_label") if f"{base}_label" in names else ""
        # The chip's own word that a sensor is not connected or broken.
        is_faulty = f"{base}_fault" in names and _number(f"{path}_fault") > 0
        value = NO_READING if is_faulty else _number(f"{path}_input") / units
        chips.setdefault(chip_of[folder], []).append(Sensor(label, value, path))
    return chips


def _thermal_zones(folder: str) -> Chips:
    zones: dict[str, list[Sensor]] = {}
    for zone in sorted(_folders(folder, "thermal_zone")):
        if kind := _text(f"{zone}/type"):
            zones.setdefault(kind, []).append(Sensor("", _number(f"{zone}/temp") / 1000, zone))
    return zones


def read_battery(sysfs: Path) -> Battery | None:
    """Read the first battery of /sys/class/power_supply; None where there is none that tells its charge."""
    root = f"{sysfs}/class/power_supply"
    supplies = sorted(_names(root))
    name = next((name for name in supplies if name.startswith("BAT") or "battery" in name.lower()), None)
    battery = f"{root}/{name}"
    if name is None or _number(f"{battery}/present") == 0:
        return None
    # In Wh, or in Ah, as the battery has it.
    now = _first(battery, "energy_now", "charge_now")
    full = _first(battery, "energy_full", "charge_full")
    power = abs(_first(battery, "power_now", "current_now"))  # below zero on some while it is discharged
    percent = 100 * now / full if full > 0 else NO_READING
    if not 0 <= percent <= _PERCENT_MAX:
        percent = _first(battery, "capacity")
    if percent != percent:
        return None
    left_s = now / power * 3600 if power > 0 else _first(battery, "time_to_empty_now")
    is_plugged = _is_plugged(battery, [f"{root}/{name}" for name in supplies])
    return Battery(percent, left_s if left_s == left_s else -1, is_plugged)


def _is_plugged(battery: str, supplies: Iterable[str]) -> bool | None:
    status = _text(f"{battery}/status").lower()
    if status in ("charging", "full", "discharging"):
        return status != "discharging"
    mains = [_number(f"{supply}/online") for supply in supplies if _text(f"{supply}/type") == "Mains"]
    return any(online > 0 for online in mains) if mains else None


def _first(folder: str, *names: str) -> float:
    """Return the number in the first of these files that has one."""
    return next((value for name in names if (value := _number(f"{folder}/{name}")) == value), NO_READING)


def _folders(folder: str, prefix: str = "") -> list[str]:
    return [f"{folder}/{name}" for name in _names(folder) if name.startswith(prefix)]


def _names(folder: str) -> list[str]:
    """Return the names in a folder, none where there is no folder; a glob of pathlib's takes twenty times as long."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []


def _number(path: str) -> float:
    """Return the number that a file holds, which may be below zero; `nan` where it does not answer."""
    return parse_number(_read(path))


def parse_number(text: bytes) -> float:
    """Parse a file of one number."""
    text = text.strip()
    return -amount(text[1:]) if text.startswith(b"-") else amount(text)


def _text(path: str) -> str:
    return from_system(_read(path).strip())


def _read(path: str) -> bytes:
    try:
        return read_small(path)
    except OSError:
        return b""


class SensorsCollector(Collector):
    """Reads Linux's /sys, elsewhere asks psutil; up to 25 ms on real hardware. What is not found at first is absent.

    Sensors whose `hw.id` or `hw.name` one of the globs in `exclude` matches are left out.
    """

    name = "sensors"
    cadence_s = 10.0

    def __init__(
        self,
        *,
        roots: Roots = HERE,
        exclude: tuple[str, ...] = DEFAULT_EXCLUSIONS.sensors,
        readers: Callable[[Roots], Readers] = readers,
    ) -> None:
        super().__init__()
        self._excluded = matcher(exclude)
        self._numbers: dict[tuple[Descriptor, str], dict[str, int]] = {}  # by chip, of each path that was ever there
        self._readers = Readers(*(read if _finds_any(read) else None for read in readers(roots)))
        self.descriptors = (
            *((TEMPERATURE,) if self._readers.temperatures else ()),
            *((FAN_SPEED,) if self._readers.fans else ()),
            *((BATTERY_CHARGE, BATTERY_TIME_LEFT) if self._readers.battery else ()),
        )

    def collect(self, _now_s: float) -> list[Sample]:
        return [
            *self._of_chips(TEMPERATURE, self._readers.temperatures, _CELSIUS),
            *self._of_chips(FAN_SPEED, self._readers.fans, _RPM),
            *self._of_battery(),
        ]

    def _of_chips(
        self, descriptor: Descriptor, read: Callable[[], Chips] | None, bounds: tuple[float, float]
    ) -> list[Sample]:
        """Name each sensor `<chip>/<number>`, as several may carry the same label or none.

        It keeps its number when others come and go: of two disks the second must not become the first that failed.
        """
        low, high = bounds
        samples = []
        for chip, sensors in (read() if read else {}).items():
            numbers = self._numbers.setdefault((descriptor, chip), {})
            for index, sensor in enumerate(sensors):
                path = getattr(sensor, "path", "")  # psutil does not tell
                number = numbers.setdefault(path, len(numbers)) if path else index
                hw_id, name = f"{chip}/{number}", sensor.label or chip
                if not self._excluded(hw_id) and not self._excluded(name):
                    value = sensor.current
                    is_plausible = value is not None and low <= value <= high
                    samples.append(self.sample(descriptor, value if is_plausible else NO_READING, hw_id, name))
        return samples

    def _of_battery(self) -> list[Sample]:
        battery = self._readers.battery() if self._readers.battery else None
        if battery is None or self._excluded(_BATTERY_ID):  # taken out
            return []
        is_plausible = 0 <= battery.percent <= _PERCENT_MAX
        samples = [
            self.sample(BATTERY_CHARGE, min(battery.percent / 100, 1.0) if is_plausible else NO_READING, _BATTERY_ID)
        ]
        left_s = battery.secsleft
        if not battery.power_plugged and left_s is not None and 0 <= left_s <= _TIME_LEFT_MAX_S:
            samples.append(self.sample(BATTERY_TIME_LEFT, left_s, "discharging", _BATTERY_ID))
        return samples


def _finds_any(read: Callable[[], Any] | None) -> bool:
    try:
        return bool(read and read())
    except DENIED:
        return False


COLLECTORS = (
    Declaration(
        SensorsCollector.name,
        DESCRIPTORS,
        lambda setup: SensorsCollector(roots=setup.roots, exclude=setup.exclude.sensors),
    ),
)
