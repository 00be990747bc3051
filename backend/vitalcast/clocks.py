"""The clocks of this machine: one that says what time it is, which somebody may set, and one that only goes on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")

if sys.platform == "linux":

    def _steady_ns() -> int:
        # Other than CLOCK_MONOTONIC it goes on while the machine is suspended: those ticks were missed.
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
else:

    def _steady_ns() -> int:
        return time.monotonic_ns()


def wall_ms() -> int:
    """Return the time of day in Unix milliseconds. It may be set: it says when, never in which order or how long."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return the milliseconds since the machine booted, on a clock that nobody can set."""
    return _steady_ns() // 1_000_000


def boot() -> str:
    """Name the run of the kernel whose `steady_ms` this process reads; nothing where that cannot be known.

    A time namespace has an offset of its own (time_namespaces(7)), so that two of them are as two boots.
    """
    try:
        name = BOOT_ID.read_text(encoding="ascii").strip()
        space = TIME_NAMESPACE.readlink() if TIME_NAMESPACE.is_symlink() else ""
    except (OSError, UnicodeDecodeError):
        return ""
    return f"{name} {space}".strip()
