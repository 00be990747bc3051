"""What reading this machine costs: CPU share, memory and the time a tick takes, without viewers and with one at 10 Hz.

Glances, polled once a second, and a Netdata that is already running are measured beside it where they are there.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from tests.bench import common
from tests.bench.common import Process, Server, percentile, progress

SETTLE_S = 3.0
DURATION = "vitalcast.sampler.duration"
COLLECTORS = "vitalcast.collector.duration"
GLANCES_START_S = 30.0


def observe(server: Server, case: str, seconds: float) -> tuple[dict[str, Any], dict[str, float]]:
    """Return a row for what the server used meanwhile, and its collectors by what each took, dearest first."""
    cpu_s, begin_s = server.cpu_s, time.monotonic()
    time.sleep(seconds)
    cpu_s, elapsed_s = server.cpu_s - cpu_s, time.monotonic() - begin_s
    rss_bytes = server.rss_bytes
    with common.observer(server.port) as observer:
        ticks_ms = [value * 1000 for value in observer.past(DURATION, seconds)[DURATION]]
        collectors = {
            name.split()[-1]: percentile(values, 0.5) * 1e6
            for name, values in observer.past(COLLECTORS, seconds).items()
            if values
        }
    row = _row(f"vitalcast, {case}", elapsed_s, cpu_s, rss_bytes)
    row |= {"ticks": len(ticks_ms), "CPU ms a tick": round(cpu_s * 1000 / len(ticks_ms), 2)}
    row |= {"tick ms p50": round(percentile(ticks_ms, 0.5), 2), "tick ms p99": round(percentile(ticks_ms, 0.99), 2)}
    return row, dict(sorted(collectors.items(), key=lambda entry: -entry[1]))


def _row(name: str, elapsed_s: float, cpu_s: float, rss_bytes: int) -> dict[str, Any]:
    return {
        "program": name,
        "seconds": round(elapsed_s, 1),
        "CPU % of a core": round(100 * cpu_s / elapsed_s, 2),
        "MiB": round(rss_bytes / 2**20, 1),
    }


def run(
    *, idle_s: float = 30.0, fast_s: float = 20.0, references: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each case and reference, and notes."""
    with common.vitalcast() as server:
        server.wait()
        time.sleep(SETTLE_S)
        progress(f"  {idle_s:g} s without viewers")
        idle, collectors = observe(server, "no viewer, 1 Hz", idle_s)
        with common.viewers(server.port, 1) as viewer:
            viewer.open(common.subscribe(interval_s=0.1))
            progress(f"  {fast_s:g} s with one viewer at 10 Hz")
            fast, _ = observe(server, "one viewer, 10 Hz", fast_s)
    rows = [idle, fast]
    dearest = ", ".join(f"{name} {took:.0f} µs" for name, took in collectors.items())
    notes = [f"median of what each collector took without viewers: {dearest}"]
    for name, measure in {"glances": glances, "netdata": netdata}.items() if references else ():
        found = measure(idle_s / 2)
        if isinstance(found, str):
            notes.append(f"absent: {name}: {found}")
        else:
            rows.append(found)
    return rows, notes


# --- references ------------------------------------------------------------------------------------------------------


def glances(seconds: float) -> dict[str, Any] | str:
    """Measure Glances' web server while its whole state is asked for once a second; say why where that fails."""
    program = shutil.which("glances")
    if program is None:
        return "not installed"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api/4/all"
    with Process(program, "-w", "-B", "127.0.0.1", "-p", str(port), "--disable-webui") as process:
        due_s = time.monotonic() + GLANCES_START_S
        while not _fetch(url):
            if process.child.poll() is not None or time.monotonic() > due_s:
                return f"it did not start: {process.errors()[-200:]}"
            time.sleep(0.2)
        progress(f"  {seconds:g} s of glances")
        return _watch("glances, polled at 1 Hz", psutil.Process(process.pid), seconds, lambda: _fetch(url))


def _fetch(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.read())
    return False


def netdata(seconds: float) -> dict[str, Any] | str:
    """Measure a Netdata that is running with its plugins; none is started, for it would be the whole system's."""
    running = [one for one in psutil.process_iter(["name"]) if one.info["name"] == "netdata"]
    if not running:
        return "not running"
    progress(f"  {seconds:g} s of netdata")
    return _watch("netdata with plugins", running[0], seconds, lambda: None)


def _watch(name: str, process: psutil.Process, seconds: float, once_a_second: Callable[[], object]) -> dict[str, Any]:
    family = [process, *process.children(recursive=True)]
    before_s, begin_s = sum(map(_cpu_s, family)), time.monotonic()
    while (elapsed_s := time.monotonic() - begin_s) < seconds:
        once_a_second()
        time.sleep(min(1.0, seconds - elapsed_s))
    cpu_s = sum(map(_cpu_s, family)) - before_s
    return _row(name, time.monotonic() - begin_s, cpu_s, sum(one.memory_info().rss for one in family))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--idle", type=float, default=30.0, metavar="SECONDS", help="without viewers; default: 30")
    parser.add_argument("--fast", type=float, default=20.0, metavar="SECONDS", help="with one at 10 Hz; default: 20")
    options = parser.parse_args(argv)
    progress("sampling")
    rows, notes = run(idle_s=options.idle, fast_s=options.fast)
    common.report("sampling", rows, notes, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
