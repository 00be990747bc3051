"""A machine that is nothing but files in a folder, for a real server to watch through its settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.collectors.support import write_files
from tests.e2e.server import Server, running

ROOTS = {"procfs": "proc", "sysfs": "sys", "cgroupfs": "cgroup", "rootfs": "root"}


class OtherMachine:
    """Lays out `/proc`, `/sys`, the control groups and the root of a machine under a folder, each as a folder of it.

    A path names the root first: `{"proc/1/net/dev": …, "sys/class/hwmon/hwmon0/name": …, "root/etc/hostname": …}`.
    """

    def __init__(self, folder: Path, files: Mapping[str, str | bytes]) -> None:
        self.folder = folder
        for root in ROOTS.values():
            (folder / root).mkdir(parents=True, exist_ok=True)
        self.write(files)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files as the kernel would change them: in place."""
        write_files(self.folder, files)

    def mount(self, mountpoint: bytes) -> None:
        """Make a folder, which may be called anything, under the machine's root."""
        Path(os.fsdecode(os.fsencode(self.folder / "root") + mountpoint)).mkdir(parents=True, exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        """The settings that have a server watch it."""
        return {f"VITALCAST_COLLECTORS__{name.upper()}": str(self.folder / root) for name, root in ROOTS.items()}

    @contextmanager
    def watched(self, **settings: str) -> Iterator[Server]:
        """Run a server that watches it; `settings` are further ones, as in `COLLECTORS__EXCLUDE_DISKS="sd*"`."""
        further = {f"VITALCAST_{name}": value for name, value in settings.items()}
        with running(env=self.env | further) as server:
            yield server
