"""The folders of a user, as the environment names them."""

from __future__ import annotations

import os
import re
import sys
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


def default_data_dir(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the folder of this user's data as the platform has it. Raises ConfigError for a folder without sense."""
    environ = os.environ if environ is None else environ
    xdg = folder_variable(environ, "XDG_DATA_HOME")
    if platform != "win32" and xdg.startswith("/"):  # the specification: a relative path must be ignored
        return Path(xdg) / "vitalcast"
    try:
        user = home(environ)
    except RuntimeError:  # a service account may have none
        user = Path("/")
    if platform == "darwin":
        return user / "Library" / "Application Support" / "vitalcast"
    if platform == "win32":
        return Path(folder_variable(environ, "LOCALAPPDATA") or user / "AppData" / "Local") / "vitalcast"
    return user / ".local" / "share" / "vitalcast"


def data_folder(setting: str) -> Path:
    """Return the folder that `access.data_dir` names, and without it this user's. Raises ConfigError."""
    return Path(setting).expanduser() if setting else default_data_dir()
