from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.collectors.support import by_key, write_proc

from vitalcast.collectors.filesystem import FilesystemCollector, Mount, choose, parse_mounts, read_space

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


def chosen(text: str, *, remote: bool = False) -> list[str]:
    return [mount.mountpoint for mount in choose(parse_mounts(text.encode()), remote=remote)]


def test_escaped_spaces_are_understood() -> None:
    assert Mount("/dev/sdb1", "/mnt/My Disk", "vfat") in parse_mounts(MOUNTS.encode())


def test_pseudo_and_remote_filesystems_and_duplicates_are_left_out() -> None:
    assert chosen(MOUNTS) == ["/", "/home", "/media/usb", "/mnt/My Disk"]


def test_remote_filesystems_can_be_asked_for() -> None:
    assert {"/mnt/nfs", "/mnt/far"} <= set(chosen(MOUNTS, remote=True))


def test_in_a_container_the_root_is_an_overlay_and_single_files_are_no_filesystems() -> None:
    mounts = "overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n/dev/sda2 /data ext4 rw 0 0\n"
    assert chosen(mounts) == ["/", "/data"]


def test_a_mount_that_another_one_hides_is_left_out() -> None:
    mounts = "/dev/sda1 /data ext4 rw 0 0\n/dev/sdb1 /data xfs rw 0 0\n"
    assert choose(parse_mounts(mounts.encode())) == [Mount("/dev/sdb1", "/data", "xfs")]


@pytest.mark.parametrize("path", ["/System/Volumes/VM", "/run/credentials/x", "/var/lib/kubelet/pods/1"])
def test_the_systems_own_mountpoints_are_left_out(path: str) -> None:
    assert choose([Mount("/dev/x", path, "apfs")]) == []


def test_space_adds_up_to_the_limit(tmp_path: Path) -> None:
    space = read_space(str(tmp_path))
    assert space.limit > 0
    assert space.used + space.free + space.reserved == space.limit


def test_a_filesystem_that_does_not_answer_is_no_reading(tmp_path: Path) -> None:
    assert math.isnan(read_space(str(tmp_path / "gone")).limit)


def test_a_reading_becomes_samples(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"self/mounts": f"/dev/vda {tmp_path} ext4 rw 0 0\n"})
    samples = FilesystemCollector(proc=proc).collect(1.0)
    values = by_key(samples)
    of_mount = f'system.device="/dev/vda",system.filesystem.mountpoint="{tmp_path}"'
    of_type = 'system.filesystem.type="ext4"'
    limit = values[f"system.filesystem.limit{{{of_mount},{of_type}}}"]
    states = [
        values[f'system.filesystem.usage{{{of_mount},system.filesystem.state="{state}",{of_type}}}']
        for state in ("used", "free", "reserved")
    ]
    assert sum(states) == limit
    shares = [s.value for s in samples if s.series.name == "system.filesystem.utilization"]
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)


def test_a_name_that_is_no_text_is_made_one(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mounts").write_bytes(b"/dev/sdb1 /mnt/\xff vfat rw 0 0\n")
    for sample in FilesystemCollector(proc=tmp_path).collect(1.0):
        assert sample.series.attributes["system.filesystem.mountpoint"] == "/mnt/\N{REPLACEMENT CHARACTER}"


def test_a_mountpoint_that_refuses_stays_in_the_list_without_a_reading(tmp_path: Path) -> None:
    proc = write_proc(tmp_path, {"self/mounts": "/dev/vdx /nowhere ext4 rw 0 0\n"})
    samples = FilesystemCollector(proc=proc).collect(1.0)
    assert len(samples) == 7
    assert all(math.isnan(sample.value) for sample in samples)
