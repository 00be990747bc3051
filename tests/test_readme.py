"""The README's commands are what CI runs, and its examples are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser import picture
from tests.examples import ADDRESS, TIMEOUT_S, examples, printed, section, served, vitalcast, written
from tests.npm import NODE
from tests.programs import make_programs
from tests.reference.tables import page

ROOT = Path(__file__).resolve().parents[1]

RUN = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/vitalcast"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_programs(tmp_path_factory.mktemp("programs")).environment


# --- the commands ----------------------------------------------------------------------------------------------


def test_the_two_commands_stand_there_once_each(text: str) -> None:
    assert text.count(RUN) == 1
    assert text.count(TEST) == 1


def test_ci_runs_the_readmes_test_command() -> None:
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    assert lines.count(TEST) == 1


def test_ci_ends_at_the_first_failure(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    script = tmp_path / ".ci" / "run"
    script.write_bytes((ROOT / ".ci" / "run").read_bytes())
    failing = tmp_path / "python3"
    failing.write_text("#!/bin/sh\necho python3 $*\nexit 7\n", encoding="utf-8")
    failing.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", script], capture_output=True, text=True, env=environ, check=False, cwd="/")
    assert (done.returncode, done.stdout, done.stderr) == (7, "python3 -m venv .venv\n", "")


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# --- the picture -----------------------------------------------------------------------------------------------


def test_the_picture_is_as_the_program_takes_it(text: str) -> None:
    (named,) = re.findall(r"!\[[^]]+\]\((\.github/[^)]+)\)", text)
    head = (ROOT / named).read_bytes()[:24]
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (picture.SIZE["width"] * picture.SCALE, picture.SIZE["height"] * picture.SCALE)


# --- the figures -----------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_performance_page(text: str) -> None:
    why_not, performance = section(text, "Why not …"), page("performance.md")
    figures = re.findall(r"([\d.]+) %", why_not)
    assert len(figures) == 4
    assert [
        figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", performance)
    ] == []
    (date,) = re.findall(r"Figures: (\d{4}-\d\d-\d\d)", why_not)
    assert f"Measured on {date}" in performance


# --- the examples ----------------------------------------------------------------------------------------------


def test_the_client_in_python_prints_values(text: str, address: str, tmp_path: Path) -> None:
    (example,) = examples(text, "python")
    lines = printed(example, address, tmp_path, lines=2)
    assert all(re.search(r'cpu\.mode="user"}\': [\d.]+', line) for line in lines), lines


def test_the_client_in_javascript_prints_values(
    text: str, address: str, environ: dict[str, str], tmp_path: Path
) -> None:
    (example,) = examples(section(text, "Subscribe"), "js")
    (command,) = re.findall(r"// (curl .+)$", example, re.MULTILINE)
    subprocess.run(shlex.split(command.replace(ADDRESS, address)), cwd=tmp_path, env=environ, check=True)
    (tmp_path / "example.mjs").write_text(example.replace(ADDRESS, address), encoding="utf-8")
    told = written([str(NODE), "example.mjs"], tmp_path, lines=8)
    assert re.search(r'cpu\.mode="user"}\': [\d.]+', "".join(told)), told


def test_the_shell_gets_events(text: str, address: str, environ: dict[str, str], tmp_path: Path) -> None:
    stream, _ = examples(section(text, "Subscribe"), "sh")[0].splitlines()
    told = written(shlex.split(stream.replace(ADDRESS, address)), tmp_path, lines=8, env=environ)
    data = next(line for line in told if line.startswith("data:"))
    assert json.loads(data.removeprefix("data:"))["metrics"]


def test_the_tail_example_gives_ticks(text: str, address: str, tmp_path: Path) -> None:
    (line,) = re.findall(r"^(vitalcast tail [^|\n]+)", examples(section(text, "Subscribe"), "sh")[0], re.MULTILINE)
    done = vitalcast(line, "--url", f"ws://{address}/ws", "--count", "1", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    tick = json.loads(done.stdout.splitlines()[-1])
    assert tick["metrics"]


def test_the_examples_of_the_past_are_answered(text: str, address: str, tmp_path: Path) -> None:
    lines = examples(section(text, "Look back"), "sh")[0].splitlines()
    assert [line.split()[1] for line in lines] == ["history", "who", "events", "mark", "mark"]
    for line in lines:
        before, _, command = line.partition(" -- ")
        done = vitalcast(f"{before} --url http://{address}" + (f" -- {command}" if command else ""), folder=tmp_path)
        if done.returncode == 1:  # this server was not there at 02:00
            assert re.search(r"(nothing is kept|no processes were recorded|there are no values)", done.stderr), line
        else:
            assert done.returncode == 0, done.stderr


def test_the_badge_of_the_example_is_there(text: str, address: str) -> None:
    (example,) = examples(section(text, "Embed"), "markdown")
    (url,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", example)
    with urllib.request.urlopen(url.replace(ADDRESS, address), timeout=TIMEOUT_S) as answer:
        assert answer.headers["content-type"].startswith("image/svg+xml")


def test_the_token_of_the_example_can_be_made(text: str, tmp_path: Path) -> None:
    (line,) = examples(section(text, "Security"), "sh")
    assert vitalcast(line.strip(), folder=tmp_path).returncode == 0
