"""Breaks the line between a server and its clients many times: `python -m tests.soak.client_kills [COUNT]`.

Clients in Python, in Node and with curl follow the same series through a proxy. Each time the server is killed, or told
to end, and started again, or the proxy cuts the lines, or lets nobody through for a while. In the end every tick must
have come once to each client, or have been told as missing. What is not installed here is left out, and said.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.client.relay import Relay
from tests.e2e.server import Server, Variant

KILLS = 50
METRIC = "vitalcast.sampler.ticks"
INTERVAL_S = 0.1
SETTLE_S = 20.0  # by then all have heard of the last tick
ENV = {"VITALCAST_SAMPLER__INTERVAL_S": str(INTERVAL_S)}

PYTHON = f"""
import json, sys
from vitalcast import BlockingClient
with BlockingClient(sys.argv[1]) as client:
    stream = client.subscribe("{METRIC}", interval={INTERVAL_S})
    for tick in stream:
        gaps = [[gap.first, gap.last] for gap in tick.gaps]
        print(json.dumps([tick.position and tick.position.epoch, tick.offset, gaps]), flush=True)
"""
NODE = f"""
import {{ Client }} from "./vitalcast.mjs";
import WebSocket from "ws";
const client = new Client(process.argv[2], {{ WebSocket }});
const stream = client.subscribe({{ metrics: ["{METRIC}"], interval: {INTERVAL_S} }});
for await (const {{ offset, gap }} of stream) {{
  console.log(JSON.stringify([stream.position?.epoch, offset, gap ? [[gap.from, gap.to]] : []]));
}}
"""
# As a shell would do it: again from the last id, whatever it was that curl ended for.
CURL = f"""
id=
while :; do
  while IFS= read -r line; do
    case $line in
      "id: "*) id=${{line#id: }} ;;
      "event: "*) event=${{line#event: }} ;;
      "data: "*) case $event in
          gap) printf 'gap %s\\n' "${{line#data: }}" ;;
          metrics) printf 'tick %s\\n' "$id" ;;
        esac ;;
    esac
  done < <(curl -sN ${{id:+-H "Last-Event-ID: $id"}} "$1/api/v1/stream?metrics={METRIC}&interval={INTERVAL_S}")
  sleep 0.2
done
"""

Said = tuple[str | None, int | None, list[list[int | None]]]


@dataclass
class Follower:
    """A client as a process of its own, and what it has said."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    read: Callable[[list[str]], Iterator[Said]]

    def said(self) -> list[Said]:
        lines = self.output.read_text().split("\n")[:-1]
        return list(self.read(lines))


def of_json(lines: list[str]) -> Iterator[Said]:
    for line in lines:
        epoch, offset, gaps = json.loads(line)
        yield epoch, offset, gaps


def of_events(lines: list[str]) -> Iterator[Said]:
    gaps: list[list[int | None]] = []
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "gap":
            gap = json.loads(rest)
            gaps.append([gap["from"], gap["to"]])
        else:
            epoch, _, offset = rest.rpartition(":")
            yield epoch, int(offset), gaps
            gaps = []


@dataclass
class Verdict:
    """What became of the ticks of one client."""

    came: int = 0
    told_missing: int = 0
    anew: int = 0
    wrong: list[str] = field(default_factory=list)


def judged(said: list[Said]) -> Verdict:
    """Say of each tick whether it came once, in order, and of each that did not whether that was told."""
    verdict, last, epoch = Verdict(), None, None
    for now, offset, gaps in said:
        if offset is None:  # the first of a backfill
            continue
        verdict.came += 1
        if (now is not None and epoch not in (None, now)) or any(first is None for first, _ in gaps):
            verdict.anew += 1
            last = None
        epoch = now or epoch
        if last is not None:
            known = [(first, end) for first, end in gaps if first is not None and end is not None]
            told = {one for first, end in known for one in range(first, end + 1)}
            missing = set(range(last + 1, offset))
            verdict.told_missing += len(missing)
            if offset <= last:
                verdict.wrong.append(f"{offset} after {last}")
            if not missing <= told:
                verdict.wrong.append(f"between {last} and {offset} nothing was told of {sorted(missing - told)[:5]}")
        last = offset
    return verdict


def followers(url: str, folder: Path) -> Iterator[Follower]:
    """Start the clients that can be run here."""
    (folder / "python.py").write_text(PYTHON)
    (folder / "node.mjs").write_text(NODE)
    (folder / "curl.sh").write_text(CURL)
    with urllib.request.urlopen(f"{url}/client.js", timeout=60) as answer:
        (folder / "vitalcast.mjs").write_bytes(answer.read())
    if (npm := shutil.which("npm")) is not None:
        subprocess.run([npm, "install", "--silent", "ws"], cwd=folder, check=True)
    wanted = {
        "python": ([sys.executable, "python.py"], of_json),
        "node": ([shutil.which("node"), "node.mjs"], of_json),
        "curl": ([shutil.which("curl") and shutil.which("bash"), "curl.sh"], of_events),
    }
    for name, (command, read) in wanted.items():
        if command[0] is None:
            print(f"{name} is not installed here and is left out")
            continue
        output = folder / f"{name}.out"
        with output.open("wb") as out, (folder / f"{name}.err").open("wb") as err:
            process = subprocess.Popen([*map(str, command), url], cwd=folder, stdout=out, stderr=err)
        yield Follower(name, process, output, read)


def breaks(server: Server, relay: Relay, random: Random) -> dict[str, Callable[[], Any]]:
    """Return what may happen, by what it is called."""

    def killed() -> None:
        server.kill()
        server.start()

    def told_to_end() -> None:
        server.stop()
        server.start()

    def away() -> None:
        relay.open = False
        relay.cut()
        time.sleep(random.uniform(0.2, 3))
        relay.open = True

    return {"killed": killed, "restarted": told_to_end, "cut": relay.cut, "no network": away}


def run(kills: int, folder: Path, *, seed: int = 1) -> dict[str, Verdict]:
    """Break the line so often; return what became of the ticks of each client."""
    random = Random(seed)
    server = Server(Variant.FAST, ENV)
    running: list[Follower] = []
    try:
        with Relay(server.start().port) as relay:
            try:
                running += followers(relay.url, folder)
                for one in running:
                    while not one.said() and one.process.poll() is None:
                        time.sleep(0.1)
                happen = breaks(server, relay, random)
                for number in range(kills):
                    time.sleep(random.uniform(0.3, 2.5))
                    what = random.choice(list(happen))
                    happen[what]()
                    came = {one.name: len(one.said()) for one in running}
                    print(f"{number:4} {what:10} {came}", flush=True)
                time.sleep(SETTLE_S)
            finally:
                for one in running:
                    one.process.kill()
                    one.process.wait()
    finally:
        server.close()
    return {one.name: judged(one.said()) for one in running}


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as folder:
        verdicts = run(kills, Path(folder))
    for name, one in verdicts.items():
        print(f"{name}: {one.came} ticks, {one.told_missing} told as missing, {one.anew} times counted anew")
        for wrong in one.wrong[:20]:
            print(f"    {wrong}")
    return 1 if any(one.wrong or not one.came for one in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
