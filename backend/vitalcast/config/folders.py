"""The folders of a user, as the platform has them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.core.text import printable
from vitalcast.errors import ConfigError

if TYPE_CHECKING:
    from platformdirs.api import PlatformDirsABC

NAME = "vitalcast"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VARIABLES = ("HOME", "USERPROFILE")  # by which every folder may be meant


def user_config_folder(platform: str = sys.platform) -> Path | None:
    """Return the folder of this user's configuration; None where there is no home, as for a service's account.

    Raises ConfigError where the environment names a folder that cannot be meant.
    """
    _check(*_VARIABLES, "XDG_CONFIG_HOME", "APPDATA")
    try:
        folder = _folders(platform).user_config_path
    except RuntimeError:
        return None
    # Version 0.1 knew no XDG_CONFIG_HOME on macOS: a file where it was is still read.
    before = Path.home() / "Library" / "Application Support" / NAME
    return before if platform == "darwin" and not folder.exists() and before.exists() else folder


def user_data_folder(platform: str = sys.platform) -> Path:
    """Return the folder of this user's data. Raises ConfigError where the environment names one without sense."""
    _check(*_VARIABLES, "XDG_DATA_HOME", "LOCALAPPDATA")
    try:
        return _folders(platform, roaming=False).user_data_path
    except RuntimeError:
        return Path("/.local/share") / NAME  # whoever may not write there is told so


def data_folder(setting: str) -> Path:
    """Return the folder that `access.data_dir` names, and without it this user's. Raises ConfigError."""
    return Path(setting).expanduser() if setting else user_data_folder()


def _folders(platform: str, *, roaming: bool = True) -> PlatformDirsABC:
    # One module is imported late, and not all of them: a start that has `--config` needs none.
    if platform == "win32":
        from platformdirs.windows import Windows

        return Windows(NAME, appauthor=False, roaming=roaming)
    if platform == "darwin":
        from platformdirs.macos import MacOS

        return MacOS(NAME)
    from platformdirs.unix import Unix

    return Unix(NAME)


def _check(*names: str) -> None:
    r"""Raise ConfigError for a variable that holds a control character.

    A file of variables from Windows ends each line with `\r`: it would name a folder in which nothing is. Bytes that
    are not UTF-8 pass, since a home may be called so.
    """
    for name in names:
        text = os.environ.get(name, "")
        if _CONTROL.search(text):
            raise ConfigError(name, f"{printable(text)} holds a control character, and names no folder; correct it")
