"""What the collectors' tests share: a /proc made of recorded texts, and samples by their key."""

from __future__ import annotations

from pathlib import Path

from vitalcast.model import Sample


def write_proc(root: Path, files: dict[str, str]) -> Path:
    """Lay out recorded texts under `root` as the kernel does under /proc; files that are there are replaced."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def by_key(samples: list[Sample]) -> dict[str, float]:
    """Return the samples' values by the text of their series."""
    return {sample.series.key: sample.value for sample in samples}
