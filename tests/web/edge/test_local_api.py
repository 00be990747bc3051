"""What commands of the server's own user get by the control socket: the answers of the API, as the admin."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from vitalcast.access.control import Asked, address_of, is_answered, sockets_in
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.live.control import ControlSocket
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import ADMINS, Endpoint, EndpointGroup, EndpointTable
from vitalcast.web.edge.fields import Body, Field, Parameter
from vitalcast.web.edge.local_api import LocalApi, read_request
from vitalcast.web.edge.refusal_log import RefusalLog

TIMEOUT_S = 60.0
TITLE = Parameter("title", "A title.", {"type": "string"}, "a text")
MARK = Body("A mark.", {"title": Field({"type": "string"}, "a text")}, ("title",))


async def who(request: Request) -> Response:
    return Response(f"{grant_of(request).scope} {TITLE.of(request)}", media_type="text/plain")


async def mark(request: Request) -> Response:
    return Response((await MARK.of(request))["title"], 201)


async def broken(request: Request) -> Response:
    if "title" in request.query_params:
        raise ApiError(400, ErrorCode.BAD_REQUEST, "title: there is none")
    raise RuntimeError("a fault")


async def large(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(200):
            yield b"%d," % number * 5000
        if "title" in request.query_params:
            raise RuntimeError("a fault in the midst")

    return StreamingResponse(parts(), media_type="text/csv")


ERRORS = {400: "bad"}
ENDPOINTS = EndpointTable(
    [
        EndpointGroup(
            "Test",
            [
                Endpoint("GET", "/api/v1/who", who, ADMINS, "", parameters=lambda: [TITLE], errors=ERRORS),
                Endpoint("POST", "/api/v1/mark", mark, ADMINS, "", body=MARK, errors=ERRORS),
                Endpoint("GET", "/api/v1/broken", broken, ADMINS, "", parameters=lambda: [TITLE], errors=ERRORS),
                Endpoint("GET", "/api/v1/large", large, ADMINS, "", parameters=lambda: [TITLE], errors=ERRORS),
                Endpoint("GET", "/login", who, None, ""),
            ],
        )
    ]
)


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Path]:
    control = ControlSocket(folder, {}, server="http://here/")
    control.relay = LocalApi(ENDPOINTS, server=lambda: control.server, log=RefusalLog())
    await control.start()
    [path] = [one for one in sockets_in(folder) if is_answered(one)]
    try:
        yield path
    finally:
        await control.close()


async def asked(path: Path, /, **request: Any) -> tuple[int, str, bytes]:
    def ask() -> tuple[int, str, bytes]:
        with Asked(path, request, timeout_s=TIMEOUT_S) as answer:
            return answer.status, answer.content_type, b"".join(answer.parts())

    return await asyncio.to_thread(ask)


async def test_a_command_gets_what_the_endpoint_answers_the_admin(tmp_path: Path) -> None:
    async with listening(tmp_path / "servers") as path:
        assert await asked(path, method="GET", path="/api/v1/who", query="title=a%20b") == (
            200,
            "text/plain; charset=utf-8",
            b"admin a b",
        )
        body = json.dumps({"title": "deploy 1.4"})
        assert (await asked(path, method="POST", path="/api/v1/mark", body=body))[::2] == (201, b"deploy 1.4")


async def test_a_large_answer_comes_whole(tmp_path: Path) -> None:
    async with listening(tmp_path / "servers") as path:
        status, kind, body = await asked(path, method="GET", path="/api/v1/large")
        assert (status, kind) == (200, "text/csv; charset=utf-8")
        assert body == b"".join(b"%d," % number * 5000 for number in range(200))


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path / "servers") as path:
        with pytest.raises(ValueError, match="the server ended in the midst"):
            await asked(path, method="GET", path="/api/v1/large", query="title=x")
    assert "the answer to /api/v1/large failed" in caplog.text


async def test_errors_are_those_of_the_api(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(tmp_path / "servers") as path:
        status, _, body = await asked(path, method="GET", path="/api/v1/broken", query="title=x")
        assert (status, json.loads(body)["error"]["message"]) == (400, "title: there is none")
        status, _, body = await asked(path, method="GET", path="/api/v1/who", query="x=1")
        assert (status, json.loads(body)["error"]["message"][:19]) == (400, "unknown parameter '")
        status, _, body = await asked(path, method="GET", path="/api/v1/broken")
        assert (status, json.loads(body)["error"]["message"]) == (500, "the server failed; its log says how")
        assert (await asked(path, method="GET", path="/api/v1/none"))[0] == 404
    assert "a fault" in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "DELETE", "path": "/api/v1/who"},
        {"method": "GET", "path": "/login"},
        {"method": "GET", "path": "/api/ü"},
        {"method": "GET", "path": ["/api/v1/who"]},
        {},
    ],
)
async def test_what_is_no_request_is_refused(tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(give method|method, path, query)"):
        read_request(request_)
    async with listening(tmp_path / "servers") as path:
        with pytest.raises(ValueError, match=r"^(give method|method, path, query)"):
            await asked(path, **request_)


async def test_an_answer_ends_where_the_command_goes_or_the_server_does(tmp_path: Path) -> None:
    waiting, gone = asyncio.Event(), asyncio.Event()

    async def wait(request: Request) -> Response:
        waiting.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()
        raise ConnectionResetError

    table = EndpointTable([EndpointGroup("Test", [Endpoint("GET", "/api/wait", wait, ADMINS, "")])])
    control = ControlSocket(tmp_path / "servers", {}, server="http://here/")
    control.relay = LocalApi(table, server=lambda: control.server, log=RefusalLog())
    await control.start()
    [path] = sockets_in(tmp_path / "servers")
    for goes in (True, False):
        waiting.clear()
        with address_of(path) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        writer.write(json.dumps({"do": "ask", "method": "GET", "path": "/api/wait"}).encode() + b"\n")
        await waiting.wait()
        if goes:
            writer.close()
            await gone.wait()
        else:
            await control.close()
            assert await reader.read() == b""
        writer.close()
