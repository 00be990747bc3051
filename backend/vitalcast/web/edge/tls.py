"""The certificate that HTTPS is served with, read at the start so that what is wrong with it is said then.

A renewed one is used as soon as its files change, however they do: written over, renamed over, or behind another link.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.core.text import printable
from vitalcast.errors import ConfigError

if TYPE_CHECKING:
    from vitalcast.config.server import Server

logger = logging.getLogger(__name__)

CERTFILE = "server.certfile"
KEYFILE = "server.keyfile"


def read_certificate(server: Server) -> Certificate | None:
    """Return the certificate of the settings, None where HTTP is served. Raises as `tls_context` does."""
    return Certificate(server) if server.certfile or server.keyfile else None


class Certificate:
    """What TLS is served with as of now: `context` is for the next handshake, and those before are none the worse.

    Each change makes a new context, for OpenSSL leaves one that it could not load a pair into without a key.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._seen = _fingerprints(server)
        context = tls_context(server)
        if context is None:
            raise ValueError("there is no certificate in these settings")
        self.context = context

    def refresh(self) -> None:
        """Read the files anew where they have changed."""
        seen = _fingerprints(self._server)
        if seen != self._seen:
            self._seen = seen  # first, so that what changes while it is read is read again
            self.reload()

    def reload(self) -> None:
        """Read the files anew. What cannot be used, such as half a renewal, changes nothing and is logged."""
        try:
            context = tls_context(self._server)
        except ConfigError as error:
            logger.warning("the current certificate stays in use: %s", printable(str(error)))
            return
        if context is not None:
            self.context = context
            logger.info("the certificate was reloaded")


def _fingerprints(server: Server) -> tuple[object, ...]:
    """Return what changes with the files, whichever way."""
    return tuple(map(_fingerprint, filter(None, (server.certfile, server.keyfile))))


def _fingerprint(path: str) -> tuple[int, ...] | None:
    try:
        found = Path(path).expanduser().stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def tls_context(server: Server) -> ssl.SSLContext | None:
    """Return what TLS is served with, None where HTTP is. Raises ConfigError that names the setting at fault."""
    if not server.certfile:
        if server.keyfile:
            raise ConfigError(KEYFILE, f"{server.keyfile} has no certificate; give {CERTFILE} too")
        return None
    certfile = Path(server.certfile).expanduser()
    keyfile = Path(server.keyfile).expanduser() if server.keyfile else certfile
    if "-----BEGIN CERTIFICATE-----" not in _read(CERTFILE, certfile):
        raise ConfigError(CERTFILE, f"{certfile} holds no certificate in PEM; it begins with '-----BEGIN CERTIFICATE'")
    key_setting = KEYFILE if server.keyfile else CERTFILE
    key = _read(key_setting, keyfile)
    if "PRIVATE KEY-----" not in key:
        advice = "" if server.keyfile else f"; give the file that does as {KEYFILE}"
        raise ConfigError(key_setting, f"{keyfile} holds no private key in PEM{advice}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certfile, keyfile, _no_password)
    except _EncryptedKey:
        raise ConfigError(key_setting, f"the key in {keyfile} has a password; give a key without a password") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(key_setting, f"{keyfile} is not the key of the certificate in {certfile}") from None
        why = (error.reason or "it is no PEM").lower().replace("_", " ")
        raise ConfigError(CERTFILE, f"{certfile} and {keyfile} cannot be used: {why}") from None
    return context


class _EncryptedKey(Exception):  # a signal through OpenSSL's callback
    pass


def _no_password() -> str:
    """Keep OpenSSL from asking the terminal."""
    raise _EncryptedKey


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(setting, f"{path} cannot be read: {error.strerror}") from None
