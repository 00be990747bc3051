"""Temperatures, fans and the battery, where the machine has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from vitalcast.collectors.base import NO_READING, Collector
from vitalcast.model import Descriptor, Kind, Sample

TEMPERATURE = Descriptor("hw.temperature", "Cel", Kind.GAUGE, "Temperature that a sensor reads.", ("hw.id", "hw.name"))
FAN_SPEED = Descriptor("hw.fan.speed", "rpm", Kind.GAUGE, "Revolutions a minute.", ("hw.id", "hw.name"))
BATTERY_CHARGE = Descriptor(
    "hw.battery.charge", "1", Kind.GAUGE, "Share of the battery's charge that is left.", ("hw.id",)
)
BATTERY_TIME_LEFT = Descriptor(
    "hw.battery.time_left",
    "s",
    Kind.GAUGE,
    "Time until the battery is empty; absent while it is not being discharged.",
    ("hw.battery.state", "hw.id"),
)

DESCRIPTORS = (TEMPERATURE, FAN_SPEED, BATTERY_CHARGE, BATTERY_TIME_LEFT)

Chips = Mapping[str, Sequence[Any]]  # psutil's named tuples: label, current, …

# Each of these functions is missing on some platforms.
_TEMPERATURES: Callable[[], Chips] | None = getattr(psutil, "sensors_temperatures", None)
_FANS: Callable[[], Chips] | None = getattr(psutil, "sensors_fans", None)
_BATTERY: Callable[[], Any] | None = getattr(psutil, "sensors_battery", None)


class SensorsCollector(Collector):
    """Asks psutil, up to 25 ms on real hardware. What was not found at the start stays absent.

    The three readers are psutil's functions, None where the platform's psutil has none.
    """

    name = "sensors"
    cadence_s = 10.0

    def __init__(
        self,
        *,
        temperatures: Callable[[], Chips] | None = _TEMPERATURES,
        fans: Callable[[], Chips] | None = _FANS,
        battery: Callable[[], Any] | None = _BATTERY,
    ) -> None:
        super().__init__()
        self._temperatures = temperatures if _finds_any(temperatures) else None
        self._fans = fans if _finds_any(fans) else None
        self._battery = battery if _finds_any(battery) else None
        self.descriptors = (
            *((TEMPERATURE,) if self._temperatures else ()),
            *((FAN_SPEED,) if self._fans else ()),
            *((BATTERY_CHARGE, BATTERY_TIME_LEFT) if self._battery else ()),
        )

    def collect(self, _now_s: float) -> list[Sample]:
        return [
            *self._of_chips(TEMPERATURE, self._temperatures),
            *self._of_chips(FAN_SPEED, self._fans),
            *self._of_battery(),
        ]

    def _of_chips(self, descriptor: Descriptor, read: Callable[[], Chips] | None) -> list[Sample]:
        """Name each sensor `<chip>/<number>`, as several may carry the same label or none."""
        return [
            self.sample(descriptor, _number(sensor.current), f"{chip}/{index}", sensor.label or chip)
            for chip, sensors in (read() if read else {}).items()
            for index, sensor in enumerate(sensors)
        ]

    def _of_battery(self) -> list[Sample]:
        battery = self._battery() if self._battery else None
        if battery is None:  # taken out
            return []
        samples = [self.sample(BATTERY_CHARGE, min(battery.percent / 100, 1.0), "battery")]
        if not battery.power_plugged and battery.secsleft is not None and battery.secsleft >= 0:
            samples.append(self.sample(BATTERY_TIME_LEFT, battery.secsleft, "discharging", "battery"))
        return samples


def _finds_any(read: Callable[[], Any] | None) -> bool:
    try:
        return bool(read and read())
    except (OSError, NotImplementedError, RuntimeError):
        return False


def _number(value: float | None) -> float:
    return NO_READING if value is None else value
