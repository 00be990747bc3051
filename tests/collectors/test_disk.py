from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.disk import EXCLUDE, DiskCollector, parse_diskstats, read_psutil

DISKSTATS = """\
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 9140 5207 1394258 10669 2293 18996 1601136 3645 0 4416 14735 3363 31 46232 408 157 11
 254       1 vda1 9000 5207 1394000 10000 2293 18996 1601136 3645 0 4416 14735
 259       0 nvme0n1 10 0 80 5 20 0 160 7 0 9 12
"""


def test_a_wanted_disk_is_one_row_in_base_units() -> None:
    assert parse_diskstats(DISKSTATS.encode(), lambda name: name == b"vda") == {
        "vda": (1394258 * 512, 1601136 * 512, 9140, 2293, 10.669, 3.645, 4.416)
    }


@pytest.mark.parametrize(
    "name", ["loop0", "ram15", "zram0", "fd0", "sr0", "sda1", "vda15", "xvdb2", "nvme0n1p2", "mmcblk0p1"]
)
def test_partitions_and_drives_that_are_no_disks_are_left_out(name: str) -> None:
    assert EXCLUDE.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["sda", "sdaa", "vda", "xvdb", "nvme0n1", "mmcblk0", "dm-0", "md127", "disk0", "PhysicalDrive0"]
)
def test_disks_are_kept(name: str) -> None:
    assert not EXCLUDE.fullmatch(name)


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    values = by_key(DiskCollector(proc=write_proc(tmp_path, {"diskstats": DISKSTATS})).collect(1.0))
    assert len(values) == 14
    assert values['system.disk.io{disk.io.direction="read",system.device="nvme0n1"}'] == 80 * 512
    assert values['system.disk.operations{disk.io.direction="write",system.device="nvme0n1"}'] == 20
    assert values['system.disk.operation_time{disk.io.direction="write",system.device="nvme0n1"}'] == 0.007
    assert values['system.disk.io_time{system.device="vda"}'] == 4.416


def test_what_to_leave_out_can_be_chosen(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"diskstats": DISKSTATS})
    values = by_key(DiskCollector(proc=proc, exclude=re.compile("vda.*|loop.*")).collect(1.0))
    assert len(values) == 7


def test_a_disk_that_was_removed_is_gone(tmp_path: Path) -> None:
    collector = DiskCollector(proc=write_proc(tmp_path, {"diskstats": DISKSTATS}))
    collector.collect(1.0)
    write_proc(tmp_path, {"diskstats": DISKSTATS.splitlines()[1]})
    assert {sample.series.attributes["system.device"] for sample in collector.collect(2.0)} == {"vda"}


def test_psutil_counts_the_same_bytes() -> None:
    ours = {sample.series.attributes["system.device"] for sample in DiskCollector().collect(1.0)}
    theirs = read_psutil(EXCLUDE)
    assert theirs.keys() == ours
    for device, row in theirs.items():
        assert row[0] <= psutil.disk_io_counters(perdisk=True)[device].read_bytes
