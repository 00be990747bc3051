from __future__ import annotations

import math
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collectors.support import PSUTIL, by_key, write_files, write_proc

from vitalcast.collectors import filesystem
from vitalcast.collectors.filesystem import (
    FilesystemCollector,
    Mount,
    PatientReader,
    Space,
    choose,
    parse_mounts,
    read_space,
    space_of,
)
from vitalcast.machine import DEFAULT_EXCLUSIONS, Roots

MOUNTS = r"""proc /proc proc rw,relatime 0 0
sysfs /sys sysfs rw,relatime 0 0
devtmpfs /dev devtmpfs rw,relatime,size=12331664k 0 0
tmpfs /dev/shm tmpfs rw,relatime,size=24682416k 0 0
/dev/vda / ext4 rw,relatime,discard 0 0
/dev/vda /var/log ext4 rw,relatime 0 0
/dev/sdb1 /mnt/My\040Disk vfat rw 0 0
/dev/loop3 /snap/core/1 squashfs ro 0 0
server:/export /mnt/nfs nfs4 rw 0 0
me@far:/ /mnt/far fuse.sshfs rw 0 0
/dev/sdc1 /media/usb fuseblk rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
tank/home /home zfs rw 0 0
"""


def chosen(text: str, types: tuple[str, ...] = DEFAULT_EXCLUSIONS.filesystems) -> list[str]:
    return [mount.mountpoint.decode() for mount in choose(parse_mounts(text.encode()), exclude_types=types)]


def test_escaped_spaces_are_understood() -> None:
    assert Mount(b"/dev/sdb1", b"/mnt/My Disk", b"vfat") in parse_mounts(MOUNTS.encode())


@pytest.mark.parametrize(
    ("written", "mountpoint"),
    [
        (rb"/a\040b\011c\012d\134e", b"/a b\tc\nd\\e"),
        (rb"/\303\244", "/ä".encode()),  # a character of two bytes
        (b"/cr\rlf", b"/cr\rlf"),
        ("/nel\x85ls\u2028".encode(), "/nel\x85ls\u2028".encode()),
        (b"/\xff", b"/\xff"),
        (rb"/\777\08\x40", rb"/\777\08\x40"),
        (rb"/\134040", rb"/\040"),
    ],
)
def test_whatever_a_mountpoint_is_called_it_is_one(written: bytes, mountpoint: bytes) -> None:
    text = b"/dev/a / ext4 rw 0 0\n/dev/b %b ext4 rw 0 0\n/dev/c /c ext4 rw 0 0\n" % written
    assert [mount.mountpoint for mount in parse_mounts(text)] == [b"/", mountpoint, b"/c"]


def test_a_line_that_is_not_as_the_kernel_writes_it_is_skipped_alone() -> None:
    assert [m.mountpoint for m in parse_mounts(b"\n/dev/a\n/dev/b /b xfs rw 0 0\n/dev/c  xfs\n x /d tmpfs")] == [b"/b"]
    assert parse_mounts(b" /d tmpfs rw 0 0\n") == [Mount(b"", b"/d", b"tmpfs")]  # of no device


def test_pseudo_and_remote_filesystems_and_duplicates_are_left_out() -> None:
    assert chosen(MOUNTS) == ["/", "/home", "/media/usb", "/mnt/My Disk"]


def test_what_to_leave_out_can_be_chosen() -> None:
    assert {"/mnt/nfs", "/mnt/far", "/dev/shm", "/"} - set(chosen(MOUNTS, ())) == {"/dev/shm"}  # by its mountpoint
    everything = choose(parse_mounts(MOUNTS.encode()), exclude_types=(), exclude_mounts=())
    assert {mount.mountpoint for mount in everything} == {
        mount.mountpoint for mount in parse_mounts(MOUNTS.encode()) if mount.mountpoint != b"/var/log"
    }
    assert chosen(MOUNTS, ("*",)) == []


def test_filesystems_in_memory_have_no_device_that_tells_them_apart() -> None:
    text = "tmpfs /run tmpfs rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n"
    assert chosen(text, ()) == ["/run", "/tmp"]


def test_in_a_container_the_root_is_an_overlay_and_single_files_are_no_filesystems() -> None:
    mounts = "overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n/dev/sda2 /data ext4 rw 0 0\n"
    assert chosen(mounts) == ["/", "/data"]


def test_a_mount_that_another_one_hides_is_left_out() -> None:
    mounts = "/dev/sda1 /data ext4 rw 0 0\n/dev/sdb1 /data xfs rw 0 0\n"
    assert choose(parse_mounts(mounts.encode())) == [Mount(b"/dev/sdb1", b"/data", b"xfs")]


@pytest.mark.parametrize(
    "path",
    [
        "/System/Volumes/VM",
        "/System/Volumes/Preboot",
        "/run/credentials/x",
        "/snap/core/1",
        "/proc",
        "/var/lib/kubelet/pods/1",
        "/var/lib/docker/devicemapper/mnt/x",
        "/var/lib/docker/zfs/graph/x",
        "/var/lib/containers/storage/overlay/x/merged",
    ],
)
def test_the_systems_own_mountpoints_are_left_out(path: str) -> None:
    assert choose([Mount(b"/dev/x", path.encode(), b"apfs")]) == []


@pytest.mark.parametrize(
    "path",
    [
        "/System/Volumes/Data",
        "/var/lib/docker",
        "/var/lib/docker/volumes",
        "/var/lib/docker/volumes/data/_data",
        "/var/lib/containers/storage/volumes/data/_data",
        "/var/lib/containerd",
        "/var/lib/containers",
        "/var/lib/containers/storage",
        "/var/lib/kubelet",
        "/snap",
        "/device",
        "/var/lib/docker-data/a/b",
    ],
)
def test_a_disk_of_its_own_is_shown_wherever_it_is_mounted(path: str) -> None:
    mount = Mount(b"/dev/sdb1", path.encode(), b"ext4")
    assert choose([Mount(b"/dev/sda1", b"/", b"ext4"), mount])[1:] == [mount]


def test_what_an_engine_mounts_for_its_containers_is_no_filesystem_of_its_own() -> None:
    mounts = """/dev/sda1 / ext4 rw 0 0
/dev/sdb1 /var/lib/docker ext4 rw 0 0
/dev/sdb1 /var/lib/docker/overlay2 ext4 rw 0 0
overlay /var/lib/docker/overlay2/1f/merged overlay rw 0 0
shm /var/lib/docker/containers/1f/mounts/shm tmpfs rw 0 0
/dev/sda1 /var/lib/kubelet/pods/7/volume-subpaths/x ext4 rw 0 0
"""
    assert chosen(mounts) == ["/", "/var/lib/docker"]


def test_subvolumes_and_bind_mounts_are_one_device() -> None:
    mounts = "/dev/sda2 /home btrfs rw 0 0\n/dev/sda2 / btrfs rw 0 0\n/dev/sda2 /srv/www btrfs rw 0 0\n"
    assert chosen(mounts) == ["/"]


def test_space_adds_up_to_the_limit(tmp_path: Path) -> None:
    space = read_space(os.fsencode(tmp_path))
    assert space.limit > 0
    assert space.used + space.free + space.reserved == space.limit


BLOCKS = st.integers(0, 2**64 - 1)


@given(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS)
def test_whatever_a_filesystem_says_its_states_add_up_or_are_unknown(
    blocks: int, free: int, available: int, inodes: int, inodes_free: int
) -> None:
    space = space_of(4096, blocks, free, available, inodes, inodes_free)
    states = (space.used, space.free, space.reserved)
    assert all(map(math.isnan, states)) == (free > blocks)
    if free <= blocks:
        assert min(states) >= 0
        assert sum(states) == pytest.approx(space.limit)
    assert math.isnan(space.inodes_free) == (inodes_free > inodes)


def test_more_free_for_all_than_free_at_all_is_none_reserved() -> None:
    assert space_of(1, 100, 40, 60, 0, 0) == Space(100, 60, 40, 0, 0, 0)


@pytest.mark.parametrize("name", [b"gone", b"no\0name"])
def test_a_filesystem_that_does_not_answer_is_no_reading(tmp_path: Path, name: bytes) -> None:
    assert math.isnan(read_space(os.fsencode(tmp_path) + b"/" + name).limit)


def test_one_whose_server_is_gone_holds_up_no_other() -> None:
    answers = threading.Event()
    asked: list[bytes] = []

    def read(mountpoint: bytes) -> Space:
        asked.append(mountpoint)
        if mountpoint == b"/gone":
            assert answers.wait(60)
        return Space(1, 1, 0)

    reader = PatientReader(read)
    try:
        for _ in range(2):
            spaces = reader([b"/gone", b"/there"])
            assert math.isnan(spaces[b"/gone"].limit)
            assert spaces[b"/there"].limit == 1
        assert asked.count(b"/gone") == 1  # it is not asked again before it has answered
    finally:
        answers.set()


def test_a_server_that_has_come_back_is_asked_again() -> None:
    answers = threading.Event()

    def read(_mountpoint: bytes) -> Space:
        assert answers.wait(60)
        return Space(1, 1, 0)

    reader = PatientReader(read)
    assert math.isnan(reader([b"/nfs"])[b"/nfs"].limit)
    answers.set()
    for thread in threading.enumerate():
        if thread.name == "vitalcast-filesystem":
            thread.join()
    assert reader([b"/nfs"])[b"/nfs"].limit == 1


def test_a_filesystem_on_a_network_that_is_not_left_out_is_measured(tmp_path: Path) -> None:
    write_files(tmp_path, {"1/mounts": "server:/x /mnt nfs4 rw 0 0\n", "mnt/file": ""})
    collector = FilesystemCollector(roots=Roots(procfs=tmp_path, rootfs=tmp_path), exclude_types=())
    (limit,) = [sample.value for sample in collector.collect(1.0) if sample.series.name == "system.filesystem.limit"]
    assert limit > 0
    assert FilesystemCollector(roots=Roots(procfs=tmp_path, rootfs=tmp_path)).collect(1.0) == []


def test_a_proc_from_elsewhere_shows_the_mounts_of_its_first_process(tmp_path: Path) -> None:
    write_files(tmp_path, {"1/mounts": "/dev/sdx /x ext4 rw 0 0\n", "7/mounts": "/dev/sdy /y ext4 rw 0 0\n"})
    (tmp_path / "self").symlink_to("7")
    (tmp_path / "mounts").symlink_to("self/mounts")
    samples = FilesystemCollector(roots=Roots(procfs=tmp_path)).collect(1.0)
    assert {sample.series.attributes["system.device"] for sample in samples} == {"/dev/sdx"}


def test_psutil_knows_the_same_filesystems() -> None:
    ours = by_key(FilesystemCollector().collect(1.0))
    assert by_key(FilesystemCollector(roots=PSUTIL).collect(1.0)).keys() == ours.keys()
    limits = {key: value for key, value in ours.items() if key.startswith("system.filesystem.limit")}
    roots = [value for key, value in limits.items() if 'mountpoint="/"' in key]
    assert roots == [psutil.disk_usage("/").total]


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    mountpoint = tmp_path / "mnt" / "b b"
    mountpoint.mkdir(parents=True)
    proc = write_proc(tmp_path, {"self/mounts": "/dev/vda /mnt/b\\040b ext4 rw 0 0\n"})
    samples = FilesystemCollector(roots=replace(proc, rootfs=tmp_path)).collect(1.0)
    values = by_key(samples)
    of_mount = 'system.device="/dev/vda",system.filesystem.mountpoint="/mnt/b b"'
    of_type = 'system.filesystem.type="ext4"'
    limit = values[f"system.filesystem.limit{{{of_mount},{of_type}}}"]
    states = [
        values[f'system.filesystem.usage{{{of_mount},system.filesystem.state="{state}",{of_type}}}']
        for state in ("used", "free", "reserved")
    ]
    assert sum(states) == limit
    shares = [s.value for s in samples if s.series.name == "system.filesystem.utilization"]
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)


def test_use_is_what_df_says() -> None:
    """df rounds up to whole per cent, and something may be written between the two looks."""
    command = ["df", "-P", "-k", "/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    percent = int(said.splitlines()[-1].split()[4].removesuffix("%"))
    values = by_key(FilesystemCollector().collect(1.0))
    (used,) = [
        value
        for key, value in values.items()
        if key.startswith("system.filesystem.utilization") and 'mountpoint="/"' in key and 'state="used"' in key
    ]
    assert percent - 1.1 <= used * 100 <= percent + 0.1


def test_what_is_reserved_is_neither_used_nor_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "read_space", lambda _mountpoint: space_of(1, 100, 40, 35, 0, 0))
    proc = write_proc(tmp_path, {"self/mounts": "/dev/vda / ext4 rw 0 0\n"})
    shares = {
        sample.series.attributes["system.filesystem.state"]: sample.value
        for sample in FilesystemCollector(roots=proc).collect(1.0)
        if sample.series.name == "system.filesystem.utilization"
    }
    assert shares == {"used": pytest.approx(60 / 95, abs=1e-5), "free": pytest.approx(35 / 95, abs=1e-5)}


def test_two_names_that_are_no_text_stay_two(tmp_path: Path) -> None:
    text = b"/dev/sdb1 /mnt/\xff vfat rw 0 0\n/dev/sdc1 /mnt/\xfe vfat rw 0 0\n"
    samples = FilesystemCollector(roots=write_proc(tmp_path, {"self/mounts": text})).collect(1.0)
    found = {sample.series.attributes["system.filesystem.mountpoint"] for sample in samples}
    assert found == {r"/mnt/\xff", r"/mnt/\xfe"}


def test_a_mountpoint_that_refuses_stays_in_the_list_without_a_reading(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"self/mounts": "/dev/vdx /nowhere ext4 rw 0 0\n"})
    samples = FilesystemCollector(roots=proc).collect(1.0)
    assert len(samples) == 6
    assert all(math.isnan(sample.value) for sample in samples)
