"""How values are written in TOML, and in words what a field takes."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo


def show(value: Any) -> str:
    """Return a value as TOML would have it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{bare(name)} = {show(item)}' for name, item in value.items())}}}"
    return str(value)


def shown(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 80 else text[:79] + "…"


def bare(name: str) -> str:
    """Return a key's part as TOML would have it: quoted where it is not a bare key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else show(name)


def form_of(info: FieldInfo) -> str:
    """Say in words what a field takes: `a whole number from 0 to 65535`."""
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
    return f"{'a whole number' if info.annotation is int else 'a number'} from {low} to {high}"
