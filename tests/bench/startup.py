"""From the command to the first frame: how long until a client that keeps trying has its first metrics."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import common
from tests.bench.common import Process, progress, spread
from tests.bench.drain import request

FIRST_FRAME_S = 30.0
RETRY_S = 0.002
IMPORTS_SHOWN = 15


def first_frame() -> dict[str, float]:
    """Start the command once; return the seconds from there, and the CPU time it took."""
    command = Path(sys.executable).with_name("vitalcast")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    begin_s = time.monotonic()
    with Process(command, "--port", str(port)) as server:
        peer = _connect(port, begin_s + FIRST_FRAME_S, server)
        with peer:
            connected_s = time.monotonic()
            peer.sendall(request("127.0.0.1", port, "/ws", ""))
            data = b""
            while b'"type":"metrics"' not in data:
                chunk = peer.recv(65536)
                if not chunk:
                    raise RuntimeError(f"the server closed the socket; it said: {server.errors()}")
                data += chunk
            return {
                "connected": connected_s - begin_s,
                "first frame": time.monotonic() - begin_s,
                "CPU": server.cpu_s,
            }


def _connect(port: int, due_s: float, server: Process) -> socket.socket:
    while time.monotonic() < due_s and server.child.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), timeout=FIRST_FRAME_S)
        time.sleep(RETRY_S)
    raise RuntimeError(f"nothing listens on {port}; the server said: {server.errors()}")


def imports() -> list[dict[str, Any]]:
    """Return the modules whose imports cost the server's start most, with all that they import in turn."""
    command = [sys.executable, "-X", "importtime", "-c", "import vitalcast.web.server"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=common.environment()).stderr
    found = re.findall(r"^import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)$", said, re.MULTILINE)
    rows = [
        {"module": name, "ms with imports": int(all_us) / 1e3, "ms alone": int(us) / 1e3}
        for us, all_us, _, name in found
    ]
    return sorted(rows, key=lambda row: -row["ms with imports"])[:IMPORTS_SHOWN]


def run(*, rounds: int = 5) -> tuple[list[dict[str, Any]], list[str]]:
    """Return one row, and notes."""
    times = []
    for number in range(rounds):
        times.append(first_frame())
        progress(f"  run {number + 1} of {rounds}: {times[-1]['first frame']:.2f} s")
    row: dict[str, Any] = {"program": "vitalcast"}
    row |= {f"{name}, s": spread(one[name] for one in times) for name in times[0]}
    return [row], [f"seconds since the command, {rounds} runs: median [least–greatest]; the first may have cold files"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--imports", action="store_true", help="also show which imports cost most")
    options = parser.parse_args(argv)
    progress("startup")
    rows, notes = run(rounds=options.rounds)
    common.report("startup", rows, notes, options.json)
    if options.imports:
        print()
        common.print_table(imports())
    return 0


if __name__ == "__main__":
    sys.exit(main())
