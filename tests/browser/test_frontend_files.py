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
    assert entry["file"] in (FRONTEND / "elements" / "plotly.js").read_text()
    assert f"/* include ../vendor/{entry['file']} */" in (FRONTEND / "elements" / "enclosed.js").read_text()
    assert entry["file"] in (FRONTEND / "embed.html").read_text()
    assert entry["file"] in (FRONTEND / "index.html").read_text()


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    assert not re.search(r"https?://|[\"'(]//", code(path))


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name)
def test_a_module_begins_with_its_job(path: Path) -> None:
    assert path.read_text().startswith("/** ")


def test_the_core_knows_no_page_and_no_network() -> None:
    for path in (FRONTEND / "core").glob("*.js"):
        found = re.search(r"\b(document|window(?=[.\[])|customElements|HTMLElement|WebSocket|fetch)\b", code(path))
        assert not found, path.name
        assert not re.search(r'from "\.\./', code(path)), path.name


def test_only_net_opens_connections_and_only_plot_calls_plotly() -> None:
    for path in (FRONTEND / "elements").glob("*.js"):
        assert not re.search(r"\bnew (globalThis\.)?WebSocket\b|\bfetch\(|EventSource|sendBeacon", code(path)), (
            path.name
        )
        if path.name not in {"plot.js", "plotly.js", "enclosed.js"}:
            assert not re.search(r"\bPlotly\b|loadPlotly", code(path)), path.name


def test_plotly_never_offers_to_send_a_chart_away() -> None:
    source = code(FRONTEND / "elements" / "plot.js")
    for setting in ("showSendToCloud: false", 'plotlyServerURL: ""', "displaylogo: false"):
        assert setting in source
