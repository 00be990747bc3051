"""How full the filesystems are, in bytes and in inodes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import NO_READING, Collector, SeriesPerDevice, share
from vitalcast.collectors.procfs import PROC, open_if_readable
from vitalcast.model import Descriptor, Kind, Sample, Series

_OF_MOUNT = ("system.device", "system.filesystem.mountpoint", "system.filesystem.type")
_BY_STATE = (*_OF_MOUNT, "system.filesystem.state")

# `system.filesystem.mode` is left out on purpose: a disk remounted read-only would become a new series.
USAGE = Descriptor(
    "system.filesystem.usage",
    "By",
    Kind.UPDOWNCOUNTER,
    "Space by state, adding up to the limit; reserved is free for the superuser alone.",
    _BY_STATE,
)
UTILIZATION = Descriptor(
    "system.filesystem.utilization", "1", Kind.GAUGE, "Share of the space in each state.", _BY_STATE
)
LIMIT = Descriptor("system.filesystem.limit", "By", Kind.UPDOWNCOUNTER, "Capacity of the filesystem.", _OF_MOUNT)
# Not in OpenTelemetry's conventions: named here in their style.
INODES_USAGE = Descriptor(
    "system.filesystem.inode.usage",
    "{inode}",
    Kind.UPDOWNCOUNTER,
    "Inodes by state; absent where the filesystem has no fixed number of them.",
    _BY_STATE,
)
INODES_LIMIT = Descriptor(
    "system.filesystem.inode.limit", "{inode}", Kind.UPDOWNCOUNTER, "Inodes the filesystem has.", _OF_MOUNT
)

DESCRIPTORS = (USAGE, UTILIZATION, LIMIT, INODES_USAGE, INODES_LIMIT)

# Kept in memory, made by the kernel, always full, or a view of another one.
PSEUDO_TYPES = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|cramfs|debugfs|devfs|devpts|devtmpfs|efivarfs|erofs|fusectl|"
    r"hugetlbfs|iso9660|mqueue|none|nsfs|overlay|proc|pstore|ramfs|rootfs|rpc_pipefs|securityfs|selinuxfs|"
    r"squashfs|sysfs|tmpfs|tracefs|udf|"
)
# Their server may be gone, and then the question for their size never returns.
REMOTE_TYPES = re.compile(
    r"9p2000.*|afs|beegfs|ceph|cifs|davfs2?|fuse\..+|glusterfs|gpfs|lustre|ncpfs|nfs\d?|smb\w*|webdav|afpfs"
)
EXCLUDE_MOUNTPOINTS = re.compile(
    r"/(dev|proc|sys|run/credentials|run/docker|snap|var/snap|var/lib/(docker|containers|containerd|kubelet))"
    r"(/.*)?|/etc/(hosts|hostname|resolv\.conf)|/System/Volumes/(?!Data$).+"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted filesystem."""

    device: str
    mountpoint: str
    type: str


def parse_mounts(text: bytes) -> list[Mount]:
    """Parse /proc/self/mounts; spaces and the like in it are octal escapes."""
    mounts = []
    for line in os.fsdecode(text).splitlines():
        device, mountpoint, kind = (
            _ESCAPE.sub(lambda match: chr(int(match[1], 8)), word) for word in line.split(" ", 3)[:3]
        )
        mounts.append(Mount(device, mountpoint, kind))
    return mounts


def choose(
    mounts: Iterable[Mount],
    *,
    remote: bool = False,
    exclude: re.Pattern[str] = EXCLUDE_MOUNTPOINTS,
) -> list[Mount]:
    """Return the mounts worth showing, each device once: at its shortest mountpoint.

    An overlay is shown only as the root, which in a container is all there is.
    """
    visible = {mount.mountpoint: mount for mount in mounts}  # a later mount hides an earlier one
    of_device: dict[str, Mount] = {}
    for mount in sorted(visible.values(), key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        if PSEUDO_TYPES.fullmatch(mount.type) and (mount.mountpoint, mount.type) != ("/", "overlay"):
            continue
        if exclude.fullmatch(mount.mountpoint) or (REMOTE_TYPES.fullmatch(mount.type) and not remote):
            continue
        of_device.setdefault(mount.device, mount)
    return list(of_device.values())


class Space(NamedTuple):
    """Bytes and inodes of a filesystem."""

    limit: float
    used: float
    free: float
    reserved: float = 0
    inodes: float = 0
    inodes_free: float = 0


_UNKNOWN = Space(NO_READING, NO_READING, NO_READING, NO_READING)


def read_space(mountpoint: str) -> Space:
    """Ask the system how full a filesystem is; `nan` where it refuses. Blocks while a device does not answer."""
    try:
        if not hasattr(os, "statvfs"):
            usage = psutil.disk_usage(mountpoint)
            return Space(usage.total, usage.used, usage.free)
        stat = os.statvfs(mountpoint)
    except OSError:
        return _UNKNOWN
    unit = stat.f_frsize
    return Space(
        stat.f_blocks * unit,
        (stat.f_blocks - stat.f_bfree) * unit,
        stat.f_bavail * unit,
        max(0, stat.f_bfree - stat.f_bavail) * unit,
        stat.f_files,
        stat.f_ffree,
    )


class FilesystemCollector(Collector):
    """Reads /proc/self/mounts, elsewhere psutil, and asks each filesystem for its space.

    Filesystems on a network are left out unless `remote`, for a dead server would take the local ones along.
    """

    name = "filesystem"
    cadence_s = 10.0

    def __init__(
        self,
        *,
        proc: Path = PROC,
        remote: bool = False,
        exclude: re.Pattern[str] = EXCLUDE_MOUNTPOINTS,
    ) -> None:
        super().__init__()
        self._mounts = open_if_readable(proc / "self" / "mounts")
        self._remote = remote
        self._exclude = exclude
        self.descriptors = DESCRIPTORS if hasattr(os, "statvfs") else (USAGE, UTILIZATION, LIMIT)
        self._of_mount = SeriesPerDevice(_series)

    def collect(self, _now_s: float) -> list[Sample]:
        samples: list[Sample] = []
        mounts = choose(self._list(), remote=self._remote, exclude=self._exclude)
        for mount in mounts:
            space = read_space(mount.mountpoint)
            if space.limit == 0:
                continue  # a pseudo filesystem of a kind not known here
            states = (space.used, space.free, space.reserved)
            values = [space.limit, *states, *(share(part, space.limit) for part in states)]
            if space.inodes > 0:
                values += (space.inodes, space.inodes - space.inodes_free, space.inodes_free)
            samples += map(Sample, self._of_mount[mount], values)  # without inodes, their series stay unused
        self._of_mount.keep(mounts)
        return samples

    def _list(self) -> list[Mount]:
        if self._mounts is not None:
            return parse_mounts(self._mounts.read())
        return [Mount(part.device, part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=False)]


def _series(mount: Mount) -> tuple[Series, ...]:
    of_mount = tuple(os.fsencode(word).decode(errors="replace") for word in mount)  # JSON wants true Unicode

    def states(descriptor: Descriptor, *names: str) -> list[Series]:
        return [Series(descriptor, (*of_mount, state)) for state in names]

    return (
        Series(LIMIT, of_mount),
        *states(USAGE, "used", "free", "reserved"),
        *states(UTILIZATION, "used", "free", "reserved"),
        Series(INODES_LIMIT, of_mount),
        *states(INODES_USAGE, "used", "free"),
    )
