"""A server that has run for a month, so it seems: `python -m tests.browser.past [--port N] [--folder F]`.

It prints its address and serves until it is interrupted; the folder keeps its history, for another time or to look at.
In tests the fixture `past_server` is such a server, and its `happened` says when what happened. The past ends when
the server starts, which then goes on with this machine as it is. What there is:

- Series of this machine's layout: 1 s for two to three hours, minutes for nine days, ten minutes and hours for thirty
  days, with the rhythm of days and weekends, and programs that are made up (`postgres`, `python3`, `nginx`, ...).
- `happened.spike_ms` to `spike_end_ms`, an hour ago: `gzip`, one process a CPU, takes all CPUs for 25 seconds. It is in
  the CPU's series, in those by program, in the processes and in a critical event of the panel `cpu`.
- `happened.restart`, 100 minutes ago: the server was away for four minutes, which is a hole with a stop and a start.
- `happened.oom_ms`, 26 hours ago: the kernel kills `java`, which has swollen for two hours.
- `happened.deploy_ms`: a mark at 02:00 (local time); two more 5 and 17 days ago.
- `happened.backups_ms`: the nightly backups at 03:00, spans of 18 minutes in which `restic` reads the disk.
- `happened.hole`, nine days ago: 40 minutes in which nothing was sampled.
- Recorded processes every five seconds: the last two to three hours, and around the kill, the last deploy and the last
  backup.

It is made once a test run, whatever the number of workers; each server has a copy, brought up to the second.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.browser.past_file import go_on, machine_of, make, now_ms
from tests.browser.past_story import HOUR_MS
from tests.e2e.server import Server

STALE_MS = 2 * HOUR_MS  # to bring an older one up to date takes longer than to make it anew


def made_in(folder: Path) -> Path:
    """Return where a past lies in this folder, made if need be; other processes that ask meanwhile wait."""
    found = folder / "past"
    with (folder / "past.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found.exists() and now_ms() - machine_of(found).last_ms > STALE_MS:
            shutil.rmtree(found)
        if not found.exists():
            with tempfile.TemporaryDirectory(dir=folder) as making:
                whole = Path(making, "whole")
                whole.mkdir()
                make(whole)
                whole.rename(found)
    return found


class PastServer(Server):
    """A server with a copy of a past, which goes on until now: start it at once."""

    def __init__(self, past: Path, env: Mapping[str, str] | None = None, *, port: int = 0) -> None:
        super().__init__(env=env, port=port)
        shutil.copytree(past, self.data_folder, dirs_exist_ok=True)
        self.happened = go_on(self.data_folder)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.past", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="the port to serve at; default: a free one")
    parser.add_argument("--folder", type=Path, help="where the past is kept; default: nowhere")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="vitalcast-past-") as folder:
        kept: Path = options.folder or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        server = PastServer(made_in(kept), port=options.port).start()
        try:
            print(server.url, flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
