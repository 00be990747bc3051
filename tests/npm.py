"""Fetches from the npm registry what tests need, once a machine: single files, or packages with all that they need."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

import playwright

NODE = Path(playwright.__file__).parent / "driver" / "node"  # comes with the test environment, and has a WebSocket
FETCH_WITHIN_S = 300.0
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitalcast-tests"


def file_of(package: str, *, sha256: str, path: str) -> Path:
    """Return a file of a package, such as `name@1.2.3`, whose archive has this digest."""
    place = _CACHE / package.replace("/", "+") / Path(path).name
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            ready = Path(folder) / place.name
            ready.write_bytes(_member(_archive(package, folder), sha256, path))
            ready.replace(place)  # whole: another run may be looking for it now
    return place


def installed(package: str) -> Path:
    """Return a folder whose `node_modules` have a package, such as `name@1.2.3`, for tests that run all of it."""
    place = _CACHE / f"{package.replace('/', '+')}+installed"
    if not place.is_dir():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
            ready = Path(folder) / "ready"
            ready.mkdir()
            (ready / "package.json").write_text("{}")
            _npm("install", package, "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(ready))
            if not place.exists():
                ready.rename(place)  # whole: another run may be looking for it now
    return place


def _archive(package: str, folder: str) -> Path:
    _npm("pack", package, "--silent", "--pack-destination", folder)
    (archive,) = Path(folder).glob("*.tgz")
    return archive


def _npm(*arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], capture_output=True, text=True, timeout=FETCH_WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def _member(archive: Path, sha256: str, path: str) -> bytes:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert digest == sha256, f"{archive.name} has the SHA-256 {digest}"
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/{path}")
        assert member is not None, path
        return member.read()
