"""What is used of uvicorn beyond its interface is there, in the version that is installed; and where it is used.

Where one of these fails after an upgrade of uvicorn, read its change of the part that is named, then the module here
that uses it, and run `tests/e2e` over both.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from vitalcast.web.serving import fast_path, http_protocol, server, uvicorn_http, uvicorn_ws

WRITTEN_FOR = ">=0.54,<0.56"
VERSION = f"uvicorn {uvicorn.__version__}, where vitalcast.web.serving is written for {WRITTEN_FOR}, "

# What asyncio and httptools call, which are interfaces; overriding it is no use of what uvicorn keeps for itself.
CALLED = {name for name in dir(asyncio.Protocol) if not name.startswith("__")} | {"__init__", "shutdown"}
CALLED |= {"on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete"}

ADAPTER = {"cycle", "flow", "loop", "parser", "pipeline", "timeout_keep_alive", "timeout_keep_alive_handler"}
ADAPTER |= {"timeout_keep_alive_task"}
HTTP = {"client", "handle_websocket_upgrade", "headers", "loop", "on_response_complete", "parser", "scheme", "scope"}
HTTP |= {"connections", "server_state", "transport"}
BOTH = {"app", "close_sent", "close_timer", "conn", "curr_msg_data_type", "disconnected", "frames", "handle_close"}
BOTH |= {
    "handle_parser_exception",
    "logger",
    "loop",
    "queue",
    "read_paused",
    "run_asgi",
    "scope",
    "send_500_response",
    "transport",
}
BOTH |= {"send_receive_event_to_app", "receive", "send"}
WEBSOCKET = BOTH | {"handle_cont", "handshake_complete", "handshake_initiated", "keepalive_timeout", "ping_timeout"}
WEBSOCKET |= {"ping_timer", "pong_timer", "schedule_ping", "send_keepalive_ping"}
SERVER = {"config", "force_exit", "handle_exit", "lifespan", "main_loop", "on_tick", "server_state", "should_exit"}
SERVER |= {"started", "startup"}
FAST = BOTH | {"request", "response", "stop_keepalive", "writable"}


def has(made: object, type_: type) -> set[str]:
    """Return the names that an instance of uvicorn's has: those of its class, and those that it sets on itself."""
    source = inspect.getsource(type_)
    return {*dir(made), *vars(made), *re.findall(r"\bself\.(\w+)(?::| =)", source)}


def used(module: ModuleType) -> set[str]:
    """Return the names that a module overrides, or uses of `self`, `super()` and a `protocol`."""
    nodes = list(ast.walk(ast.parse(Path(str(module.__file__)).read_text())))
    overridden = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    asked = {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_ours(node.value)}
    return {name for name in overridden | asked if not name.startswith("__")}


def _is_ours(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    if isinstance(node, ast.Attribute):
        return node.attr in ("protocol", "_protocol")
    return isinstance(node, ast.Name) and node.id in ("self", "protocol")


@pytest.fixture
async def made() -> dict[type, object]:
    """uvicorn's server and protocols as uvicorn makes them."""

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        return

    config = Config(app, interface="asgi3", log_config=None)
    config.load()
    types = (HttpToolsProtocol, WebSocketsSansIOProtocol)
    protocols: dict[type, object] = {type_: type_(config, ServerState(), {}) for type_ in types}
    return protocols | {uvicorn.Server: uvicorn.Server(config)}


@pytest.mark.parametrize(
    ("module", "type_", "listed"),
    [
        (uvicorn_http, HttpToolsProtocol, ADAPTER),
        (http_protocol, HttpToolsProtocol, HTTP),
        (uvicorn_ws, WebSocketsSansIOProtocol, WEBSOCKET),
        (fast_path, WebSocketsSansIOProtocol, FAST),
        (server, uvicorn.Server, SERVER),
    ],
)
async def test_what_is_used_is_there_and_listed(
    made: dict[type, object], module: ModuleType, type_: type, listed: set[str]
) -> None:
    there = has(made[type_], type_)
    assert listed <= there, f"{VERSION}has no {', '.join(sorted(listed - there))} in {type_.__name__}"
    assert used(module) & there - CALLED == listed


def test_an_exchange_and_its_flow_are_as_the_adapter_takes_them_to_be() -> None:
    expected: Iterable[tuple[type, set[str]]] = (
        (RequestResponseCycle, {"disconnected", "message_event", "keep_alive", "response_started"}),
        (RequestResponseCycle, {"chunked_encoding", "expected_content_length", "response_complete", "send"}),
        (FlowControl, {"read_paused", "write_paused", "pause_reading", "resume_reading"}),
    )
    for type_, names in expected:
        source = inspect.getsource(type_)
        missing = {one for one in names if not re.search(rf"\bself\.{one} = |def {one}\(", source)}
        assert not missing, f"{VERSION}has no {', '.join(sorted(missing))} in {type_.__name__}"


def test_who_allows_another_uvicorn_has_looked_at_its_parts() -> None:
    project = (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text()
    assert f'"uvicorn{WRITTEN_FOR}"' in project
