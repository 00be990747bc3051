"""How the C library keeps memory for this process, as far as it can be told to, as glibc can."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

_M_ARENA_MAX = -8  # malloc.h


def share_one_heap() -> None:
    """Have threads that begin from now on take memory from one heap.

    Each has its own otherwise, and keeps what it has freed: a restart with a history took 12 MB more. With one
    interpreter lock for all there is nothing to gain from that.
    """
    set_option = _function("mallopt")
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return the memory that is free to the system, which takes about a millisecond."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _function(name: str) -> Callable[..., Any] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
