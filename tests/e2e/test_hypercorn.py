"""The manual's command for another ASGI server, as it stands there: page, sockets, tokens, and a clean end."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import environment, run
from tests.e2e.client import PROTOCOL, TIMEOUT_S
from tests.e2e.server import STOP_S
from tests.examples import examples
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

MANUAL = Path(__file__).resolve().parents[2] / "backend" / "vitalcast" / "reference" / "http.md"
CPU = "system.cpu.utilization"


class Hypercorn:
    """A server that the manual's command has started, and a token of scope view."""

    def __init__(self, folder: Path, token: str) -> None:
        command = shlex.split(examples(MANUAL.read_text(encoding="utf-8"), "sh")[-1])
        assert command[0] == "hypercorn"
        self.token = token
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name(command[0])), *command[1:], "--bind", "127.0.0.1:0"],
                stderr=log,
                stdout=log,
                cwd=folder,
                env=environment(XDG_CONFIG_HOME=str(folder), XDG_DATA_HOME=str(folder)),
            )
        self.address = self._await_address()

    def _await_address(self) -> str:
        while (found := re.search(r"Running on http://(\S+)", self.written())) is None:
            if self.process.poll() is not None:
                raise AssertionError(self.written())
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        return found[1]

    def written(self) -> str:
        return self.log.read_text(errors="replace")

    def status(self, path: str, token: str | None = None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"http://{self.address}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def socket(self, *subprotocols: str, token: str | None = None) -> ClientConnection:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return connect(
            f"ws://{self.address}/ws",
            subprotocols=[Subprotocol(one) for one in subprotocols] or None,
            additional_headers=headers,
            proxy=None,
        )


@pytest.fixture(scope="module")
def hypercorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hypercorn]:
    folder = tmp_path_factory.mktemp("hypercorn")
    made = run("token", "create", "--scope", "view", cwd=folder)
    assert made.returncode == 0, made.stderr
    server = Hypercorn(folder, made.stdout.split()[0])
    try:
        yield server
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(STOP_S) == 0
        assert "Traceback" not in server.written()
    finally:
        server.process.kill()
        server.process.wait()


def heard(socket: ClientConnection, type_: str) -> dict[str, object]:
    """Return the next message of this type."""
    while True:
        message: dict[str, object] = json.loads(socket.recv(TIMEOUT_S))
        if message["type"] == type_:
            return message


def test_the_page_and_its_files_are_served(hypercorn: Hypercorn) -> None:
    assert hypercorn.status("/", hypercorn.token) == 200
    assert hypercorn.status("/static/dashboard.js") == 200
    assert hypercorn.status("/readyz") == 200


def test_a_token_is_asked_for_once_there_is_one(hypercorn: Hypercorn) -> None:
    statuses = [hypercorn.status("/api/v1/latest", token) for token in (None, "a.b.c", hypercorn.token)]
    assert statuses == [401, 401, 200]


def test_a_plain_socket_gets_the_default_stream(hypercorn: Hypercorn) -> None:
    with hypercorn.socket(token=hypercorn.token) as socket:
        assert socket.subprotocol is None
        assert heard(socket, "metrics")["metrics"]


@pytest.mark.parametrize("protocol", [PROTOCOL, "vitalcast.v1.bin"])
def test_a_subprotocol_is_agreed_on_and_a_token_may_come_in_hello(hypercorn: Hypercorn, protocol: str) -> None:
    with hypercorn.socket("chat", protocol) as socket:
        assert socket.subprotocol == protocol
        assert heard(socket, "welcome")["auth"] == "required"
        socket.send(json.dumps({"type": "hello", "token": hypercorn.token}))
        assert heard(socket, "ack")["scope"] == "view"
        socket.send(json.dumps({"type": "subscribe", "stream": "a", "metrics": [CPU]}))
        group = heard(socket, "ack")["group"]
        assert heard(socket, "snapshot")["group"] == group
        assert isinstance(socket.recv(TIMEOUT_S), str if protocol == PROTOCOL else bytes)


def test_a_wrong_token_is_told_in_words(hypercorn: Hypercorn) -> None:
    with hypercorn.socket(PROTOCOL) as socket:
        socket.send(json.dumps({"type": "hello", "token": "a.b.c"}))
        assert heard(socket, "error")["code"] == 101
        with pytest.raises(ConnectionClosed):
            heard(socket, "nothing")
        assert socket.close_code == 4500


def test_a_page_of_another_site_may_not_read(hypercorn: Hypercorn) -> None:
    request = urllib.request.Request(f"http://{hypercorn.address}/api/v1/latest", headers={"Origin": "https://a.b"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=TIMEOUT_S)
