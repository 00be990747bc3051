from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from tests.collectors.support import by_key, write_files

from vitalcast.collectors.sensors import (
    BATTERY_CHARGE,
    FAN_SPEED,
    TEMPERATURE,
    Battery,
    Readers,
    Sensor,
    SensorsCollector,
    read_battery,
    read_fans,
    read_temperatures,
)
from vitalcast.machine import HERE


class OfPsutil(NamedTuple):
    """A sensor as psutil has it on other systems."""

    label: str
    current: float | None


def collector(*, exclude: tuple[str, ...] = (), **readers: Any) -> SensorsCollector:
    return SensorsCollector(exclude=exclude, readers=lambda _roots: Readers(**readers))


def test_sensors_of_equal_label_stay_apart() -> None:
    chips = {"nvme": [Sensor("", 40.5), Sensor("", 39.0)], "coretemp": [Sensor("Core 0", math.nan)]}
    values = by_key(collector(temperatures=lambda: chips).collect(1.0))
    assert values['hw.temperature{hw.id="nvme/0",hw.name="nvme"}'] == 40.5
    assert values['hw.temperature{hw.id="nvme/1",hw.name="nvme"}'] == 39.0
    assert math.isnan(values['hw.temperature{hw.id="coretemp/0",hw.name="Core 0"}'])


def test_fans_are_read() -> None:
    fans = collector(fans=lambda: {"thinkpad": [Sensor("", 2400)]})
    assert by_key(fans.collect(1.0)) == {'hw.fan.speed{hw.id="thinkpad/0",hw.name="thinkpad"}': 2400}


@pytest.mark.parametrize("celsius", [65261.85, 255.5, -127.9, -273.15, math.inf, math.nan, None])
def test_a_temperature_that_nothing_can_have_is_no_reading(celsius: float | None) -> None:
    values = by_key(collector(temperatures=lambda: {"x": [Sensor("", 1), OfPsutil("", celsius)]}).collect(1.0))
    assert math.isnan(values['hw.temperature{hw.id="x/1",hw.name="x"}'])


@pytest.mark.parametrize("celsius", [-40.0, -0.5, 0.0, 105.0, 200.0])
def test_a_temperature_that_something_has_is_one(celsius: float) -> None:
    values = by_key(collector(temperatures=lambda: {"x": [OfPsutil("", celsius)]}).collect(1.0))
    assert list(values.values()) == [celsius]


@pytest.mark.parametrize("rpm", [65535, -1, math.inf, None])
def test_a_speed_that_no_fan_has_is_no_reading(rpm: float | None) -> None:
    assert all(map(math.isnan, by_key(collector(fans=lambda: {"x": [OfPsutil("", rpm)]}).collect(1.0)).values()))


def test_a_battery_in_use_tells_the_time_left() -> None:
    battery = collector(battery=lambda: Battery(42, 3600, False))
    assert by_key(battery.collect(1.0)) == {
        'hw.battery.charge{hw.id="battery"}': 0.42,
        'hw.battery.time_left{hw.battery.state="discharging",hw.id="battery"}': 3600,
    }


@pytest.mark.parametrize(
    "battery", [Battery(100, -2, True), Battery(50, -1, False), Battery(80, 60, True), Battery(9, 4294967295, False)]
)
def test_an_unknown_time_left_is_absent(battery: Battery) -> None:
    assert list(by_key(collector(battery=lambda: battery).collect(1.0))) == ['hw.battery.charge{hw.id="battery"}']


@pytest.mark.parametrize(
    ("percent", "charge"), [(103.4, 1.0), (0, 0.0), (255, math.nan), (65535, math.nan), (-1, math.nan)]
)
def test_a_charge_is_a_share_or_no_reading(percent: float, charge: float) -> None:
    values = by_key(collector(battery=lambda: Battery(percent, -1, None)).collect(1.0))
    assert list(values.values()) == pytest.approx([charge], nan_ok=True)


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


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("coretemp/*", {"nvme/0", "battery"}),
        ("Core 1", {"coretemp/0", "nvme/0", "battery"}),
        ("core 1", {"coretemp/0", "coretemp/1", "nvme/0", "battery"}),
        ("*", set()),
    ],
)
def test_what_to_leave_out_can_be_chosen_by_id_and_by_name(glob: str, left: set[str]) -> None:
    chips = {"coretemp": [Sensor("Core 0", 1.0), Sensor("Core 1", 2.0)], "nvme": [Sensor("", 3.0)]}
    sensors = collector(exclude=(glob,), temperatures=lambda: chips, battery=lambda: Battery(1, -1, True))
    assert {sample.series.attributes["hw.id"] for sample in sensors.collect(1.0)} == left


HWMON = {
    "hwmon0/name": "coretemp\n",
    "hwmon0/temp1_input": "45000\n",
    "hwmon0/temp1_label": "Package id 0\n",
    "hwmon0/temp1_max": "80000\n",
    "hwmon0/temp10_input": "46500\n",
    "hwmon0/temp2_input": b"no number\xff\n",
    "hwmon0/temp2_label": "Core 0\n",
    "hwmon0/temp3_input": "-1500\n",
    "hwmon0/temp4_crit": "65261850\n",
    "hwmon1/name": b"chip\x1b\xff\n",
    "hwmon1/temp1_input": "65261850\n",
    "hwmon1/temp2_input": "99000\n",
    "hwmon1/temp2_fault": "1\n",
    "hwmon1/temp3_input": "31000\n",
    "hwmon1/temp3_fault": "0\n",
    "hwmon1/fan1_input": "1200\n",
    "hwmon1/fan1_label": "CPU fan\n",
    "hwmon1/fan2_input": "65535\n",
    "hwmon1/in0_input": "65535\n",
    "hwmon2/device/name": "old\n",
    "hwmon2/device/temp1_input": "20000\n",
}


NVME = {"name": "nvme\n", "temp1_input": "40000\n"}


def currents(sysfs: Path) -> dict[str, list[float]]:
    return {chip: [sensor.current for sensor in sensors] for chip, sensors in read_temperatures(sysfs).items()}


def test_a_sensor_keeps_its_number_when_others_come_and_go(tmp_path: Path) -> None:
    disks = {f"hwmon{disk}/{name}": text for disk in (1, 3) for name, text in NVME.items()}
    folder = write_files(tmp_path / "class" / "hwmon", disks)
    (folder / "hwmon3/temp1_input").write_text("43000")
    sensors = SensorsCollector(roots=replace(HERE, sysfs=tmp_path))

    def temperatures() -> dict[str, float]:
        return {sample.series.attributes["hw.id"]: sample.value for sample in sensors.collect(1.0)}

    assert temperatures() == {"nvme/0": 40.0, "nvme/1": 43.0}
    shutil.rmtree(folder / "hwmon1")
    assert temperatures() == {"nvme/1": 43.0}
    write_files(folder, {f"hwmon0/{name}": text for name, text in NVME.items()})
    assert temperatures() == {"nvme/1": 43.0, "nvme/2": 40.0}
    shutil.rmtree(folder / "hwmon0")
    write_files(folder, {f"hwmon1/{name}": text for name, text in NVME.items()})
    assert temperatures() == {"nvme/0": 40.0, "nvme/1": 43.0}


def test_chips_are_read_from_sysfs_as_psutil_numbers_them(tmp_path: Path) -> None:
    write_files(tmp_path / "class" / "hwmon", HWMON)
    values = by_key(SensorsCollector(roots=replace(HERE, sysfs=tmp_path)).collect(1.0))
    weird = r"chip\\x1b\\xff"
    assert values == pytest.approx(
        {
            'hw.temperature{hw.id="coretemp/0",hw.name="Package id 0"}': 45.0,
            'hw.temperature{hw.id="coretemp/1",hw.name="coretemp"}': 46.5,
            'hw.temperature{hw.id="coretemp/2",hw.name="Core 0"}': math.nan,  # it keeps its place
            'hw.temperature{hw.id="coretemp/3",hw.name="coretemp"}': -1.5,
            f'hw.temperature{{hw.id="{weird}/0",hw.name="{weird}"}}': math.nan,
            f'hw.temperature{{hw.id="{weird}/1",hw.name="{weird}"}}': math.nan,  # it says so itself
            f'hw.temperature{{hw.id="{weird}/2",hw.name="{weird}"}}': 31.0,
            'hw.temperature{hw.id="old/0",hw.name="old"}': 20.0,
            f'hw.fan.speed{{hw.id="{weird}/0",hw.name="CPU fan"}}': 1200.0,
            f'hw.fan.speed{{hw.id="{weird}/1",hw.name="{weird}"}}': math.nan,
        },
        nan_ok=True,
    )


def test_thermal_zones_serve_where_no_chip_does(tmp_path: Path) -> None:
    zones = {"thermal_zone0/type": "acpitz\n", "thermal_zone0/temp": "27800\n", "thermal_zone1/temp": "1\n"}
    write_files(tmp_path / "class" / "thermal", zones)
    assert currents(tmp_path) == {"acpitz": [27.8]}
    write_files(tmp_path / "devices/platform/coretemp.0/hwmon/hwmon3", {"name": "coretemp", "temp1_input": "50000"})
    assert currents(tmp_path) == {"coretemp": [50.0]}
    assert read_fans(tmp_path) == {}


BAT0 = {
    "BAT0/status": "Discharging\n",
    "BAT0/energy_now": "20000000\n",
    "BAT0/energy_full": "50000000\n",
    "BAT0/power_now": "10000000\n",
}


@pytest.mark.parametrize(
    ("changes", "battery"),
    [
        ({}, Battery(40.0, 7200.0, False)),
        ({"power_now": "-10000000"}, Battery(40.0, 7200.0, False)),
        ({"power_now": "0", "time_to_empty_now": "600"}, Battery(40.0, 600.0, False)),
        ({"power_now": "0"}, Battery(40.0, -1, False)),
        ({"status": "Charging"}, Battery(40.0, 7200.0, True)),
        ({"status": "Unknown"}, Battery(40.0, 7200.0, True)),  # the mains are plugged in
        ({"energy_full": "0", "capacity": "39"}, Battery(39.0, 7200.0, False)),
        ({"energy_now": "65535000000", "capacity": "39"}, Battery(39.0, 65535 / 10 * 3600, False)),
        ({"energy_full": "x"}, None),
        ({"present": "0"}, None),
    ],
)
def test_a_battery_is_read_from_sysfs(tmp_path: Path, changes: dict[str, str], battery: Battery | None) -> None:
    folder = write_files(tmp_path / "class" / "power_supply", BAT0 | {"ADP1/type": "Mains\n", "ADP1/online": "1\n"})
    write_files(folder / "BAT0", changes)
    assert read_battery(tmp_path) == battery


def test_this_machines_sensors_are_those_that_psutil_finds() -> None:
    theirs = {
        (chip, index) for chip, sensors in psutil.sensors_temperatures().items() for index, _ in enumerate(sensors)
    }
    ours = {(chip, index) for chip, sensors in read_temperatures(HERE.sysfs).items() for index, _ in enumerate(sensors)}
    assert theirs <= ours
