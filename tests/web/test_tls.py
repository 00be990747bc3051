"""The certificate: what is wrong with it is said at the start, by the name of its setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vitalcast.errors import ConfigError
from vitalcast.settings import Server
from vitalcast.web.tls import tls_context

FILES = Path(__file__).with_name("tls")  # certificate and keys of nothing but these tests
CERT, KEY, OTHER, LOCKED = (str(FILES / f"{name}.pem") for name in ("cert", "key", "other-key", "locked-key"))


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_context(Server()) is None


def test_key_and_certificate_may_be_in_one_file_or_in_two(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(Path(CERT).read_text() + Path(KEY).read_text())
    assert tls_context(Server(certfile=CERT, keyfile=KEY)) is not None
    assert tls_context(Server(certfile=str(both))) is not None


@pytest.mark.parametrize(
    ("certfile", "keyfile", "key", "message"),
    [
        ("", KEY, "server.keyfile", "is the key of no certificate; give server.certfile too"),
        ("/nowhere/cert.pem", KEY, "server.certfile", "/nowhere/cert.pem cannot be read: No such file"),
        (CERT, "/nowhere/key.pem", "server.keyfile", "/nowhere/key.pem cannot be read: No such file"),
        (str(FILES), KEY, "server.certfile", "cannot be read: Is a directory"),
        (CERT, "", "server.certfile", "holds no private key in PEM; give the file that does as server.keyfile"),
        (KEY, KEY, "server.certfile", "holds no certificate in PEM"),
        (CERT, CERT, "server.keyfile", "holds no private key in PEM"),
        (CERT, OTHER, "server.keyfile", "is not the key of the certificate in"),
        (CERT, LOCKED, "server.keyfile", "has a password; give one without"),
    ],
)
def test_what_is_wrong_is_said_by_the_name_of_its_setting(certfile: str, keyfile: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        tls_context(Server(certfile=certfile, keyfile=keyfile))
    assert caught.value.key == key


def test_what_only_looks_like_pem_is_not_used(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text(Path(CERT).read_text()[:200] + "\n-----END CERTIFICATE-----\n")
    with pytest.raises(ConfigError, match="cannot be used"):
        tls_context(Server(certfile=str(broken), keyfile=KEY))
