"""The README: its tables are generated and its examples are run.

`python -m tests.test_readme` writes the generated parts anew.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import plotly.io
import pytest
from pydantic.fields import FieldInfo
from tests.bench.__main__ import HEADS
from tests.web.edge.test_policy import markdown as access_part

from vitalcast.collectors.process_table import COLUMNS, COMMAND, ProcessTable
from vitalcast.collectors.registry import CATALOGUE, default_collectors, descriptors_with_rates
from vitalcast.collectors.runtime import RuntimeStats
from vitalcast.config.load import FLAGS, OTHER_VARIABLES, environment_name, load_settings
from vitalcast.config.schema import FIELDS, SECTIONS, Settings
from vitalcast.config.toml import form_of, show
from vitalcast.core.metrics.rates import has_rate
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import PLAYLIST_FIELDS
from vitalcast.core.panels.schema import PANEL_FIELDS
from vitalcast.core.vocabulary import CloseCode, ErrorCode, GapReason
from vitalcast.core.wire.messages import COMMAND_TYPES
from vitalcast.web.app import create_app

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TIMEOUT_S = 60  # only so that a failure ends

RUN = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/vitalcast"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"


# --- the generated parts -------------------------------------------------------------------------------------


def table(*rows: tuple[str, ...]) -> str:
    """Return a Markdown table; the first row is its head."""
    head, *body = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *body))


def settings_part() -> str:
    rows = [
        (f"`{key}`", f"`{show(info.default)}`", f"{info.description}. Give {form_of(info)}.")
        for key, info in FIELDS.items()
    ]
    return table(("key", "default", "what for"), *rows)


def metrics_part() -> str:
    parts = []
    for collector, descriptors in CATALOGUE.items():
        rows = [
            (
                f"`{one.name}`",
                "✓" if has_rate(one) else "",
                f"`{one.unit}`",
                one.kind.value,
                ", ".join(f"`{name}`" for name in one.attributes),
                one.description,
            )
            for one in descriptors
        ]
        head = ("metric", "`.rate`", "unit", "kind", "attributes", "what it is")
        parts.append(f"**`{collector}`**\n\n{table(head, *rows)}")
    return "\n\n".join(parts)


def tables_part() -> str:
    rows = [(f"`{one.name}`", f"`{one.unit}`" if one.unit else "", one.description) for one in COLUMNS]
    rows.append(
        (f"`{COMMAND.name}`", "", f"{COMMAND.description} Only where `collectors.process_command_line` is set.")
    )
    return f"**`{ProcessTable.name}`**\n\n{table(('column', 'unit', 'what it is'), *rows)}"


def keys_part(fields: Mapping[str, FieldInfo]) -> str:
    rows = []
    for key, info in fields.items():
        known = not info.is_required() and info.default is not None and key != "headline"
        default = f"`{show(info.default)}`" if known else ""
        rows.append((f"`{key}`", default, f"{info.description}. Give {form_of(info)}."))
    return table(("key", "default", "what for"), *rows)


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings_part,
    "panels": lambda: keys_part(PANEL_FIELDS),
    "playlists": lambda: keys_part(PLAYLIST_FIELDS),
    "metrics": metrics_part,
    "tables": tables_part,
    "access": access_part,
}


def marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- {name}:begin -->\n).*?(?=<!-- {name}:end -->)", re.DOTALL)


def rewrite(text: str) -> str:
    """Return the README with its generated parts made anew."""
    for name, part in PARTS.items():
        content = f"\n{part()}\n\n"
        text, count = marked(name).subn(lambda _, content=content: content, text)
        assert count == 1, f"the markers of {name} stand {count} times in the README"
    return text


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_is_what_the_code_says(text: str, name: str) -> None:
    found = marked(name).search(text)
    assert found is not None
    assert found[0].strip() == PARTS[name](), "run `python -m tests.test_readme`"


# --- what is listed by hand ------------------------------------------------------------------------------------


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows_of(part: str) -> list[list[str]]:
    """Return the cells of all table rows in a part, without heads."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines() if line.startswith("|")
    ]
    return [row for row in rows if not set(row[0]) <= set("-|")]


def test_the_two_commands_stand_there_once_each(text: str) -> None:
    assert text.count(RUN) == 1
    assert text.count(TEST) == 1


def test_ci_runs_the_readmes_test_command(text: str) -> None:
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


def test_every_flag_and_other_variable_is_named(text: str) -> None:
    configure = section(text, "Configure")
    for key, flag in FLAGS.items():
        assert f"`{flag}`" in configure
        assert f"`{key}`" in configure
    for variable in OTHER_VARIABLES:
        assert f"`{variable}`" in configure


def test_every_variable_in_the_text_exists(text: str) -> None:
    known = {environment_name(key) for key in FIELDS} | set(OTHER_VARIABLES)
    assert set(re.findall(r"VITALCAST_[A-Z_]+", text)) <= known


def test_every_setting_in_the_text_exists(text: str) -> None:
    sections = "|".join(SECTIONS)
    named = set(re.findall(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]+)?`", text))
    assert named == set(FIELDS)


def test_every_route_is_listed_and_no_other(text: str) -> None:
    listed = {re.findall("`([^`]+)`", row[0])[0] for row in rows_of(section(text, "HTTP")) if row[0].startswith("`")}
    assert listed == {getattr(route, "path", "") for route in create_app(Settings()).routes}


def test_every_command_error_close_code_and_gap_is_listed(text: str) -> None:
    wire = section(text, "The wire")
    heads = [row[:2] for row in rows_of(wire)]
    assert {row[0] for row in heads} >= {f"`{name}`" for name in COMMAND_TYPES}
    numbered = {(int(row[0]), row[1].strip("`")) for row in heads if row[0].isdigit()}
    assert numbered == {(code.value, code.name) for code in (*ErrorCode, *CloseCode)}
    assert all(f"`{reason.value}` (" in wire for reason in GapReason)


def test_the_performance_tables_are_the_commands(text: str) -> None:
    performance = section(text, "Performance")
    heads = f"| {' | '.join(HEADS)} |"
    assert performance.count(heads) == performance.count("\nMeasured on 20") == 1
    budgets = [row for row in rows_of(performance) if row[-1] in ("yes", "NO")]
    assert {row[-2] for row in budgets} >= {"≤ 1.25 ×", "≤ 16 KiB", "≤ 0.5 % of a core", "≤ 0.8 bytes a sample"}


# --- the examples ----------------------------------------------------------------------------------------------


def examples(text: str, language: str, title: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section(text, title), re.DOTALL | re.MULTILINE)


def home(folder: Path) -> dict[str, str]:
    """Return the environment of a user who has nothing of Vitalcast's yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALCAST_")}
    return kept | {"XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that runs as the README starts it."""
    folder = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalcast", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=home(folder),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found is not None, line
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0


@pytest.mark.parametrize("at", [0, 1])
def test_the_python_examples_print_readings(text: str, port: int, at: int, tmp_path: Path) -> None:
    example = examples(text, "python", "Subscribe")[at]
    assert "ws://127.0.0.1:8000/ws" in example
    script = tmp_path / "example.py"
    script.write_text(example.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-W", "error", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
    assert all(re.search(r"(cpu\.mode=\\?\"user\\?\"}|user)': [\d.]+", line) for line in lines), lines


def test_there_are_no_more_python_examples_than_are_run(text: str) -> None:
    assert len(re.findall("^```python$", text, re.MULTILINE)) == 2


def test_the_panel_example_adds_one_to_the_built_in_panels(text: str, tmp_path: Path) -> None:
    (example,) = examples(text, "toml", "Configure")
    own = (ROOT / "config.toml").read_text(encoding="utf-8") + "\n" + example
    (tmp_path / "config.toml").write_text(own, encoding="utf-8")
    panels = load_settings(environ={}, cwd=tmp_path, user_config_dir=tmp_path).settings.panels
    assert panels[:-1] == BUILT_IN
    known = descriptors_with_rates(default_collectors(stats=RuntimeStats()))
    (metric,) = (one for one in known if one.name in panels[-1].metrics)
    assert set(panels[-1].by) | set(panels[-1].below) == set(metric.attributes)


@pytest.mark.parametrize("title", ["Watch", "Subscribe"])
def test_the_tail_examples_give_ticks(text: str, port: int, title: str, tmp_path: Path) -> None:
    example = examples(text, "sh", title)[0]
    program, *arguments = shlex.split(example.split("|")[0])
    assert program == "vitalcast"
    url = f"ws://127.0.0.1:{port}/ws"
    done = subprocess.run(
        [sys.executable, "-m", "vitalcast", *arguments, "--url", url, "--count", "1"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    tick = json.loads(done.stdout.splitlines()[-1])
    assert tick["metrics"]


def test_the_http_examples_give_readings(text: str, port: int) -> None:
    lines = examples(text, "sh", "Subscribe")[1].splitlines()
    assert len(lines) == 2
    for line in lines:
        program, url = shlex.split(line)
        assert program == "curl"
        with urllib.request.urlopen(url.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), timeout=TIMEOUT_S) as answer:
            assert "system.load.average" in answer.read().decode().replace("_", ".")


def test_the_figure_example_gives_a_figure_that_plotly_reads(text: str, port: int) -> None:
    program, url = shlex.split(examples(text, "sh", "Subscribe")[2])
    assert program == "curl"
    with urllib.request.urlopen(url.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), timeout=TIMEOUT_S) as answer:
        figure = plotly.io.from_json(answer.read().decode())
    assert "user" in [trace.name for trace in figure.data]


def test_the_pictures_of_the_example_are_there(text: str, port: int) -> None:
    (example,) = examples(text, "markdown", "Embed")
    addresses = re.findall(r"!\[[^]]+\]\(([^)]+)\)", example)
    assert len(addresses) == 3
    for address in addresses:
        url = address.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            assert answer.headers["content-type"].startswith("image/svg+xml")
            assert answer.read().startswith(b"<svg")


@pytest.mark.parametrize("title", ["Embed", "Security"])
def test_the_commands_of_tokens_and_screens_are_understood(text: str, title: str, tmp_path: Path) -> None:
    known = r"no token here|no code of a screen|no screen (?:shows|is called)"
    lines = [line for example in examples(text, "sh", title) for line in example.splitlines()]
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "vitalcast"
        done = subprocess.run(
            [sys.executable, "-m", "vitalcast", *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            cwd=tmp_path,
            env=home(tmp_path),
            check=False,
        )
        # Of the names that an example makes up, the server says that there are none.
        assert done.returncode == 0 or re.search(known, done.stderr), (line, done.stderr)


if __name__ == "__main__":
    README.write_text(rewrite(README.read_text(encoding="utf-8")), encoding="utf-8")
