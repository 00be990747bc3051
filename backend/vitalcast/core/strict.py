"""The base of all that a configuration holds: nothing is guessed, and every text in it can be printed."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


def unprintable(value: object) -> str | None:
    r"""Return the first character that does not print in a value, its items and its keys; None where all do.

    What nobody sees in a path names another file: `/var/lib/vitalcast\r` is a new folder, and so a server without
    tokens. In a name it turns a line round or moves the cursor of a terminal.
    """
    if isinstance(value, str):
        return None if value.isprintable() else next(char for char in value if not char.isprintable())
    if isinstance(value, Mapping):
        return _first(part for item in value.items() for part in item)
    return _first(value) if isinstance(value, list | tuple) else None


def _first(values: Iterable[object]) -> str | None:
    return next((char for one in values if (char := unprintable(one)) is not None), None)


class Strict(BaseModel):
    """A table of a configuration: frozen, of the keys that it has and no others, of the types that they have.

    Strict, so that `port = "8000"` in a file is an error and not a guess.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, serialize_by_alias=True)

    @field_validator("*")  # a table in it has checked itself by then, and an error names its key
    @classmethod
    def _check_printable(cls, value: Any) -> Any:
        if (character := unprintable(value)) is not None:
            raise ValueError(f"contains {character!a}, which does not print")
        return value
