"""The frontend's files: what is vendored is what it says, and each folder keeps to its job."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import brotli
import plotly
import pytest

FRONTEND = Path(__file__).parents[2] / "frontend"
VENDOR = FRONTEND / "vendor"
ENTRIES = json.loads((VENDOR / "vendor.json").read_text())
OWN = sorted(
    path for path in FRONTEND.rglob("*") if path.suffix in {".js", ".css", ".html"} and VENDOR not in path.parents
)

LINES_MAX = 340


def code(path: Path) -> str:
    """The file without its comments."""
    return re.sub(r"/\*.*?\*/|<!--.*?-->|(?m:^\s*//.*$)", "", path.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_a_vendored_file_is_the_published_one(entry: dict[str, Any]) -> None:
    content = (VENDOR / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert entry["version"] in entry["file"]
    assert "Permission is hereby granted" in (VENDOR / entry["license_file"]).read_text()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_what_was_compressed_ahead_is_the_same_file(entry: dict[str, Any]) -> None:
    content = (VENDOR / entry["file"]).read_bytes()
    decompress = {".br": brotli.decompress, ".gz": gzip.decompress}
    assert {Path(name).suffix for name in entry["compressed"]} == set(decompress)
    for name in entry["compressed"]:
        assert decompress[Path(name).suffix]((VENDOR / name).read_bytes()) == content


def test_everything_vendored_is_listed() -> None:
    listed = {entry[key] for entry in ENTRIES for key in ("file", "license_file")}
    listed |= {name for entry in ENTRIES for name in entry["compressed"]}
    assert {path.name for path in VENDOR.iterdir() if path.is_file()} == {*listed, "vendor.json"}


def test_the_page_draws_with_the_plotly_that_python_has() -> None:
    [entry] = [entry for entry in ENTRIES if entry["name"].startswith("plotly.js")]
    with (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").open(encoding="utf-8") as file:
        bundled = file.read(200)
    found = re.search(r"plotly\.js v(\S+)", bundled)
    assert found is not None
    assert found[1] == entry["version"]
    assert entry["file"] in (FRONTEND / "charts" / "plotly.js").read_text()
    assert f"/* include ../vendor/{entry['file']} */" in (FRONTEND / "charts" / "isolated_plotly.js").read_text()
    assert entry["file"] in (FRONTEND / "embed.html").read_text()
    assert entry["file"] in (FRONTEND / "index.html").read_text()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    assert not re.search(r"https?://|[\"'(]//", code(path))


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_module_begins_with_its_job(path: Path) -> None:
    assert path.read_text().startswith("/** ")


ROOMS = ("client", "http", "dom", "charts/model", "charts", "page", "elements", "entry")
# What a room may import from beside its own modules; an arrow that is not here points the wrong way.
ARROWS = {
    "client": set[str](),
    "http": {"client"},
    "dom": set[str](),
    "charts/model": {"client"},
    "charts": {"charts/model", "dom"},
    "page": {"charts", "charts/model", "client", "http", "dom"},
    "elements": {"page", "charts", "charts/model", "client", "http", "dom"},
    "entry": {"elements", "charts", "client"},
}
IMPORTED = re.compile(r'^(?:import|export)\b[^;"]*from\s+"(\.[^"]*)"|\bimport\("(\.[^"]*)"\)', re.MULTILINE)


def room_of(path: Path) -> str:
    return path.parent.relative_to(FRONTEND).as_posix()


def imports_of(path: Path) -> set[Path]:
    """Return the modules that this one imports; style sheets belong to no room."""
    found = {(path.parent / (one or other)).resolve() for one, other in IMPORTED.findall(code(path))}
    return {target for target in found if target.suffix == ".js"}


MODULES = [path for path in OWN if path.suffix == ".js"]


def test_every_module_is_in_a_room() -> None:
    assert {room_of(path) for path in MODULES} == set(ROOMS) == set(ARROWS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FRONTEND).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    allowed = ARROWS[room] | {room}
    assert {room_of(target) for target in imports_of(path)} <= allowed
    assert all(target.is_file() for target in imports_of(path))


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {path.resolve(): imports_of(path) for path in MODULES}
    while free := [path for path, imported in left.items() if not imported & left.keys()]:
        for path in free:
            del left[path]
    assert [path.name for path in left] == []


@pytest.mark.parametrize("page", sorted(FRONTEND.glob("*.html")), ids=lambda path: path.name)
def test_no_two_sheets_of_a_page_have_keyframes_of_one_name(page: Path) -> None:
    """The later ones would hold for both."""
    sheets = re.findall(r'href="static/(styles/[^"]+\.css)"', page.read_text())
    names = [name for sheet in sheets for name in re.findall(r"@keyframes ([\w-]+)", (FRONTEND / sheet).read_text())]
    assert sheets
    assert len(names) == len(set(names))


def test_elements_are_custom_elements() -> None:
    element = re.compile(r"^export class \w+ extends (HTMLElement|EmbeddedElement)\b", re.MULTILINE)
    for path in (FRONTEND / "elements").glob("*.js"):
        assert element.search(path.read_text()), path.name


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    assert {path.name: lines for path in MODULES if (lines := path.read_text().count("\n")) > LINES_MAX} == {}


def test_the_client_and_the_models_know_no_page() -> None:
    page = re.compile(r"\b(document|window(?=[.\[])|location|customElements|HTMLElement|localStorage|sessionStorage)\b")
    for path in [path for path in MODULES if room_of(path) in {"client", "charts/model"}]:
        assert not (found := page.search(code(path))), (path.name, found)


def test_only_the_client_and_http_open_connections() -> None:
    opens = re.compile(r"\bnew (globalThis\.)?WebSocket\b|\bfetch\(|EventSource|sendBeacon")
    alone = FRONTEND / "entry" / "manual.js"  # the manual's whole script, which imports nothing
    for path in [path for path in MODULES if room_of(path) not in {"client", "http"} and path != alone]:
        assert not opens.search(code(path)), path.name


def test_pages_speak_to_the_server_through_its_client_alone() -> None:
    inside = {"session.js", "socket.js", "series_stream.js", "table_stream.js", "event_stream.js", "questions.js"}
    for path in [path for path in MODULES if room_of(path) != "client"]:
        assert not {target.name for target in imports_of(path) if room_of(target) == "client"} & inside, path.name


def test_only_charts_calls_plotly() -> None:
    for path in [path for path in MODULES if room_of(path) != "charts"]:
        assert not re.search(r"\b(loadPlotly|globalThis\.Plotly|Plotly\.[a-z]+\()", code(path)), path.name


def test_plotly_never_offers_to_send_a_chart_away() -> None:
    source = code(FRONTEND / "charts" / "plot.js")
    for setting in ("showSendToCloud: false", 'plotlyServerURL: ""', "displaylogo: false"):
        assert setting in source
