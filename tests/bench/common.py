"""What the benchmarks share: processes under measurement, the load client, figures with their spread. Linux only."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import platform
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar

import psutil

from vitalcast import BlockingClient

HERE: Final = Path(__file__).resolve().parent
START_S: Final = 30.0
OPEN_S: Final = 120.0
LOOK_S: Final = 0.2
STEP_S: Final = 0.1  # of the past, as finely as a server ticks
SUBPROTOCOL: Final = "vitalcast.v1.json"
BINARY_SUBPROTOCOL: Final = "vitalcast.v1.bin"
SERIES: Final = ("system.cpu.utilization", "system.memory.usage", "system.load.average", "system.network.io.rate")
# Pings would be counted into the cost of a frame for some servers and not for others.
NO_PINGS: Final = {"VITALCAST_TIMEOUTS__PING_INTERVAL_S": "3600"}
# All viewers come from one address here, and come back at once.
NO_BOUNDS: Final = {
    "VITALCAST_LIMITS__CONNECTIONS_PER_ADDRESS": "1000000",
    "VITALCAST_LIMITS__HTTP_CONNECTIONS": "1000000",
    "VITALCAST_LIMITS__HTTP_CONNECTIONS_PER_ADDRESS": "1000000",
    "VITALCAST_LIMITS__HANDSHAKES_PER_SECOND": "1000000",
    "VITALCAST_LIMITS__HANDSHAKES_PER_SECOND_PER_ADDRESS": "1000000",
    "VITALCAST_LIMITS__REQUESTS_PER_SECOND": "1000000",
    "VITALCAST_LIMITS__REQUESTS_PER_SECOND_PER_ADDRESS": "1000000",
}
# The same command as `vitalcast`, except that SIGUSR1 collects garbage.
COLLECTABLE: Final = (
    "import gc, signal; signal.signal(signal.SIGUSR1, lambda *_: gc.collect()); "
    "from vitalcast.cli.main import main; main()"
)

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def subscribe(metrics: Iterable[str] = SERIES, *, interval_s: float, **more: Any) -> str:
    """Return the command that subscribes one socket to these series."""
    return json.dumps({"type": "subscribe", "stream": "bench", "metrics": list(metrics), "interval": interval_s} | more)


# --- processes -------------------------------------------------------------------------------------------------------


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without anybody's settings for Vitalcast in it, and with byte code kept.

    An installed program has its byte code; where Python may not write any, a checkout would be compiled at every start.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALCAST_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | variables


def free_port() -> int:
    """Return a port of this machine that nobody listens on, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child that is stopped when its block ends, and killed by the kernel should this process die before."""

    def __init__(self, *command: str | Path, cwd: Path | None = None, **variables: str) -> None:
        self._started_s = time.monotonic()
        self._home = tempfile.TemporaryDirectory(prefix="vitalcast-bench-")
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self.child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=cwd or self._home.name,  # no configuration file there
            env=environment(XDG_CONFIG_HOME=self._home.name, XDG_DATA_HOME=self._home.name, **variables),
            preexec_fn=_die_with_parent,
        )
        clock = ctypes.c_int()
        _libc.clock_getcpuclockid(self.child.pid, ctypes.byref(clock))
        self._clock = clock.value

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def cpu_s(self) -> float:
        """User and system time of all threads so far, to the nanosecond; /proc has it in steps of 10 ms."""
        return time.clock_gettime(self._clock)

    @property
    def rss_bytes(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)

    def read_line(self, timeout_s: float) -> str:
        """Return the next line of standard output. Raises RuntimeError, with what the child said, if none comes."""
        assert self.child.stdout is not None
        due_s = time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.child.stdout], [], [], max(0.0, due_s - time.monotonic()))
            chunk = os.read(self.child.stdout.fileno(), 1 if not line else 65536) if ready else b""
            if not chunk:
                raise RuntimeError(f"{self.child.args}: no answer; it said: {self.errors()}")
            line += chunk
        return line.decode().rstrip("\n")

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace").strip() or "nothing"

    def tell(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def pause(self) -> None:
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it: none of these has anything to save, and good-byes to thousands of sockets take their time."""
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self._errors):
            if pipe is not None:
                pipe.close()
        self._home.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Server(Process):
    """A process that prints, as its first line, the port it listens on, or an address with it."""

    port: int = 0

    def wait(self) -> Self:
        """Return once it listens."""
        line = self.read_line(START_S)
        found = re.search(r"(?:^|:)(\d+)(?:/|$)", line)
        if found is None:
            raise RuntimeError(f"no port in {line!r}")
        self.port = int(found[1])
        return self


def vitalcast(*options: str, collectable: bool = False, **variables: str) -> Server:
    """Start the real server on a free port."""
    start = ("-c", COLLECTABLE) if collectable else ("-m", "vitalcast")
    return Server(sys.executable, *start, "--port", "0", *options, **(NO_PINGS | NO_BOUNDS | variables))


class Drain(Process):
    """The load client of drain.py, driven by its commands."""

    def __init__(self, port: int, sockets: int, *options: str, subprotocol: str = "", path: str = "/ws") -> None:
        self.sockets = sockets
        super().__init__(
            *(sys.executable, "-S", HERE / "drain.py", "--port", str(port), "--sockets", str(sockets)),
            *("--subprotocol", subprotocol, "--path", path, *options),
        )

    def ask(self, command: str, *, timeout_s: float = START_S) -> dict[str, Any]:
        self.tell(command)
        answer: dict[str, Any] = json.loads(self.read_line(timeout_s))
        return answer

    def open(self, text: str = "") -> dict[str, Any]:
        """Open all sockets; return once each has got its first data frame."""
        return self.ask(f"open {text}".rstrip(), timeout_s=OPEN_S)

    def count(self) -> dict[str, Any]:
        counted = self.ask("count")
        if counted["lost"]:
            raise RuntimeError(f"the server closed {counted['lost']} of {self.sockets} sockets")
        return counted


def viewers(port: int, sockets: int, *options: str, subprotocol: str = SUBPROTOCOL) -> Drain:
    """Return a load client of Vitalcast's own protocol; its sockets are not open yet."""
    return Drain(port, sockets, *options, subprotocol=subprotocol)


def event_viewers(port: int, sockets: int, *, interval_s: float, form: str = "columns") -> Drain:
    """Return a load client of server-sent events; its streams are not open yet."""
    path = f"/api/v1/stream?metrics={','.join(SERIES)}&interval={interval_s}&format={form}"
    return Drain(port, sockets, "--events", path=path)


@contextlib.contextmanager
def stopping(processes: Mapping[str, Process] | Iterable[Process]) -> Iterator[None]:
    """Stop all of these at the end, however it comes; the collection may still grow."""
    try:
        yield
    finally:
        for process in list(processes.values() if isinstance(processes, Mapping) else processes):
            process.stop()


# --- asking the server --------------------------------------------------------------------------------------------


class Observer:
    """A client of Vitalcast that asks one thing at a time."""

    def __init__(self, client: BlockingClient) -> None:
        self._client = client

    def position(self) -> dict[str, Any]:
        """Return where the stream is, as `since` takes it."""
        position = self._client.latest(*SERIES, interval=1).position
        assert position is not None  # of the newest tick
        return position._asdict()

    def past(self, pattern: str, seconds: float) -> dict[str, list[float]]:
        """Return the readings of the last seconds, by name and attributes; nobody had to watch meanwhile.

        Where a busy machine has taken none in them, they are of as much more time as it needed for one.
        """
        return seen_within(0.0, lambda waited_s: self._past(pattern, seconds + waited_s))

    def _past(self, pattern: str, seconds: float) -> dict[str, list[float]]:
        answer = self._client.query(pattern, start=timedelta(seconds=seconds), step=STEP_S, aggregate="last")
        names = [" ".join([one.name, *one.attributes.values()]) for one in answer.series]
        columns = [[value for value in column if value is not None] for column in answer.columns]
        return dict(zip(names, columns, strict=True)) if any(columns) else {}


@contextlib.contextmanager
def observer(port: int) -> Iterator[Observer]:
    """Connect an observer for the length of a block."""
    with BlockingClient(f"http://127.0.0.1:{port}") as client:
        yield Observer(client)


# --- figures ---------------------------------------------------------------------------------------------------------

Seen = TypeVar("Seen")


def seen_within(seconds: float, see: Callable[[float], Seen]) -> Seen:
    """Return what is seen after a window of so many seconds, which goes on until there is anything.

    `see` is told how many seconds have passed. Beside a busy machine a short window may hold nothing, of which no
    figure can be made. Raises RuntimeError where nothing comes.
    """
    begin_s = time.monotonic()
    time.sleep(seconds)
    while not (seen := see(time.monotonic() - begin_s)):
        if time.monotonic() - begin_s > seconds + START_S:
            raise RuntimeError(f"nothing was to be seen for {seconds + START_S:g} s")
        time.sleep(max(seconds, LOOK_S))
    return seen


def spread(values: Iterable[float], digits: int = 3) -> dict[str, float]:
    """Return the median of some rounds, and the least and the greatest, which tell how much to trust it."""
    kept = sorted(values)
    return {
        "median": round(statistics.median(kept), digits),
        "min": round(kept[0], digits),
        "max": round(kept[-1], digits),
        "rounds": len(kept),
    }


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share of all do not exceed."""
    kept = sorted(values)
    return kept[min(len(kept) - 1, int(share * len(kept)))]


def shown(value: Any) -> str:
    match value:
        case {"median": median, "min": low, "max": high, "rounds": rounds}:
            return f"{median:g}" if rounds == 1 else f"{median:g} [{low:g}–{high:g}]"
        case None:
            return "–"
        case float():
            return f"{value:g}"
    return str(value)


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as columns; the first row's keys are the heads."""
    if not rows:
        return
    heads = list(rows[0])
    lines = [heads, *([shown(row.get(head)) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def processor() -> str:
    """Return the processor's name as the kernel has it, else its architecture."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return platform.machine()


def machine() -> dict[str, Any]:
    """Return what a figure means nothing without."""
    return {
        "processor": processor(),
        "cpus": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": [round(one, 2) for one in os.getloadavg()],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("vitalcast", "uvicorn", "fastapi", "websockets")},
    }


def report(program: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str], file: Path | None) -> None:
    """Print the table and its notes, and write all of it to a file where one is asked for."""
    print_table(rows)
    for note in notes:
        print(f"* {note}")
    if file is not None:
        result = {"program": program, "machine": machine(), "results": list(rows), "notes": list(notes)}
        file.write_text(json.dumps(result, indent=2) + "\n")


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file too")
    return made


def find_compiler() -> str | None:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
