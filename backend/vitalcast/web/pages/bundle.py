"""Joins the page's modules into one, so that a browser asks once instead of sixty times.

Each module becomes a function that is called once, after those it imports, and returns what it exports. No more of
the language is understood than the frontend's modules use: imports of names or of a whole module from a relative
path, and exports of declarations and of names that never change. Anything else is an error, not a guess.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from vitalcast.errors import BundleError

_IMPORT: Final = re.compile(r'^import\s+(?:\{([^}]*)\}|\*\s+as\s+(\w+))\s+from\s+"(\.[^"]*)";$', re.MULTILINE)
_SHEET: Final = re.compile(r'^import\s+(\w+)\s+from\s+"(\.[^"]*\.css)"\s+with\s+\{ type: "css" \};$', re.MULTILINE)
_INCLUDED: Final = re.compile(r"^/\* include (\S+) \*/$", re.MULTILINE)
_DECLARED: Final = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_LISTED: Final = re.compile(r"^export \{([^}]*)\};$", re.MULTILINE)
_LEFT: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
_RENAMED: Final = re.compile(r"(\w+)\s+as\s+(\w+)")
_AS_PROPERTY: Final = r"\1: \2"


def bundle(root: Path, entry: str, *, at: str = "", exports: bool = False) -> tuple[bytes, tuple[Path, ...]]:
    """Return one module that does what `entry` (relative to `root`) does, and its sources.

    It is to be served from `root`, or from where `at` leads to it, such as `static/`. With `exports` it exports what
    `entry` does, else nothing.

    Raises BundleError, naming the file, and OSError.
    """
    modules: dict[Path, str] = {}
    _add(root, root / entry, modules, ())
    names = {path: f"module{number}" for number, path in enumerate(modules)}
    addresses = {path: json.dumps(at + path.relative_to(root).as_posix()) for path in modules}
    parts = [_function(path, text, names, addresses[path]) for path, text in modules.items()]
    if exports:
        parts.append(f"export const {{ {', '.join(_exported(modules[root / entry]))} }} = {names[root / entry]};\n")
    return "\n".join(parts).encode(), tuple(modules)


def including(root: Path, entry: str) -> tuple[bytes, tuple[Path, ...]]:
    """Return the script `entry` with the files that its lines `/* include … */` name in their place, and its sources.

    Raises OSError.
    """
    path = root / entry
    sources = [path]

    def included(found: re.Match[str]) -> str:
        sources.append((path.parent / found[1]).resolve())
        return sources[-1].read_text()

    return _INCLUDED.sub(included, path.read_text()).encode(), tuple(sources)


def _add(root: Path, path: Path, modules: dict[Path, str], importers: tuple[Path, ...]) -> None:
    """Add a module after those that it imports."""
    if path in modules:
        return
    if path in importers:
        raise BundleError(f"{path.relative_to(root)} imports itself, by way of {importers[-1].relative_to(root)}")
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise BundleError(
            f"{path} is missing, and {importers[-1].name if importers else 'the page'} needs it"
        ) from None
    for *_, target in _IMPORT.findall(text) + _SHEET.findall(text):
        _add(root, (path.parent / target).resolve(), modules, (*importers, path))
    modules[path] = text


def _function(path: Path, text: str, names: dict[Path, str], address: str) -> str:
    if path.suffix == ".css":
        return f"const {names[path]} = new CSSStyleSheet();\n{names[path]}.replaceSync({json.dumps(text)});"

    def imported(found: re.Match[str]) -> str:
        listed, whole, target = found.groups()
        source = names[(path.parent / target).resolve()]
        what = whole or f"{{{_RENAMED.sub(_AS_PROPERTY, listed)}}}"
        return f"const {what} = {source};"

    def styled(found: re.Match[str]) -> str:
        return f"const {found[1]} = {names[(path.parent / found[2]).resolve()]};"

    exports = _exports(text)
    text = text.replace("import.meta.url", f"new URL({address}, import.meta.url).href")
    text = _LISTED.sub("", _DECLARED.sub(r"\1 \2", _IMPORT.sub(imported, _SHEET.sub(styled, text))))
    if (left := _LEFT.search(text)) is not None:
        raise BundleError(f"{json.loads(address)} has `{left[0]}`, which cannot be joined")
    return f"const {names[path]} = (() => {{\n{text.rstrip()}\nreturn {{ {', '.join(exports)} }};\n}})();"


def _exports(text: str) -> list[str]:
    """Return what a module exports, as members of an object literal."""
    exports = [name for _, name in _DECLARED.findall(text)]
    for listed in _LISTED.findall(text):
        exports += [_RENAMED.sub(r"\2: \1", one.strip()) for one in listed.split(",") if one.strip()]
    return exports


def _exported(text: str) -> list[str]:
    """Return the names under which a module exports what it does."""
    return [one.split(":")[0] for one in _exports(text)]
