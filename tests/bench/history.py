"""What a sample takes on disk: real readings of this machine, as the history keeps them.

They are read ten times a second, so that a minute is enough for a full chunk. The reference is what a file of plain
float64 columns would take, compressed by zlib. What a chunk brings along besides its columns is in the first figure.
"""

from __future__ import annotations

import signal
import sqlite3
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from tests.bench import common
from tests.bench.common import progress

ROWS = 600  # of a chunk that is not to be merged any more
INTERVAL_S = 0.1
STOP_S = 10.0
HISTORY = "vitalcast's history"
PLAIN = "float64 columns, zlib"


def run(rows: int = ROWS) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each form, and notes."""
    with tempfile.TemporaryDirectory(prefix="vitalcast-bench-") as folder:
        path = Path(folder) / "history.db"
        settings = {"VITALCAST_HISTORY__PATH": str(path), "VITALCAST_HISTORY__FLUSH_S": "3600"}
        with common.vitalcast("--interval", str(INTERVAL_S), **settings) as server:
            server.wait()
            progress(f"  {rows * INTERVAL_S:g} s of readings")
            time.sleep(rows * INTERVAL_S + 1)
            with common.observer(server.port) as observer:
                columns = observer.past(">", rows * INTERVAL_S)
            server.child.send_signal(signal.SIGTERM)
            server.child.wait(STOP_S)
        kept_bytes, kept = _in_chunks(path)
        file_bytes = path.stat().st_size
    plain_bytes = sum(len(zlib.compress(np.asarray(column).tobytes())) for column in columns.values())
    plain = sum(map(len, columns.values()))
    return [
        {"form": HISTORY, "bytes a sample": round(kept_bytes / kept, 3), "samples": kept},
        {"form": PLAIN, "bytes a sample": round(plain_bytes / plain, 3), "samples": plain},
    ], [f"readings at {1 / INTERVAL_S:g} Hz of {len(columns)} series; the whole file is {file_bytes} bytes"]


def _in_chunks(path: Path) -> tuple[int, int]:
    """Return the bytes of all chunks and the samples in them."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT sum(length(series) + length(columns)), sum(rows) FROM chunk").fetchone()
        series = database.execute("SELECT count(*) FROM series").fetchone()[0]
    return int(found[0]), int(found[1] * series)


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"ticks to keep; default: {ROWS}")
    options = parser.parse_args(argv)
    progress("history")
    rows, notes = run(options.rows)
    common.report("history", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
