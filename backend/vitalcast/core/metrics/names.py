"""Metric names, the pattern grammar over them, and the choosing of series by both.

A name is tokens with dots between them. Ours have lower-case letters, digits and `_`; those that others made keep what
they came with, where capitals, `:`, `/` and `-` are legal too. A pattern is NATS's subject grammar over the same dots:
`*` stands for one token and a final `>` for one or more, as in `system.cpu.*` and `system.>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vitalcast.core.metrics.model import Series

PATTERN_CHARS_MAX = 256
OWN_PREFIXES = ("system.", "process.", "hw.", "vitalcast.")  # under which no name is unknown to us but a misspelt one
NAME_CHARS_MAX = 255
TOKENS_MAX = 32
_PART = r"[A-Za-z0-9_:/-]+"
NAME = rf"{_PART}(?:\.{_PART})*"
PATTERN = rf"(?:(?:{_PART}|\*)\.)*(?:{_PART}|\*|>)"
_TOKEN = re.compile(_PART)
_NAME = re.compile(NAME)
_PATTERN = re.compile(PATTERN)


def check_name(name: str) -> None:
    """Raise ValueError that says what would be right, unless this can be the name of a metric."""
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise ValueError(f"a name has 1 to {NAME_CHARS_MAX} characters, this name has {len(name)}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name; a name is tokens of letters, digits and '_:/-', with dots between them")
    if name.count(".") >= TOKENS_MAX:
        raise ValueError(f"{name!r} has more than {TOKENS_MAX} tokens")


def check_pattern(pattern: str) -> None:
    """Raises ValueError that says what would be right."""
    if not 0 < len(pattern) <= PATTERN_CHARS_MAX:
        raise ValueError(f"a pattern has 1 to {PATTERN_CHARS_MAX} characters, this pattern has {len(pattern)}")
    tokens = pattern.split(".")
    if len(tokens) > TOKENS_MAX:
        raise ValueError(f"a pattern has at most {TOKENS_MAX} tokens, this pattern has {len(tokens)}")
    if _PATTERN.fullmatch(pattern):
        return
    if ">" in tokens[:-1]:
        raise ValueError(f"{pattern!r}: '>' may only be the last token, as in 'system.>'")
    for token in tokens:
        if token not in ("*", ">") and not _TOKEN.fullmatch(token):
            raise ValueError(
                f"{pattern!r}: {token!r} is not a token; use letters, digits and '_:/-', "
                "'*' for one token or a final '>' for the rest"
            )


def is_own_name(pattern: str) -> bool:
    """Say whether a pattern is a single name, and one that only our own collectors give."""
    return pattern.startswith(OWN_PREFIXES) and not _is_wild(pattern)


def _is_wild(pattern: str) -> bool:
    return "*" in pattern or pattern[-1] == ">"


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


_END = None  # which no token is, of whatever name: under it a name ends, or a pattern
_Names = dict[str | None, Any]


class NameIndex:
    """A set of names as a tree of their tokens, through which many patterns are walked together.

    A subtree is looked at once for all patterns that reach it, so that sixty-four of them cost little more than one.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._root: _Names = {}
        self._tokens_max = 0
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        tokens = name.split(".")
        node = self._root
        for token in tokens:
            node = node.setdefault(token, {})
        node[_END] = name
        self._names.add(name)
        self._tokens_max = max(self._tokens_max, len(tokens))

    def matching(self, patterns: Iterable[str]) -> set[str]:
        """Return the names that any of these well-formed patterns means."""
        found: set[str] = set()
        wanted: _Names = {}
        for pattern in patterns:
            if not _is_wild(pattern):
                if pattern in self._names:
                    found.add(pattern)
            elif pattern.count(".") < self._tokens_max:  # a longer one can mean none of these
                node = wanted
                for wish in pattern.split("."):
                    node = node.setdefault(wish, {})
                node[_END] = True
        pending = [(self._root, [wanted])] if wanted else []
        while pending:
            names, states = pending.pop()
            everything = any(">" in state for state in states)
            for token, below in names.items():
                if token is _END:
                    continue
                if everything:
                    _collect(below, found)
                    continue
                reached = [state[step] for state in states for step in (token, "*") if step in state]
                if not reached:
                    continue
                if _END in below and any(_END in state for state in reached):
                    found.add(below[_END])
                pending.append((below, reached))
        return found


def _collect(names: _Names, found: set[str]) -> None:
    for token, below in names.items():
        if token is _END:
            found.add(below)
        else:
            _collect(below, found)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series are meant: any of `patterns`, for each key of `where` one of its values, none that says any of
    `without`. Both are about attributes and labels alike.

    Patterns are sorted and stripped of duplicates, so that equal wishes are equal objects.
    Raises ValueError for a malformed pattern.
    """

    patterns: tuple[str, ...]
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    without: frozenset[str] = frozenset()
    _split: tuple[tuple[str, ...], ...] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            check_pattern(pattern)

    @property
    def _wild(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of the patterns that are no names, split when they are first needed.

        Of a subscription they never are, and would weigh ten times the patterns. Regular expressions would cost more
        to compile than they save.
        """
        if self._split is None:
            split = tuple(tuple(pattern.split(".")) for pattern in self.patterns if _is_wild(pattern))
            object.__setattr__(self, "_split", split)
            return split
        return self._split

    @classmethod
    def of(cls, patterns: Iterable[str], where: Mapping[str, Sequence[str]] | None = None) -> Selection:
        """Build a selection in its canonical order."""
        return cls(
            tuple(sorted(set(patterns))),
            tuple(sorted((key, tuple(sorted(set(values)))) for key, values in (where or {}).items())),
        )

    def matches_name(self, name: str) -> bool:
        if name in self.patterns:
            return True
        tokens = tuple(name.split("."))
        return any(_fits(pattern, tokens) for pattern in self._wild)

    def matches(self, series: Series) -> bool:
        if not self.matches_name(series.name) or series.says_any(self.without):
            return False
        return all(series.value_of(key) in values for key, values in self.where)

    def contains(self, other: Selection) -> bool:
        """Say whether this selection means all that `other` can, whatever series there are."""
        return self.restricts_no_more(other) and all(map(self.means, other.patterns))

    def means(self, pattern: str) -> bool:
        """Say whether one of the patterns means every name that this well-formed one can."""
        if pattern in self.patterns:
            return True
        tokens = tuple(pattern.split("."))
        return any(_contains(one, tokens) for one in self._wild)

    def restricts_no_more(self, other: Selection) -> bool:
        """Say whether `other` leaves out all that `where` and `without` do."""
        narrowed = dict(other.where)
        return self.without <= other.without and all(
            key in narrowed and set(narrowed[key]) <= set(values) for key, values in self.where
        )
