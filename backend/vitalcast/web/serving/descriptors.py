"""How many files this process may have open, and so how many sockets."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

SPARE_DESCRIPTORS: Final = 20  # for files that are opened later: the history, tokens, scans of processes
SOCKETS_MIN: Final = 8


def raise_descriptor_limit() -> int | None:
    """Allow as many open files as the system lets this process have; return how many, None where there is no limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):  # macOS has a lower one that it does not tell
            logging.getLogger(__name__).info("the limit of open files stays at %d", soft)
    return None if soft == resource.RLIM_INFINITY else soft


def sockets_max(descriptors: int | None) -> int | None:
    """Return for how many sockets a limit of open files leaves room, beside the files that are open now."""
    if descriptors is None:
        return None
    return max(SOCKETS_MIN, descriptors - _open_descriptors() - SPARE_DESCRIPTORS)


def _open_descriptors() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return sum(1 for _ in Path(folder).iterdir())
        except OSError:
            continue
    return 32
