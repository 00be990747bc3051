"""`[[panels]]` of the configuration file: checked key by key, and written with what each key means."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vitalcast.forms import bare, form_of, show, shown
from vitalcast.panel import PANEL_FIELDS, Panel, PanelConflictError
from vitalcast.panels import BUILT_IN

PANELS_MAX = 64
Problem = tuple[str, str]  # the key, and what is wrong with it

_WIDTH = 118
_INTRODUCTION = (
    "The panels of the dashboard in their order; these are the built-in ones. Panels in a file take the place of all "
    "of them, so keep here what you want to see beside your own. A panel is shown on machines that have series for it. "
    "`panels = []`, above the first section, means none. The environment cannot set panels. The keys:"
)


def read_panels(value: Any, origin: str) -> tuple[tuple[Panel, ...], list[Problem]]:
    """Return the panels of a file, and every problem with them; with any problem there are no panels."""
    if not isinstance(value, list):
        return (), [
            ("panels", f"{shown(value)} from {origin} is not valid; write [[panels]] once for each, or [] for none")
        ]
    if len(value) > PANELS_MAX:
        return (), [("panels", f"{len(value)} panels from {origin} are too many; give {PANELS_MAX} at most")]
    panels, problems = [], []
    for position, keys in enumerate(value):
        name = _name(position, keys)
        try:
            panels.append(Panel.model_validate(keys))
        except ValidationError as invalid:
            problems += [(f"{name}{key}", what) for key, what in _explained(invalid, origin)]
    problems += _doubles(value, origin)
    return () if problems else tuple(panels), problems


def _name(position: int, keys: Any) -> str:
    """Name a panel by its place, from 0, and by what it calls itself."""
    known = keys.get("id") or keys.get("title") if isinstance(keys, Mapping) else None
    return f"panels[{position}] ({known[:40]})" if isinstance(known, str) else f"panels[{position}]"


def _explained(invalid: ValidationError, origin: str) -> Iterator[Problem]:
    told: set[Problem] = set()
    for error in invalid.errors(include_url=False):
        if not error["loc"]:
            yield from _explained_whole(error, origin)
            continue
        key = _key(error)
        if error["type"] == "too_short" and any(one == f".{key}" for one, _ in told):
            continue  # without the items that were told
        problem = f".{key}", _explanation(error, key, origin)
        if problem not in told:  # each member of a union has its say
            told.add(problem)
            yield problem


def _explained_whole(error: ErrorDetails, origin: str) -> Iterator[Problem]:
    conflict = error.get("ctx", {}).get("error")
    if not isinstance(conflict, PanelConflictError):
        yield "", f"{shown(error['input'])} from {origin} is not valid; give a table, under [[panels]]"
        return
    for one in conflict.conflicts:
        yield f".{one.keys[0]}", f"{one.message} ({' and '.join(one.keys)} from {origin})"


def _key(error: ErrorDetails) -> str:
    """Return the key at fault, without the place within its value."""
    first, *others = map(str, error["loc"])
    if others and first in ("headline", "thresholds"):
        return f"{first}.{bare(others[0])}"
    return bare(first)


def _explanation(error: ErrorDetails, key: str, origin: str) -> str:
    if error["type"] == "extra_forbidden" and key not in PANEL_FIELDS:
        return f"unknown key in {origin}; {_advice(key)}"
    form = form_of(PANEL_FIELDS[key])
    if error["type"] == "missing":
        return f"is missing in {origin}; give {form}"
    return f"{shown(error['input'])} from {origin} is not valid; give {form}"


def _advice(key: str) -> str:
    table, _, name = key.rpartition(".")
    names = [one.rpartition(".")[2] for one in PANEL_FIELDS if one.rpartition(".")[0] == table]
    if close := difflib.get_close_matches(name, names, 1, 0.6):
        return f"did you mean {table}{'.' if table else ''}{close[0]}?"
    return f"{table or 'a panel'} has {', '.join(names)}"


def _doubles(value: list[Any], origin: str) -> Iterator[Problem]:
    """Find the ids that several panels have, whatever else is wrong with them."""
    first: dict[str, int] = {}
    for position, keys in enumerate(value):
        id_ = keys.get("id") if isinstance(keys, dict) else None
        if isinstance(id_, str) and (other := first.setdefault(id_, position)) != position:
            yield (
                f"{_name(position, keys)}.id",
                f"{shown(id_)} is the id of panels[{other}] too; give each its own "
                f"(panels[{other}].id and panels[{position}].id from {origin})",
            )


# --- as it is written ----------------------------------------------------------------------------------------------


def render_panels(panels: tuple[Panel, ...] = BUILT_IN) -> str:
    """Return the panels as TOML, each without the keys that are at their defaults, under a comment on all keys."""
    lines = [*_comment()]
    for panel in panels:
        lines += ["", "[[panels]]"]
        lines += [f"{name} = {show(value)}" for name, value in panel.model_dump(exclude_defaults=True).items()]
    return "\n".join(lines) + "\n"


def _comment() -> Iterator[str]:
    yield from textwrap.wrap(_INTRODUCTION, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    yield "#"
    for key, info in PANEL_FIELDS.items():
        known = not info.is_required() and (isinstance(info.default, float) or info.default)
        default = f" Default: {show(info.default)}." if known and key != "headline" else ""
        text = f"{info.description}. Give {form_of(info)}.{default}"
        yield from textwrap.wrap(
            text, _WIDTH, initial_indent=f"#   {key}: ", subsequent_indent="#     ", break_on_hyphens=False
        )
