"""Which rows of a table a filter is about: those that have a text in a field, or, in quotes, as a whole field.

A name in quotes also stands for what goes by it, as a kernel's `kworker/u8:3-events` does by `"kworker"`.
"""

from __future__ import annotations

from collections.abc import Callable


def field_test(wanted: str) -> Callable[[str], bool]:
    """Return what says whether a field, case-folded, is what a filter wants; every field is where it wants nothing."""
    text = wanted.strip().casefold()
    if len(text) > 2 and text[0] == text[-1] == '"':
        whole = text[1:-1]
        beginnings = (f"{whole}/", f"{whole}:")
        return lambda field: field == whole or field.startswith(beginnings)
    return lambda field: text in field
