"""Metric names, the pattern grammar over them, and the choosing of series by both.

A name is dotted lower-case tokens. A pattern is NATS's subject grammar over the same dots: `*` stands for one
token and a final `>` for one or more, as in `system.cpu.*` and `system.>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vitalcast.model import Series

PATTERN_CHARS_MAX = 256
_TOKEN = re.compile(r"[a-z0-9_]+")


def parse_pattern(pattern: str) -> tuple[str, ...]:
    """Return the tokens of one pattern. Raises ValueError that says what would be right."""
    if not 0 < len(pattern) <= PATTERN_CHARS_MAX:
        raise ValueError(f"a pattern has 1 to {PATTERN_CHARS_MAX} characters, this one has {len(pattern)}")
    tokens = tuple(pattern.split("."))
    if ">" in tokens[:-1]:
        raise ValueError(f"{pattern!r}: '>' may only be the last token, as in 'system.>'")
    for token in tokens:
        if token not in ("*", ">") and not _TOKEN.fullmatch(token):
            raise ValueError(
                f"{pattern!r}: {token!r} is not a token; use lower-case letters, digits and '_', "
                "'*' for one token or a final '>' for the rest"
            )
    return tokens


def _fits(pattern: tuple[str, ...], name: tuple[str, ...]) -> bool:
    if pattern[-1] == ">":
        pattern, name = pattern[:-1], name[: len(pattern) - 1] if len(name) >= len(pattern) else ()
        if len(name) != len(pattern):
            return False
    return len(pattern) == len(name) and all(a in ("*", b) for a, b in zip(pattern, name, strict=True))


def _contains(outer: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    """Say whether every name that `inner` can mean is one that `outer` means."""
    for at, wanted in enumerate(outer):
        if wanted == ">":
            return at < len(inner)
        if at >= len(inner) or inner[at] == ">" or wanted not in ("*", inner[at]):
            return False
    return len(outer) == len(inner)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series are meant: any of `patterns`, and for each key of `where` one of its values.

    Patterns are sorted and stripped of duplicates, so that equal wishes are equal objects.
    Raises ValueError for a malformed pattern.
    """

    patterns: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _wild: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Not a regular expression: compiling what a client sends would cost a hundred times what matching does.
        parsed = {pattern: parse_pattern(pattern) for pattern in self.patterns}
        wild = {pattern: tokens for pattern, tokens in parsed.items() if "*" in tokens or tokens[-1] == ">"}
        object.__setattr__(self, "_exact", frozenset(parsed.keys() - wild.keys()))
        object.__setattr__(self, "_wild", tuple(wild.values()))

    @classmethod
    def of(cls, patterns: Iterable[str], where: Mapping[str, Sequence[str]] | None = None) -> Selection:
        """Build a selection in its canonical order."""
        return cls(
            tuple(sorted(set(patterns))),
            tuple(sorted((key, tuple(sorted(set(values)))) for key, values in (where or {}).items())),
        )

    def matches_name(self, name: str) -> bool:
        if name in self._exact:
            return True
        tokens = tuple(name.split("."))
        return any(_fits(pattern, tokens) for pattern in self._wild)

    def matches(self, series: Series) -> bool:
        if not self.matches_name(series.name):
            return False
        if not self.where:
            return True
        attributes = series.attributes
        return all(attributes.get(key) in values for key, values in self.where)

    def contains(self, other: Selection) -> bool:
        """Say whether this selection means all that `other` can, whatever series there are."""
        return self.restricts_no_more(other) and all(map(self.means, other.patterns))

    def means(self, pattern: str) -> bool:
        """Say whether one of the patterns means every name that this well-formed one can."""
        if pattern in self._exact:
            return True
        tokens = tuple(pattern.split("."))
        return any(_contains(one, tokens) for one in self._wild)

    def restricts_no_more(self, other: Selection) -> bool:
        """Say whether every attribute that `where` restricts is restricted by `other` as much or more."""
        narrowed = dict(other.where)
        return all(key in narrowed and set(narrowed[key]) <= set(values) for key, values in self.where)
