"""Finds words in the reference manual."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

QUERY_CHARS_MAX: Final = 200
TERMS_MAX: Final = 8
HITS_MAX: Final = 50
_EXCERPT_CHARS: Final = 180


@dataclass(frozen=True, slots=True)
class Entry:
    """What can be found: a section, or a row of a table that stands `within` one. `anchor` is empty at the top."""

    page: str
    page_title: str
    heading: str
    within: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found. Of `heading` and `excerpt` every second piece is what was looked for."""

    entry: Entry
    heading: tuple[str, ...]
    excerpt: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits first, `HITS_MAX` at most, of so many in all."""

    hits: tuple[Hit, ...]
    total: int


def terms_of(query: str) -> tuple[str, ...]:
    """Return the words of a query in lower case, each once; the first `TERMS_MAX` count."""
    return tuple(dict.fromkeys(query[:QUERY_CHARS_MAX].lower().split()))[:TERMS_MAX]


def search(entries: Iterable[Entry], query: str) -> Found:
    """Find the entries that hold every word of the query, in whatever case, be it as a part of a word."""
    terms = terms_of(query)
    if not terms:
        return Found((), 0)
    scored = [(score, entry) for entry in entries if (score := _score(entry, terms))]
    scored.sort(key=lambda pair: -pair[0])
    pattern = _any_of(terms)
    best = [entry for _, entry in scored[:HITS_MAX]]
    hits = (Hit(entry, _marked(entry.heading, pattern), _excerpt(entry.text, pattern)) for entry in best)
    return Found(tuple(hits), len(scored))


def _any_of(terms: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")", re.IGNORECASE)


def _score(entry: Entry, terms: tuple[str, ...]) -> int:
    """Say how well an entry answers: 0 is not at all; a name that was given in full comes first."""
    heading = entry.heading.lower()
    around = f"{entry.page_title} {entry.within} {entry.text}".lower()
    score = 20 if heading == " ".join(terms) else 0
    for term in terms:
        if term in re.split(r"[\s.]", heading):
            score += 8
        elif term in heading:
            score += 4
        elif term in around:
            score += 1
        else:
            return 0
    return score


def _marked(text: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(pattern.split(text))


def _excerpt(text: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return the words around the first place that was found, or the first words."""
    found = pattern.search(text)
    start = max(0, found.start() - _EXCERPT_CHARS // 3) if found else 0
    end = start + _EXCERPT_CHARS
    if start:
        start = text.find(" ", start, found.start() if found else end) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + _EXCERPT_CHARS // 2)
    cut = ("…" if start else "") + " ".join(text[start:end].split()) + ("…" if end < len(text) else "")
    return _marked(cut, pattern)
