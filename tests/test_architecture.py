"""The direction of imports is the house's main wall.

`cli → web → live → {access, collectors, history, bus} → config → core`, and inside the core
`drawing → panels → metrics` and `stream → wire → metrics → vocabulary`. Inside the web it is
`{app, serve} → {api, panels, pages, serving} → edge`.
"""

from __future__ import annotations

import ast
import functools
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "backend" / "vitalcast"

BASE = {"errors", "core"}  # what every room may use; `core` is the modules that lie in no room of it
METRICS = BASE | {"core/metrics"}
QUERY = METRICS | {"core/events", "core/processes", "core/query"}
STREAM = QUERY | {"core/wire", "core/stream"}
CONFIG = METRICS | {"core/panels", "config", "machine"}
WEB = {"web/edge", "web/pages", "web/panels", "web/api", "web/serving"}  # the four know nothing of each other

# Each room and the rooms it may import from; every room may import from itself.
ALLOWED: dict[str, set[str]] = {
    "__init__": {"client"},
    "__main__": {"cli"},
    "errors": set(),
    "clocks": set(),
    "heap": set(),
    "machine": {"errors"},
    "core": {"errors"},
    "core/metrics": BASE,
    "core/events": METRICS,
    "core/processes": METRICS,
    "core/query": QUERY,
    "core/wire": METRICS,
    "core/panels": METRICS,
    "core/alerts": METRICS | {"core/panels"},
    "core/stream": STREAM,
    "core/drawing": QUERY | {"core/panels", "core/alerts", "core/wire"},
    "config": CONFIG,
    "collectors": METRICS | {"core/processes", "machine"},
    "bus": METRICS,
    "history": QUERY | {"clocks", "heap"},
    "dashboards": BASE | {"core/panels"},
    "access": STREAM | {"core/panels"},
    "client": METRICS | {"core/drawing", "core/query", "clocks"},
    "live": CONFIG
    | STREAM
    | {"core/alerts", "core/drawing", "access", "dashboards", "collectors", "bus", "history", "clocks", "__init__"},
    "web/edge": BASE | {"core/panels", "core/query", "core/stream", "config", "access"},
    "web/pages": BASE | {"core/stream", "config", "dashboards", "access", "__init__", "web/edge"},
    "web/panels": QUERY | {"core/panels", "core/stream", "core/drawing", "clocks", "live", "web/edge"},
    "web/api": STREAM | {"core/panels", "config", "access", "clocks", "live", "__init__", "web/edge"},
    "web/serving": BASE | {"core/wire", "core/stream", "access", "live", "web/edge"},
    "web": BASE | {"core/wire", "config", "access", "live", "__init__", "heap"} | WEB,
    "cli": METRICS
    | {
        "core/events",
        "core/query",
        "core/drawing",
        "clocks",
        "config",
        "access",
        "dashboards",
        "client",
        "live",
        "web",
        "__init__",
    },
}

# Libraries that one room alone may know.
FENCED: dict[str, set[str]] = {
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "httptools": {"web"},
    "websockets": {"web", "client"},
    "rich": {"cli"},
    "platformdirs": {"config"},
    "psutil": {"collectors"},
    "typer": {"cli"},
    "prometheus_client": {"web"},
    "plotly": {"web"},
    "markdown_it": {"web"},
    "segno": {"web"},
    "resvg_py": {"web"},
    "sqlite3": {"history", "access"},
    "jwt": {"access"},
    "orjson": {"core", "web"},
    "pydantic": {"core", "config", "web"},
    "pandas": {"client"},
    "polars": {"client"},
    "pyarrow": {"client"},
    "pydantic_core": {"config"},
    "numpy": {"core", "history", "web", "client"},  # in the client, where a program asks for a row
}
TYPES_ALONE = {"_typeshed"}  # nothing is there when it runs

# What the core may know: what computes. Nothing that waits, reads a clock or a file, talks to anybody or rolls dice.
PURE = {
    *("__future__", "abc", "bisect", "collections", "dataclasses", "datetime", "difflib", "enum", "functools"),
    *("hashlib", "heapq", "html", "itertools", "math", "operator", "re", "struct", "types", "typing"),
    *("unicodedata", "weakref", "logging", "numpy", "orjson", "pydantic"),
}
DATES = {"datetime", "date", "datetime.datetime", "datetime.date"}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "now", "today", "utcnow"}  # without an import

MODULES = sorted(PACKAGE.rglob("*.py"))
PATHS = {".".join(("vitalcast", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES}


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all of a module's syntax that matters here."""
    kinds = (ast.Import, ast.ImportFrom, ast.Call)
    return tuple(node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds))


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Return the dotted names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return frozenset(names)


def called(path: Path) -> set[str]:
    """Return the functions that a module calls by name, and methods of dates, such as `now` of `datetime.now()`."""
    calls = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute) and ast.unparse(call.value) in DATES}
    return methods | {call.id for call in calls if isinstance(call, ast.Name)}


def room(path: Path) -> str:
    return room_of(list(path.relative_to(PACKAGE).with_suffix("").parts))


def room_of(parts: list[str]) -> str:
    if parts[0] == "__version__":
        return "__init__"
    if len(parts) > 1 and (PACKAGE / parts[0] / parts[1]).is_dir():
        return f"{parts[0]}/{parts[1]}"
    return parts[0]


def modules_used(path: Path) -> set[str]:
    """Return the modules of ours that one imports, wherever in it: functions and checks of types included."""
    return {name for name in imports(path) if name in PATHS}


def rooms_used(path: Path) -> set[str]:
    used = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "vitalcast" and len(parts) > 1:
            used.add(room_of(parts[1:]))
    return used


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rooms_below_it(path: Path) -> None:
    assert rooms_used(path) - ALLOWED[room(path)] - {room(path)} == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    try:
        TopologicalSorter({name: modules_used(path) - {name} for name, path in PATHS.items()}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_no_room_imports_itself_by_way_of_others() -> None:
    rooms: dict[str, set[str]] = {}
    for path in MODULES:
        rooms.setdefault(room(path), set()).update(rooms_used(path) - {room(path)})
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_stays_in_its_room(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imports(path)}
    strangers = {library for library in libraries & FENCED.keys() if room(path).split("/")[0] not in FENCED[library]}
    assert strangers == set()


def test_an_application_needs_nothing_of_the_server_that_is_ours() -> None:
    """Others can run it: what knows uvicorn is `serve`, and what only `serve` imports."""
    known = {name for name, path in PATHS.items() if "uvicorn" in {one.split(".")[0] for one in imports(path)}}
    reached, waiting = set[str](), {"vitalcast.web.app"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= modules_used(PATHS[name]) - reached
    assert known
    assert reached & known == set()


def test_every_library_has_its_rooms() -> None:
    """A new one is let in by name, not by nobody having thought of it."""
    used = {name.split(".")[0] for path in MODULES for name in imports(path)}
    libraries = used - sys.stdlib_module_names - {"vitalcast"} - TYPES_ALONE
    assert libraries - FENCED.keys() == set()


def test_the_core_is_pure() -> None:
    for path in (PACKAGE / "core").rglob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} - PURE - {"vitalcast"} == set(), path.name
        assert called(path) & IMPURE_CALLS == set(), path.name


def test_the_vocabulary_costs_nothing_to_import() -> None:
    assert imports(PACKAGE / "core" / "vocabulary.py") == {"enum"}


@pytest.mark.parametrize("name", ["collectors", "bus"])
def test_implementations_do_not_import_each_other(name: str) -> None:
    shared = {"base", "registry", "declaration", "runtime_stats", "procfs", "process_source", "host", "__init__"}
    shared |= {"cgroup_path", "layers", "process_scan", "process_usage", "roster"}
    for path in (PACKAGE / name).glob("*.py"):
        if path.stem == "registry":
            continue
        siblings = {
            parts[2]
            for parts in (imported.split(".") for imported in imports(path))
            if parts[:2] == ["vitalcast", name] and len(parts) > 2
        }
        assert siblings - shared - {path.stem} == set(), path.name


def test_the_two_histories_know_nothing_of_each_other_and_their_parts_nothing_of_them() -> None:
    for path in (PACKAGE / "history").glob("*.py"):
        assert imports(path) & {"vitalcast.history.memory", "vitalcast.history.sqlite"} == set(), path.name


def test_the_top_level_holds_what_the_layout_names_and_nothing_else() -> None:
    root = PACKAGE.parents[1]
    layout = {"backend", "frontend", "tests", "config.toml", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    made = {"dist", "build", "node_modules"}
    assert {path.name for path in root.iterdir() if not path.name.startswith(".")} - made <= layout
