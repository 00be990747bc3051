"""Hosts and origins are read strictly, and written as browsers do."""

from __future__ import annotations

import pytest

from vitalcast.access.origin import Authority, Origin, parse_authority, parse_origin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", Authority("localhost", None)),
        ("LocalHost:8000", Authority("localhost", 8000)),
        ("web-1.example.org.:443", Authority("web-1.example.org", 443)),
        ("127.0.0.1:", Authority("127.0.0.1", None)),
        ("[::1]:8000", Authority("::1", 8000)),
        ("[0:0:0:0:0:0:0:1]", Authority("::1", None)),
        ("[FD00::A]", Authority("fd00::a", None)),
        ("", None),
        (":8000", None),
        ("::1", None),
        ("[::1", None),
        ("[fe80::1%eth0]", None),
        ("[::1]8000", None),
        ("localhost:65536", None),
        ("localhost:123456", None),
        ("localhost:-1", None),
        ("localhost:80:80", None),
        ("user@localhost", None),
        ("localhost/path", None),
        ("local host", None),
        (" localhost", None),
        ("localhost\n", None),
        ("localhost, evil.example", None),
        ("evil.example#localhost", None),
        ("ł.example", None),
        ("localhost:٨٠", None),  # digits, though not those of a port
    ],
)
def test_an_authority_is_read_strictly(text: str, expected: Authority | None) -> None:
    assert parse_authority(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost", Origin("http", "localhost", 80)),
        ("https://Example.org", Origin("https", "example.org", 443)),
        ("http://[::1]:8000", Origin("http", "::1", 8000)),
        ("null", None),
        ("", None),
        ("http://", None),
        ("//localhost", None),
        ("localhost", None),
        ("file://", None),
        ("chrome-extension://abcdefgh", None),
        ("http://localhost/", None),
        ("http://localhost http://evil.example", None),
        ("http://localhost@evil.example", None),
        ("xhttp://localhost", None),
        ("http://localhost\n", None),
    ],
)
def test_an_origin_is_read_strictly(text: str, expected: Origin | None) -> None:
    assert parse_origin(text) == expected


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://Example.org:443", "https://example.org"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://[0::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_origin_is_written_as_browsers_do(text: str, written: str) -> None:
    assert str(parse_origin(text)) == written
