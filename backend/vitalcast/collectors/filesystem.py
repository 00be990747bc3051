"""How full the filesystems are, in bytes and in inodes."""

from __future__ import annotations

import functools
import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import NamedTuple

import psutil

from vitalcast.collectors.base import NO_READING, Collector, SeriesPerDevice, share
from vitalcast.collectors.declaration import Declaration
from vitalcast.collectors.procfs import difference, open_of_init, within
from vitalcast.core.metrics.model import Descriptor, Kind, Sample, Series
from vitalcast.core.text import from_system
from vitalcast.machine import DEFAULT_EXCLUSIONS, HERE, Roots, matcher

_OF_MOUNT = ("system.device", "system.filesystem.mountpoint", "system.filesystem.type")
_BY_STATE = (*_OF_MOUNT, "system.filesystem.state")

# `system.filesystem.mode` is left out on purpose: a disk remounted read-only would become a new series.
USAGE = Descriptor(
    "system.filesystem.usage",
    "By",
    Kind.UPDOWNCOUNTER,
    "Space by state, adding up to the limit; reserved is for the superuser only, neither used nor free.",
    _BY_STATE,
)
UTILIZATION = Descriptor(
    "system.filesystem.utilization",
    "1",
    Kind.GAUGE,
    "Share of the space that is used, and that is free: of both together, without what is reserved, as df has it.",
    _BY_STATE,
)
LIMIT = Descriptor("system.filesystem.limit", "By", Kind.UPDOWNCOUNTER, "Capacity of the filesystem.", _OF_MOUNT)
# Not in OpenTelemetry's conventions: named here in their style.
INODES_USAGE = Descriptor(
    "system.filesystem.inode.usage",
    "{inode}",
    Kind.UPDOWNCOUNTER,
    "Inodes by state; absent if the filesystem has no fixed number of inodes.",
    _BY_STATE,
)
INODES_LIMIT = Descriptor(
    "system.filesystem.inode.limit", "{inode}", Kind.UPDOWNCOUNTER, "Inodes of the filesystem.", _OF_MOUNT
)

DESCRIPTORS = (USAGE, UTILIZATION, LIMIT, INODES_USAGE, INODES_LIMIT)

# Their server may be gone, and then the question for their size never returns.
REMOTE_TYPES = re.compile(
    rb"9p.*|afs|afpfs|beegfs|ceph|cifs|coda|davfs2?|fuse(\..+)?|glusterfs|gpfs|lustre|ncpfs|nfs\d?|ocfs2|orangefs|smb.*|"
    rb"vboxsf|virtiofs|vmhgfs|webdav"
)
_PATIENCE_S = 0.5
_HANGING_MAX = 32
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


class Mount(NamedTuple):
    """A mounted filesystem, in the system's own bytes."""

    device: bytes
    mountpoint: bytes
    type: bytes


def parse_mounts(text: bytes) -> list[Mount]:
    """Parse /proc/self/mounts; spaces, line ends and backslashes in it are bytes written in octal."""
    return [
        Mount(*(_ESCAPE.sub(_unescape, word) for word in words[:3]))
        for line in text.split(b"\n")
        if len(words := line.split(b" ", 3)) >= 3 and words[1].startswith(b"/") and words[2]
    ]


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 8),))


def choose(
    mounts: Iterable[Mount],
    *,
    exclude_types: tuple[str, ...] = DEFAULT_EXCLUSIONS.filesystems,
    exclude_mounts: tuple[str, ...] = DEFAULT_EXCLUSIONS.mounts,
) -> list[Mount]:
    """Return the mounts worth showing, each device once: at its shortest mountpoint.

    An overlay is shown only as the root, which in a container is all there is.
    """
    type_excluded, mount_excluded = matcher(exclude_types), matcher(exclude_mounts)
    visible = {mount.mountpoint: mount for mount in mounts}  # a later mount hides an earlier one
    of_device: dict[bytes | Mount, Mount] = {}
    for mount in sorted(visible.values(), key=lambda mount: (len(mount.mountpoint), mount.mountpoint)):
        if type_excluded(from_system(mount.type)) and (mount.mountpoint, mount.type) != (b"/", b"overlay"):
            continue
        if mount_excluded(from_system(mount.mountpoint)):
            continue
        # Of one in memory the device is but a word, the same for all: `tmpfs`.
        known_by_device = b"/" in mount.device or mount.type == b"zfs"
        of_device.setdefault(mount.device if known_by_device else mount, mount)
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


def read_space(mountpoint: bytes) -> Space:
    """Ask the system how full a filesystem is; `nan` where it refuses. Blocks while a device does not answer."""
    try:
        if not hasattr(os, "statvfs"):
            usage = psutil.disk_usage(os.fsdecode(mountpoint))
            return Space(usage.total, usage.used, usage.free)
        stat = os.statvfs(mountpoint)
    except (OSError, ValueError):  # a name that cannot be one, with a NUL in it
        return _UNKNOWN
    return space_of(stat.f_frsize, stat.f_blocks, stat.f_bfree, stat.f_bavail, stat.f_files, stat.f_ffree)


def space_of(unit: int, blocks: int, free: int, available: int, inodes: int, inodes_free: int) -> Space:
    """Return the bytes and inodes that statvfs(3) means.

    A filesystem in user space or on a network may say anything. What is free cannot be more than there is; then
    nothing is known of the states. What is free for all cannot be more than what is free.
    """
    free_blocks = within(free, blocks)
    free_for_all = min(free_blocks, available)
    return Space(
        float(blocks) * unit,
        difference(blocks, free_blocks) * unit,
        free_for_all * unit,
        difference(free_blocks, free_for_all) * unit,
        float(inodes),
        within(inodes_free, inodes),
    )


class PatientReader:
    """Asks filesystems whose server may be gone, each in a thread of its own, so that none holds up another.

    One that does not answer in time has no reading, and is not asked again before it has answered.
    """

    def __init__(self, read: Callable[[bytes], Space] = read_space) -> None:
        self._read = read
        self._asked: dict[bytes, Future[Space]] = {}

    def __call__(self, mountpoints: Iterable[bytes]) -> dict[bytes, Space]:
        """Return what is known of each within half a second."""
        hanging = {mountpoint for mountpoint, asked in self._asked.items() if not asked.done()}
        self._asked = {mountpoint: self._asked[mountpoint] for mountpoint in hanging}
        mountpoints = list(mountpoints)
        for mountpoint in mountpoints:
            if mountpoint not in hanging and len(self._asked) < _HANGING_MAX:
                self._asked[mountpoint] = self._ask(mountpoint)
        new = {mountpoint: asked for mountpoint, asked in self._asked.items() if mountpoint not in hanging}
        answered = wait(new.values(), timeout=_PATIENCE_S).done
        return {
            mountpoint: new[mountpoint].result() if new.get(mountpoint) in answered else _UNKNOWN
            for mountpoint in mountpoints
        }

    def _ask(self, mountpoint: bytes) -> Future[Space]:
        asked: Future[Space] = Future()

        def answer() -> None:
            try:
                asked.set_result(self._read(mountpoint))
            except Exception as error:  # it is raised where the answer is waited for
                asked.set_exception(error)

        threading.Thread(target=answer, name="vitalcast-filesystem", daemon=True).start()
        return asked


class FilesystemCollector(Collector):
    """Reads /proc/self/mounts, elsewhere psutil, and asks each filesystem for its space.

    Those of a type that one of the globs in `exclude_types` matches, or at a mountpoint that one in `exclude_mounts`
    does, are left out. Those on a network that are not are asked with patience.
    """

    name = "filesystem"
    cadence_s = 10.0

    def __init__(
        self,
        *,
        roots: Roots = HERE,
        exclude_types: tuple[str, ...] = DEFAULT_EXCLUSIONS.filesystems,
        exclude_mounts: tuple[str, ...] = DEFAULT_EXCLUSIONS.mounts,
    ) -> None:
        super().__init__()
        chosen = functools.partial(choose, exclude_types=exclude_types, exclude_mounts=exclude_mounts)
        self._list: Callable[[], list[Mount]] | None = None
        if roots.psutil:
            self._list = lambda: chosen(_list_psutil())
        elif file := open_of_init(roots, "mounts"):
            # A host of containers has hundreds of mounts, and the same ones for most of the time.
            of_text = functools.lru_cache(maxsize=1)(lambda text: chosen(parse_mounts(text)))
            self._list = lambda: of_text(file.read())
        declared = DESCRIPTORS if hasattr(os, "statvfs") else (USAGE, UTILIZATION, LIMIT)
        self.descriptors = declared if self._list else ()
        self._root = b"" if roots.rootfs_is_ours else os.fsencode(roots.rootfs)
        self._of_mount = SeriesPerDevice(_series)
        self._read_remote = PatientReader()

    def collect(self, _now_s: float) -> list[Sample]:
        if self._list is None:
            return []
        samples: list[Sample] = []
        mounts = self._list()
        remote = {self._root + mount.mountpoint for mount in mounts if REMOTE_TYPES.fullmatch(mount.type)}
        spaces = self._read_remote(remote) if remote else {}
        for mount in mounts:
            path = self._root + mount.mountpoint
            space = spaces[path] if path in spaces else read_space(path)
            if space.limit == 0:
                continue  # a pseudo filesystem of a kind not known here
            usable = space.used + space.free
            shares = (share(space.used, usable), share(space.free, usable))
            values = [space.limit, space.used, space.free, space.reserved, *shares]
            if space.inodes > 0:
                values += (space.inodes, difference(space.inodes, space.inodes_free), space.inodes_free)
            samples += map(Sample, self._of_mount[mount], values)  # without inodes, their series stay unused
        self._of_mount.keep(mounts)
        return samples


def _list_psutil() -> list[Mount]:
    parts = psutil.disk_partitions(all=False)
    return [Mount(*map(os.fsencode, (part.device, part.mountpoint, part.fstype))) for part in parts if part.fstype]


def _series(mount: Mount) -> tuple[Series, ...]:
    of_mount = tuple(from_system(word) or "none" for word in mount)  # a mount may have been given no device

    def states(descriptor: Descriptor, *names: str) -> list[Series]:
        return [Series(descriptor, (*of_mount, state)) for state in names]

    return (
        Series(LIMIT, of_mount),
        *states(USAGE, "used", "free", "reserved"),
        *states(UTILIZATION, "used", "free"),
        Series(INODES_LIMIT, of_mount),
        *states(INODES_USAGE, "used", "free"),
    )


COLLECTORS = (
    Declaration(
        FilesystemCollector.name,
        DESCRIPTORS,
        lambda setup: FilesystemCollector(
            roots=setup.roots, exclude_types=setup.exclude.filesystems, exclude_mounts=setup.exclude.mounts
        ),
    ),
)
