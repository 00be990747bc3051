"""A reconnect storm: all viewers lose their sockets and come back at once, asking for what they missed."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.bench import common
from tests.bench.common import progress, spread

AT_ONCE = 4000  # handshakes under way; what the server's backlog takes
INTERVAL_S = 1.0


def run(sockets: int = 10_000, *, rounds: int = 1, away_s: float = 2.0) -> tuple[list[dict[str, Any]], list[str]]:
    """Return one row, and notes."""
    storms = []
    with (
        common.vitalcast() as server,
        common.viewers(server.wait().port, sockets, "--handshakes-max", str(AT_ONCE)) as drain,
    ):
        first = drain.open(common.subscribe(interval_s=INTERVAL_S))
        progress(f"  {sockets} sockets live after {first['live_s']:.1f} s")
        for _ in range(rounds):
            with common.observer(server.port) as observer:
                since = observer.position()
            drain.ask("drop")
            time.sleep(away_s)
            cpu_s, begin_s = server.cpu_s, time.monotonic()
            back = drain.open(common.subscribe(interval_s=INTERVAL_S, since=since))
            cpu_s, elapsed_s = server.cpu_s - cpu_s, time.monotonic() - begin_s
            with common.observer(server.port) as observer:
                lags_s = observer.past("vitalcast.sampler.lag", math.ceil(elapsed_s))["vitalcast.sampler.lag"]
                missed = observer.past("vitalcast.sampler.ticks_missed", math.ceil(elapsed_s))
            ticks_missed = missed["vitalcast.sampler.ticks_missed"]
            progress(f"  all live again after {back['live_s']:.1f} s")
            storms.append(
                {
                    "s to the last handshake": back["handshakes_s"],
                    "s to all live": back["live_s"],
                    "handshakes/s": sockets / back["handshakes_s"],
                    "recovered": float(back["recovered"]),
                    "server CPU ms a socket": cpu_s * 1000 / sockets,
                    "latest tick, s": max(lags_s),
                    "ticks missed": ticks_missed[-1] - ticks_missed[0],
                }
            )
    row: dict[str, Any] = {"sockets": sockets}
    row |= {name: spread(storm[name] for storm in storms) for name in storms[0]}
    return [row], [
        f"up to {AT_ONCE} handshakes at once, {INTERVAL_S:g} s between frames, {away_s:g} s away; "
        "a socket is live with its first data frame after the snapshot"
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--sockets", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    progress("storm")
    rows, notes = run(options.sockets, rounds=options.rounds)
    common.report("storm", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
