"""Numbers, words and series as a server's messages have them, each checked: it may be anybody's server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from vitalcast.client.ticks import Series
from vitalcast.core.metrics.model import series_key
from vitalcast.core.text import printable

WORDS_MAX: Final = 300  # of a server's sentence
WHOLE_MAX: Final = 2**53  # past it JSON's numbers are not whole for everybody, and sums too long to be written
TIME_MAX_MS: Final = 253_370_764_799_999  # the end of the year 9998: dates end with 9999, where zones are ahead
NONSENSE: Final = "the server's answer makes no sense"

Json = Mapping[str, Any]


def words(given: object) -> str:
    """Return what a server says, as it may stand in a line of a terminal."""
    text = printable(str(given)[:WORDS_MAX])
    return text if len(text) <= WORDS_MAX else f"{text[: WORDS_MAX - 1]}…"


def number(given: object) -> float | None:
    """Return a value; None for what is none, be it not finite or not a number."""
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    try:
        return float(given) if math.isfinite(given) else None
    except OverflowError:  # a whole number that no float reaches
        return None


def whole(given: object) -> int:
    """Return a number that counts something. Raises TypeError for any other."""
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) > WHOLE_MAX:
        raise TypeError("this is no whole number that counts anything")
    return given


def moment(given: object) -> int:
    """Return Unix milliseconds that a date can have. Raises ValueError and TypeError for others."""
    time_ms = whole(given)
    if not 0 <= time_ms <= TIME_MAX_MS:
        raise ValueError("this is no time that a date has")
    return time_ms


def series_of(given: Iterable[Json], aggregates: Sequence[str], *, ratios: bool = False) -> tuple[Series, ...]:
    """Return what each column is: of several aggregates each series has one for each, in their order.

    `ratios` says that values were divided by others, and so were their units.
    """
    several = len(aggregates) > 1
    return tuple(
        one._replace(key=f"{aggregate}({one.key})" if several else one.key, aggregate=aggregate, unit=unit)
        for one in map(_series, given)
        for aggregate in aggregates
        for unit in (one.unit if ratios else _unit(one.unit, aggregate, several=several),)
    )


def _unit(unit: str, aggregate: str, *, several: bool) -> str:
    """Return the unit of an aggregate; of `several` the server says the metric's."""
    if aggregate == "count":
        return ""
    return f"{unit}/s" if aggregate == "rate" and several and unit != "{series}" else unit


def _series(one: Json) -> Series:
    attributes = {str(key): str(value) for key, value in one.get("attributes", {}).items()}
    labels = {str(key): str(value) for key, value in one.get("labels", {}).items()}
    name = str(one["name"])
    return Series(series_key(name, tuple(attributes.items())), name, str(one["unit"]), attributes, labels)
