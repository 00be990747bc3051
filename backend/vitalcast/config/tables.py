"""TableArray of which the configuration file has several, such as `[[panels]]`: checked key by key, and written."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vitalcast.config.toml import bare, fault_of, form_of, show, shown, type_of
from vitalcast.errors import ConflictError

Problem = tuple[str, str]  # the key, and what is wrong with it
T = TypeVar("T", bound=BaseModel)

_WIDTH = 118


@dataclass(frozen=True)
class TableArray(Generic[T]):
    """One kind of table, of which each has an id. `fields` has every key, and `outer.inner` those of tables in it."""

    name: str
    one: str
    model: type[T]
    fields: Mapping[str, FieldInfo]
    most: int
    introduction: str

    def read(self, value: Any, origin: str) -> tuple[tuple[T, ...], list[Problem]]:
        """Return the tables of a file, and every problem with them; with any problem there are none."""
        if not isinstance(value, list):
            how = f"write [[{self.name}]] once for each, or [] for none"
            return (), [(self.name, f"{shown(value)} from {origin} is not valid; {how}")]
        if len(value) > self.most:
            return (), [(self.name, f"{len(value)} {self.name} from {origin} are too many; give {self.most} at most")]
        read, problems = [], []
        for position, keys in enumerate(value):
            try:
                read.append(self.model.model_validate(keys))
            except ValidationError as invalid:
                name = self.name_of(position, keys)
                problems += [(f"{name}{key}", what) for key, what in self._explained(invalid, origin)]
        problems += self._doubles(value, origin)
        return () if problems else tuple(read), problems

    def name_of(self, position: int, keys: Any) -> str:
        """Name a table by its place, from 0, and by what it calls itself."""
        known = keys.get("id") or keys.get("title") if isinstance(keys, Mapping) else None
        place = f"{self.name}[{position}]"
        return f"{place} ({known[:40]})" if isinstance(known, str) else place

    def _explained(self, invalid: ValidationError, origin: str) -> Iterator[Problem]:
        told: set[Problem] = set()
        for error in invalid.errors(include_url=False):
            if not error["loc"]:
                yield from self._explained_whole(error, origin)
                continue
            place, key = self._key(error)
            if error["type"] == "too_short" and any(
                one == f".{place}" or one.startswith(f".{place}[") for one, _ in told
            ):
                continue  # without the items that were told
            problem = f".{place}", self._explanation(error, place, key, origin)
            if problem not in told:  # each member of a union has its say
                told.add(problem)
                yield problem

    def _explained_whole(self, error: ErrorDetails, origin: str) -> Iterator[Problem]:
        found = error.get("ctx", {}).get("error")
        if not isinstance(found, ConflictError):
            yield "", f"{shown(error['input'])} from {origin} is not valid; give a table, under [[{self.name}]]"
            return
        for keys, message in found.conflicts:
            yield f".{keys[0]}", f"{message} ({' and '.join(keys)} from {origin})"

    def _key(self, error: ErrorDetails) -> tuple[str, str]:
        """Return the key at fault as it stands in the file, and in `fields`, without the place within its value."""
        first, *others = error["loc"]
        place = key = bare(str(first))
        if any(one.startswith(f"{first}.") for one in self.fields):
            if others and isinstance(others[0], int):
                place += f"[{others.pop(0)}]"
            if others:
                inner = f".{bare(str(others[0]))}"
                return place + inner, key + inner
        return place, key

    def _explanation(self, error: ErrorDetails, place: str, key: str, origin: str) -> str:
        if error["type"] == "extra_forbidden" and key not in self.fields:
            return f"unknown key in {origin}; {self._advice(place, key)}"
        if place != key and key == place.partition("[")[0]:  # one of its tables as a whole
            return f"{shown(error['input'])} from {origin} is not valid; give a table"
        form = form_of(self.fields[key])
        if error["type"] == "missing":
            return f"is missing in {origin}; give {form}"
        return f"{shown(error['input'])} from {origin} {fault_of(error)}; give {form}"

    def _advice(self, place: str, key: str) -> str:
        table, _, name = key.rpartition(".")
        names = [one.rpartition(".")[2] for one in self.fields if one.rpartition(".")[0] == table]
        if close := difflib.get_close_matches(name, names, 1, 0.6):
            return f"did you mean {place.removesuffix(name)}{close[0]}?"
        return f"{table or f'a {self.one}'} has {', '.join(names)}"

    def _doubles(self, value: list[Any], origin: str) -> Iterator[Problem]:
        """Find the ids that several have, whatever else is wrong with them."""
        first: dict[str, int] = {}
        for position, keys in enumerate(value):
            id_ = keys.get("id") if isinstance(keys, dict) else None
            if isinstance(id_, str) and (other := first.setdefault(id_, position)) != position:
                places = f"{self.name}[{other}].id and {self.name}[{position}].id"
                yield (
                    f"{self.name_of(position, keys)}.id",
                    f"{shown(id_)} is the id of {self.name}[{other}] too; give each its own ({places} from {origin})",
                )

    # --- as it is written ------------------------------------------------------------------------------------------

    def render(self, tables: Iterable[T]) -> str:
        """Return them as TOML, each without the keys that are at their defaults, under a comment on all keys."""
        lines = [*self._comment()]
        for table in tables:
            lines += ["", f"[[{self.name}]]"]
            lines += [
                f"{key} = {_shown_in_lines(value)}" for key, value in table.model_dump(exclude_defaults=True).items()
            ]
        return "\n".join(lines) + "\n"

    def _comment(self) -> Iterator[str]:
        yield from textwrap.wrap(self.introduction, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield "#"
        for key, info in self.fields.items():
            known = not info.is_required() and (isinstance(info.default, float) or info.default)
            whole = any(one.startswith(f"{key}.") for one in self.fields)
            default = f" Default: {show(info.default)}." if known and not whole else ""
            text = f"{info.description}. Type: {type_of(info)}.{default}"
            yield from textwrap.wrap(
                text, _WIDTH, initial_indent=f"#   {key}: ", subsequent_indent="#     ", break_on_hyphens=False
            )


def _shown_in_lines(value: Any) -> str:
    """Like `show`, with a line for each table of a list."""
    if isinstance(value, tuple) and value and all(isinstance(item, dict) for item in value):
        return "[\n" + "".join(f"  {show(item)},\n" for item in value) + "]"
    return show(value)
