"""`vitalcast history` as it is run, against a real server: its forms, its ranges, and its silence explained."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.command import TIMEOUT_S, Terminal, run, start
from tests.e2e.server import Server

TICKS = 15  # some of which are past, whatever the machine is doing


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that has sampled for a while; read only."""
    one = Server(env={"VITALCAST_SAMPLER__INTERVAL_S": "0.2"})
    try:
        one.start()
        deadline_s = time.monotonic() + TIMEOUT_S
        while ticks(one) < TICKS:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        yield one
    finally:
        one.close()


def ticks(server: Server) -> int:
    query = "metrics=system.load.average&start=-1m&step=0.2"
    with urllib.request.urlopen(f"{server.url}/api/v1/history?{query}", timeout=TIMEOUT_S) as answer:
        return len(json.load(answer)["times"])


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(server: Server, tmp_path: Path) -> Command:
    def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        folder = str(server.data_folder)
        return run("history", *arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=folder, **variables)

    return command


def test_a_pipe_gets_a_line_for_each_series(command: Command, server: Server) -> None:
    done = command("system.cpu.utilization", "system.load.*", "--since", "-1m")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {row[0].partition("{")[0] for row in rows} == {"system.cpu.utilization", "system.load.average"}
    for key, _, *numbers in rows:
        low, mean, high, last = map(float, numbers)
        assert low <= mean * (1 + 1e-9), key
        assert mean <= high * (1 + 1e-9), key
        assert low <= last <= high, key
    afar = command("system.cpu.utilization", "--since", "-1m", "--url", server.url)
    assert len(afar.stdout.splitlines()) == len([row for row in rows if "utilization" in row[0]])


def test_json_and_csv_are_what_the_server_answers(command: Command) -> None:
    asked = ("system.load.average", "--since", "-1m", "--step", "1s", "--aggregate", "min", "--aggregate", "max")
    answer = json.loads(command(*asked, "--json").stdout)
    assert (answer["step"], answer["aggregate"]) == (1.0, ["min", "max"])
    assert len(answer["values"]) == 2 * len(answer["series"])
    table = list(csv.reader(io.StringIO(command(*asked, "--csv").stdout)))
    assert table[0][:2] == ["time", "time_ms"]
    assert table[0][2].endswith(" min")
    assert [int(row[1]) for row in table[1 : len(answer["times"])]] == answer["times"][:-1]


def test_series_can_be_chosen_reduced_and_shifted(command: Command) -> None:
    user = command("system.cpu.utilization", "--where", "cpu.mode=user", "--since", "-1m")
    assert [line.split("\t")[0] for line in user.stdout.splitlines()] == ['system.cpu.utilization{cpu.mode="user"}']
    whole = command("system.cpu.utilization", "--reduce", "sum", "--since", "-1m", "--step", "1s")
    (line,) = whole.stdout.splitlines()
    assert line.split("\t")[0] == "system.cpu.utilization"
    assert float(line.split("\t")[3]) == pytest.approx(1.0, abs=0.2)
    assert len(command("system.cpu.*", "--top", "2", "--since", "-1m").stdout.splitlines()) == 2
    assert command("--panel", "cpu", "--since", "-1m").stdout.count("\n") >= 1
    shifted = command("system.load.average", "--since", "-5s", "--shift", "1d")
    assert shifted.returncode == 1


def test_rates_and_ratios_have_their_units(command: Command) -> None:
    rates = command(
        "system.cpu.time", "--aggregate", "rate", "--group-by", "cpu.mode", "--since", "-1m", "--step", "1s"
    )
    assert (rates.returncode, rates.stderr) == (0, "")
    assert {line.split("\t")[1] for line in rates.stdout.splitlines()} == {"s/s"}
    ratios = command("system.memory.usage", "--ratio-to", "system.memory.limit", "--since", "-1m", "--step", "1s")
    rows = [line.split("\t") for line in ratios.stdout.splitlines()]
    assert {row[1] for row in rows} == {"1"}
    assert all(0 <= float(row[-1]) <= 1 for row in rows)


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (140, 50)])
@pytest.mark.parametrize("option", [[], ["--plot"]])
def test_a_terminal_gets_what_fits(server: Server, tmp_path: Path, size: tuple[int, int], option: list[str]) -> None:
    terminal = Terminal(
        *("history", "system.load.average", "system.memory.usage", "--since", "-1m", *option),
        cwd=tmp_path,
        size=size,
        COLUMNS=str(size[0]),
        LINES=str(size[1]),
        VITALCAST_ACCESS__DATA_DIR=str(server.data_folder),
    )
    try:
        text = terminal.read_all()
        assert terminal.process.wait(TIMEOUT_S) == 0
    finally:
        terminal.close()
    assert "every " in text
    assert ("┤" in text) == bool(option)
    assert ("last" in text) != bool(option), text  # what a narrow table keeps too


def test_where_there_is_nothing_it_says_why(command: Command) -> None:
    for arguments, why in (
        (
            ["app.requests"],
            "no series match app.requests; `vitalcast history '>' --since -1m` shows all that there are",
        ),
        (["system.load.average", "--since", "-2d", "--until", "-1d"], "nothing is kept from before "),
        (["system.load.average", "--host", "other"], "other"),
        (["system.lod.average"], "did you mean system.load.average?"),
    ):
        done = command(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr
        assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_ends_it_in_silence(server: Server, tmp_path: Path) -> None:
    folder = str(server.data_folder)
    arguments = ("history", ">", "--since", "-1m", "--csv")
    process = start(*arguments, cwd=tmp_path, VITALCAST_ACCESS__DATA_DIR=folder)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(TIMEOUT_S) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_without_a_server_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = run("history", "system.load.average", "--url", "http://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot connect (Connection refused); start the server with `vitalcast`" in done.stderr


def test_help_is_quick_and_shows_examples(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "vitalcast", "history", "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert "vitalcast history 'system.cpu.>' --since 02:00 --until 02:30 --step 10s" in done.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert not imported & {"fastapi", "uvicorn", "numpy", "rich", "websockets", "psutil", "asyncio"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give patterns of metrics, or --panel"),
        (["x", "--panel", "cpu"], "give patterns of metrics, or --panel"),
        (["x", "--json", "--csv"], "--json and --csv exclude each other"),
        (["x", "--since", "soon"], "Invalid value for --since: 'soon' is no time"),
        (["x", "--until", "soon"], "Invalid value for --until: 'soon' is no time"),
        (["x", "--since", "-1h", "--until", "-2h"], "Invalid value for --until: '-2h' is not after '-1h'"),
        (["x", "--step", "often"], "Invalid value for --step: 'often' is not a duration"),
        (["x", "--step", "0s"], "'0s' is no time at all"),
        (["x", "--top", "0"], "Invalid value for '--top'"),
        (["x", "--url", "nowhere"], "nowhere is not a server's address"),
        (["x", "--url", "http://a", "--token", "ü"], "a token contains only letters"),
    ],
)
def test_misuse_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run("history", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
