"""Which machine is read, and what of it is left out: what the settings and the collectors share."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from vitalcast.errors import ConfigError

PROCFS = Path("/proc")


@dataclass(frozen=True, slots=True)
class Roots:
    """Where Linux shows the machine that is read: `/proc`, `/sys`, the control groups and the root of its files.

    A container that watches its host has the host's mounted elsewhere. `psutil` says that this system has no such
    files, so that psutil is to be asked, which knows no machine but its own.
    """

    procfs: Path = PROCFS
    sysfs: Path = Path("/sys")
    cgroupfs: Path = Path("/sys/fs/cgroup")
    rootfs: Path = Path("/")
    psutil: bool = False

    @property
    def procfs_is_ours(self) -> bool:
        return self.procfs == PROCFS

    @property
    def rootfs_is_ours(self) -> bool:
        return self.rootfs == Path("/")

    @classmethod
    def of(cls, **paths: str) -> Roots:
        """Return the roots at these paths, which the settings of the same names gave.

        Raises ConfigError for a path other than the default that is no folder.
        """
        default = {field.name: field.default for field in fields(cls)}
        roots = {name: Path(path) for name, path in paths.items()}
        for name, path in roots.items():
            if path != default[name]:
                _check_folder(f"collectors.{name}", path)
        psutil = roots.get("procfs", PROCFS) == PROCFS and not (PROCFS / "stat").exists()
        return cls(**roots, psutil=psutil)


HERE = Roots()


def _check_folder(key: str, path: Path) -> None:
    if not path.is_absolute():
        raise ConfigError(key, f"{path} is not absolute; give a path such as {HERE.procfs}")
    try:
        missing = not path.exists()
        is_folder = path.is_dir()
    except OSError as error:
        raise ConfigError(key, f"{path} cannot be read: {error.strerror or error}") from None
    if not is_folder:
        what = "does not exist" if missing else "is not a folder"
        raise ConfigError(key, f"{path} {what}; give the folder where it is mounted")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What is left out by name: globs, where `*` also stands for slashes and capitals matter."""

    # Loop, RAM, floppy and optical drives, and what another disk counts already: its partitions and paths.
    disks: tuple[str, ...] = ("loop[0-9]*", "ram[0-9]*", "zram[0-9]*", "fd[0-9]*", "sr[0-9]*", "*/*")
    # The system's own, and what container engines mount deep in their folders. Those folders themselves may well be
    # on disks of their own, and so may what is kept in `volumes`.
    mounts: tuple[str, ...] = (
        "/dev",
        "/dev/*",
        "/proc",
        "/proc/*",
        "/sys",
        "/sys/*",
        "/run/credentials",
        "/run/credentials/*",
        "/run/docker",
        "/run/docker/*",
        "/snap/*",
        "/var/snap/*",
        "/var/lib/docker/[!v]*/*",
        "/var/lib/containerd/*/*",
        "/var/lib/containers/storage/[!v]*/*",
        "/var/lib/kubelet/*/*",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/System/Volumes/[!D]*",
        "/System/Volumes/D[!a]*",
        "/System/Volumes/Data/*",
    )
    # Kept in memory, made by the kernel, always full, or a view of another one; then those on a network.
    filesystems: tuple[str, ...] = (
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "cramfs",
        "debugfs",
        "devfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "erofs",
        "fusectl",
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "none",
        "nsfs",
        "overlay",
        "proc",
        "pstore",
        "ramfs",
        "rootfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "squashfs",
        "sysfs",
        "tmpfs",
        "tracefs",
        "udf",
        "9p2000*",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "davfs2",
        "fuse.?*",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs[0-9]",
        "smb*",
        "webdav",
    )
    # The host's ends of containers, test devices, and the idle tunnels that a kernel makes for itself. The loopback
    # stays: what a machine says to itself is worth seeing, and no metric adds interfaces up.
    interfaces: tuple[str, ...] = (
        "veth?*",
        "cali?*",
        "lxc?*",
        "ifb?*",
        "dummy?*",
        "tunl0",
        "sit0",
        "gre0",
        "gretap0",
        "erspan0",
        "ip6tnl0",
        "ip6gre0",
        "ip_vti0",
        "ip6_vti0",
    )
    sensors: tuple[str, ...] = ()


DEFAULT_EXCLUSIONS = Exclusions()


def matcher(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Return what says whether a text is matched by any of the globs, in whole."""
    patterns = [fnmatch.translate(glob) for glob in globs]
    if not patterns:
        return lambda _text: False
    found = re.compile("|".join(patterns)).match
    return lambda text: found(text) is not None
