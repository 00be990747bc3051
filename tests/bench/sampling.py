"""What reading this machine costs: CPU share, memory and the time a tick takes, without viewers and with one at 10 Hz.

Glances, polled once a second, and a Netdata that is already running are measured beside it where they are there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from tests.bench import common
from tests.bench.common import Process, Server, percentile, progress, spread

IDLE = "vitalcast, no viewer, 1 Hz"
FAST = "vitalcast, one viewer, 10 Hz"
SETTLE_S = 3.0
RESUME_S = 1.0
PAST_S = 60
DURATION = "vitalcast.sampler.duration"
COLLECTORS = "vitalcast.collector.duration"
GLANCES_START_S = 30.0


class Subject:
    """A program under measurement; only one of them runs at a time."""

    def __init__(self, name: str, family: Sequence[psutil.Process], cpu_s: Callable[[], float]) -> None:
        self.name = name
        self.family = family
        self.shares: list[float] = []  # CPU seconds a second, one entry a round
        self.once_a_second: Callable[[], object] = lambda: None
        self._cpu_s = cpu_s

    def signal(self, number: int) -> None:
        for process in self.family:
            process.send_signal(number)

    def watch(self, seconds: float) -> None:
        """Let it run for a while, alone."""
        self.signal(signal.SIGCONT)
        time.sleep(RESUME_S)  # with its first reads it catches up
        cpu_s, begin_s = self._cpu_s(), time.monotonic()
        while (elapsed_s := time.monotonic() - begin_s) < seconds:
            self.once_a_second()
            time.sleep(max(0.0, min(1.0, seconds - elapsed_s)))
        self.shares.append((self._cpu_s() - cpu_s) / (time.monotonic() - begin_s))
        self.signal(signal.SIGSTOP)

    def row(self) -> dict[str, Any]:
        return {
            "program": self.name,
            "CPU % of a core": spread((100 * share for share in self.shares), 2),
            "MiB": round(sum(one.memory_info().rss for one in self.family) / 2**20, 1),
        }


def run(
    *, idle_s: float = 10.0, fast_s: float = 10.0, rounds: int = 3, settle_s: float = SETTLE_S, references: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each case and reference, and notes. The windows of one round are `idle_s` and `fast_s` long."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(common.vitalcast()).wait()
        watched = stack.enter_context(common.vitalcast()).wait()
        viewer = stack.enter_context(common.viewers(watched.port, 1))
        viewer.open(common.subscribe(interval_s=0.1))
        time.sleep(settle_s)
        idle, fast = (
            Subject(name, [psutil.Process(one.pid)], lambda one=one: one.cpu_s)
            for name, one in {IDLE: server, FAST: watched}.items()
        )
        subjects = [idle, fast]
        notes = []
        for name, start in {"glances": glances, "netdata": netdata}.items() if references else ():
            found = start(stack)
            if isinstance(found, str):
                notes.append(f"absent: {name}: {found}")
            else:
                subjects.append(found)
        for subject in subjects:
            stack.callback(subject.signal, signal.SIGCONT)
            subject.signal(signal.SIGSTOP)
        for number in range(rounds):
            progress(f"  round {number + 1} of {rounds}")
            for subject in subjects:
                subject.watch(fast_s if subject is fast else idle_s)
        server.go_on()
        watched.go_on()
        rows = [
            idle.row() | ticks(server, (idle_s + RESUME_S) * rounds),
            fast.row() | ticks(watched, (fast_s + RESUME_S) * rounds),
            *(subject.row() for subject in subjects[2:]),
        ]
        dearest = ", ".join(f"{name} {took:.0f} µs" for name, took in collectors(server).items())
    return rows, [
        f"{rounds} alternating rounds of {idle_s:g} s ({fast_s:g} s with a viewer): median [least–greatest]",
        f"median of what each collector took without viewers: {dearest}",
        *notes,
    ]


def ticks(server: Server, seconds: float) -> dict[str, Any]:
    with common.observer(server.port) as observer:
        took_ms = [value * 1000 for value in observer.past(DURATION, seconds)[DURATION]]
    return {
        "ticks": len(took_ms),
        "tick ms p50": round(percentile(took_ms, 0.5), 2),
        "tick ms p99": round(percentile(took_ms, 0.99), 2),
    }


def collectors(server: Server) -> dict[str, float]:
    """Return the median microseconds that each collector took, dearest first."""
    with common.observer(server.port) as observer:
        found = {
            name.split()[-1]: percentile(values, 0.5) * 1e6
            for name, values in observer.past(COLLECTORS, PAST_S).items()
            if values
        }
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


# --- references ------------------------------------------------------------------------------------------------------


def glances(stack: contextlib.ExitStack) -> Subject | str:
    """Start Glances' web server, whose whole state is asked for once a second; say why where that fails."""
    program = shutil.which("glances", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        return "not installed"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api/4/all"
    process = stack.enter_context(Process(program, "-w", "-B", "127.0.0.1", "-p", str(port), "--disable-webui"))
    due_s = time.monotonic() + GLANCES_START_S
    while not _fetch(url):
        if process.child.poll() is not None or time.monotonic() > due_s:
            return f"it did not start: {process.errors()[-200:]}"
        time.sleep(0.2)
    subject = _subject("glances, polled at 1 Hz", psutil.Process(process.pid))
    subject.once_a_second = lambda: _fetch(url)
    return subject


def _fetch(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.read())
    return False


def netdata(_: contextlib.ExitStack) -> Subject | str:
    """Return a Netdata that is running, with its plugins; none is started, for it would be the whole system's."""
    running = [one for one in psutil.process_iter(["name"]) if one.info["name"] == "netdata"]
    return _subject("netdata with plugins", running[0]) if running else "not running"


def _subject(name: str, process: psutil.Process) -> Subject:
    family = [process, *process.children(recursive=True)]
    return Subject(name, family, lambda: sum(map(_cpu_s, family)))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--idle", type=float, default=10.0, metavar="SECONDS", help="without viewers; default: 10")
    parser.add_argument("--fast", type=float, default=10.0, metavar="SECONDS", help="with one at 10 Hz; default: 10")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    progress("sampling")
    rows, notes = run(idle_s=options.idle, fast_s=options.fast, rounds=options.rounds)
    common.report("sampling", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
