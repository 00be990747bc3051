"""The JavaScript client as npm would publish it, in a project of a user's, against a real server."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from tests.e2e.server import Server
from tests.examples import ADDRESS, examples
from tests.javascript.project import Project, lines_of, program
from tests.reference.tables import page

from vitalcast import __version__
from vitalcast.web.pages.npm_package import semantic
from vitalcast.web.pages.static_files import frontend_dir

HERE = Path(__file__).parent
README = frontend_dir() / "client" / "README.md"
MANUAL = page("clients.md")
TICK_S = 0.1
ENV = {
    "VITALCAST_SAMPLER__INTERVAL_S": str(TICK_S),
    "VITALCAST_HISTORY__PATH": "history.db",
    "VITALCAST_HISTORY__FLUSH_S": "0.2",
    "VITALCAST_MEMORY__WINDOW_S": "1",  # so that the history has to help
}
TOLD = 12


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with closing(Server(env=ENV)) as server:
        yield server.start()


def test_the_archive_holds_what_a_package_needs_and_no_more(project: Project) -> None:
    assert [one["path"] for one in project.packed["files"]] == [
        "LICENSE",
        "README.md",
        "client.d.ts",
        "client.js",
        "package.json",
    ]
    assert (project.packed["name"], project.packed["version"]) == ("vitalcast", semantic(__version__))
    installed = json.loads((project.folder / "node_modules" / "vitalcast" / "package.json").read_text())
    assert "dependencies" not in installed
    assert [semantic(one) for one in ("1.2.3", "1.2.3.dev4", "1.2.3rc1")] == ["1.2.3", "1.2.3-dev.4", "1.2.3-rc.1"]


def test_its_types_fit_what_programs_do_and_nothing_else(project: Project) -> None:
    blocks = [*examples(README.read_text(encoding="utf-8"), "js"), *examples(MANUAL, "js")]
    files = [f"example-{number}.mts" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        project.write(file, block.replace("./vitalcast.mjs", "vitalcast"))
    project.write("globals.d.ts", GLOBALS)
    project.write("wrong.mts", (HERE / "wrong.ts").read_text(encoding="utf-8"))
    assert project.types_of(*files, "wrong.mts", "globals.d.ts") == ""


# What has types in packages of their own.
GLOBALS = """declare const process: { env: Record<string, string | undefined> };
declare module "ws" { const WebSocket: unknown; export default WebSocket; }
declare module "node:fs" {
  export function readFileSync(path: string, encoding: string): string;
  export function writeFileSync(path: string, text: string): void;
}
"""


def test_what_its_types_promise_is_there(project: Project) -> None:
    types = (frontend_dir() / "entry" / "client.d.ts").read_text(encoding="utf-8")
    classes = dict(re.findall(r"^export class (\w+) extends \w+ \{\n(.*?)^\}", types, re.DOTALL | re.MULTILINE))
    members = {
        name: sorted(set(re.findall(r"^  (?:readonly |private )?(\w+)[(:?]", body, re.MULTILINE)))
        for name, body in classes.items()
    }
    names = project.write("names.js", NAMES)
    found = json.loads(project.run(program("node"), names, json.dumps(members)))
    assert found["exports"] == sorted(classes)
    assert found["missing"] == []
    assert "there is no WebSocket here" in found["without"]
    assert "npm install ws" in found["without"]


NAMES = """import * as all from "vitalcast";
const client = new all.Client("http://127.0.0.1:1/", { WebSocket: class {} });
const made = { Client: client, RefusedError: new all.RefusedError({ code: 1 }), ClosedError: new all.ClosedError("") };
const missing = Object.entries(JSON.parse(process.argv[2])).flatMap(([name, members]) =>
  members.filter((member) => member !== "constructor" && !(member in made[name])).map((member) => `${name}.${member}`));
delete globalThis.WebSocket;
let without; try { new all.Client(); } catch ({ message }) { without = message; }
console.log(JSON.stringify({ exports: Object.keys(all).sort(), missing, without }));
"""


def test_the_manuals_programs_run(project: Project, server: Server) -> None:
    """All at the same time, as they stand there; where Node.js has no WebSocket, with that of `ws`."""
    blocks = [one.replace(ADDRESS, f"127.0.0.1:{server.port}") for one in examples(MANUAL, "js")]
    module = project.folder / "node_modules" / "vitalcast" / "client.js"
    project.write("vitalcast.mjs", module.read_text(encoding="utf-8"))
    own = "" if has_websocket() else 'import Socket from "ws"; globalThis.WebSocket = Socket;\n'
    programs = [
        project.start(project.write(f"manual-{number}.mjs", block if '"ws"' in block else own + block))
        for number, block in enumerate(blocks)
    ]
    try:
        said = [[one.stdout.readline() for _ in range(2)] for one in programs if one.stdout is not None]
    finally:
        for one in programs:
            one.kill()
        complaints = [one.communicate()[1] for one in programs]
    assert complaints == [""] * len(programs)
    ticks, latest, resumed, past = said
    assert "system.cpu.utilization" in "".join(ticks)
    assert float(latest[0]) >= 0
    assert re.match(r"\d{13} ", resumed[0])
    assert re.match(r"\d+ \[", past[0])


def has_websocket() -> bool:
    return run([program("node"), "-p", "typeof WebSocket"], text=True, capture_output=True).stdout.strip() == "function"


def test_a_loop_goes_on_over_cut_lines_and_a_killed_server_with_nothing_missing_or_doubled(
    project: Project, server: Server
) -> None:
    process = project.start(project.write("resume.js", (HERE / "resume.js").read_text()), server.url, "4")
    try:
        lines = lines_of(process)
        before = [next(lines) for _ in range(TOLD)]
        server.kill()
        server.start()
        after = [next(lines) for _ in range(TOLD)]
    finally:
        process.kill()
        process.communicate()
    check_whole(before + after)


def check_whole(told: list[dict[str, Any]]) -> None:
    """Each tick once, in order, and what is not among them is a gap."""
    known = [
        (at, tick["position"]["epoch"], tick["offset"]) for at, tick in enumerate(told) if tick["offset"] is not None
    ]
    for (at, epoch, offset), (next_at, next_epoch, next_offset) in itertools.pairwise(known):
        between = told[at + 1 : next_at + 1]
        gaps = [tick["gap"] for tick in between if tick["gap"]]
        if epoch == next_epoch:
            missing = sum(gap["to"] - gap["from"] + 1 for gap in gaps)
            assert next_offset - offset == len(between) + missing, between
        else:
            assert [gap["why"] for gap in gaps] == ["restart"]
    times = [tick["time"] for tick in told]
    assert times == sorted(set(times))
