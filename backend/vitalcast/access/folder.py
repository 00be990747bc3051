"""The folder that holds the secret and the store: where it is, and that nobody else may write there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vitalcast.config.folders import folder_variable, home
from vitalcast.errors import ConfigError

KEY = "access.data_dir"
ADVICE = "give the path of a folder that this user may write to"


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


def make_folder(folder: Path) -> None:
    """Make the folder for this user alone. Raises ConfigError where it cannot be, or where others may write there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(KEY, f"{folder} cannot be made ({error.strerror}); {ADVICE}") from None
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """Raise ConfigError where others may write to a folder, and so replace what is in it."""
    if os.name != "posix":
        return
    try:
        mode = folder.stat().st_mode & 0o777
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(KEY, f"{folder} cannot be read ({error.strerror}); {ADVICE}") from None
    if mode & 0o022:
        raise ConfigError(KEY, f"other users may write to {folder} (its mode is {mode:04o}); run chmod 700 {folder}")


def check_private(path: Path) -> None:
    """Raise ConfigError where others may read or write a file. OSError passes."""
    if os.name != "posix":
        return
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ConfigError(KEY, f"other users may read {path} (its mode is {mode:04o}); run chmod 600 {path}")
