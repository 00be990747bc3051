from __future__ import annotations

import math
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import PSUTIL, by_key, write_proc

from vitalcast.collectors.memory import (
    LINUX_AVAILABLE,
    PAGING_FAULTS,
    MemoryCollector,
    PagingReading,
    parse_meminfo,
    parse_vmstat,
    read_psutil,
)

MEMINFO = """\
MemTotal:        1000000 kB
MemFree:          400000 kB
MemAvailable:     700000 kB
Buffers:           20000 kB
Cached:           300000 kB
SwapCached:         9999 kB
Active:            79540 kB
SwapTotal:        200000 kB
SwapFree:         150000 kB
Shmem:             50000 kB
KReclaimable:      33092 kB
SReclaimable:      30000 kB
SUnreclaim:        20468 kB
HugePages_Total:       0
"""
VMSTAT = """\
nr_free_pages 5000
pgpgin 846557
pgpgout 800704
pswpin 11
pswpout 12
pgfault 1002672
pgmajfault 546
"""


def test_used_memory_is_what_is_not_available() -> None:
    reading = parse_meminfo(MEMINFO.encode())
    assert reading.states["used"] == 300_000 * 1024
    assert reading.available == 700_000 * 1024


def test_cached_memory_counts_reclaimable_but_no_shared_pages() -> None:
    assert parse_meminfo(MEMINFO.encode()).states["cached"] == 280_000 * 1024


def test_a_kernel_without_an_estimate_of_available_memory_is_understood() -> None:
    text = MEMINFO.replace("MemAvailable:     700000 kB\n", "")
    assert parse_meminfo(text.encode()).states["used"] == 300_000 * 1024


def test_a_container_that_sees_its_hosts_available_memory_is_told_its_own_used(tmp_path: Path) -> None:
    # As lxcfs before 4.0 has it: all is the container's but MemAvailable.
    text = MEMINFO.replace("MemAvailable:     700000", "MemAvailable:   24108064")
    values = by_key(MemoryCollector(roots=write_proc(tmp_path, {"meminfo": text, "vmstat": VMSTAT})).collect(1.0))
    assert values['system.memory.usage{system.memory.state="used"}'] == 300_000 * 1024
    assert values["system.memory.linux.available"] == 700_000 * 1024


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        ("MemFree:          400000", "MemFree:         4000000", {"free"}),
        ("Buffers:           20000", "Buffers:         2000000", {"buffers"}),
        ("Cached:           300000", "Cached:          3000000", {"cached"}),
        ("MemTotal:        1000000", "MemTotal:          -1000", {"used"}),
        ("MemTotal:        1000000", "MemTotal:              x", {"used"}),
        ("Shmem:             50000", "Shmem:            500000", set()),  # the three are not of one moment: cached is 0
        ("SwapFree:         150000", "SwapFree:         350000", {"swap used", "swap free"}),
    ],
)
def test_a_part_that_is_more_than_the_whole_is_no_reading(before: str, after: str, wrong: set[str]) -> None:
    reading = parse_meminfo(MEMINFO.replace(before, after).encode())
    states = reading.states | {"swap free": reading.swap_free, "swap used": reading.swap_total - reading.swap_free}
    assert {state for state, value in states.items() if math.isnan(value)} == wrong
    assert all(value >= 0 for state, value in states.items() if state not in wrong)


def test_memory_that_cannot_be_right_in_any_way_is_not_shown() -> None:
    text = MEMINFO.replace("MemAvailable:     700000", "MemAvailable:   24108064").replace("400000", "999999")
    assert math.isnan(parse_meminfo(text.encode()).states["used"])


def test_more_major_faults_than_faults_are_no_reading(tmp_path: Path) -> None:
    text = VMSTAT.replace("pgmajfault 546", "pgmajfault 1002673")
    values = by_key(MemoryCollector(roots=write_proc(tmp_path, {"meminfo": MEMINFO, "vmstat": text})).collect(1.0))
    assert math.isnan(values['system.paging.faults{system.paging.fault.type="minor"}'])


def test_faults_and_swapped_pages_are_counted() -> None:
    assert parse_vmstat(VMSTAT.encode()) == PagingReading(1002672, 546, 11, 12)


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    collector = MemoryCollector(roots=write_proc(tmp_path, {"meminfo": MEMINFO, "vmstat": VMSTAT}))
    values = by_key(collector.collect(1.0))
    assert values["system.memory.limit"] == 1_000_000 * 1024
    assert values['system.memory.usage{system.memory.state="buffers"}'] == 20_000 * 1024
    assert values['system.memory.utilization{system.memory.state="free"}'] == 0.4
    assert values["system.memory.linux.shared"] == 50_000 * 1024
    assert values['system.paging.usage{system.paging.state="used"}'] == 50_000 * 1024
    assert values['system.paging.utilization{system.paging.state="used"}'] == 0.25
    assert values['system.paging.faults{system.paging.fault.type="minor"}'] == 1002126
    operations = 'system.paging.operations{system.paging.direction="out",system.paging.fault.type="major"}'
    assert values[operations] == 12


def test_without_swap_there_is_no_share_of_it(tmp_path: Path) -> None:
    text = MEMINFO.replace("200000 kB", "0 kB").replace("150000 kB", "0 kB")
    collector = MemoryCollector(roots=write_proc(tmp_path, {"meminfo": text, "vmstat": VMSTAT}))
    values = by_key(collector.collect(1.0))
    assert values['system.paging.usage{system.paging.state="free"}'] == 0
    assert not [key for key in values if key.startswith("system.paging.utilization")]


def test_psutil_sees_about_the_same_memory(tmp_path: Path) -> None:
    ours, theirs = by_key(MemoryCollector().collect(1.0)), read_psutil()
    assert ours["system.memory.limit"] == theirs.total
    used = ours['system.memory.usage{system.memory.state="used"}']
    assert theirs.states["used"] == pytest.approx(used, abs=0.1 * theirs.total)
    assert ours['system.paging.usage{system.paging.state="free"}'] == pytest.approx(
        psutil.swap_memory().free, abs=0.1 * theirs.total
    )


def test_without_proc_the_linux_details_are_not_declared(tmp_path: Path) -> None:
    assert PAGING_FAULTS not in MemoryCollector(roots=PSUTIL).descriptors
    assert LINUX_AVAILABLE not in MemoryCollector(roots=PSUTIL).descriptors
    assert MemoryCollector(roots=write_proc(tmp_path, {})).descriptors == ()
    without_vmstat = MemoryCollector(roots=write_proc(tmp_path, {"meminfo": MEMINFO})).descriptors
    assert (PAGING_FAULTS in without_vmstat, LINUX_AVAILABLE in without_vmstat) == (False, True)
    assert PAGING_FAULTS in MemoryCollector().descriptors
