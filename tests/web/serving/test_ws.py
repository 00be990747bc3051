"""A socket by ASGI alone, as any server gives it: what the client sends is charged there too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.websockets import WebSocket
from tests.core.machine import Machine

from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.core.metrics.names import Selection
from vitalcast.core.stream.grants import OPEN
from vitalcast.core.stream.keys import Form, SeriesKey
from vitalcast.core.vocabulary import SUBPROTOCOL
from vitalcast.core.wire import intake
from vitalcast.core.wire.intake import BURST_UNITS, MESSAGE_UNITS
from vitalcast.core.wire.limits import Limits
from vitalcast.live.connections import ConnectionManager
from vitalcast.web.serving.ws import serve_socket


async def test_a_lasting_flood_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "OVER_S", 0.1)
    machine = Machine(limits=Limits(messages_per_second=1))
    machine.tick()
    plain = SeriesKey("machine-1", Selection.of(["system.load"]), 1000, form=Form.SELF_DESCRIBING)
    manager = ConnectionManager(machine.hub, plain=plain, stats=RuntimeStats())
    sent: list[dict[str, Any]] = []
    received = 0

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        await asyncio.sleep(0)
        return {"type": "websocket.receive", "text": "x"} if received > 1 else {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    state = {"grant": OPEN.grant, "refusal": None, "address": "127.0.0.1", "origin": None}
    scope = {"type": "websocket", "path": "/ws", "headers": [], "subprotocols": [SUBPROTOCOL], "state": state}
    await asyncio.wait_for(serve_socket(WebSocket(scope, receive, send), manager), 60)
    texts = [json.loads(message["text"]) for message in sent if message["type"] == "websocket.send"]
    assert [text["code"] for text in texts if text["type"] == "error"][:2] == [107, 111], "refused first"
    assert (texts[-1]["type"], texts[-1]["code"], texts[-1]["reconnect_after_ms"] >= 5000) == ("bye", 4029, True)
    assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", 4029)
    assert received < BURST_UNITS / MESSAGE_UNITS + 50
    assert manager.active_connections == ()
