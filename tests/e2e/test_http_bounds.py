"""HTTP clients that pipeline, trickle, flood and never read, while a witness on another socket must not notice."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import psutil
import pytest
from tests.e2e.client import TIMEOUT_S, witness
from tests.e2e.conftest import StartServer
from tests.e2e.raw import EndedError, RawSocket, raw, tcp
from tests.e2e.server import Server, Variant, running

MIB = 2**20
HEADER_BYTES = 16_384
BODY_BYTES = 8192
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
CLOSING = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
FORM = b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = FORM + b"Transfer-Encoding: chunked\r\n\r\n"
BIG = b"GET /static/vendor/plotly-cartesian-4.1.1.min.js HTTP/1.1\r\n" + HOST + b"\r\n"  # 1.5 MB


@pytest.fixture(scope="module", params=[Variant.FAST, Variant.PLAIN], ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    env = {
        "VITALCAST_LIMITS__HEADER_BYTES": str(HEADER_BYTES),
        "VITALCAST_LIMITS__BODY_BYTES": str(BODY_BYTES),
        "VITALCAST_TIMEOUTS__HEADER_S": "1",
        "VITALCAST_TIMEOUTS__BODY_S": "1",
        "VITALCAST_TIMEOUTS__IDLE_S": "1",
        "VITALCAST_SAMPLER__INTERVAL_S": "0.2",
    }
    with running(request.param, env) as one:
        yield one
        assert one.stop() == 0
        assert [line for line in one.errors().splitlines() if not line.startswith("refused a ")] == []


async def to_the_end(one: RawSocket) -> bytes:
    received = b""
    try:
        while True:
            received += await one.read_some()
    except EndedError as end:
        assert not end.reset, received[-200:]
        return received


async def answers(server: Server, data: bytes) -> list[tuple[int, bytes]]:
    """Send this and read to the end; return the status of each response and what follows its head."""
    async with tcp(server) as one:
        await one.send_bytes(data)
        received = await to_the_end(one)
    parts = re.split(rb"HTTP/1\.1 (\d{3}) ", received)
    assert parts[0] == b""
    return [
        (int(status), rest.partition(b"\r\n\r\n")[2]) for status, rest in zip(parts[1::2], parts[2::2], strict=True)
    ]


# --- what is too much ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (431, b"GET / HTTP/1.1\r\nX: " + b"x" * HEADER_BYTES + b"\r\n\r\n"),
        (431, b"GET /" + b"x" * HEADER_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
        (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * HEADER_BYTES),  # and never a line's end
        (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: x\r\n" * 200 + b"\r\n"),
        (431, b"\r\n" * HEADER_BYTES + GET),
        (413, FORM + b"Content-Length: 1000000000000\r\n\r\n"),
        (413, FORM + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1) + b"x" * BODY_BYTES),
        (413, CHUNKED + b"1\r\nx\r\n" * BODY_BYTES),
        (413, CHUNKED + b"1;" + b"x" * 2 * BODY_BYTES),
        (413, CHUNKED + b"0\r\nX: " + b"x" * 2 * BODY_BYTES),
        (413, CHUNKED + b"0\r\n" + b"X: x\r\n" * BODY_BYTES),
        (413, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 999999\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        (400, b"\x00"),
        (400, b"CONNECT example.org:80 HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
    ids=lambda value: str(value[-40:]) if isinstance(value, bytes) else value,
)
async def test_what_is_too_long_or_no_request_is_refused(server: Server, status: int, data: bytes) -> None:
    *_, (last, body) = await answers(server, GET + data)
    assert last == status
    assert json.loads(body)["error"]["code"] in (106, 107)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"x" * (HEADER_BYTES - 200) + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: x\r\n" * 90 + b"\r\n",
        b"\r\n" * 100 + GET,
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: %d\r\n\r\n" % BODY_BYTES
        + b"\n\n\r\n" * (BODY_BYTES // 4),
        b"GET /healthz HTTP/1.1\r\n"
        + HOST
        + b"Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\nHost: evil\r\n\r\n",
    ],
    ids=lambda value: str(value[-40:]),
)
async def test_what_is_just_not_too_long_is_answered_and_so_is_what_follows(server: Server, data: bytes) -> None:
    received = await answers(server, data + GET + data + CLOSING)
    assert received == [(200, b'{"status":"ok"}')] * 4


async def test_requests_come_in_any_pieces(server: Server) -> None:
    request = FORM + b"Content-Length: 7\r\n\r\ntoken=x" + CHUNKED + b"7\r\ntoken=x\r\n0\r\n\r\n" + GET
    async with tcp(server) as one:
        for byte in request:
            await one.send_bytes(bytes([byte]))
        received = await to_the_end(one)
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", received) == [b"401", b"401", b"200"]


async def test_a_trailer_is_no_header(server: Server) -> None:
    trailer = b"0\r\nAuthorization: Bearer wrong\r\nHost: evil.example\r\n\r\n"
    path = FORM.replace(b"POST /login", b"GET /api/v1/access") + b"Transfer-Encoding: chunked\r\n\r\n"
    received = await answers(server, path + trailer + path + b"1\r\nx\r\n" + trailer)
    assert [status for status, _ in received] == [200, 200]


# --- what is late --------------------------------------------------------------------------------------------------


LATE = [
    ([], b""),
    ([408], b"GET / HTTP/1.1\r\nHos"),
    ([408], b"\r\n"),
    ([408], FORM + b"Content-Length: 5\r\n\r\nxx"),
    ([408], CHUNKED + b"5\r\nxx"),
    ([408], CHUNKED),
    ([200], GET),
    ([200, 408], GET + b"GET"),
    ([200, 408], GET + CHUNKED + b"1\r\nx\r\n"),
    ([200], GET[:-2] + b"Content-Length: 5\r\n\r\nxx"),  # which is answered without it
]


async def test_who_is_late_is_told_so_and_let_go(server: Server) -> None:
    received = await asyncio.gather(*(answers(server, data) for _, data in LATE))
    assert [[status for status, _ in one] for one in received] == [statuses for statuses, _ in LATE]


async def test_a_trickle_does_not_put_off_the_end(server: Server) -> None:
    async with tcp(server) as head, tcp(server) as body:
        await head.send_bytes(b"GET / HTTP/1.1\r\n")
        await body.send_bytes(CHUNKED)
        end = asyncio.gather(to_the_end(head), to_the_end(body))
        while not end.done():
            try:
                await head.send_bytes(b"X: x\r\n")
                await body.send_bytes(b"1\r\nx\r\n")
            except EndedError:
                break
            await asyncio.wait([end], timeout=0.2)
        assert [received[9:12] for received in await end] == [b"408", b"408"]


# --- who does not read ---------------------------------------------------------------------------------------------


async def flood(one: RawSocket, requests: bytes, bytes_max: int) -> int:
    """Send as much as the server takes, up to so many bytes; return how many those were."""
    sent, quiet = 0, 0
    while sent < bytes_max and quiet < 20:
        try:
            sent += one.sock.send(requests)
            quiet = 0
        except BlockingIOError:
            quiet += 1
            await asyncio.sleep(0.05)
        except ConnectionError:
            break
    return sent


async def test_a_pipeline_that_is_not_read_costs_next_to_nothing(server: Server) -> None:
    before = server.rss_bytes
    async with witness(server), tcp(server, receive_buffer_bytes=4096) as one, tcp(server) as other:
        bare = b"GET / HTTP/1.1\r\n\r\n"
        sent = await asyncio.gather(
            flood(one, GET * 1000, 400_000 * len(GET)), flood(other, bare * 1000, 400_000 * len(bare))
        )
        assert server.rss_bytes - before < 12 * MIB
        assert sent[0] < 200_000 * len(GET)  # most of which lie in the kernel


async def test_a_pipeline_that_is_read_is_answered_whole_and_in_order(server: Server) -> None:
    paths = [b"/healthz" if number % 3 else b"/api/v1/access" for number in range(300)]
    requests = [b"GET %s HTTP/1.1\r\n" % path + HOST + b"\r\n" for path in paths]
    received = await answers(server, b"".join(requests))
    assert [b"scope" in body for _, body in received] == [path == b"/api/v1/access" for path in paths]
    assert {status for status, _ in received} == {200}


def ports(server: Server) -> set[int]:
    """Return the ports from which clients are connected."""
    return {one.raddr.port for one in psutil.Process(server.pid).net_connections("tcp") if one.raddr}


async def gone(server: Server, *sockets: RawSocket) -> None:
    """Wait until the server has closed these."""
    own = {one.sock.getsockname()[1] for one in sockets}
    async with asyncio.timeout(TIMEOUT_S):
        while own & ports(server):
            await asyncio.sleep(0.05)


async def test_large_answers_that_are_not_read_cost_no_memory_and_come_to_an_end(start_server: StartServer) -> None:
    server = start_server(TIMEOUTS__SLOW_S="1")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(witness(server))
        warm = await stack.enter_async_context(tcp(server))
        await warm.send_bytes(BIG.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(await to_the_end(warm)) > MIB
        before = server.rss_bytes
        stalled = [await stack.enter_async_context(tcp(server, receive_buffer_bytes=4096)) for _ in range(60)]
        for one in stalled:
            await one.send_bytes(BIG * 3)
        for one in stalled:
            await one.read_response()
        assert server.rss_bytes - before < 24 * MIB  # and not 90
        await gone(server, *stalled)
    assert server.errors() == ""


async def test_a_slow_reader_gets_it_all(start_server: StartServer) -> None:
    server = start_server(TIMEOUTS__SLOW_S="1")
    async with tcp(server, receive_buffer_bytes=4096) as one:
        await one.send_bytes(BIG.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        length = int((await one.read_response()).headers["content-length"])
        loop, received, begin_s = asyncio.get_running_loop(), len(await one.read_some()), time.monotonic()
        while time.monotonic() < begin_s + 2.5:  # longer than the time-out, and never without taking something
            received += len(await loop.sock_recv(one.sock, 2048))
            await asyncio.sleep(0.05)
        assert received + len(await to_the_end(one)) == length


# --- how many ------------------------------------------------------------------------------------------------------


async def test_connections_of_one_address_are_bounded(start_server: StartServer) -> None:
    server = start_server(LIMITS__HTTP_CONNECTIONS_PER_ADDRESS="5", TIMEOUTS__HEADER_S="60")
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(tcp(server)) for _ in range(5)]
        while len(ports(server)) < 5:
            await asyncio.sleep(0.05)
        (status, body), *others = await answers(server, GET)
        assert (status, others) == (503, [])
        assert "too many HTTP connections" in json.loads(body)["error"]["message"]
        async with tcp(server, source="127.0.0.9") as elsewhere:
            await elsewhere.send_bytes(GET)
            assert (await elsewhere.read_response()).status == 200
        silent[0].close()
        while len(ports(server)) > 5:
            await asyncio.sleep(0.05)
        async with raw(server):  # which is no HTTP connection any more
            assert (await answers(server, CLOSING))[0][0] == 200
    assert server.errors().splitlines() == [
        "refused a connection from 127.0.0.1: too many HTTP connections from this address"
    ]


async def test_beyond_the_bound_of_all_connections_those_go_that_send_no_request(start_server: StartServer) -> None:
    server = start_server(LIMITS__HTTP_CONNECTIONS="8", TIMEOUTS__HEADER_S="3600")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(witness(server))
        for _ in range(30):
            await stack.enter_async_context(tcp(server))
        assert (await answers(server, CLOSING))[0][0] == 200
    (line,) = server.errors().splitlines()
    assert line.startswith("no more connections for now: ")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(server: Server, path: str, address: str) -> Answer:
    """Ask as a proxy does for a client of this address."""
    async with tcp(server) as one:
        forwarded = b"X-Forwarded-For: %s\r\nConnection: close\r\n" % address.encode()
        await one.send_bytes(b"GET %s HTTP/1.1\r\n" % path.encode() + HOST + forwarded + b"\r\n")
        response = await one.read_response()
        return Answer(response.status, response.headers, await to_the_end(one))


async def test_requests_are_bounded_by_what_they_cost_for_each_client_of_a_proxy(start_server: StartServer) -> None:
    server = start_server(LIMITS__REQUESTS_PER_SECOND_PER_ADDRESS="1", SERVER__TRUSTED_PROXIES="127.0.0.1")
    small = await asyncio.gather(*(ask(server, "/healthz", "10.0.0.1") for _ in range(40)))
    assert [one.status for one in small].count(200) >= 10  # ten seconds' worth
    refused = next(one for one in small if one.status == 429)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["cache-control"] == "no-store"
    assert json.loads(refused.body)["error"]["code"] == 111
    assert (await ask(server, "/api/v1/panels/cpu.svg", "10.0.0.2")).status == 200  # which costs all ten
    while not (drawn := await ask(server, "/api/v1/panels/cpu.svg", "10.0.0.2")).body.startswith(b"<svg"):
        assert drawn.status == 429
        await asyncio.sleep(0.1)
    assert drawn.status == 429  # as a picture, once there is enough to ask but not to draw
    assert (await ask(server, "/nowhere", "10.0.0.3")).status == 404
    lines = server.errors().splitlines()
    assert lines == [f"refused a request from 10.0.0.{number}: too many requests" for number in (1, 2)]


async def test_who_floods_gets_a_refusal_a_second_down_each_connection(start_server: StartServer) -> None:
    server = start_server(LIMITS__REQUESTS_PER_SECOND_PER_ADDRESS="1")
    async with witness(server), tcp(server) as one:
        begin_s = time.monotonic()
        await one.send_bytes(GET * 20)
        statuses = []
        for _ in range(14):  # of which ten may be answered at once, and one more each second
            response = await one.read_response()
            statuses.append(response.status)
            await one.read_exactly(int(response.headers["content-length"]))
        assert statuses.count(429) <= time.monotonic() - begin_s
        assert 429 in statuses
        async with tcp(server, source="127.0.0.9") as other:
            await other.send_bytes(GET)
            assert (await other.read_response()).status == 200


# --- who leaves ----------------------------------------------------------------------------------------------------


async def test_who_leaves_in_the_midst_leaves_nothing_behind(server: Server) -> None:
    body = FORM + b"Content-Length: 9\r\n\r\nx"
    for data in (body, CHUNKED + b"5\r\nx", GET * 50, BIG * 3, b"GET / HT", GET + body, body + b"x" * 8 + body):
        async with tcp(server) as one, tcp(server) as other:
            await one.send_bytes(data)
            await other.send_bytes(data)
            other.reset()
    assert (await answers(server, CLOSING))[0][0] == 200
