"""Runs a real server as a process of its own, under each of the servers it must work with."""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parents[2]
START_S = 180.0  # only so that a failure ends: it takes one second, or one minute where the machine is very busy
STOP_S = 60.0
_URL = re.compile(r"https?://127\.0\.0\.1:(\d+)[/ ]")


class Variant(enum.StrEnum):
    """The ways to serve: uvicorn with the short cut, uvicorn by ASGI alone, and another ASGI server."""

    FAST = "uvicorn-fast"
    PLAIN = "uvicorn-plain"
    HYPERCORN = "hypercorn"


class StartError(Exception):
    """The server did not come up; the message holds what it wrote."""


class Server:
    """A server process. `start` returns once it accepts connections; `stop` may be called again.

    `env` overrides settings, as in `{"VITALCAST_LIMITS__STREAMS": "3"}`. Settings of the tests' own environment and
    configuration files are kept away: the process runs in an empty folder. `scripted` adds the metrics of
    `tests.e2e.machine`, which this folder steers. `descriptors` is how many files it may open.
    """

    def __init__(
        self,
        variant: Variant = Variant.FAST,
        env: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        scripted: bool = False,
        descriptors: int | None = None,
    ) -> None:
        self.variant = variant
        self.port = port
        self._descriptors = descriptors
        self._scripted = scripted
        self._env = dict(env or {})
        self._folder = tempfile.TemporaryDirectory(prefix="vitalcast-e2e-")
        self._data = tempfile.TemporaryDirectory(prefix="vitalcast-e2e-data-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def folder(self) -> Path:
        """The process's working folder."""
        return Path(self._folder.name)

    def set_clock(self, ahead_s: float) -> None:
        """Set the wall clock of a scripted machine: so far ahead of the true one, or behind it."""
        new = self.folder / "clock.new"
        new.write_text(str(ahead_s))
        new.replace(self.folder / "clock")  # it is read all the time

    @property
    def data_folder(self) -> Path:
        """Where it keeps its secret and its tokens, unless `env` says otherwise."""
        return Path(self._data.name)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def rss_bytes(self) -> int:
        return psutil.Process(self.pid).memory_info().rss

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """Return what the process wrote to stdout so far."""
        return self._log("stdout").read_text(errors="replace")

    def errors(self) -> str:
        """Return what the process wrote to stderr so far."""
        return self._log("stderr").read_text(errors="replace")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _command(self) -> list[str]:
        if self.variant is Variant.HYPERCORN:
            # No worker processes: the process that is started is the one that serves.
            address = ["--bind", f"127.0.0.1:{self.port}", "--workers", "0", "--graceful-timeout", "1"]
            module = "tests.e2e.machine" if self._scripted else "vitalcast.web.app"
            return [sys.executable, "-m", "hypercorn", *address, f"{module}:create_app()"]
        module = "tests.e2e.machine" if self._scripted else "vitalcast"
        limited = [] if self._descriptors is None else ["sh", "-c", f'ulimit -n {self._descriptors}; exec "$@"', "sh"]
        return [*limited, sys.executable, "-m", module, "--port", str(self.port)]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALCAST_")}
        if self.variant is Variant.PLAIN:
            kept["VITALCAST_SERVER__FAST_PATH"] = "false"
        if self._scripted:
            kept["PYTHONPATH"] = os.pathsep.join([*filter(None, [kept.get("PYTHONPATH")]), str(CHECKOUT)])
        own = {
            "XDG_CONFIG_HOME": self._folder.name,
            "VITALCAST_ACCESS__DATA_DIR": str(self.data_folder),
            # The tests make the machine busy, and count its ticks.
            "VITALCAST_SAMPLER__BURST_ENABLED": "false",
            # All clients of a test come from one address, some hundreds at a time.
            "VITALCAST_LIMITS__HANDSHAKES_PER_SECOND_PER_ADDRESS": "100000",
            "VITALCAST_LIMITS__REQUESTS_PER_SECOND": "100000",
            "VITALCAST_LIMITS__REQUESTS_PER_SECOND_PER_ADDRESS": "100000",
        }
        return kept | own | self._env

    def start(self) -> Server:
        with self._log("stdout").open("wb") as stdout, self._log("stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=self._folder.name,
                env=self._environment(),
            )
        try:
            self.port = self._await_url()
        except BaseException:
            self.kill()
            raise
        return self

    def _await_url(self) -> int:
        """Return the port of the line that says where the server listens: the process is ready then."""
        assert self._process is not None
        pause = threading.Event()
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            written = self.errors() if self.variant is Variant.HYPERCORN else self.output()
            if (found := _URL.search(written)) is not None:
                return int(found[1])
            if self._process.poll() is not None:
                break
            pause.wait(0.02)
        raise StartError(f"{self.variant}: exit code {self._process.poll()}\n{self.output()}\n{self.errors()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Return the exit code. Raises subprocess.TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    async def wait_async(self, timeout_s: float = STOP_S) -> int:
        return await asyncio.to_thread(self.wait, timeout_s)

    def stop(self) -> int:
        """Ask the process to end, and end it if it does not; return the exit code."""
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process whatever it does. Safe to call again."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait(STOP_S)

    def close(self) -> None:
        """Leave nothing behind: no process and no folder."""
        try:
            if self.running:
                self.stop()
        finally:
            self.kill()
            self._folder.cleanup()
            self._data.cleanup()


def on_every_server(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run a test on all shared servers at the same time, for most of it is waiting; errors name the variant."""

    async def everywhere(servers: dict[Variant, Server], **named: object) -> None:
        outcomes = await asyncio.gather(*(test(server, **named) for server in servers.values()), return_exceptions=True)
        failures = []
        for variant, outcome in zip(servers, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                outcome.add_note(f"on {variant}, which said: {servers[variant].errors()[-4000:]}")
                failures.append(outcome)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise BaseExceptionGroup("several servers", failures)

    functools.update_wrapper(everywhere, test)
    _, *others = inspect.signature(test).parameters.values()
    shared = inspect.Parameter("servers", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    everywhere.__signature__ = inspect.Signature([shared, *others])  # type: ignore[attr-defined]
    return everywhere


@contextmanager
def running(
    variant: Variant = Variant.FAST, env: Mapping[str, str] | None = None, *, scripted: bool = False
) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server = Server(variant, env, scripted=scripted)
    try:
        yield server.start()
    finally:
        server.close()
