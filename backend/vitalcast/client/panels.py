"""What a panel's tick says beside its values: the lines that are drawn, and the number that stands for the panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

LEVELS: Final = ("", "warning", "critical")


class Line(NamedTuple):
    """One line of a panel. `label` is what it is called, `color` 1 to 8, or 0 for one of many others.

    One of the direction `down` is drawn below the axis, and of bars `part` names the part.
    """

    key: str
    label: str
    value: float | None
    unit: str
    color: int
    direction: str
    part: str


class Headline(NamedTuple):
    """The number that stands for a panel, and the `rule` of its level in words.

    `level` is `warning`, `critical`, or empty where it is good or unknown.
    """

    label: str
    value: float | None
    unit: str
    level: str
    rule: str


class PanelHead(NamedTuple):
    """What the server says of a panel's columns: lines and headline without values, and the columns that have them."""

    id: str
    lines: tuple[tuple[Line, int], ...]
    headline: Headline | None
    value_column: int
    level_column: int | None

    def lines_at(self, values: Sequence[float]) -> tuple[Line, ...]:
        """Return the lines with their values."""
        return tuple(line._replace(value=_known(values[column])) for line, column in self.lines)

    def headline_at(self, values: Sequence[float]) -> Headline | None:
        """Return the headline with its value and level; None where the panel shows nothing for now."""
        if self.headline is None:
            return None
        level = math.nan if self.level_column is None else values[self.level_column]
        word = LEVELS[int(level)] if level in (0, 1, 2) else ""
        return self.headline._replace(value=_known(values[self.value_column]), level=word)


def head_of(message: Mapping[str, Any], columns: int) -> PanelHead | None:
    """Return what a message says of a panel; None where it is of none. Raises what reading nonsense raises."""
    if "headline" not in message:
        return None
    unit = str(message["unit"])
    lines = [
        (
            Line(
                str(one["key"]),
                str(one["label"]),
                None,
                unit,
                int(one["color"]),
                str(one["direction"]),
                str(one["part"]),
            ),
            _column(one["column"], columns),
        )
        for one in message["lines"]
    ]
    said = message["headline"]
    if said is None:
        return PanelHead(str(message["panel"]), tuple(lines), None, 0, None)
    headline = Headline(str(said["label"]), None, str(said["unit"]), "", str(said.get("rule") or ""))
    levels = said.get("levels")
    return PanelHead(
        str(message["panel"]),
        tuple(lines),
        headline,
        _column(said["column"], columns),
        None if levels is None else _column(levels, columns),
    )


def _column(given: Any, columns: int) -> int:
    if not isinstance(given, int) or not 0 <= given < columns:
        raise ValueError(f"{given!r} is none of {columns} columns")
    return given


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
