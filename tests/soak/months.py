"""Fills a small history with hostile data for simulated months: `python -m tests.soak.months [DAYS] [SEED]`.

Hundreds of short-lived series, a clock that jumps, restarts, and readers that hold the log. After each day a line says
how large the file and its log were at most; in the end the file must be whole.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.history.test_room import CAP, Hostile, assert_below_the_cap, live_through

from vitalcast.history import database

DAYS = 60


def main() -> int:
    days, seed = (int(sys.argv[1]) if len(sys.argv) > 1 else DAYS), (int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    database.BUSY_MS = 10  # nobody waits for those that read
    with tempfile.TemporaryDirectory() as folder:
        hostile = Hostile(Path(folder), seed, CAP)
        for day in range(1, days + 1):
            live_through(hostile, hours=24)
            print(f"day {day}: at most {hostile.largest / CAP:.3f} of the cap", flush=True)
            if hostile.largest > CAP:
                return 1
        assert_below_the_cap(hostile)
        hostile.history.close()
    print(f"{days} days: below the cap at every moment, and whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
