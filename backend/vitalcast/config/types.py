"""The types of settings that several sections share, and in words what each takes."""

# Not `from __future__ import annotations`: pydantic would compile each field's text anew, at every start.

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

LogLevel = Literal["critical", "error", "warning", "info", "debug"]


HOST_PATTERN = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"

PORT_PATTERN = r"(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"  # to 65535


URL_PATH_PART = r"[A-Za-z0-9._~%!$&'()*+,;=:@-]+"  # RFC 3986, 3.3: what else stands in a path is percent-encoded


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


# `Field(strict=False)` lets a TOML array become a tuple; its items stay strict.
HostNames = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^(?:{HOST_PATTERN}{PORT_PATTERN}|[0-9A-Fa-f:.]+)$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of host names, such as ["metrics.example.org"]'}),
]


Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of addresses or networks, such as ["10.0.0.0/8"]'}),
]


Origins = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^https?://{HOST_PATTERN}{PORT_PATTERN}$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of origins, such as ["https://wiki.example.org"]'}),
]


Names = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of names, such as ["sensors"]'}),
]


Globs = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...],
    Field(strict=False, max_length=1000, json_schema_extra={"form": 'a list of globs, such as ["sd*", "nvme[0-9]*"]'}),
]


def root_folder(default: Path, example: str, description: str) -> Any:
    return Field(
        default=default.as_posix(),
        pattern=r"^/",
        max_length=4096,
        description=description,
        json_schema_extra={"form": f'the absolute path of a folder, such as "{example}"'},
    )
