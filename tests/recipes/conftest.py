"""What the recipes ask for: a server, and the programs that they name."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.e2e.server import Server, running
from tests.examples import TIMEOUT_S
from tests.programs import Programs, make_programs
from tests.recipes.proxies import NAME

from vitalcast.web.serving.supervisor import VARIABLE


@pytest.fixture(scope="session")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    """What the server tells of its life, as systemd has it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path_factory.mktemp("supervisor") / "notify"))
        supervisor.settimeout(TIMEOUT_S)
        yield supervisor


@pytest.fixture(scope="session")
def server(supervisor: socket.socket) -> Iterator[Server]:
    """A server behind proxies, of which a supervisor hears."""
    proxied = {"VITALCAST_SERVER__PUBLIC_URL": f"https://{NAME}", "VITALCAST_SERVER__TRUSTED_PROXIES": "127.0.0.1"}
    with running(env={VARIABLE: supervisor.getsockname(), **proxied}) as server:
        assert supervisor.recv(1024) == f"READY=1\nSTATUS=Live on {server.url}/".encode()
        yield server
        assert server.errors() == ""
    assert supervisor.recv(1024) == b"STOPPING=1"


@pytest.fixture
def address(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return make_programs(tmp_path_factory.mktemp("programs"))
