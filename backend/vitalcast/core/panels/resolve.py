"""Which lines a panel has, from the series that exist: their order, names and colours, and what stands beside them.

Here alone is it decided; whoever draws a panel asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.palette import Palette

if TYPE_CHECKING:
    from vitalcast.core.metrics.model import Series
    from vitalcast.core.panels.schema import Headline, Panel


Mark = Literal["", "up", "down"]

_MARKS: Mapping[str, Mark] = MappingProxyType({"receive": "down", "transmit": "up"})


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a panel means where there are certain series: its lines in drawing order, and the remainder that is counted
    but not drawn.

    `counted` are the lines that the panel's number is made of.
    `max`, `reference` and `per` are the columns of the metrics that these keys name, -1 without one, and `beside` has
    the series of each of them.
    """

    lines: tuple[Line, ...]
    remainder: tuple[Line, ...]
    counted: tuple[Line, ...]
    max: int
    reference: int
    per: int
    unit: str
    beside: Mapping[int, Series] = field(default_factory=dict)


def selection_of(panel: Panel) -> Selection:
    """Return what a panel selects; of that, what stands beside its lines is none of them."""
    return Selection.of(panel.metrics, panel.where)


def resolve(
    panel: Panel,
    series: Sequence[Series | None],
    *,
    columns: Sequence[int] | None = None,
    palette: Palette | None = None,
) -> Resolved:
    """Return what a panel means where there are these series; None is a column without one.

    `columns` says in which column each series is, by default that of its position. Without a `palette` the colours are
    those of a server that has just begun.
    """
    places = range(len(series)) if columns is None else columns
    entries = ((one, at) for one, at in zip(series, places, strict=True) if one is not None)
    there = sorted(entries, key=lambda entry: entry[0].key)
    ranks = _metric_ranks(panel, {one.name for one, _ in there})
    where = Selection.of([">"], panel.where) if panel.where else None
    chosen = [(one, at) for one, at in there if one.name in ranks and (where is None or where.matches(one))]
    order = {value: at for at, value in reversed(list(enumerate(panel.order)))}
    placed = [(_place(panel, order, line), line) for line in _named(panel, chosen)]
    last = len(order)
    placed.sort(
        key=lambda entry: (
            stands_for_others(panel, entry[1]),
            last if entry[0] is None else entry[0],
            ranks[entry[1].series.name],
            natural(entry[1].key),
            entry[1].down,
        )
    )
    rest = set(panel.rest)
    remainder = [line for _, line in placed if rest & _values(panel, line)] if rest else []
    left = set(map(id, remainder))
    drawn = [(place, line) for place, line in placed if id(line) not in left]
    by_name = {one.name: (column, one) for one, column in reversed(there)}
    named = {key: by_name[name] for key, name in panel.named().items() if name in by_name}
    painted = (palette or Palette()).paint([line for _, line in drawn], [place for place, _ in drawn], last)
    return Resolved(
        lines=painted,
        counted=_counted(panel, painted),
        remainder=tuple(remainder),
        max=named["max"][0] if "max" in named else -1,
        reference=named["reference"][0] if "reference" in named else -1,
        per=named["headline.per"][0] if "headline.per" in named else -1,
        beside=dict(named.values()),
        unit=panel.unit or (placed[0][1].series.descriptor.unit if placed else ""),
    )


def _metric_ranks(panel: Panel, names: set[str]) -> dict[str, int]:
    """Return the place of each metric that is drawn among the panel's patterns; metrics are few and series many."""
    beside = _beside(panel)
    patterns = [Selection.of([pattern]) for pattern in panel.metrics]
    found = ((name, [at for at, one in enumerate(patterns) if one.matches_name(name)]) for name in names - beside)
    return {name: at[0] for name, at in found if at}


def _counted(panel: Panel, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    headline = panel.headline
    if panel.others and headline.reduce == "max":
        lines = tuple(line for line in lines if not stands_for_others(panel, line))
    if headline.metric or headline.where:
        counted = Selection.of([headline.metric or ">"], headline.where)
        lines = tuple(line for line in lines if counted.matches(line.series))
    if headline.exclude:
        lines = tuple(line for line in lines if not is_excluded(headline, line.series))
    return lines


def is_excluded(headline: Headline, series: Series) -> bool:
    """Say whether a headline leaves out this series. One that does not say what is asked for counts."""
    return any(series.value_of(key) in values for key, values in headline.exclude.items())


def stands_for_others(panel: Panel, line: Line) -> bool:
    """Say whether a line is all that has none of its own."""
    return bool(panel.others) and not _values(panel, line).isdisjoint(panel.others)


def name_of(panel: Panel, resolved: Resolved, line: Line) -> str:
    """Return a line's whole name, with the way that it goes and the part that it is."""
    way = way_of(panel, resolved, down=line.down) if panel.below else ""
    part = word_of(panel, panel.parts, line.part) if line.part else ""
    return " ".join(dict.fromkeys(word for word in (line.label, way, part) if word))


def word_of(panel: Panel, attribute: str, value: str) -> str:
    """Return an attribute's value as people say it."""
    if value in panel.labels:
        return panel.labels[value]
    return f"CPU {value}" if attribute == "cpu.logical_number" else value


def metric_word(panel: Panel, name: str) -> str:
    """Return a metric in words: what it is about its subject, without the form it is in."""
    return panel.labels.get(name, name.removesuffix(".rate").rsplit(".", 1)[-1].replace("_", " "))


def way_of(panel: Panel, resolved: Resolved, *, down: bool) -> str:
    """Return what the lines that go up, or those that go down, have in common: `read`, `written`; "" for nothing."""
    for attribute, values in panel.below.items():
        found = (line.series.attributes.get(attribute, "") for line in resolved.lines if line.down == down)
        value = next(found, values[0] if down else "")
        return panel.labels.get(value, value)
    return ""


def mark_of(panel: Panel, resolved: Resolved, *, down: bool) -> Mark:
    """Return the triangle of the lines that go up, or of those that go down: ▼ received, ▲ sent, as people know them.

    Other ways that have a word, such as `read`, have that alone; those without one have the way that they are drawn.
    """
    for attribute in panel.below:
        found = {line.series.attributes.get(attribute, "") for line in resolved.lines if line.down == down}
        if marks := {mark for value, mark in _MARKS.items() if value in found}:
            return marks.pop()
    drawn: Mark = "down" if down else "up"
    return "" if way_of(panel, resolved, down=down) else drawn


def _beside(panel: Panel) -> set[str]:
    names = set(panel.named().values())
    return set() if names.issuperset(panel.metrics) else names


def _telling(panel: Panel, attributes: Mapping[str, str]) -> Sequence[str]:
    """Return the attributes that tell the panel's lines apart."""
    return panel.by or sorted(key for key in attributes if key not in panel.below and key != panel.parts)


def _values(panel: Panel, line: Line) -> set[str]:
    """Return the values by which `rest` may name the line."""
    attributes = line.series.attributes
    return {attributes.get(key, "") for key in _telling(panel, attributes)} | ({line.part} if panel.parts else set())


def _named(panel: Panel, chosen: list[tuple[Series, int]]) -> list[Line]:
    several = len(panel.metrics) > 1 or bool(re.search("[*>]", panel.metrics[0]))
    differing = set() if panel.by and not several else _differing(panel, chosen)
    seen: set[tuple[str, bool, str]] = set()
    lines = []
    for one, column in chosen:
        attributes = one.attributes
        down = bool(panel.below) and all(attributes.get(key) in values for key, values in panel.below.items())
        part = attributes.get(panel.parts, "") if panel.parts else ""
        values = [value for key in _telling(panel, attributes) if (value := attributes.get(key, ""))]
        key = " ".join([one.name] * several + values) or one.name
        label = _label(panel, one, differing)
        if (key, down, part) in seen:  # `by` does not tell these apart: say all that does
            key = one.key
            label = " ".join(word_of(panel, *entry) for entry in attributes.items())
        seen.add((key, down, part))
        lines.append(Line(key, label, column, down, part, one))
    return lines


def _differing(panel: Panel, chosen: list[tuple[Series, int]]) -> set[str]:
    """Return the attributes that are not the same for all, and "" where the metrics are not."""
    found: dict[str, set[str | None]] = {"": set()}
    for one, _ in chosen:
        attributes = one.attributes
        found[""].add(one.name)
        for key in _telling(panel, attributes):
            found.setdefault(key, set()).add(attributes.get(key))
    return {key for key, values in found.items() if len(values) > 1}


def _label(panel: Panel, one: Series, differing: set[str]) -> str:
    attributes = one.attributes
    keys = [key for key in _telling(panel, attributes) if attributes.get(key)]
    words = [word_of(panel, key, attributes[key]) for key in keys if panel.by or key in differing]
    if "" in differing:
        words.append(metric_word(panel, one.name))
    words = words or [word_of(panel, key, attributes[key]) for key in keys]
    return " ".join(words) or metric_word(panel, one.name)


def _place(panel: Panel, order: Mapping[str, int], line: Line) -> int | None:
    """Return where `order` names the line."""
    if not order:
        return None
    if panel.parts:
        return order.get(line.part)
    attributes = line.series.attributes
    values = [*(attributes.get(key, "") for key in _telling(panel, attributes)), line.series.name]
    return min((order[value] for value in values if value in order), default=None)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return what to sort by so that numbers within texts are in order: `sda2` before `sda10`."""
    parts = re.findall(r"\d+|\D+", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
