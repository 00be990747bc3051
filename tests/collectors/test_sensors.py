from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
from tests.collectors.support import by_key

from vitalcast.collectors.sensors import BATTERY_CHARGE, FAN_SPEED, TEMPERATURE, SensorsCollector


class Sensor(NamedTuple):
    label: str
    current: float | None


class Battery(NamedTuple):
    percent: float
    secsleft: int
    power_plugged: bool


def collector(**readers: Any) -> SensorsCollector:
    return SensorsCollector(**({"temperatures": None, "fans": None, "battery": None} | readers))


def test_sensors_of_equal_label_stay_apart() -> None:
    chips = {"nvme": [Sensor("", 40.5), Sensor("", 39.0)], "coretemp": [Sensor("Core 0", None)]}
    values = by_key(collector(temperatures=lambda: chips).collect(1.0))
    assert values['hw.temperature{hw.id="nvme/0",hw.name="nvme"}'] == 40.5
    assert values['hw.temperature{hw.id="nvme/1",hw.name="nvme"}'] == 39.0
    assert math.isnan(values['hw.temperature{hw.id="coretemp/0",hw.name="Core 0"}'])


def test_fans_are_read() -> None:
    fans = collector(fans=lambda: {"thinkpad": [Sensor("", 2400)]})
    assert by_key(fans.collect(1.0)) == {'hw.fan.speed{hw.id="thinkpad/0",hw.name="thinkpad"}': 2400}


def test_a_battery_in_use_tells_the_time_left() -> None:
    battery = collector(battery=lambda: Battery(42, 3600, False))
    assert by_key(battery.collect(1.0)) == {
        'hw.battery.charge{hw.id="battery"}': 0.42,
        'hw.battery.time_left{hw.battery.state="discharging",hw.id="battery"}': 3600,
    }


@pytest.mark.parametrize("battery", [Battery(100, -2, True), Battery(50, -1, False), Battery(80, 60, True)])
def test_an_unknown_time_left_is_absent(battery: Battery) -> None:
    assert list(by_key(collector(battery=lambda: battery).collect(1.0))) == ['hw.battery.charge{hw.id="battery"}']


def test_a_battery_that_was_taken_out_is_gone() -> None:
    batteries = iter([Battery(50, -1, False), None])
    assert collector(battery=lambda: next(batteries)).collect(1.0) == []


def test_only_what_is_found_is_declared() -> None:
    def broken() -> dict[str, list[Sensor]]:
        raise OSError("no such sensor bus")

    assert collector().descriptors == ()
    assert collector(temperatures=dict, fans=broken, battery=lambda: None).descriptors == ()
    chips = {"chip": [Sensor("", 1.0)]}
    assert collector(temperatures=lambda: chips).descriptors == (TEMPERATURE,)
    assert collector(fans=lambda: chips).descriptors == (FAN_SPEED,)
    assert BATTERY_CHARGE in collector(battery=lambda: Battery(1, 1, True)).descriptors
