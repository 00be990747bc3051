"""What the recipes ask for: a server, and a PATH on which are the programs that they name."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import environment
from tests.debian import program_of
from tests.e2e.server import Server, running
from tests.examples import TIMEOUT_S
from tests.recipes.proxies import NAME

from vitalcast.web.serving.supervisor import VARIABLE

# It takes no `--unbuffered`, since it never buffers.
_JAQ = """#!/bin/sh
for word do
    shift
    [ "$word" = --unbuffered ] || set -- "$@" "$word"
done
exec {jaq} "$@"
"""


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
def jq_origin() -> str:
    found = program_of("jq", "jq", "libjq1", "libonig5")
    return f"jq {found.origin}" if found else "jaq in the place of jq"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `vitalcast`, `jq` and `python` are found."""
    folder, scripts = tmp_path_factory.mktemp("programs"), Path(sys.executable).parent
    found = program_of("jq", "jq", "libjq1", "libonig5")
    lines = {"vitalcast": f"exec {sys.executable} -m vitalcast"}
    texts = {name: f'#!/bin/sh\n{line} "$@"\n' for name, line in lines.items()}
    if found is None:
        texts["jq"] = _JAQ.format(jaq=scripts / "jaq")
    else:
        variables = "".join(f"export {name}={value}\n" for name, value in found.environment.items())
        texts["jq"] = f'#!/bin/sh\n{variables}exec {found.path} "$@"\n'
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return environment(PATH=f"{folder}{os.pathsep}{scripts}{os.pathsep}{os.environ['PATH']}", HOME=str(folder))
