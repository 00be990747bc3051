"""The reference manual: its tables are generated, its lists are complete and its examples are run."""

from __future__ import annotations

import csv
import io
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import plotly.io
import pytest
from tests.bench.__main__ import HEADS
from tests.examples import ADDRESS, TIMEOUT_S, examples, printed, served, url_of, vitalcast
from tests.reference.tables import MANUAL, PARTS, ROOT, marked, page

from vitalcast.cli.main import app as cli
from vitalcast.collectors.registry import default_collectors, descriptors_with_rates
from vitalcast.collectors.runtime_stats import RuntimeStats
from vitalcast.config.environment import OTHER_VARIABLES, environment_name
from vitalcast.config.load import FLAGS, load_settings
from vitalcast.config.schema import FIELDS, SECTIONS, Settings
from vitalcast.core.events.event import EventKind
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.vocabulary import CloseCode, ErrorCode, GapReason
from vitalcast.core.wire.commands import COMMAND_TYPES
from vitalcast.web.app import create_app

README = ROOT / "README.md"
PAGES = sorted(MANUAL.glob("*.md"))
NOTHING = "nothing is kept|no processes were recorded|no series match process"


@pytest.fixture(scope="module")
def everything() -> str:
    """The README and the whole manual."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (README, *PAGES))


@pytest.mark.parametrize(("file", "name"), PARTS)
def test_a_generated_part_is_what_the_code_says(file: str, name: str) -> None:
    found = marked(name).search(page(file))
    assert found is not None
    assert found[0].strip() == PARTS[file, name](), "run `python -m tests.reference`"


def test_what_is_to_be_copied_has_the_port_at_which_a_server_is(everything: str) -> None:
    ports = re.findall(r"//(?:127\.0\.0\.1|localhost):([0-9]+)", everything)
    assert set(ports) == {str(Settings().server.port)}


# --- links -----------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """Return the anchors that a forge makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [README, *PAGES], ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        assert other.is_file(), target
        assert not anchor or anchor in anchors(other.read_text(encoding="utf-8")), target


def test_the_readme_leads_to_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert {path.name for path in PAGES if path.name != "README.md"} <= set(
        re.findall(r"\(backend/vitalcast/reference/([a-z]+\.md)", text)
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_one_title_and_it_stands_first(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(re.findall("^# ", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_column_of_a_table_has_a_head(path: Path) -> None:
    heads = re.findall(r"^(\|.*)\n\| ?-", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [head for head in heads if re.search(r"\|\s*\|", head)] == []


# --- what is listed by hand ------------------------------------------------------------------------------------


def rows_of(part: str) -> list[list[str]]:
    """Return the cells of all table rows in a part, without heads."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines() if line.startswith("|")
    ]
    return [row for row in rows if not set(row[0]) <= set("-|")]


def test_every_flag_and_other_variable_is_named() -> None:
    settings = page("settings.md")
    for key, flag in FLAGS.items():
        assert f"`{flag}`" in settings
        assert f"`{key}`" in settings
    for variable in OTHER_VARIABLES:
        assert f"`{variable}`" in settings


def test_every_variable_in_the_text_exists(everything: str) -> None:
    known = {environment_name(key) for key in FIELDS} | set(OTHER_VARIABLES)
    assert set(re.findall(r"VITALCAST_[A-Z_]+", everything)) <= known


ATTRIBUTES = {"host.arch"}  # of what OpenTelemetry calls a resource: no setting, though one section is called so too


def test_every_setting_in_the_text_exists(everything: str) -> None:
    sections = "|".join(SECTIONS)
    named = set(re.findall(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]+)?`", everything))
    assert named - ATTRIBUTES == set(FIELDS)


def test_every_route_is_listed_and_no_other() -> None:
    listed = [re.findall("`([^`]+)`", row[0])[0] for row in rows_of(page("http.md")) if row[0].startswith("`")]
    assert {one.split()[-1] for one in listed} == {
        getattr(route, "path", "") for route in create_app(Settings()).routes
    }


def test_every_command_error_close_code_and_gap_is_listed() -> None:
    wire = page("wire.md")
    heads = [row[:2] for row in rows_of(wire)]
    assert {row[0] for row in heads} >= {f"`{name}`" for name in COMMAND_TYPES}
    numbered = {(int(row[0]), row[1].strip("`")) for row in heads if row[0].isdigit()}
    assert numbered == {(code.value, code.name) for code in (*ErrorCode, *CloseCode)}
    assert all(f"`{reason.value}` (" in wire for reason in GapReason)


def test_every_kind_of_event_is_listed_in_its_order() -> None:
    table = page("events.md").partition("## Kinds")[2].partition("\n\n**")[0]
    assert [row[0].strip("`") for row in rows_of(table)][1:] == [kind.value for kind in EventKind]


def test_the_performance_tables_are_the_commands() -> None:
    performance = page("performance.md")
    heads = f"| {' | '.join(HEADS)} |"
    assert performance.count(heads) == performance.count("\nMeasured on 20") == 1
    budgets = [row for row in rows_of(performance) if row[-1] in ("yes", "NO")]
    assert {row[-2] for row in budgets} >= {"≤ 1.25 ×", "≤ 16 KiB", "≤ 0.5 % of a core", "≤ 0.8 bytes a sample"}


# --- the examples ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("server")) as address:
        yield address


def test_the_panel_example_adds_one_to_the_built_in_panels(tmp_path: Path) -> None:
    (example,) = examples(page("panels.md"), "toml")
    own = (ROOT / "config.toml").read_text(encoding="utf-8") + "\n" + example
    (tmp_path / "config.toml").write_text(own, encoding="utf-8")
    panels = load_settings(environ={}, cwd=tmp_path, user_config_dir=tmp_path).settings.panels
    assert panels[:-1] == BUILT_IN
    known = descriptors_with_rates(default_collectors(stats=RuntimeStats()))
    (metric,) = (metric for metric in known if metric.name in panels[-1].metrics)
    assert set(panels[-1].by) | set(panels[-1].below) == set(metric.attributes)


def test_the_pictures_of_the_example_are_there(address: str) -> None:
    (example,) = examples(page("embedding.md"), "markdown")
    urls = re.findall(r"!\[[^]]+\]\(([^)]+)\)", example)
    assert len(urls) == 4
    for url in urls:
        with urllib.request.urlopen(url.replace(ADDRESS, address), timeout=TIMEOUT_S) as answer:
            assert answer.headers["content-type"].startswith("image/svg+xml")
            assert answer.read().startswith(b"<svg")


def test_the_http_examples_give_values(address: str) -> None:
    first, second, live, third, fourth, _ = examples(
        page("http.md"), "sh"
    )  # the last is run by tests.e2e.test_hypercorn
    for line in first.splitlines():
        with urllib.request.urlopen(url_of(line, address), timeout=TIMEOUT_S) as answer:
            assert "system.load.average" in answer.read().decode().replace("_", ".")
    with urllib.request.urlopen(url_of(second, address), timeout=TIMEOUT_S) as answer:
        figure = plotly.io.from_json(answer.read().decode())
    assert "user" in [trace.name for trace in figure.data]
    for line in live.splitlines():
        with urllib.request.urlopen(url_of(line, address), timeout=TIMEOUT_S) as answer:
            retry, _, *told = [next(answer).decode() for _ in range(10)]
        assert retry.startswith("retry: ")
        assert [one.partition(":")[0] for one in told] == ["id", "event", "data", "\n"] * 2
        assert all(json.loads(one.removeprefix("data:"))["metrics"] for one in told[2::4])
    as_json, as_csv = third.splitlines()
    with urllib.request.urlopen(url_of(as_json, address), timeout=TIMEOUT_S) as answer:
        past = json.load(answer)
    assert (past["step"], past["aggregate"]) == (60, ["avg", "max"])
    assert "user" in [one["attributes"]["cpu.mode"] for one in past["series"]]
    with urllib.request.urlopen(url_of(as_csv, address), timeout=TIMEOUT_S) as answer:
        assert answer.headers.get_filename().endswith(".csv")
        head, *rows = csv.reader(io.TextIOWrapper(answer, "utf-8", newline=""), strict=True)
    assert head[:2] == ["time", "time_ms"]
    assert rows and {len(row) for row in rows} == {len(head)}
    for line in fourth.splitlines():
        with urllib.request.urlopen(url_of(line, address), timeout=TIMEOUT_S) as answer:
            assert answer.read().startswith(b"<svg")


def test_the_examples_of_the_wire_print_values(address: str, tmp_path: Path) -> None:
    plain, example = examples(page("wire.md"), "python")
    (line,) = printed(plain, address, tmp_path, lines=1)
    assert re.search(r'cpu\.mode="user"}\': [\d.]+', line), line
    lines = printed(example, address, tmp_path, lines=3)
    assert all(re.search(r"'user': [\d.]+", line) for line in lines), lines


def test_the_examples_of_the_python_client_print_values(address: str, tmp_path: Path) -> None:
    blocking, asynchronous, resumed, asking = examples(page("clients.md"), "python")
    lines = printed(blocking, address, tmp_path, lines=3)[2:]  # a server that has just begun knows no shares yet
    assert all(re.search(r"'system\.cpu\.utilization\{cpu\.mode=\"user\"\}': [\d.]+", line) for line in lines), lines
    assert re.fullmatch(r"[\d.]+ None\n", printed(asynchronous, address, tmp_path, lines=1)[0])
    positions = []
    for _ in range(2):
        assert re.match(r"20\d\d-", printed(resumed, address, tmp_path, lines=2)[-1])
        positions.append(json.loads((tmp_path / "position.json").read_text()))
    assert positions[0][0] == positions[1][0] and positions[0][1] < positions[1][1]
    text = "".join(printed(asking, address, tmp_path, lines=5))
    assert re.search(r"\n\[.*\]\n\[.*\]\nrefused: .*system\.nonsense.*\n.* Vitalcast \S+ started", text), text


def test_every_command_is_listed() -> None:
    names = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    names |= {group.name for group in cli.registered_groups if group.name}
    assert {name for name in names if f"`vitalcast {name}" not in page("commands.md")} == set()


def test_the_commands_about_the_past_are_answered(address: str, tmp_path: Path) -> None:
    lines = [line for example in examples(page("commands.md"), "sh") for line in example.splitlines()]
    assert {line.split()[1] for line in lines} == {"history", "who", "events", "mark"}
    for line in lines:
        before, _, command = line.replace(" --follow", "").partition(" -- ")
        done = vitalcast(f"{before} --url http://{address}" + (f" -- {command}" if command else ""), folder=tmp_path)
        # Of a time before it was started a server says so.
        assert done.returncode == 0 or re.search(NOTHING, done.stderr), (line, done.stderr)


@pytest.mark.parametrize("file", ["embedding.md", "walls.md", "security.md"])
def test_the_commands_of_tokens_and_screens_are_understood(file: str, tmp_path: Path) -> None:
    known = r"not the id of a token here|not a screen's code|no screen (?:shows|is called)"
    lines = [line for example in examples(page(file), "sh") for line in example.splitlines()]
    assert lines
    for line in lines:
        done = vitalcast(line, folder=tmp_path)
        # Of the names that an example makes up, the server says that there are none.
        assert done.returncode == 0 or re.search(known, done.stderr), (line, done.stderr)
