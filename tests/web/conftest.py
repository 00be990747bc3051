"""An application over an imaginary machine, whose clock and readings a test sets, and HTTP down at the bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest
from starlette.testclient import TestClient
from tests.core.machine import Machine
from tests.e2e.client import TIMEOUT_S

from vitalcast.config.schema import Settings
from vitalcast.config.server import Server
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import Panel
from vitalcast.dashboards.store import DashboardStore
from vitalcast.history.memory import MemoryHistory
from vitalcast.live.open_access import open_access, open_attempts
from vitalcast.live.panel_board import PanelBoard
from vitalcast.live.queries import Queries
from vitalcast.live.service import Service
from vitalcast.web.api.asyncapi import asyncapi_endpoints
from vitalcast.web.api.health import Health, health_endpoints
from vitalcast.web.api.history import HistoryAnswers, history_endpoints
from vitalcast.web.api.openapi import openapi_endpoints
from vitalcast.web.api.samples import Samples, sample_endpoints
from vitalcast.web.app import Application
from vitalcast.web.panels.endpoints import panel_endpoints
from vitalcast.web.panels.figures import Figures


class StillService:
    """As much of a service as the API asks for; its machine ticks only when told to."""

    def __init__(self, machine: Machine, settings: Settings) -> None:
        self.hub = machine.hub
        self.timeline = machine.timeline
        self.settings = settings
        self.dashboards = DashboardStore(settings.panels, settings.playlists)
        self.access = open_access(settings, panels=self.dashboards.all_panels)
        self.dashboards.changed.append(self.access.forget_grants)
        self.panels = PanelBoard(self.dashboards)
        self.attempts = open_attempts(self.access, settings.limits)
        machine.timeline.recorded = True  # in tests that have what is read in place of a file
        self.history = MemoryHistory()
        self.queries = Queries(self.history.past)
        self.ready = True


class World(NamedTuple):
    """An application without a server around it, and what a test turns to change its answers."""

    machine: Machine
    service: StillService
    app: Application
    client: TestClient

    def get(self, path: str, **params: Any) -> Any:
        response = self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()


def make_world(
    machine: Machine, *, panels: tuple[Panel, ...] = BUILT_IN, figures: Figures | None = None, **server: Any
) -> World:
    """Build an application with these settings of its server, and these panels."""
    settings = Settings(server=Server(**server), panels=panels)
    service = StillService(machine, settings)
    as_service = cast("Service", service)
    app = Application(as_service)
    health = Health(as_service, steady_ms=lambda: machine.steady_ms)
    app.mount_endpoints(
        sample_endpoints(Samples(as_service, health)),
        history_endpoints(HistoryAnswers(as_service, now_ms=lambda: machine.time_ms)),
        panel_endpoints(
            as_service, figures=figures, steady_ms=lambda: machine.steady_ms, now_ms=lambda: machine.time_ms
        ),
        health_endpoints(health),
        openapi_endpoints(),
        asyncapi_endpoints(),
    )
    return World(machine, service, app, TestClient(app, base_url="http://127.0.0.1"))


@pytest.fixture
def world() -> World:
    """A machine that has ticked once."""
    machine = Machine()
    machine.tick(0.5)
    return make_world(machine)


class Answer(NamedTuple):
    """An answer as it came: header names in lower case, in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def exchange(port: int, request: bytes, *, source: str | None = None) -> Answer:
    """Send one request of raw bytes, from an address of this machine; return the answer. The connection ends then."""
    source_address = (source, 0) if source is not None else None
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S, source_address) as connection:
        connection.sendall(request)
        received = b""
        for chunk in _chunks(connection):
            received += chunk
            head, end, body = received.partition(b"\r\n\r\n")
            if end and (head.startswith(b"HTTP/1.1 101") or len(body) >= _content_length(head)):
                break
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return Answer(int(first.split()[1]), [(name.lower(), value.strip()) for name, _, value in pairs], body)


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    while chunk := connection.recv(65536):
        yield chunk


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
