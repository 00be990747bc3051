"""The end of the process: everybody is told, nobody can hold it up, and the next one starts at once."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.command import TIMEOUT_S, start
from tests.e2e.client import Client, client, plain_client
from tests.e2e.conftest import StartServer
from tests.e2e.event_stream import Reader, streaming
from tests.e2e.raw import CLOSE, TEXT, EndedError, Frame, RawSocket, client_frame, raw, tcp
from tests.e2e.server import Server, Variant, on_every_server
from websockets.exceptions import ConnectionClosed

CPU = "system.cpu.utilization"
SOCKETS = 20
END_S = 15.0  # it takes less than 2 where nobody else wants the processor, and far longer where a socket is waited for


WIDE = {"E2E_BULK": "3000", "LIMITS__SERIES": "5000", "SAMPLER__INTERVAL_S": "0.1", "STREAM__INTERVAL_S": "0.1"}
WIDE |= {"HISTORY__ENABLED": "false"}  # which a busy machine takes long to close with so many series


def start_all(start_server: StartServer, *variants: Variant) -> list[Server]:
    def start(variant: Variant) -> Server:
        return start_server(variant, scripted=True, **WIDE)

    with ThreadPoolExecutor() as threads:
        return list(threads.map(start, variants))


async def told(one: RawSocket, *, answers: bool) -> None:
    """The socket gets `bye` and a close frame and nothing more, whether or not it answers the close."""
    frames: list[Frame] = []
    while not frames or frames[-1].opcode != CLOSE:
        frames.append(await one.read_frame())
    assert frames[-1].close_code == 4001
    bye = json.loads([frame for frame in frames if frame.opcode == TEXT][-1].payload)
    assert set(bye) == {"type", "code", "reconnect_after_ms"}
    assert (bye["type"], bye["code"]) == ("bye", 4001)
    assert 0 < bye["reconnect_after_ms"] < 60_000
    if answers:
        await one.send_bytes(client_frame(CLOSE, frames[-1].payload))
    with pytest.raises(EndedError):
        await one.read_frame()


async def told_client(one: Client) -> None:
    """The same for a client of the websockets library."""
    last = ""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            last = await one.receive_text()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001
    assert json.loads(last)["code"] == 4001


async def told_stream(one: Reader) -> None:
    """The same for a reader of events, whose response comes to its end."""
    last = (await one.rest())[-1]
    assert (last.kind, last.data["code"]) == ("bye", 4001)
    assert 0 < last.data["reconnect_after_ms"] < 60_000


async def test_every_socket_is_told_and_none_holds_up_the_end(start_server: StartServer) -> None:
    servers = start_all(start_server, Variant.FAST, Variant.FAST, Variant.PLAIN)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGTERM)
    await asyncio.gather(*(end(server, number) for server, number in zip(servers, signals, strict=True)))


async def end(server: Server, number: signal.Signals) -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        plain = [await enter(raw(server, plain=True)) for _ in range(SOCKETS)]
        idle = [await enter(raw(server)) for _ in range(SOCKETS)]
        busy = [await enter(raw(server)) for _ in range(SOCKETS)]
        clients = [await enter(client(server)), await enter(plain_client(server))]
        for position, one in enumerate(busy):
            await one.subscribe("x", [CPU], interval=0.1 + position / 100)
            await one.ask("table", stream="t", table="processes")
        half_shaken = await enter(tcp(server))
        await half_shaken.send_bytes(b"GET /ws HTTP/1.1\r\nUpgrade: websock")
        kept_alive = await enter(tcp(server))
        await kept_alive.send_bytes(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert (await kept_alive.read_response()).status == 200
        stalled = await enter(raw(server, receive_buffer_bytes=2048))
        await stalled.subscribe("bulk", ["test.bulk"])
        streams = [await enter(streaming(server, "?panel=cpu", version=version)) for version in ("1.1", "1.0")]
        await enter(streaming(server, "?metrics=test.bulk", slow=True))
        clock, _ = await clients[0].subscribe("clock", [CPU])
        await clients[0].data(clock["group"], 8)  # by then the stalled one is blocked
        begin_s = time.monotonic()
        server.signal(number)
        telling = [told(one, answers=index % 2 == 0) for index, one in enumerate((*plain, *idle, *busy))]
        telling += map(told_stream, streams)
        code, *_ = await asyncio.gather(server.wait_async(), *map(told_client, clients), *telling)
        took_s = time.monotonic() - begin_s
        assert code == 0
        assert took_s < END_S, f"{server.variant} after {number.name}"
        await stalled.read_to_end()
        with pytest.raises(EndedError):
            while True:
                await half_shaken.read_some()
    assert server.errors() == ""


async def test_a_second_interrupt_does_not_wait(start_server: StartServer) -> None:
    server = start_server(TIMEOUTS__SHUTDOWN_S="60")
    async with raw(server) as one, raw(server) as other:
        server.signal(signal.SIGINT)
        await one.read_until(CLOSE)
        server.signal(signal.SIGINT)
        begin_s = time.monotonic()
        assert await server.wait_async() == 0
        assert time.monotonic() - begin_s < END_S
        await other.read_to_end()
    assert server.errors() == ""


async def test_the_next_server_starts_on_the_same_port_at_once(start_server: StartServer) -> None:
    servers = dict(zip(Variant, start_all(start_server, *Variant), strict=True))
    await on_every_server(restart)(servers, start_server=start_server)


async def restart(first: Server, start_server: StartServer) -> None:
    async with client(first) as one, raw(first):
        ack, snapshot = await one.subscribe("cpu", [CPU])
        await one.data(ack["group"], 3)
        assert await asyncio.to_thread(first.stop) == 0
        second = await asyncio.to_thread(start_server, first.variant, port=first.port, SAMPLER__INTERVAL_S="0.1")
        assert second.port == first.port
        async with client(second) as back:
            since = {"epoch": ack["epoch"], "offset": snapshot["offset"]}
            again, full = await back.subscribe("cpu", [CPU], since=since)
            assert again["epoch"] == back.heard[0]["epoch"] != ack["epoch"]
            assert again["recovered"] is False
            assert len(full["times"]) == 1
            offsets = [message["offset"] for message in await back.data(again["group"], 3)]
            assert full["offset"] < offsets[0] < offsets[1] < offsets[2]
    errors = first.errors() + second.errors()
    if first.variant is Variant.HYPERCORN:  # which shows tracebacks of its own over sockets that are still open
        assert "/vitalcast/" not in errors
    else:
        assert errors == ""


async def test_requests_under_way_do_not_hold_up_the_end_nor_leave_tracebacks(start_server: StartServer) -> None:
    servers = start_all(start_server, Variant.FAST, Variant.PLAIN)
    await asyncio.gather(*map(end_requests, servers, (signal.SIGTERM, signal.SIGINT)))


async def end_requests(server: Server, number: signal.Signals) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    form = f"POST /login HTTP/1.1\r\n{host}Content-Type: application/x-www-form-urlencoded\r\n"
    large = f"GET /static/vendor/plotly-cartesian-4.1.1.min.js HTTP/1.1\r\n{host}\r\n"
    get = f"GET /healthz HTTP/1.1\r\n{host}\r\n"
    sent = [
        f"{form}Content-Length: 100\r\n\r\ntoken",
        f"{form}Transfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n",
        f"{form}Transfer-Encoding: chunked\r\n\r\n5\r\nto",
        f"{get * 3}{form}Content-Length: 100\r\n\r\ntoken",
        large * 3,  # of which nothing is read
        "GET / HTTP/1.1\r\nHos",
        "",
    ]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(tcp(server, receive_buffer_bytes=2048)) for _ in sent]
        for one, text in zip(sockets, sent, strict=True):
            await one.send_bytes(text.encode())
        checked = await stack.enter_async_context(raw(server))  # by which time all that was read before
        await checked.ask("ping")
        begin_s = time.monotonic()
        server.signal(number)
        assert await server.wait_async() == 0
        assert time.monotonic() - begin_s < END_S
        for one in sockets[:3]:
            assert (await one.read_response()).status == 503
    assert server.errors() == ""


async def test_a_second_interrupt_ends_requests_too(start_server: StartServer) -> None:
    server = start_server(TIMEOUTS__SHUTDOWN_S="60")
    async with tcp(server, receive_buffer_bytes=2048) as one, raw(server) as other:
        large = f"GET /static/vendor/plotly-cartesian-4.1.1.min.js HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
        await one.send_bytes(large.encode())
        await one.read_response()
        server.signal(signal.SIGINT)
        await other.read_until(CLOSE)
        server.signal(signal.SIGINT)
        assert await server.wait_async() == 0
    assert server.errors() == ""


async def test_a_hang_up_ends_nothing(start_server: StartServer) -> None:
    server = start_server()
    async with raw(server) as one:
        for _ in range(3):
            server.signal(signal.SIGHUP)
            assert (await one.ask("ping"))["type"] == "pong"
    assert server.stop() == 0
    assert server.errors() == ""


def test_a_terminal_that_is_closed_ends_the_server(tmp_path: Path) -> None:
    terminal, stdin = pty.openpty()
    process = start("--port", "0", cwd=tmp_path, stdin=stdin)
    os.close(stdin)
    assert process.stdout is not None
    (url,) = re.findall(r"http://\S+", process.stdout.readline())
    process.send_signal(signal.SIGHUP)  # as of somebody who asks to reload
    assert urlopen(f"{url}healthz").status == 200
    os.close(terminal)
    process.send_signal(signal.SIGHUP)  # as the kernel sends it
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
