"""The folder that holds the secret and the store: where it is, and that nobody else may write there."""

from __future__ import annotations

import os
from pathlib import Path

from vitalcast.errors import ConfigError

KEY = "access.data_dir"
ADVICE = "give the path of a folder that this user may write to"


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
