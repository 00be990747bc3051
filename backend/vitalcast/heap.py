"""Gives memory back to the system: what was freed stays with the process otherwise, for as long as that lives."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return the memory that is free, where the C library can be told to, as glibc can; takes about a millisecond."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
