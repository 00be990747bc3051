"""The folders of a user, as the environment names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vitalcast.core.text import printable
from vitalcast.errors import ConfigError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def folder_variable(environ: Mapping[str, str], name: str) -> str:
    r"""Return what a variable says of a folder, or nothing. Raises ConfigError where that holds a control character.

    A file of variables from Windows ends each line with `\r`: it would name a folder in which nothing is. Bytes that
    are not UTF-8 pass, since a home may be called so.
    """
    text = environ.get(name, "")
    if _CONTROL.search(text):
        raise ConfigError(name, f"{printable(text)} holds a control character, and names no folder; correct it")
    return text


def home(environ: Mapping[str, str]) -> Path:
    """Return this user's home. Raises RuntimeError where there is none, as for a service's account, and ConfigError."""
    named = folder_variable(environ, "HOME")
    return Path(named) if named else Path.home()
