"""How long after a tick its frame reaches the first and the last of many sockets, with and without a stalled client.

A tick is the wall-clock time that its frame carries, and the client reads the same clock. Resolved the machine,
encoding and writing lie between. The stalled client subscribes to everything at 10 Hz and never reads; another that
does read has the server encode the same stream in both cases, so that only the stalling differs.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.bench import common
from tests.bench.common import Drain, percentile, progress, spread
from tests.bench.stall import stalled

INTERVAL_S = 0.1
READING = "every client reads"
STALLED = "one client stalls"


def _everything() -> str:
    return common.subscribe([">"], interval_s=INTERVAL_S, stream="everything")


def measure(drain: Drain, window_s: float) -> list[dict[str, int]]:
    """Return the ticks that all sockets got within the window, which is longer where there was none."""
    drain.ask("trace on")
    whole = common.seen_within(
        window_s, lambda _: [tick for tick in drain.ask("ticks")["ticks"] if tick["sockets"] == drain.sockets]
    )
    drain.ask("trace off")
    return whole


def run(sockets: int = 1000, *, window_s: float = 4.0, rounds: int = 3) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each case, and notes."""
    rounds_of: dict[str, list[list[dict[str, int]]]] = {READING: [], STALLED: []}
    # The stalled client must be there for a whole round; without the setting it would be closed after 30 s.
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(common.vitalcast(VITALCAST_TIMEOUTS__SLOW_S="600")).wait()
        drain = stack.enter_context(common.viewers(server.port, sockets))
        drain.open(common.subscribe(interval_s=INTERVAL_S))
        reader = stack.enter_context(common.viewers(server.port, 1))
        reader.open(_everything())
        drain_cpu_s, begin_s = drain.cpu_s, time.monotonic()
        for number in range(rounds):
            progress(f"  round {number + 1} of {rounds}")
            rounds_of[READING].append(measure(drain, window_s))
            with stalled(server.port, 1, _everything()):
                rounds_of[STALLED].append(measure(drain, window_s))
        drain_share = (drain.cpu_s - drain_cpu_s) / (time.monotonic() - begin_s)
    rows = [_row(case, sockets, found) for case, found in rounds_of.items()]
    return rows, [
        f"{sockets} sockets at {1 / INTERVAL_S:g} Hz, milliseconds, {rounds} alternating rounds of {window_s:g} s: "
        "median of the rounds [least–greatest]",
        f"arrival is when the load client reads the frame; it used {100 * drain_share:.0f} % of a core",
    ]


def _row(case: str, sockets: int, rounds: list[list[dict[str, int]]]) -> dict[str, Any]:
    first = [[tick["first_ns"] / 1e6 - tick["time_ms"] for tick in ticks] for ticks in rounds]
    last = [[tick["last_ns"] / 1e6 - tick["time_ms"] for tick in ticks] for ticks in rounds]
    across = [[(tick["last_ns"] - tick["first_ns"]) / 1e6 for tick in ticks] for ticks in rounds]
    figures = {"tick to first": first, "tick to last": last, "first to last": across}
    row: dict[str, Any] = {"case": case, "sockets": sockets, "ticks": sum(map(len, rounds))}
    for name, values in figures.items():
        for share in (0.5, 0.99):
            row[f"{name} p{share * 100:g}"] = spread((percentile(one, share) for one in values), 2)
    return row


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--sockets", type=int, default=1000, metavar="N")
    parser.add_argument("--window", type=float, default=4.0, metavar="SECONDS", help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    progress("latency")
    rows, notes = run(options.sockets, window_s=options.window, rounds=options.rounds)
    common.report("latency", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
