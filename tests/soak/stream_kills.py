"""Ends a server in the midst of a stream of events many times: `python -m tests.soak.stream_kills [COUNT]`.

Its client comes back each time with the id of the last event that it has. It must be told each tick once, or a gap:
the first tick that is missing or doubled in silence ends the run.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from random import Random

from tests.e2e.event_stream import Ledger, read_until_the_end
from tests.e2e.server import Variant, running

KILLS = 50
ENV = {
    "VITALCAST_SAMPLER__INTERVAL_S": "0.1",
    "VITALCAST_HISTORY__PATH": "history.db",
    "VITALCAST_HISTORY__FLUSH_S": "0.5",
    "VITALCAST_MEMORY__WINDOW_S": "1",
}


async def run(kills: int, *, seed: int = 1) -> Ledger:
    """Kill a server so often, one time in three by asking it to end, and start it anew."""
    random, ledger = Random(seed), Ledger()
    with running(Variant.FAST, ENV) as server:
        for number in range(kills):
            end = random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            await read_until_the_end(server, ledger, end, ticks=random.randint(1, 60))
            print(f"{number:4} {end.name}: {ledger.ticks} ticks, {len(ledger.gaps)} gaps", flush=True)
            await asyncio.to_thread(server.start)
    return ledger


def main() -> int:
    ledger = asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS))
    anew = sum(gap["to"] is None for gap in ledger.gaps)
    print(f"{ledger.ticks} ticks came once; {len(ledger.gaps)} gaps were told, {anew} of them without an end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
