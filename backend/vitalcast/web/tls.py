"""The certificate that HTTPS is served with, read at the start so that what is wrong with it is said then."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from vitalcast.errors import ConfigError

if TYPE_CHECKING:
    from vitalcast.settings import Server

CERTFILE = "server.certfile"
KEYFILE = "server.keyfile"


def tls_context(server: Server) -> ssl.SSLContext | None:
    """Return what TLS is served with, None where HTTP is. Raises ConfigError that names the setting at fault."""
    if not server.certfile:
        if server.keyfile:
            raise ConfigError(KEYFILE, f"{server.keyfile} is the key of no certificate; give {CERTFILE} too")
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
        raise ConfigError(key_setting, f"the key in {keyfile} has a password; give one without") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(key_setting, f"{keyfile} is not the key of the certificate in {certfile}") from None
        why = (error.reason or "it is no PEM").lower().replace("_", " ")
        raise ConfigError(CERTFILE, f"{certfile} and {keyfile} cannot be used: {why}") from None
    return context


class _EncryptedKey(Exception):  # noqa: N818 (a signal through OpenSSL's callback)
    pass


def _no_password() -> str:
    """Keep OpenSSL from asking the terminal."""
    raise _EncryptedKey


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(setting, f"{path} cannot be read: {error.strerror}") from None
