"""One exception tree, in one module, drawn in its docstring."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from pathlib import Path

from vitalcast import errors
from vitalcast.errors import VitalcastError

PACKAGE = Path(__file__).resolve().parents[1] / "backend" / "vitalcast"
OURS, BUILT_IN = (
    {name for name, one in vars(module).items() if inspect.isclass(one) and issubclass(one, BaseException)}
    for module in (errors, builtins)
)


def exceptions_of(path: Path) -> set[str]:
    """Return the exception classes that a module defines, told by their bases' names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if any(base in OURS | BUILT_IN | found or re.search(r"(Error|Exception|Exit)$", base) for base in bases):
                found.add(node.name)
    return found


def test_every_exception_is_in_the_tree_or_a_private_signal() -> None:
    elsewhere = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "errors.py"
        for name in exceptions_of(path)
        if not name.startswith("_")
    }
    assert elsewhere == set()


def test_a_private_signal_is_caught_in_the_module_that_raises_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        for name in exceptions_of(path):
            if path != PACKAGE / "errors.py":
                assert re.search(rf"except [^:]*\b{name}\b", path.read_text()), f"{path.name}: {name}"


def test_the_drawing_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"((?:│   |    |├── |└── )*)(\w+Error|Too\w+|InvalidSettings|NeedsPast)\b", line)
        if found:
            depth = len(found[1]) // 4
            del above[depth:]
            drawn[found[2]] = above[-1] if above else ""
            above.append(found[2])
    bases = {name: getattr(errors, name).__mro__[1].__name__ for name in OURS}
    assert drawn == bases | {"VitalcastError": ""}
    assert all(issubclass(getattr(errors, name), VitalcastError) for name in OURS)
