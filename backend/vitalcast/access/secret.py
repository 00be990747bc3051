"""The secret that signs every token: 32 random bytes in a file that only this user can read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from vitalcast.access.folder import ADVICE, KEY, check_private, make_folder
from vitalcast.errors import ConfigError

SECRET_BYTES = 32


def read_secret(path: Path) -> bytes | None:
    """Return the secret, None where there is none yet. Raises ConfigError where it cannot be used."""
    try:
        check_private(path)
        secret = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(KEY, f"{path} cannot be read ({error.strerror})") from None
    if len(secret) != SECRET_BYTES:
        raise ConfigError(
            KEY,
            f"{path} is not a secret of Vitalcast: it has {len(secret)} bytes and not {SECRET_BYTES}; "
            "restore the right secret, or delete it, which invalidates every token",
        )
    return secret


def make_secret(path: Path) -> bytes:
    """Return the secret, made if need be: at once or not at all, also where two processes begin together."""
    make_folder(path.parent)
    if (secret := read_secret(path)) is not None:
        return secret
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was quicker: its secret holds
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(KEY, f"{path} cannot be written ({error.strerror}); {ADVICE}") from None
    made = read_secret(path)
    assert made is not None
    return made


class Secret:
    """The secret in this file, as it is now. `value` is None while there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value: bytes | None = None
        self._seen: tuple[int, int, int] | None = None

    def refresh(self) -> bool:
        """Look at the file; return whether another secret has come in the place of one. Raises ConfigError."""
        try:
            found = self.path.stat()
            seen = (found.st_dev, found.st_ino, found.st_mtime_ns)
        except OSError:  # there is none, or this user may not even look
            seen = None
        if seen == self._seen:
            return False
        before, self.value = self.value, read_secret(self.path) if seen is not None else None
        self._seen = seen
        return before is not None and before != self.value

    def check(self) -> None:
        """Raise ConfigError where there neither is a secret that can be used nor one can be made."""
        self.refresh()
        if self.value is None and not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise ConfigError(KEY, f"{self.path} cannot be written; {ADVICE}")

    def make(self) -> bytes:
        """Return the secret, made if need be. Raises ConfigError where it cannot be."""
        return make_secret(self.path)
