from __future__ import annotations

import math
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.cpu import (
    CpuCollector,
    CpuFrequencyCollector,
    mode_shares,
    parse_stat,
    read_psutil,
)

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
    busy, total = reading.logical["0"]
    assert total == 746 + 4 + 959 + 85390 + 16 + 1 + 11 + 509  # guest time is within user
    assert total - busy == 85390 + 16


def test_the_first_reading_has_no_shares(tmp_path: Path) -> None:
    values = by_key(CpuCollector(proc=write_proc(tmp_path, {"stat": STAT}), physical_count=1).collect(1.0))
    assert math.isnan(values['system.cpu.utilization{cpu.mode="user"}'])
    assert math.isnan(values['system.cpu.logical.utilization{cpu.logical_number="1"}'])
    assert values['system.cpu.time{cpu.mode="user"}'] == 69.08
    assert values["system.cpu.logical.count"] == 2
    assert values["system.cpu.physical.count"] == 1


def test_shares_compare_two_readings(tmp_path: Path) -> None:
    collector = CpuCollector(proc=write_proc(tmp_path, {"stat": STAT}))
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
    collector = CpuCollector(proc=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    values = by_key(collector.collect(1.0))
    assert math.isnan(values['system.cpu.utilization{cpu.mode="idle"}'])


def test_time_that_the_kernel_takes_back_is_not_counted_backwards(tmp_path: Path) -> None:
    collector = CpuCollector(proc=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    write_proc(tmp_path, {"stat": LATER.replace(" 314 ", " 300 ", 1)})
    values = by_key(collector.collect(2.0))
    assert values['system.cpu.time{cpu.mode="iowait"}'] == 3.09
    assert values['system.cpu.utilization{cpu.mode="iowait"}'] == 0.0


def test_a_cpu_that_was_taken_offline_is_left_out(tmp_path: Path) -> None:
    collector = CpuCollector(proc=write_proc(tmp_path, {"stat": STAT}))
    collector.collect(1.0)
    write_proc(tmp_path, {"stat": "".join(LATER.splitlines(keepends=True)[:2]) + "intr 1\nctxt 2\n"})
    values = by_key(collector.collect(2.0))
    assert values["system.cpu.logical.count"] == 1
    assert 'system.cpu.logical.utilization{cpu.logical_number="1"}' not in values


def test_shares_of_all_modes_add_up_to_one() -> None:
    shares = mode_shares({"user": 1.0, "idle": 5.0}, {"user": 2.0, "idle": 8.0})
    assert shares == {"user": 0.25, "idle": 0.75}


def test_psutil_knows_the_same_machine() -> None:
    reading = read_psutil()
    assert len(reading.logical) == psutil.cpu_count()
    assert {"user", "system", "idle"} <= reading.modes.keys()
    assert not {"irq", "softirq", "guest", "guest_nice"} & reading.modes.keys()
    for busy, total in reading.logical.values():
        assert 0 < busy < total
    assert sum(total for _, total in reading.logical.values()) == pytest.approx(sum(reading.modes.values()))


def test_frequencies_are_in_hertz() -> None:
    collector = CpuFrequencyCollector()
    for sample in collector.collect(1.0):
        assert math.isnan(sample.value) or 1e8 < sample.value < 1e10
