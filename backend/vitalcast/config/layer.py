"""What one source says of the settings, before it is checked, and what is wrong with it already."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vitalcast.config.retired import RETIRED
from vitalcast.config.schema import FIELDS, SECTIONS, TABLES, section_type
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError

PROBLEMS_MAX = 100  # that are told


@dataclass(frozen=True, slots=True)
class Given:
    """A value, before it is checked, and where it stands."""

    value: Any
    origin: str


@dataclass(slots=True)
class Layer:
    """What one source gives, by dotted key or as `panels` and `playlists`, and what was wrong with it already."""

    given: dict[str, Given] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_retired(
        self, old: str, value: Any, source: str, *, written: Callable[[str], str] = str, origin: str = ""
    ) -> None:
        """Take over what is given by the name that a setting had before; `written` is how this source writes a key.

        `origin` says where the value stands, if not by the old name in `source`.
        """
        key = RETIRED[old]
        if key in self.given:
            what = f"is called {written(key)} now, which is in {source} too; remove it"
            self.problems.append(config_problem(written(old), what))
            return
        self.given[key] = Given(value, origin or f"{source} (as {written(old)})")
        self.warnings.append(
            printable(f"{written(old)}: is called {written(key)} now; rename it, since the next version will refuse it")
        )

    def add_unknown(self, key: str, origin: str) -> None:
        """Say that there is no such key, with advice where that is told: to look for what was meant takes a while."""
        told = len(self.problems) < PROBLEMS_MAX
        self.problems.append(unknown_key(key, origin) if told else config_problem(key, f"unknown key in {origin}"))


def unknown_key(key: str, origin: str) -> ConfigError:
    guess = nearest_key(key)
    if guess:
        advice = f"did you mean {guess}?"
    elif (section := key.split(".")[0]) in SECTIONS:
        advice = f"[{section}] has {', '.join(section_type(section).model_fields)}"
    elif close := difflib.get_close_matches(key.split(".")[0], TABLES, 1, 0.7):
        advice = f"did you mean [[{close[0]}]]?"
    else:
        advice = f"the sections are {', '.join(SECTIONS)}, {' and '.join(f'[[{name}]]' for name in TABLES)}"
    return config_problem(key, f"unknown key in {origin}; {advice}")


def nearest_key(key: str) -> str | None:
    """Return the known key most like this one: by its last part alone if that is exact, else by spelling."""
    name = key.rsplit(".", 1)[-1]
    for known in FIELDS:
        if known.rsplit(".", 1)[-1] == name or known.replace(".", "_") == key.replace(".", "_"):
            return known
    if close := difflib.get_close_matches(key, FIELDS, 1, 0.75):
        return close[0]
    names = {known.rsplit(".", 1)[-1]: known for known in reversed(tuple(FIELDS))}
    close = difflib.get_close_matches(name, names, 1, 0.7)
    return names[close[0]] if close else None


def config_problem(key: str, message: str) -> ConfigError:
    """Return an error that is sure to stand on one line, whatever was in the file or the variable."""
    return ConfigError(printable(key), printable(message))
