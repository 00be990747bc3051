"""What a delivered frame costs the server in CPU time, beside a C loop over send() and other servers.

All servers are up at once with all their sockets, but only one runs at a time, the others are stopped; rounds go
through all of them in turn. `net` leaves out what the same server costs with a single viewer: reading the machine.
Times are those of the server's process, kernel work for its sockets included.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import common
from tests.bench.common import Drain, Process, Server, progress, spread
from tests.bench.stall import stalled

FLOOR = "C send()"
FLOOR_WITHOUT_C = "python os.write()"
VITALCAST = "vitalcast"
ONE_VIEWER = "vitalcast, one viewer"
SEED = "seed's ConnectionManager"
BROADCAST = "websockets.broadcast"
NODE = "node ws"
STALLED = "vitalcast, 1 % stalled"
BINARY = "vitalcast, binary"
EVENTS = "vitalcast, server-sent events"
NAMED_EVENTS = "vitalcast, server-sent events with names"
GROUPED = "vitalcast, {} subscriptions"
GROUPED_BINARY = "vitalcast, {} subscriptions, binary"
RIVALS = {SEED: "seed", BROADCAST: "websockets", FLOOR_WITHOUT_C: "write"}
CHOICES = {"vitalcast": VITALCAST, "floor": FLOOR, "seed": SEED, "websockets": BROADCAST, "node": NODE}
CHOICES |= {"stalled": STALLED, "binary": BINARY, "events": EVENTS, "named-events": NAMED_EVENTS}
# Of these each of the different subscriptions has four: about a dozen series, which no other has all of.
NAMES = (
    "system.cpu.context_switches.rate",
    "system.cpu.interrupts.rate",
    "system.cpu.logical.utilization",
    "system.cpu.utilization",
    "system.disk.io.rate",
    "system.disk.operations.rate",
    "system.filesystem.usage",
    "system.load.average",
    "system.memory.usage",
    "system.memory.utilization",
    "system.network.io.rate",
    "system.network.packet.count.rate",
    "system.network.socket.count",
    "system.paging.faults.rate",
    "system.process.count",
    "system.process.created.rate",
    "vitalcast.process.cpu.utilization",
)
NAMES_EACH = 4
SETTLE_S = 0.5
PROBE_S = 1.0
NPM_S = 60


@dataclass(slots=True)
class Contender:
    name: str
    server: Server
    drain: Drain
    handshakes_s: float = 0.0
    cost_s: list[float] = field(default_factory=list)  # CPU seconds, one entry a round
    frames: list[int] = field(default_factory=list)
    elapsed_s: list[float] = field(default_factory=list)
    drain_s: list[float] = field(default_factory=list)

    def microseconds(self) -> list[float]:
        return [cost / max(1, frames) * 1e6 for cost, frames in zip(self.cost_s, self.frames, strict=True)]


class Arena:
    """Starts what can be started of the contenders, and says of the others why they are absent."""

    def __init__(self, sockets: int, interval_s: float, stack: ExitStack, folder: Path) -> None:
        self.sockets = sockets
        self.interval_s = interval_s
        self.payload_bytes = 0
        self.contenders: list[Contender] = []
        self.absent: list[str] = []
        self._stack = stack
        self._folder = folder
        self._processes: list[Process] = []
        stack.enter_context(common.stopping(self._processes))

    def add(self, name: str) -> None:
        if name == ONE_VIEWER:
            self._enter(name, common.vitalcast(), text=common.subscribe(interval_s=self.interval_s), sockets=1)
            self.payload_bytes = self._measure_payload(self.contenders[-1])
        elif name == VITALCAST:
            self._enter(name, common.vitalcast(), text=common.subscribe(interval_s=self.interval_s))
        elif name == BINARY:
            text = common.subscribe(interval_s=self.interval_s)
            self._enter(name, common.vitalcast(), text=text, subprotocol=common.BINARY_SUBPROTOCOL)
        elif name in (EVENTS, NAMED_EVENTS):
            self._enter(name, common.vitalcast(), events="columns" if name == EVENTS else "named")
        elif name == STALLED:
            self._add_stalled(common.subscribe(interval_s=self.interval_s))
        elif name == FLOOR:
            self._add_floor()
        elif name == NODE:
            self._add_node()
        else:
            options = ("--interval", str(self.interval_s), "--bytes", str(self.payload_bytes))
            self._enter(name, Server(sys.executable, common.HERE / "rivals.py", RIVALS[name], *options))

    def add_grouped(self, groups: int) -> None:
        """Add a server whose sockets hold so many different subscriptions, dealt out evenly."""
        texts = [common.subscribe(names, interval_s=self.interval_s) for names in different(groups)]
        self._enter(GROUPED.format(groups), common.vitalcast(), text=json.dumps(texts))

    def add_grouped_binary(self, groups: int) -> None:
        """Add the same with binary data."""
        texts = [common.subscribe(names, interval_s=self.interval_s) for names in different(groups)]
        self._enter(
            GROUPED_BINARY.format(groups),
            common.vitalcast(),
            text=json.dumps(texts),
            subprotocol=common.BINARY_SUBPROTOCOL,
        )

    def _add_stalled(self, text: str) -> None:
        server = common.vitalcast(VITALCAST_TIMEOUTS__SLOW_S="600")
        self._enter(STALLED, server, text=text, pause=False)
        self._stack.enter_context(stalled(server.port, max(1, self.sockets // 100), text))
        server.pause()

    def _add_floor(self) -> None:
        compiler = common.find_compiler()
        if compiler is None:
            self.absent.append(f"{FLOOR}: no C compiler here; ratios are to {FLOOR_WITHOUT_C}")
            self.add(FLOOR_WITHOUT_C)
            return
        program = self._folder / "send_loop"
        subprocess.run([compiler, "-O2", "-o", program, common.HERE / "send_loop.c"], check=True)
        interval_us = round(self.interval_s * 1e6)
        self._enter(FLOOR, Server(program, str(self.sockets), str(interval_us), str(self.payload_bytes)))

    def _add_node(self) -> None:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            self.absent.append(f"{NODE}: node or npm is not here")
            return
        modules = self._folder / "modules"
        modules.mkdir(exist_ok=True)
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(modules), "ws@8"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=NPM_S)
        except (subprocess.SubprocessError, OSError) as error:
            self.absent.append(f"{NODE}: npm could not install ws: {error}")
            return
        interval_ms = str(round(self.interval_s * 1000))
        program = common.HERE / "send_loop.mjs"
        self._enter(NODE, Server(node, program, str(modules), interval_ms, str(self.payload_bytes)))

    def _enter(
        self,
        name: str,
        server: Server,
        *,
        text: str = "",
        sockets: int | None = None,
        subprotocol: str = common.SUBPROTOCOL,
        events: str = "",
        pause: bool = True,
    ) -> None:
        """Connect all sockets; with a text they speak Vitalcast's protocol and send it, or they read such `events`."""
        self._processes.append(server)
        server.wait()
        sockets = sockets or self.sockets
        if text:
            drain = common.viewers(server.port, sockets, subprotocol=subprotocol)
        elif events:
            drain = common.event_viewers(server.port, sockets, interval_s=self.interval_s, form=events)
        else:
            drain = Drain(server.port, sockets, "--any")
        self._processes.append(drain)
        opened = drain.open(text)
        progress(f"  {name}: {sockets} sockets after {opened['handshakes_s']:.1f} s")
        self.contenders.append(Contender(name, server, drain, opened["handshakes_s"]))
        if pause:
            server.pause()

    def _measure_payload(self, viewer: Contender) -> int:
        """Return the mean payload of Vitalcast's frames, which the others then send too."""
        viewer.server.go_on()
        before = viewer.drain.count()
        after = after_frames(viewer.drain, before, max(PROBE_S, 2.2 * self.interval_s))
        viewer.server.pause()
        frame_bytes = round((after["bytes"] - before["bytes"]) / (after["frames"] - before["frames"]))
        return max(1, frame_bytes - (2 if frame_bytes < 128 else 4))


def different(count: int) -> list[tuple[str, ...]]:
    """Return so many lists of names, no two with the same names, in an order that is always the same."""
    every = list(itertools.combinations(NAMES, NAMES_EACH))
    if count > len(every):
        raise RuntimeError(f"{count} different subscriptions, and there are {len(every)}")
    return random.Random(1).sample(every, count)


def after_frames(drain: Drain, before: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the load client's count after a while in which some frame has come."""

    def see(_: float) -> dict[str, Any]:
        now = drain.count()
        return now if now["frames"] > before["frames"] else {}

    return common.seen_within(seconds, see)


def measure(contender: Contender, interval_s: float, window_s: float) -> None:
    """Let one server run for a while, alone."""
    server, drain = contender.server, contender.drain
    server.go_on()
    # With its first tick Vitalcast also tells of those that it was stopped for.
    time.sleep(max(SETTLE_S, 1.5 * interval_s))
    before, cpu_s, begin_s = drain.count(), server.cpu_s, time.monotonic()
    drain_cpu_s = drain.cpu_s
    after = after_frames(drain, before, window_s)
    contender.cost_s.append(server.cpu_s - cpu_s)
    contender.drain_s.append(drain.cpu_s - drain_cpu_s)
    contender.elapsed_s.append(time.monotonic() - begin_s)
    contender.frames.append(after["frames"] - before["frames"])
    server.pause()


def run(
    sockets: int,
    *,
    interval_s: float = 0.1,
    window_s: float = 2.0,
    rounds: int = 5,
    names: Sequence[str] = tuple(CHOICES.values()),
    groups: Sequence[int] = (),
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each contender, and notes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vitalcast-bench-")))
        arena = Arena(sockets, interval_s, stack, folder)
        for name in (ONE_VIEWER, *names):  # the first tells how long a frame is
            arena.add(name)
        for count in groups:
            arena.add_grouped(count)
        if groups:
            arena.add_grouped_binary(max(groups))
        for number in range(rounds):
            progress(f"  round {number + 1} of {rounds}")
            for contender in arena.contenders:
                measure(contender, interval_s, window_s)
        notes = [
            f"{sockets} sockets, a frame of {arena.payload_bytes} bytes of payload every {interval_s:g} s, "
            f"{rounds} alternating rounds of {window_s:g} s: median [least–greatest]",
            "the load client's CPU is its share of one core while its server ran",
            *(f"absent: {reason}" for reason in arena.absent),
        ]
        return _rows(arena), notes


def _rows(arena: Arena) -> list[dict[str, Any]]:
    by_name = {contender.name: contender for contender in arena.contenders}
    floor = by_name.get(FLOOR) or by_name.get(FLOOR_WITHOUT_C)
    rows = []
    for contender in arena.contenders:
        net = contender.microseconds()
        if contender.name.startswith(VITALCAST) and contender.name != ONE_VIEWER:
            net = _less_one_viewer(contender, by_name[ONE_VIEWER])
        ratios = [one / least for one, least in zip(net, floor.microseconds(), strict=True)] if floor else None
        alone = contender.name == ONE_VIEWER
        rows.append(
            {
                "server": contender.name,
                "sockets": contender.drain.sockets,
                "interval": arena.interval_s,
                "µs a frame, raw": spread(contender.microseconds(), 2),
                "net": None if alone else spread(net, 2),
                "× floor": spread(ratios, 2) if ratios and not alone else None,
                "frames/s": round(sum(contender.frames) / sum(contender.elapsed_s), 1),
                "server CPU %": round(100 * sum(contender.cost_s) / sum(contender.elapsed_s), 1),
                "client CPU %": round(100 * sum(contender.drain_s) / sum(contender.elapsed_s), 1),
            }
        )
    return rows


def _less_one_viewer(many: Contender, one: Contender) -> list[float]:
    """Return what each further frame cost, round by round."""
    costs = []
    for round_ in range(len(many.frames)):
        seconds = many.elapsed_s[round_]
        base_s = one.cost_s[round_] / one.elapsed_s[round_] * seconds
        frames = many.frames[round_] - one.frames[round_] / one.elapsed_s[round_] * seconds
        costs.append((many.cost_s[round_] - base_s) / max(1.0, frames) * 1e6)
    return costs


def main(argv: Sequence[str] | None = None) -> int:
    parser = common.parser(__doc__)
    parser.add_argument("--sockets", type=int, nargs="+", default=[100, 1000], metavar="N", help="default: 100 1000")
    parser.add_argument(
        "--interval",
        type=float,
        metavar="SECONDS",
        help="default: 0.1, and 1 from 5,000 sockets on, to spare the machine",
    )
    parser.add_argument("--window", type=float, default=2.0, metavar="SECONDS", help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--groups", type=int, nargs="+", default=[], metavar="N", help="also with so many different subscriptions"
    )
    parser.add_argument("--only", nargs="*", choices=CHOICES, default=list(CHOICES), help="what to measure")
    options = parser.parse_args(argv)
    rows, notes = [], []
    for sockets in options.sockets:
        interval_s = options.interval or (1.0 if sockets >= 5000 else 0.1)
        progress(f"fanout: {sockets} sockets")
        found = run(
            sockets,
            interval_s=interval_s,
            window_s=max(options.window, 2 * interval_s),
            rounds=options.rounds,
            names=[CHOICES[name] for name in options.only],
            groups=options.groups,
        )
        rows += found[0]
        notes += found[1]
    common.report("fanout", rows, list(dict.fromkeys(notes)), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
