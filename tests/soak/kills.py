"""Kills a process that writes a history at many random moments: `python -m tests.soak.kills [COUNT]`.

The file is small, so that flushes, blocks, rollups and pruning take turns all the time. For each kill a line says how
many ticks of the flush under way were lost, and whatever else is wrong; the last line sums up.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random

from tests.history.kill import Found, killed

KILLS = 200
LONGEST_S = 2.0


def run(kills: int, folder: Path, *, seed: int = 1) -> list[Found]:
    """Kill so often, each time after another moment, and go on with the same file."""
    random = Random(seed)
    found = []
    for number in range(kills):
        after_s = random.uniform(0.02, LONGEST_S)
        one = killed(folder, number, after_s)
        found.append(one)
        lost = max(0, one.given - one.newest)
        state = ", ".join(one.wrong) or "whole"
        print(f"{number:4} after {after_s:4.2f} s: {lost:4} ticks of the last flush lost; {state}", flush=True)
    return found


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as folder:
        found = run(kills, Path(folder))
    wrong = sum(bool(one.wrong) for one in found)
    losing = sum(one.given > one.newest for one in found)
    print(f"{kills} kills: {losing} lost the flush that was under way; {wrong} left anything wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
