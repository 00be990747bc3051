"""Memory that was freed goes back to the system."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

from vitalcast.heap import give_back

KIB = 1024


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_memory_that_was_freed_goes_back_to_the_system_although_some_above_it_is_in_use() -> None:
    blocks = [bytes(16 * KIB) for _ in range(4000)]
    blocks = [bytearray(block) for block in blocks]
    del blocks[:-1]
    before = resident_bytes()
    give_back()
    if platform.libc_ver()[0] == "glibc":
        assert before - resident_bytes() > 32 * KIB * KIB
