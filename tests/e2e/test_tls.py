"""HTTPS and wss with a certificate, on the short cut and by ASGI: the same contract, encrypted."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.e2e.client import PROTOCOL, TIMEOUT_S, Client, Mirror
from tests.e2e.raw import handshake_request, text_frame
from tests.e2e.server import Server, Variant, running
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

FILES = Path(__file__).parents[1] / "web" / "tls"
SLOW_S = 2
ENV = {
    "VITALCAST_SERVER__CERTFILE": str(FILES / "cert.pem"),
    "VITALCAST_SERVER__KEYFILE": str(FILES / "key.pem"),
    "VITALCAST_SAMPLER__INTERVAL_S": "0.1",
    "VITALCAST_TIMEOUTS__SLOW_S": str(SLOW_S),
    "VITALCAST_LIMITS__SERIES": "5000",
    "E2E_BULK": "3000",
}


@pytest.fixture(scope="module", params=[Variant.FAST, Variant.PLAIN], ids=str)
def secure(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param, ENV, scripted=True) as one:
        yield one


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    """What a client needs that trusts this one certificate: name and signature are checked."""
    return ssl.create_default_context(cafile=str(FILES / "cert.pem"))


def test_the_page_is_served_and_the_address_says_so(secure: Server, trusting: ssl.SSLContext) -> None:
    assert f"Vitalcast is live on https://127.0.0.1:{secure.port}/ " in secure.output()
    for scheme, status in (("https", 200), ("http", 403)):
        connection = http.client.HTTPSConnection("127.0.0.1", secure.port, timeout=TIMEOUT_S, context=trusting)
        connection.request("GET", "/healthz", headers={"Origin": f"{scheme}://127.0.0.1:{secure.port}"})
        assert connection.getresponse().status == status
        connection.close()


async def test_a_stream_runs_encrypted(secure: Server, trusting: ssl.SSLContext) -> None:
    async with connect(
        f"wss://127.0.0.1:{secure.port}/ws",
        subprotocols=[Subprotocol(PROTOCOL)],
        ssl=trusting,
        open_timeout=TIMEOUT_S,
        max_size=2**26,
        proxy=None,
    ) as connection:
        one = Client(connection)
        assert (await one.receive())["type"] == "welcome"
        ack, snapshot = await one.subscribe("all", [">"], interval=0.1, aggregate=["last", "max"])
        assert len(snapshot["series"]) > 3000
        mirror = Mirror(ack["group"])
        mirror.feed(snapshot)
        while len(mirror.ticks) < 5:
            mirror.feed(await one.receive())
        # A machine that is busy may leave out ticks of this many series, and says so.
        assert mirror.holes(snapshot["offset"], "slow") == []
        await one.pong()


class Slow:
    """An encrypted connection that takes only what it is told to take. It blocks: give it a thread."""

    def __init__(self, server: Server, context: ssl.SSLContext) -> None:
        bare = socket.socket()
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        bare.settimeout(TIMEOUT_S)
        bare.connect(("127.0.0.1", server.port))
        self.socket = context.wrap_socket(bare, server_hostname="127.0.0.1")
        self.socket.sendall(handshake_request(server, sec_websocket_protocol=PROTOCOL))
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        assert b" 101 " in head
        command = {"type": "subscribe", "stream": "bulk", "metrics": ["test.bulk"], "interval": 0.1}
        self.socket.sendall(text_frame(json.dumps(command)))

    def sip(self, seconds: float) -> None:
        """Take ten kilobytes a second for so long."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            assert self.socket.recv(1024), "the server has ended it"
            time.sleep(0.1)

    def drain(self) -> bytes:
        """Take all to the end, and return the last of it."""
        last = b""
        try:
            while data := self.socket.recv(65536):
                last = (last + data)[-4096:]
        except ConnectionError:
            pass
        return last


async def test_a_client_that_is_merely_slow_is_kept_and_one_that_takes_nothing_is_let_go(
    secure: Server, trusting: ssl.SSLContext
) -> None:
    if secure.variant is not Variant.FAST:
        return  # by ASGI only whole messages count as taken, and these are long
    slow, stalled = Slow(secure, trusting), Slow(secure, trusting)
    await asyncio.to_thread(slow.sip, 2 * SLOW_S)
    port = stalled.socket.getsockname()[1]
    server = psutil.Process(secure.pid)
    async with asyncio.timeout(TIMEOUT_S):
        while port in {one.raddr.port for one in server.net_connections("tcp") if one.raddr}:
            await asyncio.sleep(0.05)
    await asyncio.to_thread(slow.sip, 0.5)
    slow.socket.close()
    await asyncio.to_thread(stalled.drain)
    stalled.socket.close()


async def test_a_silent_handshake_costs_little(secure: Server) -> None:
    before = secure.rss_bytes
    count = 200
    silent = [socket.create_connection(("127.0.0.1", secure.port), TIMEOUT_S) for _ in range(count)]
    try:
        server = psutil.Process(secure.pid)
        ports = {one.getsockname()[1] for one in silent}
        async with asyncio.timeout(TIMEOUT_S):
            while not ports <= {one.raddr.port for one in server.net_connections("tcp") if one.raddr}:
                await asyncio.sleep(0.05)
        assert secure.rss_bytes - before < count * 192 * 1024  # asyncio alone would take 256 KiB for each
    finally:
        for one in silent:
            one.close()


def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    files = ["--certfile", str(FILES / "cert.pem"), "--keyfile", str(FILES / "other-key.pem")]
    command = [sys.executable, "-m", "vitalcast", "--port", "0", *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("vitalcast: error: server.keyfile: ")
    assert "is not the key of the certificate" in done.stderr


def shown_by(server: Server) -> bytes:
    """Shake hands; return the certificate that the server shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as bare, context.wrap_socket(bare) as one:
        shown = one.getpeercert(binary_form=True)
    assert shown is not None
    return shown


async def test_a_renewed_certificate_needs_no_restart(tmp_path: Path) -> None:
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(FILES / "cert.pem", certfile)
    shutil.copy(FILES / "key.pem", keyfile)
    env = ENV | {"VITALCAST_SERVER__CERTFILE": str(certfile), "VITALCAST_SERVER__KEYFILE": str(keyfile)}
    old, new = (ssl.PEM_cert_to_DER_cert((FILES / f"{name}.pem").read_text()) for name in ("cert", "other-cert"))
    with running(Variant.FAST, env) as server:
        assert shown_by(server) == old
        trusting = ssl.create_default_context(cafile=str(FILES / "cert.pem"))
        async with connect(f"wss://127.0.0.1:{server.port}/ws", ssl=trusting, proxy=None) as before:
            shutil.copy(FILES / "other-cert.pem", certfile)  # its key comes later, as with certbot
            server.signal(signal.SIGHUP)
            async with asyncio.timeout(TIMEOUT_S):
                while "the current certificate stays in use" not in server.errors():
                    await asyncio.sleep(0.05)
                assert await asyncio.to_thread(shown_by, server) == old
                shutil.copy(FILES / "other-key.pem", keyfile)
                while await asyncio.to_thread(shown_by, server) != new:
                    await asyncio.sleep(0.05)
            await before.send("still here")
            async with asyncio.timeout(TIMEOUT_S):
                while await before.recv() != "Message text was: still here":
                    pass
        assert server.stop() == 0


async def test_silent_and_broken_handshakes_end_and_say_nothing() -> None:
    env = ENV | {"VITALCAST_TIMEOUTS__HEADER_S": "0.5", "VITALCAST_LIMITS__HTTP_CONNECTIONS": "8"}
    with running(Variant.FAST, env) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) for _ in range(20)]
        for one in silent[:5]:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for one in silent[5:10]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert await asyncio.to_thread(shown_by, server)
        for one in silent:
            with suppress(ConnectionError):
                while await asyncio.to_thread(one.recv, 4096):
                    pass
            one.close()
        assert server.stop() == 0
        assert all(line.startswith("no more connections for now: ") for line in server.errors().splitlines())
