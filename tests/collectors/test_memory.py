from __future__ import annotations

from pathlib import Path

import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.memory import (
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


def test_faults_and_swapped_pages_are_counted() -> None:
    assert parse_vmstat(VMSTAT.encode()) == PagingReading(1002672, 546, 11, 12)


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    collector = MemoryCollector(proc=write_proc(tmp_path, {"meminfo": MEMINFO, "vmstat": VMSTAT}))
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
    collector = MemoryCollector(proc=write_proc(tmp_path, {"meminfo": text, "vmstat": VMSTAT}))
    values = by_key(collector.collect(1.0))
    assert values['system.paging.usage{system.paging.state="free"}'] == 0
    assert not [key for key in values if key.startswith("system.paging.utilization")]


def test_psutil_sees_about_the_same_memory(tmp_path: Path) -> None:
    ours, theirs = by_key(MemoryCollector().collect(1.0)), read_psutil()
    assert ours["system.memory.limit"] == theirs.total
    used = ours['system.memory.usage{system.memory.state="used"}']
    assert theirs.states["used"] == pytest.approx(used, abs=0.1 * theirs.total)


def test_without_proc_the_linux_details_are_not_declared(tmp_path: Path) -> None:
    assert PAGING_FAULTS not in MemoryCollector(proc=tmp_path).descriptors
    assert PAGING_FAULTS in MemoryCollector().descriptors
