from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.collectors.support import PSUTIL, by_key, write_files, write_proc

from vitalcast.collectors.disk import DiskCollector, choose, parse_diskstats, read_psutil
from vitalcast.machine import DEFAULT_EXCLUSIONS

DISKSTATS = """\
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 9140 5207 1394258 10669 2293 18996 1601136 3645 0 4416 14735 3363 31 46232 408 157 11
 254       1 vda1 9000 5207 1394000 10000 2293 18996 1601136 3645 0 4416 14735
 259       0 nvme0n1 10 0 80 5 20 0 160 7 0 9 12
"""


def chosen(*names: str, exclude: tuple[str, ...] = DEFAULT_EXCLUSIONS.disks) -> list[str]:
    return list(choose(tuple(map(str.encode, names)), exclude).values())


def test_a_wanted_disk_is_one_row_in_base_units() -> None:
    assert parse_diskstats(DISKSTATS.encode(), lambda _names: {b"vda": "vda"}) == {
        "vda": (1394258 * 512, 1601136 * 512, 9140, 2293, 10.669, 3.645, 4.416)
    }


@pytest.mark.parametrize("name", ["loop0", "loop0p1", "ram15", "zram0", "fd0", "sr0"])
def test_drives_that_are_no_disks_are_left_out(name: str) -> None:
    assert chosen(name) == []


DISKS = ["sda", "sdaa", "vda", "xvdb", "nvme0n1", "mmcblk0", "mmcblk0boot0", "dm-0", "md127", "disk0", "PhysicalDrive0"]


def test_disks_are_kept() -> None:
    assert chosen(*DISKS) == DISKS


@pytest.mark.parametrize(
    ("disk", "part"),
    [
        ("sda", "sda1"),
        ("vda", "vda15"),
        ("xvdb", "xvdb2"),
        ("nvme0n1", "nvme0n1p2"),
        ("mmcblk0", "mmcblk0p1"),
        ("md127", "md127p1"),
        ("nbd0", "nbd0p1"),
        ("zd16", "zd16p3"),
        ("cciss/c0d0", "cciss/c0d0p1"),
        ("nvme0n1", "nvme0c3n1"),  # a path to it
    ],
)
def test_what_another_disk_counts_is_left_out_and_is_a_disk_where_that_is_missing(disk: str, part: str) -> None:
    assert chosen(part, disk) == [disk]
    assert chosen(part) == [part]


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("sda", ["sda1", "sda10", "cciss/c0d0"]),
        ("sda?*", ["sda", "cciss/c0d0"]),
        ("sda/sda1", ["sda", "sda10", "cciss/c0d0"]),
        ("*/*", ["sda", "cciss/c0d0"]),
        ("cciss!*", ["sda", "sda1", "sda10"]),
        ("SDA", ["sda", "sda1", "sda10", "cciss/c0d0"]),
    ],
)
def test_a_glob_means_a_name_and_with_a_slash_a_path(glob: str, left: list[str]) -> None:
    assert chosen("sda", "sda1", "sda10", "cciss/c0d0", exclude=(glob,)) == left


def test_an_empty_list_leaves_nothing_out() -> None:
    assert chosen("sda", "sda1", "loop0", exclude=()) == ["sda", "sda1", "loop0"]


def test_names_that_are_no_text_stay_apart() -> None:
    assert list(choose((b"a\xfe", b"a\xff"), ()).values()) == [r"a\xfe", r"a\xff"]


def test_a_line_that_is_not_as_the_kernel_writes_it_is_skipped_alone() -> None:
    spoilt = DISKSTATS.encode().replace(b"nvme0n1 10", b"nvme0n1 \xff") + b" 1 2\n\n  8 0 sda 1 2 3\n"
    everything = functools.partial(choose, exclude=())
    assert list(parse_diskstats(spoilt, everything)) == ["loop0", "vda", "vda1"]


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    values = by_key(DiskCollector(roots=write_proc(tmp_path, {"diskstats": DISKSTATS})).collect(1.0))
    assert len(values) == 14
    assert values['system.disk.io{disk.io.direction="read",system.device="nvme0n1"}'] == 80 * 512
    assert values['system.disk.operations{disk.io.direction="write",system.device="nvme0n1"}'] == 20
    assert values['system.disk.operation_time{disk.io.direction="write",system.device="nvme0n1"}'] == 0.007
    assert values['system.disk.io_time{system.device="vda"}'] == 4.416


def test_what_to_leave_out_can_be_chosen(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"diskstats": DISKSTATS})
    values = by_key(DiskCollector(roots=proc, exclude=("vda*", "loop*")).collect(1.0))
    assert len(values) == 7


def test_a_disk_that_was_removed_is_gone(tmp_path: Path) -> None:
    collector = DiskCollector(roots=write_proc(tmp_path, {"diskstats": DISKSTATS}))
    collector.collect(1.0)
    write_proc(tmp_path, {"diskstats": DISKSTATS.splitlines()[1]})
    assert {sample.series.attributes["system.device"] for sample in collector.collect(2.0)} == {"vda"}


def test_psutil_counts_the_same_bytes() -> None:
    ours = {sample.series.attributes["system.device"] for sample in DiskCollector().collect(1.0)}
    theirs = read_psutil(functools.partial(choose, exclude=DEFAULT_EXCLUSIONS.disks))
    assert theirs.keys() == ours
    for device, row in theirs.items():
        assert row[0] <= psutil.disk_io_counters(perdisk=True)[device].read_bytes
    assert {sample.series.attributes["system.device"] for sample in DiskCollector(roots=PSUTIL).collect(1.0)} == ours


def test_disks_are_labelled_with_their_layer(tmp_path: Path) -> None:
    lines = DISKSTATS + DISKSTATS.splitlines()[1].replace("vda", "dm-0") + "\n"
    tree = write_files(tmp_path / "sys", {"class/block/vda/size": "", "class/block/dm-0/slaves/vda1": ""})
    samples = DiskCollector(roots=replace(write_proc(tmp_path, {"diskstats": lines}), sysfs=tree)).collect(1.0)
    labels = {sample.series.attributes["system.device"]: sample.series.labels for sample in samples}
    assert labels == {
        "vda": (("system.device.layer", "physical"),),
        "dm-0": (("system.device.layer", "virtual"),),
        "nvme0n1": (),  # of which this /sys says nothing
    }
