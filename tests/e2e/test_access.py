"""Tokens at the socket's door: shown, renewed, run out, taken back; on real servers that share one data folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.command import run
from tests.e2e.client import PROTOCOL, TIMEOUT_S, Client, Json, Mirror
from tests.e2e.conftest import StartServer
from tests.e2e.raw import CLOSE, PING, client_frame, raw
from tests.e2e.server import Server, Variant, on_every_server, running
from tests.web.conftest import exchange
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from vitalcast.access.access import Record
from vitalcast.client import Client as Program
from vitalcast.client import ClientError, RefusedError
from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import CloseCode, Scope
from vitalcast.live.open_access import open_access

CPU = "system.cpu.utilization"
MEMORY = "system.memory.usage"
WIKI = "https://wiki.example.org"
HELLO_S = 5


class Tokens:
    """What `vitalcast token` does, in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access = open_access(Settings.model_validate({"access": {"data_dir": str(folder)}}))
        self.view = self.make(Scope.VIEW)
        self.cpu = self.make(Scope.STREAM, metrics=["system.cpu.>"], interval_s=0.2)

    def make(self, scope: Scope, **limits: Any) -> str:
        return self.made(scope, **limits)[0]

    def made(self, scope: Scope, **limits: Any) -> tuple[str, Record]:
        return self.access.mint(scope, **limits)

    def end(self, *ids: str) -> None:
        """Take tokens back, from another process than the servers'."""
        done = run("token", "revoke", *ids, cwd=self.folder, VITALCAST_ACCESS__DATA_DIR=str(self.folder))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(tmp_path_factory.mktemp("access") / "data")


@pytest.fixture(scope="module")
def servers(tokens: Tokens) -> Iterator[dict[Variant, Server]]:
    """A server of each variant that asks for a token: read only."""
    env = {
        "VITALCAST_ACCESS__DATA_DIR": str(tokens.folder),
        "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
        "VITALCAST_TIMEOUTS__HELLO_S": str(HELLO_S),
        "VITALCAST_LIMITS__FAILED_TOKENS_PER_MINUTE_PER_ADDRESS": "100000",
        "VITALCAST_LIMITS__FAILED_TOKENS_PER_MINUTE": "100000",
    }
    started = {variant: Server(variant, env) for variant in Variant}
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Server.start, started.values()))
        yield started
    finally:
        for one in started.values():
            one.close()


@asynccontextmanager
async def knock(
    server: Server, *, bearer: str | None = None, plain: bool = False, origin: str | None = None
) -> AsyncIterator[Client]:
    """Connect, with a token in the handshake or none, and from a page of this site or from no page."""
    async with connect(
        server.ws_url,
        origin=None if origin is None else Origin(origin),
        subprotocols=None if plain else [Subprotocol(PROTOCOL)],
        additional_headers=None if bearer is None else {"Authorization": f"Bearer {bearer}"},
        open_timeout=TIMEOUT_S,
        max_queue=4096,
        proxy=None,
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def enter(server: Server, token: str) -> AsyncIterator[Client]:
    """Connect and say hello."""
    async with knock(server) as one:
        assert (await one.receive())["auth"] == "required"
        ack = await one.ask("hello", token=token)
        assert ack["type"] == "ack", ack
        assert (await one.receive())["type"] == "welcome"
        yield one


async def end_of(one: Client) -> tuple[list[Json], int]:
    """Read to the end; return what was still said, heartbeats aside, and the close code."""
    begin = len(one.heard)
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            await one.receive()
    assert caught.value.rcvd is not None
    return [said for said in one.heard[begin:] if said["type"] != "heartbeat"], caught.value.rcvd.code


# --- hello -----------------------------------------------------------------------------------------------------------


@on_every_server
async def test_a_hello_opens_what_was_shut(server: Server, tokens: Tokens) -> None:
    async with knock(server) as one:
        welcome = await one.receive()
        assert set(welcome) == {"type", "version", "time", "heartbeat", "auth"}
        for command in ({"type_": "ping"}, {"type_": "list"}, {"type_": "subscribe", "stream": "s", "metrics": [CPU]}):
            await one.refused(**command, code=101)
        await one.send_text("anybody there?")
        assert (await one.receive())["code"] == 101
        hello = await one.ask("hello", token=tokens.cpu)
        assert (hello["type"], hello["scope"]) == ("ack", "stream")
        assert hello["expires"] is None
        welcome = await one.receive()
        assert welcome["host"] and welcome["epoch"] and "auth" not in welcome
        await one.subscribe("s", [CPU])
        assert await one.data(one.heard[-1]["group"], 2)


@on_every_server
async def test_without_a_hello_in_time_the_socket_is_closed(server: Server, tokens: Tokens) -> None:
    async with knock(server) as one, knock(server, plain=True) as plain:
        for each in (one, plain):
            assert (await each.receive())["auth"] == "required"
        for each in (one, plain):
            said, code = await end_of(each)
            assert [(message["type"], message["code"]) for message in said] == [("error", 101), ("bye", 4500)]
            assert said[0]["message"] == f"no token came within {HELLO_S} s"
            assert code == 4500


@on_every_server
async def test_a_bad_hello_is_told_and_closed(server: Server, tokens: Tokens) -> None:
    async with knock(server) as one:
        await one.receive()
        await one.send("hello", id=5, token="eyJ.no.token")
        said, code = await end_of(one)
        assert [(message["type"], message["code"]) for message in said] == [("error", 101), ("bye", 4500)]
        assert (said[0]["id"], said[1]["reconnect_after_ms"], code) == (5, None, 4500)


# --- a token in the handshake ----------------------------------------------------------------------------------------


@on_every_server
async def test_a_bearer_needs_no_hello(server: Server, tokens: Tokens) -> None:
    async with knock(server, bearer=tokens.cpu) as one:
        assert (await one.receive())["host"]
        await one.subscribe("s", [CPU])
        for command in ("subscribe", "list"):
            fields = {"stream": "t"} if command == "subscribe" else {}
            error = await one.refused(command, 103, metrics=[MEMORY], **fields)
            assert MEMORY in error["message"]
        error = await one.refused("subscribe", 106, stream="t", metrics=[CPU], interval=0.1)
        assert error["message"] == "interval: the shortest for this token is 0.2 s, got 0.1"
        await one.refused("table", 103, stream="t", table="processes")
        catalogue = await one.ask("list")
        names = {series["name"] for series in catalogue["series"]}
        assert CPU in names and all(name.startswith("system.cpu.") for name in names)


@on_every_server
async def test_a_bad_bearer_is_told_and_closed(server: Server, tokens: Tokens) -> None:
    revoked, record = tokens.made(Scope.VIEW)
    tokens.access.revoke(record.id)
    for token, error_code, close_code in (("eyJ.no.token", 101, 4500), (revoked, 101, 4509)):
        async with knock(server, bearer=token) as one:
            said, code = await end_of(one)
            assert [(message["type"], message["code"]) for message in said] == [
                ("error", error_code),
                ("bye", close_code),
            ]
            assert code == close_code


@on_every_server
async def test_a_plain_socket_gets_the_part_of_the_default_stream_that_its_token_sees(
    server: Server, tokens: Tokens
) -> None:
    async with (
        knock(server, bearer=tokens.cpu, plain=True) as narrow,
        knock(server, bearer=tokens.view, plain=True) as all_,
    ):
        assert {key.partition("{")[0] for key in (await narrow.receive())["metrics"]} == {CPU}
        assert MEMORY in {key.partition("{")[0] for key in (await all_.receive())["metrics"]}


# --- the end of a token ----------------------------------------------------------------------------------------------


async def test_a_revoke_in_another_process_closes_the_tokens_sockets_and_costs_nobody_else_a_tick(
    servers: dict[Variant, Server], tokens: Tokens
) -> None:
    token, record = tokens.made(Scope.VIEW)
    revoked = asyncio.Event()

    async def holds(server: Server) -> None:
        async with enter(server, token) as one, knock(server, bearer=token, plain=True) as plain:
            await one.subscribe("s", [CPU])
            await plain.receive()
            ready.release()
            for each in (one, plain):
                said, code = await end_of(each)
                assert (said[-2]["type"], said[-2]["code"], said[-1]["code"]) == ("error", 101, 4509)
                assert code == 4509

    async def stays(server: Server) -> None:
        async with enter(server, tokens.view) as one:
            ack, snapshot = await one.subscribe("s", ["vitalcast.>"], interval=0.2)
            mirror = Mirror(ack["group"])
            mirror.feed(snapshot)
            ready.release()
            more = 0
            while more < 3:
                before = len(mirror.ticks)
                mirror.feed(await one.receive())
                more += revoked.is_set() and len(mirror.ticks) > before
            assert mirror.holes(snapshot["offset"]) == []

    ready = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(stays(server)) for server in servers.values()]
        holders = [group.create_task(holds(server)) for server in servers.values()]
        for _ in (*others, *holders):
            await ready.acquire()
        await asyncio.to_thread(tokens.end, record.id)
        for holder in holders:
            await holder
        revoked.set()
    for server in servers.values():
        async with knock(server, bearer=token) as late:
            assert (await end_of(late))[1] == 4509


@on_every_server
async def test_a_token_that_runs_out_ends_its_socket_and_one_renewed_in_time_goes_on(
    server: Server, tokens: Tokens
) -> None:
    short = tokens.make(Scope.VIEW, expires_s=6)
    async with enter(server, short) as ends, enter(server, short) as goes_on:
        await ends.subscribe("s", [CPU])
        ack, snapshot = await goes_on.subscribe("s", [CPU])
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        begin = len(goes_on.heard)
        renewed = await goes_on.ask("hello", token=tokens.cpu)
        assert (renewed["type"], renewed["scope"]) == ("ack", "stream")
        said, code = await end_of(ends)
        assert (said[-2]["code"], said[-2]["message"], said[-1]["code"]) == (109, "the token has expired", 4500)
        assert code == 4500
        await goes_on.pong()
        for message in goes_on.heard[begin:]:
            mirror.feed(message)
        assert len(mirror.ticks) > 1
        assert mirror.holes(snapshot["offset"]) == []
    async with knock(server, bearer=short) as late:
        said, code = await end_of(late)
        assert (said[0]["code"], code) == (109, 4500)


@on_every_server
async def test_a_narrower_token_ends_what_it_does_not_cover(server: Server, tokens: Tokens) -> None:
    async with enter(server, tokens.view) as one:
        cpu, _ = await one.subscribe("cpu", [CPU])
        await one.subscribe("memory", [MEMORY])
        await one.ask("hello", token=tokens.cpu)
        error = await one.until("error")
        assert (error["code"], error["stream"]) == (103, "memory")
        await one.data(cpu["group"], 2)
        await one.refused("unsubscribe", 107, stream="memory")


async def test_a_token_sees_names_of_programs_only_where_it_may_see_the_processes(
    start_server: StartServer, tmp_path: Path
) -> None:
    tokens = Tokens(tmp_path)
    kinds = (Scope.EMBED, Scope.STREAM)
    cases = [(scope, tokens.make(scope, metrics=["test.>"]), set()) for scope in kinds]
    cases += [(scope, tokens.make(scope, metrics=["test.>", "table.processes"]), {"nginx"}) for scope in kinds]
    server = start_server(scripted=True, ACCESS__DATA_DIR=str(tmp_path))
    for scope, token, names in [*cases, (Scope.VIEW, tokens.view, {"nginx"})]:
        async with enter(server, token) as one:
            _, snapshot = await one.subscribe("s", ["test.>"])
            catalogue = await one.ask("list")
        for series in (snapshot["series"], catalogue["series"]):
            found = {one["attributes"].get("process.executable.name") for one in series} - {None}
            assert found == names or (scope is Scope.VIEW and found > names)  # it may see the programs that run here
        if scope is not Scope.EMBED:
            answer = await asyncio.to_thread(exchange, server.port, bearer("/api/v1/latest", token))
            assert any("nginx" in key for key in json.loads(answer.body)["metrics"]) is bool(names)


def bearer(path: str, token: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_an_embed_token_sees_no_further_back_than_it_was_made_to(
    start_server: StartServer, tmp_path: Path
) -> None:
    tokens = Tokens(tmp_path)
    brief = tokens.make(Scope.EMBED, metrics=["system.uptime"], since_s=1)
    server = start_server(SAMPLER__INTERVAL_S="0.1", ACCESS__DATA_DIR=str(tmp_path))
    async with enter(server, tokens.view) as one:
        ack, _ = await one.subscribe("s", ["system.uptime"], interval=0.1)
        await one.data(ack["group"], 25)
        _, whole = await one.subscribe("t", ["system.uptime"], interval=0.1, backfill=60)
    async with enter(server, brief) as one:
        _, part = await one.subscribe("s", ["system.uptime"], interval=0.1, backfill=60)
        since = {"epoch": ack["epoch"], "offset": 1}
        late, gap = await one.ask("subscribe", stream="t", metrics=["system.uptime"], since=since), await one.receive()
    assert whole["times"][-1] - whole["times"][0] > 2000
    assert 0 < part["times"][-1] - part["times"][0] <= 1000
    assert (late["recovered"], gap["type"], gap["why"]) == (False, "gap", "expired")


def get(path: str, origin: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n".encode()


# --- others at the door ----------------------------------------------------------------------------------------------


async def test_tail_shows_its_token(servers: dict[Variant, Server], tokens: Tokens, tmp_path: Path) -> None:
    async def tail(*arguments: str, token: str = "") -> tuple[int, str, str]:
        variables = {"VITALCAST_TOKEN": token} if token else {}
        url = servers[Variant.FAST].ws_url
        done = await asyncio.to_thread(
            run, "tail", CPU, "--url", url, "--count", "1", *arguments, cwd=tmp_path, **variables
        )
        return done.returncode, done.stdout, done.stderr

    right, none, wrong = await asyncio.gather(tail(token=tokens.cpu), tail(), tail("--token", "x.y.z"))
    assert (right[0], none[0], wrong[0]) == (0, 1, 1)
    assert CPU in right[1]
    assert "the server requires a token; create one on its machine with" in none[2]
    assert "token: unknown token" in wrong[2]


async def test_the_python_client_shows_its_token(servers: dict[Variant, Server], tokens: Tokens) -> None:
    url = servers[Variant.FAST].url
    async with Program(url, tokens.cpu) as program:
        assert CPU in await program.latest(CPU, reduce="max")
        with pytest.raises(RefusedError) as denied:
            await program.latest(MEMORY)
        with pytest.raises(ClientError, match="admin"):
            await program.mark("not for this token")
    with pytest.raises(RefusedError, match="the server requires a token; create one") as without:
        await Program(url).open()
    with pytest.raises(RefusedError, match="token: unknown token") as wrong:
        await Program(url, "x.y.z").open()
    assert [one.value.code for one in (denied, without, wrong)] == [103, 101, 101]


async def test_a_site_that_a_token_names_gets_nothing_without_it_where_others_need_none(tmp_path: Path) -> None:
    tokens = open_access(Settings.model_validate({"access": {"data_dir": str(tmp_path)}}))
    with running(Variant.FAST, {"VITALCAST_ACCESS__DATA_DIR": str(tmp_path)}) as server:
        token, _ = tokens.mint(Scope.EMBED, panels=["memory"], origins=[WIKI])
        async with knock(server) as own:
            assert "auth" not in await own.receive()
        async with knock(server, origin=WIKI) as page:
            assert (await page.receive())["auth"] == "required"
            assert (await page.ask("hello", token=token))["scope"] == "embed"
            await page.until("welcome")
            await page.subscribe("s", [MEMORY])
            await page.refused("subscribe", 103, stream="t", metrics=[CPU])
        async with knock(server, origin=WIKI) as page:
            await page.receive()
            await page.send("hello", token=tokens.mint(Scope.VIEW)[0])
            said, code = await end_of(page)
            assert (said[0]["message"], code) == ("token: not valid on pages of this site", 4500)
        for path in ("/api/v1/latest", "/api/v1/panels"):
            answer = await asyncio.to_thread(exchange, server.port, get(path, WIKI))
            assert answer.status == 401
        assert "refused a WebSocket from 127.0.0.1: token: not valid on pages of this site" in server.errors()
        assert token not in server.errors()


async def test_an_address_has_no_more_sockets_than_the_limit(start_server: StartServer) -> None:
    server = start_server(LIMITS__CONNECTIONS_PER_ADDRESS="2")
    async with knock(server) as one, knock(server, plain=True) as plain:
        await one.receive()
        await plain.receive()
        async with knock(server) as third:
            said, code = await end_of(third)
            assert [(message["type"], message["code"]) for message in said] == [("bye", 4504)]
            assert code == 4504
            assert third.connection.close_reason == "all 2 connections of 127.0.0.1 are taken"
        assert (await one.ask("ping"))["type"] == "pong"


async def test_a_stranger_who_floods_is_closed(servers: dict[Variant, Server]) -> None:
    async with raw(servers[Variant.FAST]) as one:
        sending = asyncio.create_task(one.send_bytes(client_frame(PING) * 1_000_000))
        frames = await one.read_to_end()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    codes = {frame.close_code for frame in frames if frame.opcode == CLOSE}
    assert codes <= {CloseCode.TOO_FAST}, "a reset may overtake the close frame"
