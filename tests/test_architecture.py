"""The direction of imports is the house's main wall: `cli → web → live → {collectors, bus, history} → core → model`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "backend" / "vitalcast"

# Each room and the rooms it may import from; every room may import from itself.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "machine": {"errors"},
    "clocks": set(),
    "__init__": set(),
    "core": {"model", "panel", "errors"},
    "collectors": {"core", "machine", "model", "errors"},
    "bus": {"core", "model", "errors"},
    "history": {"core", "clocks", "model", "errors"},
    "strict": set(),
    "panel": {"strict"},
    "panels": {"panel"},
    "forms": {"strict"},
    "environment": {"core", "errors"},
    "service_links": set(),
    "playlist": {"panel", "strict"},
    "settings": {"panel", "panels", "playlist", "forms", "strict", "machine"},
    "config_tables": {"forms", "strict"},
    "config_panels": {"config_tables", "panel"},
    "config_playlists": {"config_tables", "playlist"},
    "config": {
        "config_panels",
        "config_playlists",
        "config_tables",
        "environment",
        "service_links",
        "settings",
        "forms",
        "strict",
        "core",
        "errors",
    },
    "access": {"environment", "core", "settings", "panel", "forms", "model", "errors"},
    "live": {
        "access",
        "collectors",
        "bus",
        "history",
        "core",
        "config",
        "settings",
        "machine",
        "clocks",
        "model",
        "errors",
    },
    "web": {
        "live",
        "access",
        "collectors",
        "bus",
        "core",
        "config",
        "settings",
        "panel",
        "clocks",
        "model",
        "errors",
        "__init__",
    },
    "tail": {"core", "config", "settings", "model", "errors", "__init__"},
    "bench": {"errors"},
    "output": {"errors"},
    "cli_token": {"output", "access", "config", "settings", "forms", "core", "errors"},
    "cli_screens": {"output", "cli_token", "access", "config", "settings"},
    "cli": {
        "cli_token",
        "cli_screens",
        "web",
        "tail",
        "bench",
        "output",
        "config",
        "settings",
        "forms",
        "errors",
        "__init__",
        "model",
        "core",
    },
    "__main__": {"cli"},
}

# Libraries that one room alone may know.
FENCED: dict[str, set[str]] = {
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "psutil": {"collectors"},
    "typer": {"cli", "cli_token", "cli_screens"},
    "prometheus_client": {"web"},
    "plotly": {"web"},
    "sqlite3": {"history", "access"},
    "jwt": {"access"},
}
IMPURE = {"asyncio", "socket", "threading", "psutil", "subprocess", "time", "os", "pathlib", "random", "fastapi"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def rooms_used(path: Path) -> set[str]:
    used = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "vitalcast" and len(parts) > 1:
            used.add("__init__" if parts[1] == "__version__" else parts[1])
    return used


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_below_it(path: Path) -> None:
    assert rooms_used(path) - ALLOWED[room(path)] - {room(path)} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_stays_in_its_room(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imports(path)}
    strangers = {library for library in libraries & FENCED.keys() if room(path) not in FENCED[library]}
    assert strangers == set()


def test_the_core_is_pure() -> None:
    for path in (PACKAGE / "core").glob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} & IMPURE == set(), path.name


@pytest.mark.parametrize("name", ["collectors", "bus", "history"])
def test_implementations_do_not_import_each_other(name: str) -> None:
    shared = {"base", "registry", "procfs", "runtime", "process_source", "host", "codec", "database", "filelock"}
    shared |= {"continuity", "damage", "watched"}
    shared |= {"__init__"}
    for path in (PACKAGE / name).glob("*.py"):
        if path.stem == "registry":
            continue
        siblings = {
            parts[2]
            for parts in (imported.split(".") for imported in imports(path))
            if parts[:2] == ["vitalcast", name] and len(parts) > 2
        }
        assert siblings - shared - {path.stem} == set(), path.name


def test_the_top_level_holds_what_the_layout_names_and_nothing_else() -> None:
    root = PACKAGE.parents[1]
    layout = {"backend", "frontend", "tests", "config.toml", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    made = {"dist", "build", "node_modules"}
    assert {path.name for path in root.iterdir() if not path.name.startswith(".")} - made <= layout
