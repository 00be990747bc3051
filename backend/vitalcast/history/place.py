"""The path of a history's file: whether it can be used, and what is said where it cannot."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from vitalcast.core.text import printable
from vitalcast.errors import ConfigError, DamagedError, LockedError
from vitalcast.history.filelock import FileLock
from vitalcast.history.schema import KEY, check_file


def absolute(path: Path) -> Path:
    """Return a path with `~` expanded and links followed. Raises ConfigError."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(KEY, f"{path} is not the path of a file: {error}") from None


def locked(path: Path, error: LockedError) -> ConfigError:
    """Return what to say of a file that another process has open."""
    return ConfigError(KEY, f"{path} is in use by another Vitalcast ({error}); stop that, or give another path")


def unusable(path: Path, why: object) -> ConfigError:
    """Return what to say of a file that cannot be written."""
    advice = "give a path that this user may write to, or none to keep no history"
    return ConfigError(KEY, f"{path} cannot be written ({printable(str(why))}); {advice}")


def check_place(path: Path, lock: FileLock, *, now: bool) -> None:
    """Raise ConfigError where the file cannot be used, now or at all. Changes nothing."""
    folder = path.parent
    try:
        if path.is_dir():
            raise ConfigError(KEY, f"{path} is a folder; give the path of a file in it")
        if not folder.is_dir():
            raise ConfigError(KEY, f"the folder {folder} does not exist; make it, or give another path")
        if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
            raise unusable(path, os.strerror(errno.EACCES))
        if now:
            lock.probe()
        check_file(path, known=lock.path.exists())
    except DamagedError:
        pass  # `open` sets it aside
    except LockedError as error:
        raise locked(path, error) from None
    except OSError as error:
        raise unusable(path, error.strerror) from None
