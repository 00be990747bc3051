"""The settings that environment variables make."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_origin

from vitalcast.config.file import FILE_NAME
from vitalcast.config.layer import Given, Layer, config_problem, nearest_key
from vitalcast.config.retired import RETIRED
from vitalcast.config.schema import ENV_DELIMITER, ENV_PREFIX, FIELDS, TABLES
from vitalcast.config.service_links import without_service_links
from vitalcast.core.strict import unprintable

ENVIRONMENT = "environment variable "

# Environment variables with our prefix that are not settings, and what reads them.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "VITALCAST_CHROMIUM": "the Chromium that the browser tests drive: a path, or where to look for one",
        "VITALCAST_TOKEN": "token that `vitalcast tail` shows to the server",
    }
)


def environment_name(key: str) -> str:
    """Return the environment variable of a dotted key: `server.port` is `VITALCAST_SERVER__PORT`."""
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


def read_environment(environ: Mapping[str, str]) -> Layer:
    layer = Layer()
    keys = {environment_name(key): key for key in FIELDS}
    retired = {environment_name(old): old for old in RETIRED}
    ours = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    for variable in sorted(without_service_links(ours)):
        if variable in OTHER_VARIABLES:
            continue
        if table := next((name for name in TABLES if variable.upper().startswith(ENV_PREFIX + name.upper())), None):
            layer.problems.append(
                config_problem(variable, f"the environment cannot set {table}; write [[{table}]] in {FILE_NAME}")
            )
            continue
        if (key := keys.get(variable)) is not None:
            value = _from_text(FIELDS[key].annotation, environ[variable])
            layer.given[key] = Given(value, f"{ENVIRONMENT}{variable}")
            continue
        if variable in retired:
            continue
        guess = nearest_key(variable.removeprefix(ENV_PREFIX).lower().replace(ENV_DELIMITER, "."))
        advice = f"did you mean {environment_name(guess)}?" if guess else "no setting has a name like that"
        layer.problems.append(config_problem(variable, f"unknown environment variable; {advice}"))
    for variable in sorted(ours.keys() & retired.keys()):
        old = retired[variable]
        value = _from_text(FIELDS[RETIRED[old]].annotation, environ[variable])
        origin = f"{ENVIRONMENT}{variable}"
        layer.add_retired(old, value, "the environment", written=environment_name, origin=origin)
    return layer


def _from_text(annotation: Any, text: str) -> Any:
    """Turn an environment variable's text into the field's type; what cannot be turned stays text.

    Spaces around it count for nothing, nor do quotes: a file of variables keeps both where a shell would take them off.
    """
    text = text.strip(" ")
    if unprintable(text) is not None:  # which int and float would overlook
        return text
    if get_origin(annotation) is tuple:
        return _list_of(text)
    text = _unquoted(text)
    if annotation is bool:
        return {"true": True, "1": True, "yes": True, "on": True}.get(
            text.lower(), False if text.lower() in {"false", "0", "no", "off"} else text
        )
    if annotation is int or annotation is float:
        try:
            return annotation(text)
        except ValueError:
            return text
    return text


def _list_of(text: str) -> list[Any]:
    """Return the items of a list, which is written as in the file or simply with commas."""
    if text.startswith("["):
        try:
            value = tomllib.loads(f"list = {text}")["list"]
        except (ValueError, RecursionError):  # an IPv6 address or a glob may begin like this too
            value = None
        if isinstance(value, list):
            return value
    return [item for item in (_unquoted(part.strip(" ")) for part in _unquoted(text).split(",")) if item]


def _unquoted(text: str) -> str:
    return text[1:-1] if re.fullmatch(r"""("[^"]*"|'[^']*')""", text) else text
