"""The recipes of programs, run as they stand: the shell, a notebook's cells, a badge pushed by cron."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.examples import ADDRESS, TIMEOUT_S, examples, section
from tests.programs import Programs
from tests.reference.tables import page
from typer.testing import CliRunner

from vitalcast.cli.main import app as cli

RECIPES = page("recipes.md")


def at(text: str, address: str) -> str:
    """Return an example for the server at this address."""
    assert ADDRESS in text
    return text.replace(ADDRESS, address)


def test_the_shell_gets_a_stream_and_a_number(
    address: str, programs: Programs, record_property: Callable[[str, object], None]
) -> None:
    stream, number = at(examples(section(RECIPES, "The shell"), "sh")[0], address).splitlines()
    lines = []
    with subprocess.Popen(
        ["bash", "-c", f"exec {stream}"], stdout=subprocess.PIPE, text=True, env=programs.environment
    ) as shell:
        assert shell.stdout is not None
        lines = [json.loads(shell.stdout.readline()) for _ in range(2)]
        shell.stdout.close()
        shell.terminate()
    assert all('system.load.average{system.load.window="1m"}' in line for line in lines)
    done = subprocess.run(["bash", "-c", number], capture_output=True, text=True, env=programs.environment, check=True)
    assert 0 < float(done.stdout) < 1
    for origin in programs.origins:
        record_property("ran", origin)


def test_the_cells_of_the_notebook_end_in_a_picture(address: str, programs: Programs, tmp_path: Path) -> None:
    (cells,) = examples(section(RECIPES, "A notebook with pandas"), "python")
    told = "print(figure.to_json())"
    script = tmp_path / "notebook.py"
    script.write_text(f"{at(cells, address)}\n{told}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, env=programs.environment, check=False
    )
    assert done.returncode == 0, done.stderr
    busiest, figure = done.stdout.splitlines()
    assert busiest.endswith("%")
    assert len(json.loads(figure)["data"]) >= 3  # a line for each mode
    assert [type(one) for one in ast.parse(f"#{cells.split('# %%')[2]}").body][-1] is ast.Expr  # which a notebook shows


def test_the_badge_is_the_only_commit_of_its_branch(address: str, programs: Programs, tmp_path: Path) -> None:
    script, repository = tmp_path / "push-badge", tmp_path / "project.git"
    script.write_text(at(examples(section(RECIPES, "A badge in a README"), "sh")[0], address), encoding="utf-8")
    script.chmod(0o755)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, env=programs.environment, check=True)
        return done.stdout

    git("init", "--quiet", "--bare", str(repository))
    for _ in range(2):
        subprocess.run([script, str(repository)], env=programs.environment, check=True, timeout=TIMEOUT_S)
    assert git("-C", str(repository), "rev-list", "--count", "badges").strip() == "1"
    assert git("-C", str(repository), "show", "badges:cpu.svg").startswith("<svg")
    # A server that is gone pushes nothing, and cron hears of it.
    script.write_text(script.read_text(encoding="utf-8").replace(address, "127.0.0.1:9"), encoding="utf-8")
    gone = subprocess.run(
        [script, str(repository)], env=programs.environment, check=False, capture_output=True, text=True
    )
    assert gone.returncode != 0
    assert "curl: (7) " in gone.stderr


def test_the_token_of_the_frames_is_for_the_panel_and_the_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITALCAST_ACCESS__DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    _, *arguments = shlex.split(examples(section(RECIPES, "A wiki and Grafana"), "sh")[0])
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    listed = CliRunner().invoke(cli, ["token", "list"]).output
    assert listed.strip().split("\t")[-1].startswith("panel cpu")
