"""Programs of Debian's packages, for tests of what the manual says about them: unpacked, never installed.

Where they are on PATH they are used from there. Where they can be had neither way, `None` says so, and a test says with
`record_property("ran", …)` what it tried in their place.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 120.0


class Program(NamedTuple):
    """A program, the environment that it needs beside the tests' own, and where it is from, in words."""

    path: Path
    environment: dict[str, str]
    origin: str


@functools.cache
def program_of(name: str, *packages: str) -> Program | None:
    """Return a program from PATH, or else from these packages: its own first, then libraries that may be missing."""
    if found := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"):
        return Program(Path(found), {}, "of this machine")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None or os.geteuid() != 0:
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitalcast-tests"
    folder = cache / f"debian+{packages[0]}"
    if not folder.exists():
        _unpack(packages, folder)
    for place in ("usr/bin", "usr/sbin", "bin", "sbin"):
        if (path := folder / place / name).is_file():
            patterns = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/*-linux-gnu/systemd")
            libraries = ":".join(str(one) for pattern in patterns for one in folder.glob(pattern))
            return Program(path, {"LD_LIBRARY_PATH": libraries}, f"of Debian's package {packages[0]}")
    raise FileNotFoundError(f"{name} is not in {', '.join(packages)}")


def _unpack(packages: tuple[str, ...], folder: Path) -> None:
    """Have a folder hold what is in these packages. It gets its name when it is whole: another run may look for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        archives, whole = Path(draft, "archives"), Path(draft, "whole")
        archives.mkdir()
        if _tried(["apt-get", "download", *packages], archives):
            _run(["apt-get", "update"], archives)  # a fresh machine knows no packages
            _run(["apt-get", "download", *packages], archives)
        for archive in archives.glob("*.deb"):
            _run(["dpkg-deb", "--extract", str(archive), str(whole)], archives)
        if not folder.exists():
            whole.rename(folder)


def _run(command: list[str], folder: Path) -> None:
    if said := _tried(command, folder):
        raise RuntimeError(f"{' '.join(command)} failed: {said[-500:]}")


def _tried(command: list[str], folder: Path) -> str:
    """Run a command; return what it says where it fails, else nothing."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    return "" if done.returncode == 0 else done.stderr or str(done.returncode)
