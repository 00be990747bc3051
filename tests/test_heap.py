"""Memory that was freed goes back to the system, and threads take theirs from one heap."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
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


SIZE_OF_HEAPS = """
import ctypes, threading, sys
from vitalcast.heap import share_one_heap
if sys.argv[1] == "one":
    share_one_heap()
kept = []
for _ in range(4):
    threads = [threading.Thread(target=lambda: kept.append(bytearray(16384))) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""


def test_threads_take_their_memory_from_one_heap() -> None:
    if platform.libc_ver()[0] == "glibc":
        assert heaps("one") == 1
        assert heaps("each") > 1


def heaps(which: str) -> int:
    done = subprocess.run([sys.executable, "-c", SIZE_OF_HEAPS, which], capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")
