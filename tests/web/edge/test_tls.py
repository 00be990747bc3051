"""The certificate: what is wrong with it is said at the start, by the name of its setting, and a new one is used."""

from __future__ import annotations

import re
import shutil
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from vitalcast.config.server import Server
from vitalcast.errors import ConfigError
from vitalcast.web.edge.tls import Certificate, tls_context

FILES = Path(__file__).parents[1] / "tls"  # certificate and keys of nothing but these tests
CERT, KEY, OTHER_CERT, OTHER, LOCKED = (
    str(FILES / f"{name}.pem") for name in ("cert", "key", "other-cert", "other-key", "locked-key")
)


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
        ("", KEY, "server.keyfile", "has no certificate; give server.certfile too"),
        ("/nowhere/cert.pem", KEY, "server.certfile", "/nowhere/cert.pem cannot be read: No such file"),
        (CERT, "/nowhere/key.pem", "server.keyfile", "/nowhere/key.pem cannot be read: No such file"),
        (str(FILES), KEY, "server.certfile", "cannot be read: Is a directory"),
        (CERT, "", "server.certfile", "holds no private key in PEM; give the file that does as server.keyfile"),
        (KEY, KEY, "server.certfile", "holds no certificate in PEM"),
        (CERT, CERT, "server.keyfile", "holds no private key in PEM"),
        (CERT, OTHER, "server.keyfile", "is not the key of the certificate in"),
        (CERT, LOCKED, "server.keyfile", "has a password; give a key without a password"),
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


# --- renewal -------------------------------------------------------------------------------------------------------


class Pair:
    """Two files with a certificate and its key, and what a client sees of them."""

    def __init__(self, folder: Path) -> None:
        self.certfile, self.keyfile = folder / "cert.pem", folder / "key.pem"
        self.certfile.write_bytes(Path(CERT).read_bytes())
        self.keyfile.write_bytes(Path(KEY).read_bytes())
        self.settings = Server(certfile=str(self.certfile), keyfile=str(self.keyfile))


def served(certificate: Certificate) -> bytes:
    """Shake hands in memory; return the certificate that is shown."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(to_client, to_server)
    ours = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (theirs, ours, theirs, ours):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    shown = theirs.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def der(path: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def write_over(pair: Pair) -> None:
    pair.certfile.write_bytes(Path(OTHER_CERT).read_bytes())
    pair.keyfile.write_bytes(Path(OTHER).read_bytes())


def rename_over(pair: Pair) -> None:
    for source, target in ((OTHER_CERT, pair.certfile), (OTHER, pair.keyfile)):
        new = target.with_suffix(".new")
        shutil.copy(source, new)
        new.replace(target)


@pytest.mark.parametrize("change", [write_over, rename_over])
def test_a_renewed_certificate_is_used_for_the_next_handshake(pair: Pair, change: Callable[[Pair], None]) -> None:
    certificate = Certificate(pair.settings)
    assert served(certificate) == der(CERT)
    change(pair)
    assert served(certificate) == der(CERT)
    certificate.refresh()
    assert served(certificate) == der(OTHER_CERT)


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    for version, (cert, key) in {"..v1": (CERT, KEY), "..v2": (OTHER_CERT, OTHER)}.items():
        (tmp_path / version).mkdir()
        shutil.copy(cert, tmp_path / version / "tls.crt")
        shutil.copy(key, tmp_path / version / "tls.key")
    (tmp_path / "..data").symlink_to("..v1")  # as Kubernetes mounts secrets
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(Path("..data") / name)
    certificate = Certificate(Server(certfile=str(tmp_path / "tls.crt"), keyfile=str(tmp_path / "tls.key")))
    (tmp_path / "..new").symlink_to("..v2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    certificate.refresh()
    assert served(certificate) == der(OTHER_CERT)


@pytest.mark.parametrize(
    "damage",
    [
        lambda pair: pair.certfile.write_bytes(Path(OTHER_CERT).read_bytes()),  # and its key is to come
        lambda pair: pair.keyfile.write_bytes(Path(OTHER).read_bytes()),
        lambda pair: pair.certfile.write_bytes(Path(OTHER_CERT).read_bytes()[:300]),
        lambda pair: pair.certfile.write_bytes(b""),
        lambda pair: pair.keyfile.unlink(),
    ],
)
def test_half_a_renewal_changes_nothing_and_is_said_once(
    pair: Pair, damage: Callable[[Pair], None], caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(pair.settings)
    damage(pair)
    for _ in range(3):
        certificate.refresh()
    assert served(certificate) == der(CERT)
    (line,) = caplog.messages
    assert line.startswith("the current certificate stays in use: server.")
    rename_over(pair)
    certificate.refresh()
    assert served(certificate) == der(OTHER_CERT)
    assert len(caplog.messages) == 1
