"""Which colour and which number each line of a panel has, for as long as it can be remembered.

A device keeps its colour while others come and go, and gets it back when it returns: in the page, the embed, the still
and the badge alike, as they all ask the same palette.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitalcast.core.panels.line import Line

COLORS = 8
OTHERS_COLOR = 0  # grey
GREYISH = 5  # a line's colour that could be taken for it
KEYS_MAX = 1000  # of lines that are gone; those that are there are all kept


class Palette:
    """Colours 1 to 8 by what is coloured, which is a part of a bar or else a line's key, and ids by key."""

    def __init__(self, *, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._colors: dict[str, int] = {}  # what was there longest ago comes first
        self._ids: dict[str, int] = {}
        self._next_id = 1

    def copy(self) -> Palette:
        """Return one that goes on alone from here."""
        copy = Palette(keys_max=self._keys_max)
        copy._colors, copy._ids, copy._next_id = dict(self._colors), dict(self._ids), self._next_id
        return copy

    def paint(self, lines: Sequence[Line], places: Sequence[int | None], named: int) -> tuple[Line, ...]:
        """Return the lines with colours and ids; for the first lines ever the same in every process.

        A line whose place among the `named` values of the panel's `order` is known has the colour of that place. Any
        other has the one that it had, or else the one that is used least.
        """
        present = dict.fromkeys(paint_key(line) for line in lines)
        uses = Counter(at % COLORS + 1 for at in range(named))
        known = {key: self._colors[key] for key in present if key in self._colors}
        uses.update(known.values())
        for line, place in zip(lines, places, strict=True):
            key = paint_key(line)
            if key not in known:
                known[key] = least_used(uses) if place is None else place % COLORS + 1
                uses[known[key]] += 1
        _remember(self._colors, known, self._keys_max)
        return self.number([line._replace(color=known[paint_key(line)]) for line in lines])

    def number(self, lines: Sequence[Line]) -> tuple[Line, ...]:
        """Return the lines with their ids; those that have no colour, as nobody draws them, with the last one."""
        ids = {key: self._ids.get(key) or self._new_id() for key in dict.fromkeys(line.key for line in lines)}
        _remember(self._ids, ids, self._keys_max)
        return tuple(line._replace(color=line.color or COLORS, id=ids[line.key]) for line in lines)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


def paint_key(line: Line) -> str:
    """Return what a line has its colour for."""
    return line.part or line.key


def least_used(uses: Counter[int]) -> int:
    return min(range(1, COLORS + 1), key=uses.__getitem__)


def _remember(kept: dict[str, int], present: dict[str, int], most: int) -> None:
    for key in present:
        kept.pop(key, None)
    for key in list(kept)[: max(0, len(kept) - most)]:
        del kept[key]
    kept.update(present)


def told_apart(
    lines: Iterable[Line],
    staying: Mapping[str, int],
    before: Mapping[str, int] = MappingProxyType({}),
    *,
    without: Collection[int] = (),
) -> list[Line]:
    """Return lines that are drawn together with a colour each, as far as there are colours.

    `staying` has the colours of what was drawn until now: those stay, and who comes gives way. Where it can, that has
    the colour that it had `before`, which nobody who never had it takes first, else its own of the palette. Colours in
    `without` are not given.
    """
    lines = list(lines)
    drawn = dict.fromkeys(map(paint_key, lines))
    colors: dict[str, int] = {}
    taken = set(without)
    for key, color in staying.items():
        if key in drawn and color not in taken:
            colors[key] = color
            taken.add(color)
    for line in sorted(lines, key=lambda line: paint_key(line) not in before):
        key = paint_key(line)
        if key not in colors:
            free = [one for one in range(1, COLORS + 1) if one not in taken] or [line.color]
            wished = (staying.get(key, 0), before.get(key, 0), line.color, free[0])
            colors[key] = next(one for one in wished if one in free)
            taken.add(colors[key])
    return [line._replace(color=colors[paint_key(line)]) for line in lines]
