from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import by_key, write_files, write_proc

from vitalcast.collectors.cpu import (
    CpuCollector,
    CpuFrequencyCollector,
    CpuTimes,
    busy_share,
    count_cores,
    frequency_reader,
    mode_shares,
    parse_cores,
    parse_stat,
    read_psutil,
)
from vitalcast.machine import HERE, PROCFS

STAT = """\
cpu  6908 10 2810 164319 309 4 54 1049 100 1
cpu0 746 4 959 85390 16 1 11 509 50 1
cpu1 6162 6 1851 78929 293 3 43 540 50 0
intr 134244 0 0 26 1 10007
ctxt 233131
btime 1795370392
processes 3178
procs_running 2
procs_blocked 0
softirq 80961 0 15413 3 4232
"""
# A second later: 100 ticks for each CPU.
LATER = """\
cpu  6958 10 2830 164439 314 4 54 1054 100 1
cpu0 776 4 969 85450 16 1 11 509 50 1
cpu1 6182 6 1861 78989 298 3 43 545 50 0
intr 134344 0 0 26 1 10007
ctxt 233631
"""


def test_stat_is_parsed_into_seconds_by_mode() -> None:
    reading = parse_stat(STAT.encode(), 100)
    assert reading.modes == {
        "user": 69.08,
        "nice": 0.1,
        "system": 28.1,
        "idle": 1643.19,
        "iowait": 3.09,
        "interrupt": 0.58,  # irq and softirq
        "steal": 10.49,
    }
    assert reading.context_switches == 233131
    assert reading.interrupts == 134244


def test_a_logical_cpu_is_busy_in_all_modes_but_idle_and_iowait() -> None:
    reading = parse_stat(STAT.encode(), 100)
    assert list(reading.logical) == ["0", "1"]
    assert reading.logical["0"] == (746 + 4 + 959 + 1 + 11 + 509, 85390, 16)  # guest time is within user


def test_logical_cpus_are_numbered_as_the_kernel_numbers_them() -> None:
    assert list(parse_stat(STAT.replace("cpu1", "cpu6").encode(), 100).logical) == ["0", "6"]


def test_a_line_that_is_not_as_the_kernel_writes_it_is_skipped_alone() -> None:
    spoilt = STAT.replace("cpu1 6162", "cpu1 x")
    assert list(parse_stat(spoilt.encode(), 100).logical) == ["0"]
    assert parse_stat(spoilt.encode(), 100).modes == parse_stat(STAT.encode(), 100).modes
    assert parse_stat(STAT.replace("cpu  6908", "cpu  -6908").encode(), 100).modes == {}


def test_an_old_kernel_has_fewer_modes() -> None:
    reading = parse_stat(b"cpu 400 0 200 600\ncpu0 400 0 200 600\nintr 1\nctxt 2\n", 100)
    assert (reading.modes["idle"], reading.modes["steal"]) == (6.0, 0.0)
    assert reading.logical == {"0": (600, 600, 0)}


def test_the_first_reading_has_no_shares(tmp_path: Path) -> None:
    cpuinfo = "physical id\t: 0\ncpu cores\t: 1\n\nphysical id\t: 0\ncpu cores\t: 1\n"
    values = by_key(CpuCollector(roots=write_proc(tmp_path, {"stat": STAT, "cpuinfo": cpuinfo})).collect(1.0))
    assert math.isnan(values['system.cpu.utilization{cpu.mode="user"}'])
    assert math.isnan(values['system.cpu.logical.utilization{cpu.logical_number="1"}'])
    assert values['system.cpu.time{cpu.mode="user"}'] == 69.08
    assert values["system.cpu.logical.count"] == 2
    assert values["system.cpu.physical.count"] == 1


def test_shares_compare_two_readings(tmp_path: Path) -> None:
    collector = CpuCollector(roots=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    write_proc(tmp_path, {"stat": LATER})
    values = by_key(collector.collect(2.0))
    shares = {key: value for key, value in values.items() if key.startswith("system.cpu.utilization")}
    assert shares == {
        'system.cpu.utilization{cpu.mode="user"}': 0.25,
        'system.cpu.utilization{cpu.mode="nice"}': 0.0,
        'system.cpu.utilization{cpu.mode="system"}': 0.1,
        'system.cpu.utilization{cpu.mode="idle"}': 0.6,
        'system.cpu.utilization{cpu.mode="iowait"}': 0.025,
        'system.cpu.utilization{cpu.mode="interrupt"}': 0.0,
        'system.cpu.utilization{cpu.mode="steal"}': 0.025,
    }
    assert values['system.cpu.logical.utilization{cpu.logical_number="0"}'] == 0.4
    assert values['system.cpu.logical.utilization{cpu.logical_number="1"}'] == 0.35


def test_two_readings_at_the_same_time_have_no_shares(tmp_path: Path) -> None:
    collector = CpuCollector(roots=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    values = by_key(collector.collect(1.0))
    assert math.isnan(values['system.cpu.utilization{cpu.mode="idle"}'])


def test_time_that_the_kernel_takes_back_is_not_counted_backwards(tmp_path: Path) -> None:
    collector = CpuCollector(roots=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    write_proc(tmp_path, {"stat": LATER.replace(" 314 ", " 300 ", 1)})
    values = by_key(collector.collect(2.0))
    assert values['system.cpu.time{cpu.mode="iowait"}'] == 3.09
    assert values['system.cpu.utilization{cpu.mode="iowait"}'] == 0.0


def test_a_cpu_that_was_taken_offline_is_left_out(tmp_path: Path) -> None:
    collector = CpuCollector(roots=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    write_proc(tmp_path, {"stat": "".join(LATER.splitlines(keepends=True)[:2]) + "intr 1\nctxt 2\n"})
    values = by_key(collector.collect(2.0))
    assert values["system.cpu.logical.count"] == 1
    assert 'system.cpu.logical.utilization{cpu.logical_number="1"}' not in values


def test_shares_of_all_modes_add_up_to_one() -> None:
    shares = mode_shares({"user": 1.0, "idle": 5.0}, {"user": 2.0, "idle": 8.0}, most_s=4.0)
    assert shares == {"user": 0.25, "idle": 0.75}


def test_more_time_than_can_have_passed_has_no_shares(tmp_path: Path) -> None:
    collector = CpuCollector(roots=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    # A steal time below zero, as Xen has had it after a migration.
    spoilt = LATER.replace(" 1054 ", f" {2**64 - 7} ").replace(" 545 ", f" {2**64 - 7} ")
    write_proc(tmp_path, {"stat": spoilt})
    values = by_key(collector.collect(2.0))
    assert math.isnan(values['system.cpu.utilization{cpu.mode="steal"}'])
    assert math.isnan(values['system.cpu.logical.utilization{cpu.logical_number="1"}'])
    assert values['system.cpu.logical.utilization{cpu.logical_number="0"}'] == 0.4


@pytest.mark.parametrize(
    ("now", "share"),
    [
        ((150, 950, 100), 0.5),
        ((200, 1000, 60), 0.5),  # iowait was taken back
        ((90, 1000, 100), 0.0),
        ((200, 900, 40), 1.0),
        ((1, 2, 3), math.nan),  # all begun anew
        ((100, 900, 100), math.nan),  # no time has passed
    ],
)
def test_time_that_was_taken_back_in_one_mode_is_none_spent_in_another(now: CpuTimes, share: float) -> None:
    assert busy_share((100, 900, 100), now, most=1000) == pytest.approx(share, nan_ok=True)


def test_psutil_knows_the_same_machine() -> None:
    reading = read_psutil()
    assert len(reading.logical) == psutil.cpu_count()
    assert {"user", "system", "idle"} <= reading.modes.keys()
    assert not {"irq", "softirq", "guest", "guest_nice"} & reading.modes.keys()
    for times in reading.logical.values():
        assert times[0] > 0 < times[1]
    assert sum(map(sum, reading.logical.values())) == pytest.approx(sum(reading.modes.values()))


def test_cores_are_counted_as_psutil_counts_them() -> None:
    assert count_cores(HERE) == psutil.cpu_count(logical=False)


def test_cores_are_the_sets_of_cpus_that_share_one(tmp_path: Path) -> None:
    topology = "sys/devices/system/cpu/cpu{}/topology/{}"
    machine = {"core_cpus_list": ("0,2", "1,3", "0,2", "1,3"), "thread_siblings_list": ("0-3", "0-3", "0-3", "0-3")}
    texts = {topology.format(cpu, name): text for name, texts in machine.items() for cpu, text in enumerate(texts)}
    roots = replace(HERE, procfs=tmp_path, sysfs=write_files(tmp_path, texts) / "sys")
    assert count_cores(roots) == 2
    assert count_cores(replace(roots, sysfs=tmp_path)) is None


def test_cores_of_all_sockets_are_added_up() -> None:
    cpu = "processor\t: {}\nphysical id\t: {}\ncpu cores\t: 4\n"
    text = "\n".join(cpu.format(number, number % 2) for number in range(16))
    assert parse_cores(text.encode()) == 8
    assert parse_cores(b"processor\t: 0\nBogoMIPS\t: 50.00\n") is None


BIG_LITTLE = {
    "cpufreq/policy0/affected_cpus": "0 1 2 3\n",
    "cpufreq/policy0/scaling_cur_freq": "1804800\n",
    "cpufreq/policy4/affected_cpus": "4 6\n",  # 5 is offline
    "cpufreq/policy4/scaling_cur_freq": "2419200\n",
    "cpufreq/policy7/affected_cpus": "\n",
    "cpufreq/policy7/scaling_cur_freq": "<unknown>\n",
    "cpufreq/policy8/scaling_cur_freq": "99999999999\n",  # kHz
    "cpufreq/boost": "1\n",
}


def test_frequencies_go_by_the_cpus_own_number(tmp_path: Path) -> None:
    write_files(tmp_path / "sys" / "devices" / "system" / "cpu", BIG_LITTLE)
    roots = replace(write_proc(tmp_path, {"cpuinfo": "processor\t: 0\nBogoMIPS\t: 38.40\n"}), sysfs=tmp_path / "sys")
    values = by_key(CpuFrequencyCollector(roots=roots).collect(1.0))
    assert values == pytest.approx(
        {
            f'system.cpu.frequency{{cpu.logical_number="{cpu}"}}': hz
            for cpu, hz in {
                0: 1804.8e6,
                1: 1804.8e6,
                2: 1804.8e6,
                3: 1804.8e6,
                4: 2419.2e6,
                6: 2419.2e6,
                8: math.nan,
            }.items()
        },
        nan_ok=True,
    )


CPUINFO = "processor\t: 0\ncpu MHz\t\t: 2596.138\n\nprocessor\t: 2\ncpu MHz\t\t: 800.000\n"


def test_frequencies_of_cpuinfo_are_taken_where_it_has_the_same_cpus(tmp_path: Path) -> None:
    roots = replace(write_proc(tmp_path, {"cpuinfo": CPUINFO}), sysfs=tmp_path / "sys")
    assert frequency_reader(roots)() == pytest.approx({"0": 2596.138e6, "2": 800e6})
    of_cpu = tmp_path / "sys" / "devices" / "system" / "cpu"
    write_files(of_cpu, {f"cpufreq/policy{cpu}/scaling_cur_freq": "1000000" for cpu in (0, 2)})
    assert frequency_reader(roots)() == pytest.approx({"0": 2596.138e6, "2": 800e6})
    write_files(of_cpu, {"cpufreq/policy3/scaling_cur_freq": "1000000"})
    assert frequency_reader(roots)() == pytest.approx({"0": 1e9, "2": 1e9, "3": 1e9})


def test_an_old_kernel_has_a_policy_in_the_folder_of_each_cpu(tmp_path: Path) -> None:
    roots = replace(write_proc(tmp_path, {"cpuinfo": ""}), sysfs=tmp_path / "sys")
    folder = tmp_path / "sys" / "devices" / "system" / "cpu"
    write_files(folder, {"cpu0/cpufreq/cpuinfo_cur_freq": "1000000\n", "cpu4/cpufreq/scaling_cur_freq": "2000000\n"})
    write_files(folder, {"cpu5/topology/core_id": "0\n"})
    assert frequency_reader(roots)() == {"0": 1e9, "4": 2e9}


def test_frequencies_are_of_cpus_that_are_online() -> None:
    online = parse_stat((PROCFS / "stat").read_bytes(), 100).logical
    assert frequency_reader(HERE)().keys() <= online.keys()


def test_frequencies_are_in_hertz() -> None:
    collector = CpuFrequencyCollector()
    for sample in collector.collect(1.0):
        assert math.isnan(sample.value) or 1e8 < sample.value < 1e10
