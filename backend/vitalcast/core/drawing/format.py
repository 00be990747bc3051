"""Numbers as people read them: base units (UCUM) in, short text with a fixed number of digits out."""

from __future__ import annotations

import math
import re

NO_READING = "–"
_NBSP = "\u00a0"
_MINUS = "\u2212"
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("", "k", "M", "G", "T", "P")
_STEPS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_PREFIXED = ("Hz", "V", "W", "A", "J")
_DIGITS_BELOW = 1e21  # from here on JavaScript's `toFixed` gives up as well: more digits say nothing
_DAYS_BELOW_S = 1e15


def format_value(value: float, unit: str = "") -> str:
    """Return a value of this unit with three significant digits and its unit, as the dashboard shows it."""
    if not math.isfinite(value):
        return NO_READING
    return _signed(_text(value, unit))


def format_tick(value: float, unit: str = "") -> str:
    """Return a label of an axis: the shortest text that is still exact for the round numbers that ticks are."""
    if is_ratio(unit) and math.isfinite(value * 100):
        return _signed(f"{_trimmed(fixed(value * 100, 2))}{_NBSP}%")
    return _trimmed(format_value(value, unit)) if value else "0"


def _signed(text: str) -> str:
    """Write a leading hyphen as a minus sign, and none before what rounds to zero."""
    return re.sub("^-", _MINUS, re.sub(r"^-(?=[0.]+(?![.\d]))", "", text))


def format_age(seconds: float) -> str:
    """Return an age, in whole seconds at first so that what is calm does not flicker: `< 1 s old`, `3 s old`."""
    return f"{f'<{_NBSP}1{_NBSP}s' if seconds < 1 else format_duration(math.floor(seconds))} old"


def is_ratio(unit: str) -> bool:
    """Say whether values are read best in percent: shares, and seconds spent a second."""
    return unit in ("1", "s/s")


def is_binary(unit: str) -> bool:
    """Say whether the unit's prefixes are powers of 1024."""
    return unit in ("By", "By/s")


def _text(value: float, unit: str) -> str:
    if is_ratio(unit):
        return f"{fixed(value * 100, 1)}{_NBSP}%" if math.isfinite(value * 100) else NO_READING
    if is_binary(unit):
        return _prefixed(value, 1024.0, _BINARY, unit.replace("By", "B"))
    if unit == "s":
        return format_duration(value)
    if unit in _PREFIXED:
        return _prefixed(value, 1000.0, _DECIMAL, unit)
    if unit in ("rpm", "Cel"):
        return f"{fixed(value, 0)}{_NBSP}rpm" if unit == "rpm" else f"{fixed(value, 1)}{_NBSP}°C"
    count, _, per = unit.partition("/")
    if count.startswith("{") or count in ("", "1"):  # what is counted is said by the label
        return _prefixed(value, 1000.0, _DECIMAL, f"/{per}" if per else "")
    return f"{_digits(value)}{_NBSP}{unit}"


def fixed(value: float, places: int) -> str:
    """Return a number with so many decimal places, halves away from zero as JavaScript's `toFixed` has them.

    One of more than 21 digits is written with three of them and an exponent.
    """
    if abs(value) >= _DIGITS_BELOW:
        return f"{value:.2e}"
    halves = value * 2.0 ** (places + 1)  # exact, and odd where the number lies half-way between two
    if halves % 2 == 1 and abs(value) < 2**40:
        value = math.copysign(math.floor(abs(value) * 10**places + 0.5) / 10**places, value)
    return f"{value:.{places}f}"


def _trimmed(text: str) -> str:
    """Take from the number's end the zeros, and the point, that say nothing; a unit may have points of its own."""
    short = re.sub(r"\.0+(?=\D|$)", "", text, count=1)
    return re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", short, count=1)


def _digits(value: float) -> str:
    size = abs(value)
    return fixed(value, 0 if size >= 99.95 else 1 if size >= 9.995 else 2)


def _power(value: float, base: float, count: int) -> int:
    power = 0
    while abs(value) >= 999.5 and power < count - 1:  # 999.5 would be printed as 1000: the next prefix takes over
        value /= base
        power += 1
    return power


def _prefixed(value: float, base: float, prefixes: tuple[str, ...], symbol: str) -> str:
    power = _power(value, base, len(prefixes))
    value /= base**power
    whole = power == 0 and (value.is_integer() or symbol.startswith("B"))
    unit = prefixes[power] + symbol
    number = fixed(value, 0) if whole else _digits(value)
    return f"{number}{_NBSP}{unit}" if unit else number


def format_duration(seconds: float) -> str:
    """Return a span of time in at most two steps: `0.25 s`, `42 s`, `3 min 5 s`, `6 d 4 h`."""
    size = abs(seconds)
    if 0 < size < 0.9995:
        return f"{fixed(seconds * 1000, 1 if size < 0.01 else 0)}{_NBSP}ms"
    if size < 9.95 and not float(seconds).is_integer():
        return f"{fixed(seconds, 1)}{_NBSP}s"
    if size >= _DAYS_BELOW_S:
        return f"{seconds:.2e}{_NBSP}s"
    whole = math.floor(size + 0.5)
    at = next((at for at, (_, length) in enumerate(_STEPS) if whole >= length), None)
    if at is None:
        return f"0{_NBSP}s"
    name, length = _STEPS[at]
    words = f"{whole // length}{_NBSP}{name}"
    if at + 1 < len(_STEPS) and (second := whole % length // _STEPS[at + 1][1]):
        words += f"{_NBSP}{second}{_NBSP}{_STEPS[at + 1][0]}"
    return f"-{words}" if seconds < 0 else words
