"""Numbers as people read them: base units (UCUM) in, short text with a fixed number of digits out."""

from __future__ import annotations

import math

NO_READING = "–"
_NBSP = "\u00a0"
_MINUS = "\u2212"
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("", "k", "M", "G", "T", "P")
_STEPS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_SYMBOLS = {"Cel": "°C"}


def format_value(value: float, unit: str = "") -> str:
    """Return a value of this unit with three significant digits and its unit, as the dashboard shows it."""
    if not math.isfinite(value):
        return NO_READING
    return _text(value, unit).replace("-", _MINUS)


def is_binary(unit: str) -> bool:
    """Say whether the unit's prefixes are powers of 1024."""
    return unit in ("By", "By/s")


def prefix_of(value: float, unit: str) -> float:
    """Return the factor of the prefix that a value of this unit is written with: 1024 for `4 KiB`."""
    base = 1024.0 if is_binary(unit) else 1000.0
    return base ** _power(value, base, len(_BINARY if is_binary(unit) else _DECIMAL))


def _text(value: float, unit: str) -> str:
    if unit == "1":
        return f"{value * 100:.1f}{_NBSP}%"
    if is_binary(unit):
        return _prefixed(value, 1024.0, _BINARY, unit.replace("By", "B"))
    if unit == "s":
        return format_duration(value)
    if unit == "Hz":
        return _prefixed(value, 1000.0, _DECIMAL, "Hz")
    if unit == "Cel":
        return f"{value:.1f}{_NBSP}°C"
    count, _, per = unit.partition("/")
    if count.startswith("{") or not count:  # what is counted is said by the label
        return _prefixed(value, 1000.0, _DECIMAL, f"/{per}" if per else "")
    return f"{_digits(value)}{_NBSP}{_SYMBOLS.get(unit, unit)}"


def _digits(value: float) -> str:
    size = abs(value)
    return f"{value:.{0 if size >= 99.95 else 1 if size >= 9.995 else 2}f}"


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
    number = f"{value:.0f}" if whole else _digits(value)
    return f"{number}{_NBSP}{unit}" if unit else number


def format_duration(seconds: float) -> str:
    """Return a span of time in at most two steps: `0.25 s`, `42 s`, `3 min 5 s`, `6 d 4 h`."""
    size = abs(seconds)
    if 0 < size < 0.9995:
        return f"{seconds * 1000:.{1 if size < 0.01 else 0}f}{_NBSP}ms"
    if size < 9.95 and not float(seconds).is_integer():
        return f"{seconds:.1f}{_NBSP}s"
    whole = math.floor(size + 0.5)
    at = next((at for at, (_, length) in enumerate(_STEPS) if whole >= length), None)
    if at is None:
        return f"0{_NBSP}s"
    name, length = _STEPS[at]
    words = f"{whole // length}{_NBSP}{name}"
    if at + 1 < len(_STEPS) and (second := whole % length // _STEPS[at + 1][1]):
        words += f"{_NBSP}{second}{_NBSP}{_STEPS[at + 1][0]}"
    return f"-{words}" if seconds < 0 else words
