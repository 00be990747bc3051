"""What the server tells its supervisor: by a real socket, as systemd gives it."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest
from tests.e2e.server import running

from vitalcast.web.serving.supervisor import VARIABLE, tell


def listening(address: str) -> socket.socket:
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(address)
    supervisor.settimeout(60)  # only so that a failure ends
    return supervisor


def test_a_server_says_when_it_serves_and_when_it_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with listening(path) as supervisor:
        with running(env={VARIABLE: path}) as server:
            assert supervisor.recv(1024) == f"READY=1\nSTATUS=Live on {server.url}/".encode()
        assert supervisor.recv(1024) == b"STOPPING=1"


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
