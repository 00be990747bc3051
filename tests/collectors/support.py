"""What the collectors' tests share: machines made of recorded texts, and samples by their key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vitalcast.core.metrics.model import Sample
from vitalcast.machine import Roots

PSUTIL = Roots(procfs=Path(__file__).parent / "no-proc-here", psutil=True)
"""A system that shows itself to psutil alone, as others than Linux do."""


def write_files(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Lay out recorded texts under `root` as the kernel does under /proc or /sys; files that are there are replaced."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def write_proc(root: Path, files: Mapping[str, str | bytes]) -> Roots:
    """Lay out a machine's /proc; it has nothing in its /sys, nor in its files."""
    return Roots(procfs=write_files(root, files), sysfs=root / "no-sys-here", rootfs=root / "no-files-here")


def by_key(samples: list[Sample]) -> dict[str, float]:
    """Return the samples' values by the text of their series."""
    return {sample.series.key: sample.value for sample in samples}
