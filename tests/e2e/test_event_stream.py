"""The stream as server-sent events, on every server: what comes, what is missed, and who is turned away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import ssl
import subprocess
import urllib.request

import pytest
from tests.e2e.caddy import caddy
from tests.e2e.client import TIMEOUT_S, vitals, witness
from tests.e2e.conftest import StartServer
from tests.e2e.event_stream import PATH, Ledger, Told, read_until_the_end, streaming
from tests.e2e.raw import EndedError, tcp
from tests.e2e.server import Server, Variant, on_every_server

CPU = "system.cpu.utilization"


def offsets(told: list[Told]) -> list[int]:
    return [one.offset for one in told]


@pytest.mark.parametrize("form", ["named", "columns"])
@on_every_server
async def test_who_comes_back_with_the_last_id_misses_nothing_and_gets_nothing_twice(server: Server, form: str) -> None:
    query = f"?metrics={CPU}&format={form}"
    async with streaming(server, query) as first:
        assert (first.status, first.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert first.headers["cache-control"] == "no-store, no-transform"
        assert first.headers["x-accel-buffering"] == "no"
        seen = await first.ticks(3)
    assert first.last_id is not None
    async with streaming(server, query) as meanwhile:
        await meanwhile.ticks(4)
    async with streaming(server, query, last_event_id=first.last_id) as again:
        if form == "columns":
            snapshot = await again.next_of("snapshot")
            missed = len(snapshot.data["times"])
            seen += [snapshot] if missed else []
        seen += await again.ticks(6)
    if form == "named":
        found = offsets(seen)
        assert found == list(range(found[0], found[0] + len(found)))
        assert all(one.data["offset"] == one.offset and one.data["metrics"] for one in seen)
    else:
        assert seen[3].offset - seen[2].offset == missed > 0
        assert offsets(seen[3:]) == list(range(seen[3].offset, seen[3].offset + len(seen) - 3))


@on_every_server
async def test_of_another_start_there_is_a_gap_without_an_end(server: Server) -> None:
    async with streaming(server, f"?metrics={CPU}&backfill=2", last_event_id="another:41") as one:
        assert await one.next_of("gap", "metrics") == Told("gap", None, {"from": 42, "to": None, "why": "expired"})
        await one.ticks(2)


@on_every_server
async def test_a_quiet_stream_has_comments(server: Server) -> None:
    async with streaming(server, f"?metrics={CPU}&interval=3600") as one:
        await one.ticks(1)
        await one.next_of(":")
        await one.next_of(":")


@on_every_server
async def test_what_cannot_be_is_an_ordinary_answer(server: Server) -> None:
    for query, headers, status, words in (
        ("?metrics=system.cpu.utilisation", {}, 404, "did you mean system.cpu.utilization?"),
        ("?panel=nothing", {}, 404, "nothing"),
        ("?panel=cpu&top=3", {}, 400, "top"),
        ("?interval=0.001", {}, 400, "interval"),
        ("?zzz=1", {}, 400, "zzz"),
        ("?host=nobody", {}, 404, "nobody"),
        ("?panel=cpu", {"last_event_id": "1"}, 400, "Last-Event-ID: '1' is not a position"),
        ("?panel=cpu&last_event_id=a:b", {}, 400, "last_event_id"),
        ("?panel=cpu", {"last_event_id": "x" * 4000 + ":1"}, 400, "Last-Event-ID"),
        ("?panel=cpu", {"authorization": "Bearer a.b.c"}, 401, "token"),
        ("?panel=cpu", {"origin": "https://evil.example"}, 403, "evil.example"),
        ("?panel=cpu", {"host": "evil.example"}, 421, "evil.example"),
    ):
        async with streaming(server, query, connection="close", **headers) as one:
            assert one.status == status, (query, await one.body())
            assert words in json.loads(await one.body())["error"]["message"], query
    async with streaming(server, "?panel=cpu", method="HEAD", connection="close") as one:
        assert (one.status, one.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    async with streaming(server, "?panel=cpu", method="POST", content_length="0", connection="close") as one:
        assert (one.status, one.headers["allow"]) == (405, "GET, HEAD")


@on_every_server
async def test_a_client_of_http_1_0_gets_no_chunks(server: Server) -> None:
    async with streaming(server, f"?metrics={CPU}", version="1.0") as one:
        assert not one.chunked
        assert one.headers["connection"] == "close"
        found = offsets(await one.ticks(3))
        assert found == list(range(found[0], found[0] + 3))


async def test_a_client_that_sends_on_is_not_answered_and_let_go_in_the_end(server: Server) -> None:
    request = f"GET {PATH}?metrics={CPU} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    async with tcp(server) as one:
        await one.send_bytes(request)
        assert (await one.read_response()).status == 200
        await one.send_bytes(request * 4)
        came = b""
        while came.count(b"event: metrics") < 3:
            came += await one.read_some()
        assert b"HTTP/1.1" not in came
        await one.send_bytes(b"x" * 100_000)
        with pytest.raises(EndedError):
            while True:
                await one.read_some()


# --- readers that are slow ------------------------------------------------------------------------------------------


async def test_a_slow_reader_is_told_what_it_missed_and_one_that_takes_nothing_is_let_go(
    wide_servers: dict[Variant, Server],
) -> None:
    await on_every_server(_stall)(wide_servers)


async def _stall(server: Server) -> None:
    async with vitals(server) as counts:
        closed = counts.now["socket.closed_slow"] or 0
        query = "?metrics=test.bulk&interval=0.1"
        async with streaming(server, query, slow=True) as slow, streaming(server, query, slow=True):
            await counts.until(socket_closed_slow=closed + 2)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # then it was too late for words
                last = (await slow.rest())[-1]
                assert (last.kind, last.data["code"]) == ("bye", 4008)
        async with streaming(server, query, slow=True) as slow, witness(server) as watching:
            gap = await slow.next_of("metrics")
            while gap.kind != "gap" or gap.data["why"] != "slow":
                await watching.ticks(2)  # each is more than is taken in advance
                gap = await slow.next_of("gap", "metrics")
            after = await slow.next_of("metrics")
            assert after.offset > gap.data["to"] >= gap.data["from"]


# --- servers that end -------------------------------------------------------------------------------------------------


async def test_who_comes_back_after_the_end_of_a_server_is_told_each_tick_or_a_gap(start_server: StartServer) -> None:
    env = {"SAMPLER__INTERVAL_S": "0.1", "HISTORY__PATH": "history.db", "HISTORY__FLUSH_S": "0.5"}
    server, ledger = await asyncio.to_thread(start_server, **env), Ledger()
    for end in (signal.SIGTERM, signal.SIGKILL):
        await read_until_the_end(server, ledger, end)
        await asyncio.to_thread(server.start)
    await read_until_the_end(server, ledger, signal.SIGTERM)
    assert len(ledger.gaps) >= 1, "while there is no server there are no ticks"


# --- on the way ------------------------------------------------------------------------------------------------------


def test_curl_shows_lines_at_once_as_do_clients_behind_a_proxy(server: Server) -> None:
    with caddy(server.port, "handle") as (base,):
        for address in (server.url, base):
            url = f"{address}{PATH}?metrics={CPU}"
            lines = _by_curl(url) if shutil.which("curl") else _by_python(url)
            kinds = [line.partition(":")[0] for line in lines if line]
            assert kinds == ["retry", *["id", "event", "data"] * 3], address


def _by_curl(url: str) -> list[str]:
    with subprocess.Popen(["curl", "-ksN", url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n") for _ in range(14)]
        process.kill()
    return lines


def _by_python(url: str) -> list[str]:
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=anybody) as answer:
        return [answer.readline().decode().rstrip("\n") for _ in range(14)]
