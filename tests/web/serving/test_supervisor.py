"""What the server tells its supervisor: by a real socket, as systemd gives it."""

from __future__ import annotations

import secrets
import socket

import pytest

from vitalcast.web.serving.supervisor import VARIABLE, tell


def listening(address: str) -> socket.socket:
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(address)
    supervisor.settimeout(60)  # only so that a failure ends
    return supervisor


def test_an_abstract_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"vitalcast-{secrets.token_hex(8)}"
    with listening(f"\0{name}") as supervisor:
        monkeypatch.setenv(VARIABLE, f"@{name}")
        tell("READY=1")
        assert supervisor.recv(1024) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify", "@nobody-listens", "/" + 200 * "x"])
def test_nobody_to_tell_is_no_trouble(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, address)
    tell("READY=1")
