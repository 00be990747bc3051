"""Good clients at 10 Hz, without attackers and beside one of each sort: when frames reach them, and the memory.

    python -m tests.soak.attackers                 ten minutes with all attackers
    python -m tests.soak.attackers --each 20       every sort alone for twenty seconds, each on a server of its own

A delay is from the tick's own time to the last of all good clients having read its frame.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import common
from tests.bench.common import Drain, Process, Server, percentile, progress
from tests.soak.attacks import ATTACKS

HZ = 10
GOOD = 200
QUIET_S = 30.0
LOOK_S = 2.0
END_S = 30.0
SPARE_S = 120.0
LOG_LINES = 10
MIB = 2**20


class Watch:
    """What the good clients saw and how much memory the server had, over one stretch of time."""

    def __init__(self, name: str, server: Server, drain: Drain) -> None:
        self.name = name
        self._server = server
        self._drain = drain
        self._delays_ms: list[float] = []
        self._offsets: set[int] = set()
        self._rss: list[int] = []

    def run(self, seconds: float) -> dict[str, Any]:
        self._drain.ask("trace on")
        begin_s, cpu_s = time.monotonic(), self._server.cpu_s
        while (left_s := begin_s + seconds - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left_s))
            self._look()
        elapsed_s = time.monotonic() - begin_s
        self._drain.ask("trace off")
        counted = self._drain.count()  # raises where a good client was lost
        offsets = sorted(self._offsets)
        delays_ms = self._delays_ms
        return {
            "case": self.name,
            "seconds": round(elapsed_s, 1),
            "delay ms p50": round(percentile(delays_ms, 0.5), 1) if delays_ms else None,
            "p99": round(percentile(delays_ms, 0.99), 1) if delays_ms else None,
            "max": round(max(delays_ms), 1) if delays_ms else None,
            "ticks": len(offsets),
            "ticks not seen": offsets[-1] - offsets[0] + 1 - len(offsets) if offsets else None,
            "MiB least": round(min(self._rss) / MIB, 1),
            "MiB most": round(max(self._rss) / MIB, 1),
            "server CPU %": round(100 * (self._server.cpu_s - cpu_s) / elapsed_s),
            "good clients": counted["open"],
        }

    def _look(self) -> None:
        self._rss.append(self._server.rss_bytes)
        for tick in self._drain.ask("ticks")["ticks"]:
            self._offsets.add(tick["offset"])
            if tick["sockets"] == self._drain.sockets:  # else it is on its way
                self._delays_ms.append(tick["last_ns"] / 1e6 - tick["time_ms"])


def attack(stack: contextlib.ExitStack, names: Sequence[str], port: int, seconds: float) -> dict[str, Process]:
    """Start the attackers, each from an address of its own."""
    return {
        name: stack.enter_context(
            Process(
                *(sys.executable, "-m", "tests.soak.attacks", name, "--port", str(port)),
                *("--address", f"127.0.0.{10 + number}", "--seconds", str(seconds)),
                cwd=Path(__file__).resolve().parents[2],
            )
        )
        for number, name in enumerate(names)
    }


def ended(attackers: dict[str, Process]) -> list[str]:
    """Return what each attacker says it has done."""
    notes = []
    for name, process in attackers.items():
        try:
            done = json.loads(process.read_line(END_S))
        except RuntimeError as error:
            notes.append(f"{name}: {error}")
            continue
        notes.append(
            f"{name}: {done['connections']} connections, {done['bytes'] / MIB:.1f} MiB, "
            f"thrown out {done['thrown_out']} times"
        )
    return notes


def run(
    names: Sequence[str], seconds: float, *, quiet_s: float, good: int = GOOD
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for before, during and after these attackers, on one server, and notes."""
    rows = []
    with contextlib.ExitStack() as stack:
        # Its limits are those that everybody has who changes none.
        server = stack.enter_context(Server(sys.executable, "-m", "vitalcast", "--port", "0")).wait()
        longest_s = str(int(seconds + 2 * quiet_s + SPARE_S))
        drain = stack.enter_context(
            common.viewers(server.port, good, "--seconds-max", longest_s, "--handshakes-max", "32")
        )
        drain.open(common.subscribe(interval_s=1 / HZ))
        rows.append(Watch("before", server, drain).run(quiet_s))
        progress(f"  {rows[-1]}")
        started = attack(stack, names, server.port, seconds)
        rows.append(Watch(names[0] if len(names) == 1 else f"{len(names)} attackers", server, drain).run(seconds))
        progress(f"  {rows[-1]}")
        notes = ended(started)
        rows.append(Watch("after", server, drain).run(quiet_s))
        progress(f"  {rows[-1]}")
        notes += [f"the log: {line}" for line in server.errors().splitlines()[-LOG_LINES:]]
    return rows, notes


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="with all attackers at once")
    parser.add_argument("--each", type=float, default=0.0, metavar="SECONDS", help="instead, every sort alone")
    parser.add_argument("--quiet", type=float, default=QUIET_S, metavar="SECONDS", help="before and after")
    parser.add_argument("--good", type=int, default=GOOD, metavar="N")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    options = parser.parse_args(argv)
    rows, notes = [], [f"{options.good} good clients at {HZ} Hz"]
    for names in [[name] for name in options.only] if options.each else [options.only]:
        found = run(names, options.each or options.seconds, quiet_s=options.quiet, good=options.good)
        rows += found[0]
        notes += found[1]
    common.report("attackers", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
