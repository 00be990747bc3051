"""Reverse proxies set up by the manual, but impatient: they soon cut a connection on which nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.debian import Program
from tests.e2e.caddy import await_proxy, caddy_with, free_port

NAME = "vitals.example.org"  # as the manual has it
IDLE_S = 4.0  # signs of life come once a second at most, and a busy machine is late with them
CERTIFICATES = Path(__file__).resolve().parents[1] / "web" / "tls"

_NGINX = """
daemon off;
master_process off;
pid %(folder)s/pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    proxy_read_timeout %(idle_ms)dms;
%(sites)s
}
"""


def changed(text: str, **words: str) -> str:
    """Return an example with other words in the place of some of its own, each of which must be in it."""
    for old, new in words.items():
        assert old in text, f"{old!r} is not in {text}"
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def nginx(program: Program, example: str, upstreams: list[int]) -> Iterator[list[int]]:
    """Run the example before each of these ports; yield the ports at which it serves HTTPS."""
    ports = [free_port() for _ in upstreams]
    mapping, _, server = example.partition("server {")
    sites = [
        changed(
            f"server {{{server}",
            **{
                "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
                "/etc/ssl/vitals.pem": str(CERTIFICATES / "cert.pem"),
                "/etc/ssl/vitals.key": str(CERTIFICATES / "key.pem"),
                "127.0.0.1:8000": f"127.0.0.1:{upstream}",
            },
        )
        for port, upstream in zip(ports, upstreams, strict=True)
    ]
    with tempfile.TemporaryDirectory(prefix="vitalcast-nginx-") as folder:
        file, log = Path(folder, "nginx.conf"), Path(folder, "log")
        file.write_text(_NGINX % {"folder": folder, "idle_ms": IDLE_S * 1000, "sites": "\n".join([mapping, *sites])})
        with log.open("w") as errors:
            process = subprocess.Popen(
                [program.path, "-p", folder, "-e", "stderr", "-c", file],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=program.environment,
            )
        try:
            for port in ports:
                await_proxy(process, port, log, NAME)
            yield ports
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def caddy(example: str, upstream: int) -> Iterator[int]:
    """Run the example before a port; yield the port at which it serves HTTPS."""
    port = free_port()
    impatient = f"{{\n\t\ttransport http {{\n\t\t\tread_timeout {IDLE_S}s\n\t\t}}\n\t}}"
    words = {
        f"{NAME} {{": f"https://{NAME}:{port} {{\n\ttls internal",
        "127.0.0.1:8000": f"127.0.0.1:{upstream} {impatient}",
    }
    with caddy_with(changed(example, **words), [port], NAME):
        yield port


@asynccontextmanager
async def relay(upstream: int) -> AsyncIterator[int]:
    """Run what cuts every connection on which the server is silent, as Cloudflare does; yield its port."""

    connections: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience_s: float | None) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            while data := await asyncio.wait_for(reader.read(65536), patience_s):
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inward, outward = await asyncio.open_connection("127.0.0.1", upstream)
        ways = pass_on(reader, outward, None), pass_on(inward, writer, IDLE_S)
        _, left = await asyncio.wait(list(map(asyncio.ensure_future, ways)), return_when=asyncio.FIRST_COMPLETED)
        for one in left:
            one.cancel()
        for end in (outward, writer):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*connections)
