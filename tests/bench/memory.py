"""What an idle viewer weighs in the server: resident memory with N sockets less that with none, divided by N.

Vitalcast's viewers all hold one equal subscription at 1 s. The reference is the tutorial's ConnectionManager, FastAPI
under uvicorn, which sends its sockets the same text once a second. What the kernel keeps for a socket is in neither.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.bench import common
from tests.bench.common import Drain, Server, progress

INTERVAL_S = 1.0
PAYLOAD_BYTES = 200
KIB = 1024
VITALCAST = "vitalcast"
EVENTS = "vitalcast, server-sent events"
SEED = "seed's ConnectionManager"


def settled_rss(server: Server, settle_s: float, *, collectable: bool) -> int:
    """Return the resident bytes once they have stopped moving, garbage collected where the server can be told to."""
    time.sleep(settle_s)
    if collectable:
        server.child.send_signal(signal.SIGUSR1)
        time.sleep(settle_s / 2)
    return server.rss_bytes


def weigh(name: str, counts: Sequence[int], *, settle_s: float) -> list[dict[str, Any]]:
    """Return a row for each number of sockets, each reached from none, on one server."""
    ours = name.startswith(VITALCAST)
    if ours:
        server = common.vitalcast(collectable=True)
    else:
        program = common.HERE / "rivals.py"
        server = Server(sys.executable, program, "seed", "--interval", str(INTERVAL_S), "--bytes", str(PAYLOAD_BYTES))
    with server:
        server.wait()
        _visit(server, 1, name)  # what the first viewer loads is not the weight of the others
        none_bytes = settled_rss(server, settle_s, collectable=ours)
        rows = []
        for count in counts:
            with _visit(server, count, name, stay=True) as drain:
                many_bytes = settled_rss(server, settle_s, collectable=ours)
                drain.count()  # raises where a socket was lost
            time.sleep(settle_s)
            progress(f"  {name}: {count} sockets, {(many_bytes - none_bytes) / count / KIB:.1f} KiB each")
            rows.append(
                {
                    "server": name,
                    "sockets": count,
                    "KiB a socket": round((many_bytes - none_bytes) / count / KIB, 2),
                    "MiB with none": round(none_bytes / KIB / KIB, 1),
                    "MiB with all": round(many_bytes / KIB / KIB, 1),
                    "MiB after they left": round(settled_rss(server, 0.5, collectable=ours) / KIB / KIB, 1),
                }
            )
        return rows


def _visit(server: Server, count: int, name: str, *, stay: bool = False) -> Drain:
    if name == EVENTS:
        drain = common.event_viewers(server.port, count, interval_s=INTERVAL_S)
    else:
        drain = common.viewers(server.port, count) if name == VITALCAST else Drain(server.port, count, "--any")
    try:
        opened = drain.open(common.subscribe(interval_s=INTERVAL_S) if name == VITALCAST else "")
        progress(f"  {count} sockets after {opened['handshakes_s']:.1f} s")
    except BaseException:
        drain.stop()
        raise
    if not stay:
        drain.stop()
    return drain


def run(
    counts: Sequence[int] = (1000, 10_000),
    *,
    settle_s: float = 3.0,
    names: Sequence[str] = (VITALCAST, EVENTS, SEED),
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each server and number of sockets, and notes."""
    rows = [row for name in names for row in weigh(name, counts, settle_s=settle_s)]
    return rows, [
        "resident memory of the server's process; a later row of a server may reuse what an earlier one freed"
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument(
        "--sockets", type=int, nargs="+", default=[1000, 10_000], metavar="N", help="default: 1000 10000"
    )
    parser.add_argument("--settle", type=float, default=3.0, metavar="SECONDS", help="wait before each reading")
    options = parser.parse_args(argv)
    progress("memory")
    rows, notes = run(options.sockets, settle_s=options.settle)
    common.report("memory", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
