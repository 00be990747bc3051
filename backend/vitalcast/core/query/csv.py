"""An answer as CSV (RFC 4180): two columns of time, and one for each series, or each aggregate of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson

from vitalcast.core.query.query import Result

if TYPE_CHECKING:
    import numpy.typing as npt

CELLS_AT_ONCE: Final = 20_000
# What makes a spreadsheet take a text for a formula, at its beginning or after what some locales part cells with. The
# wide forms are taken for the plain ones where East Asian text is typed.
_FORMULA: Final = re.compile(r"(^|[\t\r\n;,|])(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")
_QUOTED: Final = re.compile(r'[",;\t\r\n]|^\s|\s$')


def csv_of(result: Result) -> Iterator[bytes]:
    """Yield the answer in parts of a bounded size: the head, then rows by their time.

    Times are ISO 8601 in UTC and Unix milliseconds; a cell without a value is empty. A column is called as its series,
    followed by the aggregate where there are several.
    """
    yield csv_head(result)
    yield from csv_rows(result.times_ms, result.values)


def csv_head(result: Result) -> bytes:
    """Return the first line, which says what each column is."""
    several = len(result.aggregates) > 1
    names = [
        f"{one.key} {aggregate.value}" if several else one.key
        for one in result.series
        for aggregate in result.aggregates
    ]
    return (",".join(["time", "time_ms", *map(csv_text, names)]) + "\r\n").encode("utf-8", "backslashreplace")


def csv_text(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs; such text gets an apostrophe before it, as they write it."""
    safe = _FORMULA.sub(r"\1'", text)
    return '"' + safe.replace('"', '""') + '"' if _QUOTED.search(safe) else safe


def csv_rows(times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Iterator[bytes]:
    """Yield the lines of these times, of which `values` has a row each."""
    step = max(1, CELLS_AT_ONCE // (values.shape[1] + 2))
    for start in range(0, len(times_ms), step):
        yield _lines(times_ms[start : start + step], values[start : start + step])


def _lines(times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> bytes:
    dates = np.datetime_as_string(times_ms.astype("datetime64[ms]"), timezone="UTC").tolist()
    if not values.shape[1]:
        return "".join(f"{date},{time}\r\n" for date, time in zip(dates, times_ms.tolist(), strict=True)).encode()
    # As JSON, whose numbers are CSV's too: some twenty times as fast as Python writes them. It has null for no number.
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    rows = text[2:-2].replace(b"null", b"").decode("ascii").split("],[")
    return "".join(
        f"{date},{time},{row}\r\n" for date, time, row in zip(dates, times_ms.tolist(), rows, strict=True)
    ).encode("ascii")
