"""Fetches single files from the npm registry for the tests, once a machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

FETCH_WITHIN_S = 300.0


def file_of(package: str, *, sha256: str, path: str) -> Path:
    """Return a file of a package, such as `name@1.2.3`, whose archive has this digest."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitalcast-tests"
    place = cache / package.replace("/", "+") / Path(path).name
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            ready = Path(folder) / place.name
            ready.write_bytes(_member(_archive(package, folder), sha256, path))
            ready.replace(place)  # whole: another run may be looking for it now
    return place


def _archive(package: str, folder: str) -> Path:
    command = ["npm", "pack", package, "--silent", "--pack-destination", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    (archive,) = Path(folder).glob("*.tgz")
    return archive


def _member(archive: Path, sha256: str, path: str) -> bytes:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert digest == sha256, f"{archive.name} has the SHA-256 {digest}"
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/{path}")
        assert member is not None, path
        return member.read()
