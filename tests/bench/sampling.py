"""What reading this machine costs: CPU share, memory and the time a tick takes, without viewers and with one at 10 Hz.

Glances, polled once a second, and Netdata, as each is by default, are measured beside it where they are installed.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil
from tests.bench import common
from tests.bench.common import Process, Server, free_port, percentile, progress, spread

IDLE = "vitalcast, no viewer, 1 Hz"
FAST = "vitalcast, one viewer, 10 Hz"
SETTLE_S = 3.0
RESUME_S = 1.0
GLANCES, NETDATA = "glances", "netdata"
REFERENCES = (GLANCES, NETDATA)
QUICK = (GLANCES,)  # Netdata takes its time to settle
DURATION = "vitalcast.sampler.duration"
COLLECTORS = "vitalcast.collector.duration"
REFERENCE_START_S = 30.0
NETDATA_SETTLE_S = 10.0  # in which it looks for what there is to read
# Where it may write, and that it tells nobody of itself; all else is as it comes.
NETDATA_CONF = """
[global]
    run as user = {user}
[directories]
    config = {home}
    cache = {home}
    lib = {home}
    log = {home}
[logs]
    debug = none
    error = none
    access = none
[web]
    bind to = 127.0.0.1:{port}
[registry]
    enabled = no
"""


class Subject:
    """A program under measurement; only one of them runs at a time."""

    def __init__(self, name: str, family: Sequence[psutil.Process], cpu_s: Callable[[], float]) -> None:
        self.name = name
        self.family = family
        self.shares: list[float] = []  # CPU seconds a second, one entry a round
        self.series = 0
        self.once_a_second: Callable[[], object] = lambda: None
        self._cpu_s = cpu_s

    def signal(self, number: int) -> None:
        for process in self.family:
            with contextlib.suppress(psutil.NoSuchProcess):  # plugins come and go
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
            "series": self.series or "?",
            "CPU % of a core": spread((100 * share for share in self.shares), 2),
            "MiB": round(sum(one.memory_info().rss for one in self.family) / 2**20, 1),
        }


def run(
    *,
    idle_s: float = 10.0,
    fast_s: float = 10.0,
    rounds: int = 3,
    settle_s: float = SETTLE_S,
    references: Iterable[str] = REFERENCES,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each case and reference, and notes. The windows of one round are `idle_s` and `fast_s` long."""
    with contextlib.ExitStack() as stack:
        started: list[Subject] = []
        notes = []
        for name in references:
            progress(f"  starting {name}")
            found = {GLANCES: glances, NETDATA: netdata}[name](stack)
            if isinstance(found, Subject):
                started.append(found)
            else:
                notes.append(f"absent: {name}: {found}")
        server = stack.enter_context(common.vitalcast()).wait()
        watched = stack.enter_context(common.vitalcast()).wait()
        viewer = stack.enter_context(common.viewers(watched.port, 1))
        viewer.open(common.subscribe(interval_s=0.1))
        time.sleep(settle_s)
        idle, fast = (
            Subject(name, [psutil.Process(one.pid)], lambda one=one: one.cpu_s)
            for name, one in {IDLE: server, FAST: watched}.items()
        )
        for subject, one in ((idle, server), (fast, watched)):
            with common.observer(one.port) as observer:
                subject.series = len(observer.past(">", RESUME_S))
        subjects = [idle, fast, *started]
        for subject in subjects:
            stack.callback(subject.signal, signal.SIGCONT)
            subject.signal(signal.SIGSTOP)
        begin_s = time.monotonic()
        for number in range(rounds):
            progress(f"  round {number + 1} of {rounds}")
            for subject in subjects:
                subject.watch(fast_s if subject is fast else idle_s)
        server.go_on()
        watched.go_on()
        past_s = time.monotonic() - begin_s
        rows = [
            idle.row() | ticks(server, past_s),
            fast.row() | ticks(watched, past_s),
            *(subject.row() for subject in started),
        ]
        dearest = ", ".join(f"{name} {took:.0f} µs" for name, took in collectors(server, past_s).items())
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


def collectors(server: Server, seconds: float) -> dict[str, float]:
    """Return the median microseconds that each collector took, dearest first."""
    with common.observer(server.port) as observer:
        found = {
            name.split()[-1]: percentile(values, 0.5) * 1e6
            for name, values in observer.past(COLLECTORS, seconds).items()
            if values
        }
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


# --- references ------------------------------------------------------------------------------------------------------


def glances(stack: contextlib.ExitStack) -> Subject | str:
    """Start Glances' web server, whose whole state is asked for once a second; say why where that fails."""
    program = _installed(GLANCES)
    if program is None:
        return "not installed"
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/4/all"
    process = stack.enter_context(Process(program, "-w", "-B", "127.0.0.1", "-p", str(port), "--disable-webui"))
    if not _answers(url, process):
        return f"it did not start: {process.errors()[-200:]}"
    subject = _subject("glances, polled at 1 Hz", psutil.Process(process.pid))
    subject.once_a_second = lambda: _fetch(url)
    return subject


def netdata(stack: contextlib.ExitStack) -> Subject | str:
    """Start a Netdata of its own, or take the one that is running; say why where that fails."""
    name = "netdata with plugins"
    for running in psutil.process_iter(["name", "status"]):
        if running.info["name"] == NETDATA and running.info["status"] != psutil.STATUS_ZOMBIE:
            mine = os.getuid() in (0, running.uids().real)
            return _subject(name, running) if mine else "it runs as another user, who alone may stop it for a while"
    program = _installed(NETDATA)
    if program is None:
        return "not installed"
    home, port = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vitalcast-bench-"))), free_port()
    config = home / "netdata.conf"
    config.write_text(NETDATA_CONF.format(home=home, port=port, user=getpass.getuser()))
    (home / ".opt-out-from-anonymous-statistics").touch()
    (home / "cloud.d").mkdir()
    (home / "cloud.d" / "cloud.conf").write_text("[global]\n    enabled = no\n")
    process = stack.enter_context(Process(program, "-D", "-c", config))
    plugins = psutil.Process(process.pid)
    stack.callback(_kill_children, plugins)
    url = f"http://127.0.0.1:{port}/api/v1/charts"
    if not _answers(url, process):
        return f"it did not start: {process.errors()[-200:]}"
    time.sleep(NETDATA_SETTLE_S)
    subject = _subject(name, plugins)
    subject.series = json.loads(_fetch(url))["dimensions_count"]
    return subject


def _installed(name: str) -> str | None:
    """Return the path of a program in this environment, or on the path, an administrator's included."""
    return shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]))


def _answers(url: str, process: Process) -> bool:
    due_s = time.monotonic() + REFERENCE_START_S
    while not _fetch(url):
        if process.child.poll() is not None or time.monotonic() > due_s:
            return False
        time.sleep(0.2)
    return True


def _fetch(url: str) -> bytes:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bytes(response.read())
    return b""


def _kill_children(process: psutil.Process) -> None:
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


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
