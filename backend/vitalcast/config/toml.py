"""How values are written in TOML, and in words what a field takes."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from vitalcast.core.strict import unprintable

_LIST = re.compile(r'\["[^"]*"(?:, "[^"]*")*\]')
_INT_BITS_MAX = 1024


def show(value: Any) -> str:
    """Return a value as TOML would have it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        written = json.dumps(value, ensure_ascii=False)
        return "".join(char if char.isprintable() else _escaped(char) for char in written)
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{bare(name)} = {show(item)}' for name, item in value.items())}}}"
    if isinstance(value, int) and value.bit_length() > _INT_BITS_MAX:
        return hex(value)  # Python takes quadratic time for the digits, and refuses more than 4,300
    return str(value)


def _escaped(char: str) -> str:
    """Return a character that does not print as TOML has it."""
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def shown(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 80 else text[:79] + "…"


def bare(name: str) -> str:
    """Return a key's part as TOML would have it: quoted where it is not a bare key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else show(name)


def fault_of(error: ErrorDetails) -> str:
    """Say what is wrong with a value that was refused: first of all what nobody sees, then its length."""
    character = unprintable(error["input"])
    if character is not None:
        return f"contains {character!a}, which does not print"
    if error["type"] == "string_too_long":
        return f"is longer than {error['ctx']['max_length']} characters"
    if error["type"] == "too_long":
        return f"has more than {error['ctx']['max_length']} items"
    return "is not valid"


def form_in_environment(info: FieldInfo) -> str:
    """Say what a field takes in an environment variable, where a shell would eat the quotes of a list."""
    form = form_of(info)
    lists = _LIST.search(form)
    if lists is None:
        return form
    items = ",".join(json.loads(lists[0]))
    return f"{form[: lists.start()]}{items}{form[lists.end() :]}, with commas between several"


def form_of(info: FieldInfo) -> str:
    """Say in words what a field takes, to follow `give`: `an integer from 0 to 65535`."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "form" in extra:
        return str(extra["form"])
    if get_origin(info.annotation) is Literal:
        *rest, last = (str(value) for value in get_args(info.annotation))
        return f"{', '.join(rest)} or {last}"
    if info.annotation is bool:
        return "true or false"
    low = next((limit.ge for limit in info.metadata if hasattr(limit, "ge")), None)
    high = next((limit.le for limit in info.metadata if hasattr(limit, "le")), None)
    return f"{'an integer' if info.annotation is int else 'a number'} from {low} to {high}"


def type_of(info: FieldInfo) -> str:
    """Say of which type a field is: `integer from 0 to 65535`."""
    return "boolean" if info.annotation is bool else re.sub(r"^(?:an?|the) ", "", form_of(info))
