"""The WebSocket's row of the table of who may ask for what: each way in with each kind of token, on real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from tests.e2e.client import PROTOCOL, TIMEOUT_S, Client
from tests.e2e.server import Server, Variant
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

CPU, MEMORY, NOTHING = "system.cpu.utilization", "system.memory.usage", "system.nothing"
# What is answered to a subscription: to CPU, to MEMORY, to what does not exist, to everything, and to the processes.
ANSWERS: Mapping[str, tuple[str | int, ...]] = {
    "none": (101, 101, 101, 101, 101),
    "view": ("ack", "ack", "ack", "ack", "ack"),
    "embed": ("ack", 103, 103, 103, 103),
    "stream": ("ack", 103, 103, 103, 103),
    "admin": ("ack", "ack", "ack", "ack", "ack"),
}
# The error, and the code of the close that follows.
BAD = {"expired": (109, 4500), "revoked": (101, 4509), "nonsense": (101, 4500)}
WAYS = ("bearer", "cookie", "hello")


class House(NamedTuple):
    servers: Mapping[Variant, Server]
    tokens: Mapping[str, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server of each variant over one folder of tokens, so that each asks for one."""
    folder = str(tmp_path_factory.mktemp("data"))
    settings = Settings(access=AccessSettings(data_dir=folder))
    access, long_ago = open_access(settings), open_access(settings, now_ms=lambda: (time.time_ns() - 10**12) // 10**6)
    tokens = {
        "view": access.mint(Scope.VIEW)[0],
        "embed": access.mint(Scope.EMBED, panels=["cpu"])[0],
        "stream": access.mint(Scope.STREAM, metrics=["system.cpu.>"])[0],
        "admin": access.mint(Scope.ADMIN)[0],
        "expired": long_ago.mint(Scope.ADMIN, expires_s=60)[0],
        "nonsense": "a.b.c",
    }
    tokens["revoked"], record = access.mint(Scope.ADMIN)
    access.revoke(record.id)
    access.close()
    long_ago.close()
    env = {
        "VITALCAST_ACCESS__DATA_DIR": folder,
        "VITALCAST_LIMITS__FAILED_TOKENS_PER_MINUTE_PER_ADDRESS": "100000",
    }
    servers = {variant: Server(variant, env) for variant in Variant}
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Server.start, servers.values()))
        yield House(servers, tokens)
    finally:
        for one in servers.values():
            one.close()


@asynccontextmanager
async def opened(server: Server, path: str = "", **headers: str) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"{server.ws_url}{path}",
        subprotocols=[Subprotocol(PROTOCOL)],
        additional_headers=headers,
        open_timeout=TIMEOUT_S,
        max_size=2**26,
        proxy=None,
    ) as connection:
        yield connection


def headers_of(way: str, token: str) -> dict[str, str]:
    return {"bearer": {"Authorization": f"Bearer {token}"}, "cookie": {"Cookie": f"vitalcast={token}"}}.get(way, {})


async def enter(one: Client, way: str, token: str | None) -> None:
    """Say who is there, where that was not said by the handshake, and check what one is told."""
    welcome = await one.receive()
    assert welcome["type"] == "welcome"
    if token is None or way == "hello":
        assert welcome["auth"] == "required"
        assert welcome.keys() == {"type", "version", "time", "heartbeat", "auth"}
    if token is not None and way == "hello":
        assert (await one.ask("hello", token=token))["type"] == "ack"
        welcome = await one.until("welcome")
    if token is not None:
        assert "auth" not in welcome
        assert welcome["host"]


async def answers(one: Client) -> tuple[str | int, ...]:
    """Return what each wish is answered with; no answer names more than was asked for."""
    wishes: list[dict[str, Any]] = [{"metrics": [name]} for name in (CPU, MEMORY, NOTHING, ">")]
    given: list[str | int] = []
    for number, wish in enumerate(wishes):
        answer = await one.ask("subscribe", stream=str(number), interval=1, **wish)
        given.append(answer["type"] if answer["type"] == "ack" else answer["code"])
        if answer["type"] == "error":
            assert "memory" not in answer["message"].replace(MEMORY if wish["metrics"] == [MEMORY] else "", "")
    answer = await one.ask("table", stream="top", table="processes")
    return (*given, answer["type"] if answer["type"] == "ack" else answer["code"])


async def everywhere(house: House, check: Any) -> None:
    """Check on every server at once; errors name it."""
    outcomes = await asyncio.gather(*(check(one) for one in house.servers.values()), return_exceptions=True)
    for variant, outcome in zip(house.servers, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            outcome.add_note(f"on {variant}, which said: {house.servers[variant].errors()[-2000:]}")
            raise outcome


@pytest.mark.parametrize("scope", ANSWERS)
async def test_a_socket_gets_what_its_token_covers(house: House, scope: str) -> None:
    expected = ANSWERS[scope]

    async def check(server: Server) -> None:
        for way in WAYS if scope != "none" else ("none",):
            token = house.tokens.get(scope)
            async with opened(server, **headers_of(way, token or "")) as connection:
                one = Client(connection)
                await enter(one, way, token)
                found = await answers(one)
                unknown = tuple(102 if was == "ack" and at == 2 else was for at, was in enumerate(expected))
                assert found == unknown, (scope, way)
                listed = await one.ask("list", metrics=[">"])
                if scope == "none":
                    assert listed["code"] == 101
                else:
                    names = {series["name"] for series in listed["series"]}
                    assert (MEMORY in names) == (expected[1] == "ack")
                    assert CPU in names

    await everywhere(house, check)


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_is_no_good_is_told_so_and_let_go(house: House, kind: str) -> None:
    code, close = BAD[kind]

    async def check(server: Server) -> None:
        for way in WAYS:
            async with opened(server, **headers_of(way, house.tokens[kind])) as connection:
                if way == "hello":
                    assert json.loads(await connection.recv())["auth"] == "required"
                    await connection.send(json.dumps({"type": "hello", "token": house.tokens[kind]}))
                error, bye = json.loads(await connection.recv()), json.loads(await connection.recv())
                assert (error["type"], error["code"]) == ("error", code), (way, error)
                assert (bye["type"], bye["code"]) == ("bye", close), (way, bye)
                with pytest.raises(ConnectionClosed) as closed:
                    await connection.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == close

    await everywhere(house, check)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("?token={view}", {}, 400),
        ("?token={embed}", {}, 400),
        ("?%74oken={embed}", {}, 400),
        ("", {"Origin": "https://evil.example", "Authorization": "Bearer {admin}"}, 403),
        ("", {"Origin": "https://evil.example", "Cookie": "vitalcast={admin}"}, 403),
        ("", {"Origin": "null", "Cookie": "vitalcast={admin}"}, 403),
    ],
)
async def test_some_ways_are_none(house: House, path: str, headers: dict[str, str], status: int) -> None:
    async def check(server: Server) -> None:
        given = {name: value.format(**house.tokens) for name, value in headers.items()}
        with pytest.raises(InvalidStatus) as refused:
            async with opened(server, path.format(**house.tokens), **given):
                pass
        assert refused.value.response.status_code == status

    await everywhere(house, check)


def test_nothing_of_a_token_is_written_down(house: House) -> None:
    for server in house.servers.values():
        said = server.errors() + server.output()
        assert not [token for token in house.tokens.values() if token in said or token[-20:] in said]
