"""Which version of the pages is served: the package's, and what its files are."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from vitalcast import __version__

LOOK_EVERY_S = 2.0
_VENDOR = "vendor"


class Version:
    """Changes when the package or any file of its pages is another. Files are read again only where they changed."""

    def __init__(self, root: Path, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._now_s = now_s
        self._looked_s = -LOOK_EVERY_S
        self._hashes: dict[Path, tuple[tuple[int, int], str]] = {}
        self._current = ""

    @property
    def recent(self) -> str | None:
        """The version as it was seen a moment ago; None where it is time to look."""
        return self._current if self._now_s() - self._looked_s < LOOK_EVERY_S else None

    def look(self) -> str:
        """Return the version, by looking at every file, which is for a thread."""
        parts = [self._part(path) for path in sorted(self._root.rglob("*")) if path.is_file()]
        content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self._current = f"{__version__}+{content[:12]}"
        self._looked_s = self._now_s()
        return self._current

    def _part(self, path: Path) -> str:
        name = path.relative_to(self._root).as_posix()
        if name.startswith(f"{_VENDOR}/"):  # whose names carry their versions
            return name
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if self._hashes.get(path, (None, ""))[0] != stamp:
                self._hashes[path] = stamp, hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:  # gone meanwhile: an upgrade is under way
            return name
        return f"{name} {self._hashes[path][1]}"
