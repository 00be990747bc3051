"""Runs a real reverse proxy: Caddy, with TLS by a certificate authority of its own that nobody trusts."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

NAME = "localhost"
START_S = 30.0  # only so that a failure ends
FROM = "127.0.0.2"  # where it comes from, which tells it from everybody else on this machine

_SETTINGS = """
{
	admin off
	persist_config off
	storage file_system "%s/storage"
	auto_https disable_redirects
	skip_install_trust
	servers {
		protocols h1 h2
	}
	log {
		level ERROR
	}
}
"""
_SITE = """
https://localhost:%(port)d {
	bind 127.0.0.1
	tls internal
	%(handle)s {
		reverse_proxy 127.0.0.1:%(upstream)d {
			transport http {
				local_address %(from)s
			}
		}
	}
}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


@contextlib.contextmanager
def caddy(upstream: int, *handles: str) -> Iterator[list[str]]:
    """Run a proxy before a port, with one site for each directive, as `handle_path /below/*`; yield their addresses."""
    ports = [free_port() for _ in handles]
    sites = [
        _SITE % {"port": port, "handle": handle, "upstream": upstream, "from": FROM}
        for port, handle in zip(ports, handles, strict=True)
    ]
    with caddy_with("".join(sites), ports):
        yield [f"https://localhost:{port}" for port in ports]


@contextlib.contextmanager
def caddy_with(sites: str, ports: Sequence[int], name: str = NAME) -> Iterator[None]:
    """Run a proxy with these sites until the block ends, which begins when it serves all of these ports."""
    with tempfile.TemporaryDirectory(prefix="vitalcast-caddy-") as folder:
        file = Path(folder, "Caddyfile")
        file.write_text(_SETTINGS % folder + sites)
        with Path(folder, "log").open("w+") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("caddy"), "run", "--config", file, "--adapter", "caddyfile"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder},
            )
            try:
                for port in ports:
                    await_proxy(process, port, Path(log.name), name)
                yield
            finally:
                process.terminate()
                process.wait(START_S)


def await_proxy(process: subprocess.Popen[bytes], port: int, log: Path, name: str = NAME) -> None:
    """Return once it shows its certificate, which it makes after it has begun to listen."""
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=5) as peer,
            anybody.wrap_socket(peer, server_hostname=name),
        ):
            return
        threading.Event().wait(0.05)
    raise RuntimeError(f"the proxy did not come up: {log.read_text()}")
