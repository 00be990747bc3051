"""The base of what describes a message of the server."""

from __future__ import annotations

import enum
from typing import Any

from pydantic import BaseModel, ConfigDict

LEFT_OUT: Any = None  # the default of a field that is not always there; where it is, it is what its type says


class Record(BaseModel):
    """A message of the server, or a part of one."""

    model_config = ConfigDict(frozen=True, defer_build=True)


def one_of(*names: str) -> ConfigDict:
    """Say that exactly one of these fields is there."""
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in names]})


def listed(codes: type[enum.IntEnum]) -> str:
    """Name the codes that there are."""
    return ", ".join(f"{code.value} {code.name}" for code in codes)
