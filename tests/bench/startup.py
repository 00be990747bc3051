"""From the command to the first frame: how long until a client that keeps trying has its first metrics.

The reference is the tutorial's ConnectionManager, FastAPI under uvicorn, which has nothing to read. Each is started
once before it is timed, so that its byte code is there, as it is after an installation, and its files are read. With
`--hours` it is also started with a history of so many hours of a busy machine.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench import common, history
from tests.bench.common import Process, free_port, progress, spread
from tests.bench.drain import request

VITALCAST = "vitalcast"
WITH_HISTORY = "vitalcast, {} h of history"
SEED = "seed's ConnectionManager"
FIRST_FRAME_S = 30.0
RETRY_S = 0.002
IMPORTS_SHOWN = 15


def first_frame(command: Sequence[str | Path], port: int, mark: bytes, **variables: str) -> dict[str, float]:
    """Start a server once; return the seconds until a text with `mark` came from it, and the CPU time it took."""
    begin_s = time.monotonic()
    with Process(*command, **variables) as server:
        peer = _connect(port, begin_s + FIRST_FRAME_S, server)
        with peer:
            connected_s = time.monotonic()
            peer.sendall(request("127.0.0.1", port, "/ws", ""))
            data = b""
            while mark not in data:
                chunk = peer.recv(65536)
                if not chunk:
                    raise RuntimeError(f"the server closed the socket; it said: {server.errors()}")
                data += chunk
            return {
                "connected": connected_s - begin_s,
                "first frame": time.monotonic() - begin_s,
                "CPU": server.cpu_s,
            }


def _ours(port: int, **variables: str) -> dict[str, float]:
    command = Path(sys.executable).with_name("vitalcast")
    return first_frame([command, "--port", str(port)], port, b'"type":"metrics"', **variables)


def _with_history(file: Path, port: int) -> dict[str, float]:
    """Start ours with a copy of a history, since it goes on writing to it."""
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder:
        copy = Path(folder) / "history.db"
        shutil.copyfile(file, copy)
        return _ours(port, VITALCAST_HISTORY__PATH=str(copy))


def _seeds(port: int) -> dict[str, float]:
    command = [sys.executable, common.HERE / "rivals.py", "seed", "--port", str(port), "--interval", "0.05"]
    return first_frame(command, port, b"xxxx")


def _connect(port: int, due_s: float, server: Process) -> socket.socket:
    while time.monotonic() < due_s and server.child.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), timeout=FIRST_FRAME_S)
        time.sleep(RETRY_S)
    raise RuntimeError(f"nothing listens on {port}; the server said: {server.errors()}")


def imports() -> list[dict[str, Any]]:
    """Return the modules whose imports cost the server's start most, with all that they import in turn."""
    command = [sys.executable, "-X", "importtime", "-c", "import vitalcast.web.serve"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=common.environment()).stderr
    found = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)$", said, re.MULTILINE)
    rows = [
        {"module": name, "ms with imports": int(all_us) / 1e3, "ms alone": int(us) / 1e3}
        for us, all_us, _, name in found
    ]
    return sorted(rows, key=lambda row: -row["ms with imports"])[:IMPORTS_SHOWN]


def run(*, rounds: int = 5, hours: int = 0) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each server, and notes; with `hours` one more for ours with so much history."""
    starts: dict[str, Callable[[int], dict[str, float]]] = {VITALCAST: _ours, SEED: _seeds}
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder:
        if hours:
            file = Path(folder) / "history.db"
            kept = history.keep(file, hours)
            progress(f"  {hours} h of history are {kept.file_bytes / 2**20:.0f} MiB")
            starts[WITH_HISTORY.format(hours)] = functools.partial(_with_history, file)
        return _alternating(starts, rounds)


def _alternating(
    starts: dict[str, Callable[[int], dict[str, float]]], rounds: int
) -> tuple[list[dict[str, Any]], list[str]]:
    times: dict[str, list[dict[str, float]]] = {name: [] for name in starts}
    for start in starts.values():
        start(free_port())
    for number in range(rounds):
        for name, start in starts.items():
            times[name].append(start(free_port()))
            progress(f"  run {number + 1} of {rounds}: {name} {times[name][-1]['first frame']:.2f} s")
    rows = [
        {"server": name} | {f"{figure}, s": spread(one[figure] for one in found) for figure in found[0]}
        for name, found in times.items()
    ]
    return rows, [f"seconds since the command, {rounds} alternating runs after one of each: median [least–greatest]"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hours", type=int, default=0, help="also start with a history of so many hours")
    parser.add_argument("--imports", action="store_true", help="also show which imports cost most")
    options = parser.parse_args(argv)
    progress("startup")
    rows, notes = run(rounds=options.rounds, hours=options.hours)
    common.report("startup", rows, notes, options.json)
    if options.imports:
        print()
        common.print_table(imports())
    return 0


if __name__ == "__main__":
    sys.exit(main())
