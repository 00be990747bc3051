"""From a client's text to a command, or to an error that names each field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from vitalcast.core.text import SHOWN_CHARS, SHOWN_ITEMS, cut
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.core.wire.command_fields import ITEMS_MAX
from vitalcast.core.wire.commands import COMMAND_TYPES, MODELS, Command
from vitalcast.core.wire.limits import DEFAULT_LIMITS
from vitalcast.errors import ProtocolError

FIELDS_MAX = 16  # of one command


def load_object(text: str | bytes) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, None for any other text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def command_id(value: Mapping[str, Any] | None) -> int | str | None:
    """Return the id that a reply to this message should carry, None where it has no proper one."""
    found = (value or {}).get("id")
    return (
        found if (type(found) is int and abs(found) < 2**63) or (isinstance(found, str) and len(found) <= 64) else None
    )


def is_command(value: Mapping[str, Any] | None) -> bool:
    """Say whether this JSON object is meant as a command, well-formed or not."""
    return value is not None and isinstance(value.get("type"), str) and value["type"] in MODELS


def parse_command(value: Mapping[str, Any] | None, *, keys_max: int = DEFAULT_LIMITS.table_rows) -> Command:
    """Check a client's message. Raises ProtocolError that names each field that is wrong and what would be right.

    `keys_max` bounds the `keys` of a table.
    """
    if value is None:
        raise ProtocolError(ErrorCode.BAD_REQUEST, 'not a JSON object; send for example {"type":"ping"}')
    if not is_command(value):
        known = ", ".join(COMMAND_TYPES)
        raise ProtocolError(ErrorCode.UNKNOWN_TYPE, f"type: {_short(value.get('type'))} is not one of {known}")
    _check_sizes(value, keys_max)
    try:
        return MODELS[value["type"]].model_validate(value)
    except ValidationError as error:
        raise ProtocolError(ErrorCode.BAD_REQUEST, "; ".join(map(_describe, _first(error)))) from None


def _check_sizes(command: Mapping[str, Any], keys_max: int) -> None:
    """Refuse what has more items than may be, before any of them is looked at."""
    if len(command) > FIELDS_MAX:
        raise ProtocolError(
            ErrorCode.BAD_REQUEST, f"a command has {FIELDS_MAX} fields at most, this one {len(command)}"
        )
    for name, value in command.items():
        if name == "keys" and isinstance(value, list):
            if len(value) > keys_max and type(value[0]) in (int, str):  # else that is what is wrong, and said below
                raise ProtocolError(ErrorCode.LIMIT, f"keys: at most {keys_max}, as many as a table has rows")
        elif isinstance(value, list | dict):
            _check_size(name, value)
            for key, inner in value.items() if isinstance(value, dict) else ():
                if isinstance(inner, list | dict):
                    _check_size(f"{cut(name)}.{cut(key)}", inner)


def _check_size(name: str, value: list[Any] | dict[str, Any]) -> None:
    if len(value) > ITEMS_MAX:
        raise ProtocolError(ErrorCode.BAD_REQUEST, f"{cut(name)}: has {ITEMS_MAX} items at most, got {len(value)}")


def _first(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False)[:SHOWN_ITEMS]


def _describe(error: Any) -> str:
    where = ".".join(cut(str(part)) for part in error["loc"] if part not in ("int", "constrained-str")) or "message"
    match error["type"]:
        case "missing":
            return f"{where}: is missing"
        case "extra_forbidden":
            return f"{where}: is not a field of this command"
        case "model_type" | "dict_type":  # which pydantic calls by their names in Python
            return f"{where}: should be a valid object, got {_short(error['input'])}"
        case _:
            message = (error["msg"][0].lower() + error["msg"][1:]).replace("input should", "should")
            message = message.partition(" after validation")[0]
            return f"{where}: {message}" + ("" if where == "token" else f", got {_short(error['input'])}")


def _short(value: Any) -> str:
    return cut(_shown(value, SHOWN_CHARS))


def _shown(value: Any, chars: int) -> str:
    """Write a value as Python does, as far as `chars` reach: of a large or deep one little is looked at."""
    if isinstance(value, str):
        return repr(value[: chars + 1])
    if not isinstance(value, list | dict):
        return repr(value)
    out, close = ("[", "]") if isinstance(value, list) else ("{", "}")
    for number, item in enumerate(value):
        if len(out) > chars:
            return out
        out += ", " if number else ""
        out += _shown(item, chars - len(out))
        if isinstance(value, dict):
            out += f": {_shown(value[item], chars - len(out))}"
    return out + close
