"""Writes the JavaScript client as a package for npm: `python -m vitalcast.web.pages.npm_package FOLDER`.

The folder is what `npm publish FOLDER` takes as it is.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from vitalcast import __version__
from vitalcast.web.pages.bundle import bundle
from vitalcast.web.pages.static_files import BUNDLES, frontend_dir

_NAME: Final = "vitalcast"
_MODULE: Final = "client.js"
_TYPES: Final = "client.d.ts"
_MANIFEST: Final = {
    "name": _NAME,
    "description": "Client of Vitalcast: a machine's vital signs, live and past, in browsers and Node.js.",
    "license": "MIT",
    "keywords": ["vitalcast", "monitoring", "metrics", "websocket", "live"],
    "type": "module",
    "main": f"./{_MODULE}",
    "types": f"./{_TYPES}",
    "exports": {".": {"types": f"./{_TYPES}", "default": f"./{_MODULE}"}, "./package.json": "./package.json"},
    "files": [_MODULE, _TYPES],
    "sideEffects": False,
    "engines": {"node": ">=18"},
    # Which Node.js has itself from version 22 on, as browsers do.
    "peerDependencies": {"ws": ">=8"},
    "peerDependenciesMeta": {"ws": {"optional": True}},
}


def write_package(folder: Path) -> list[Path]:
    """Write the package's files into a folder, made if need be, and return their paths.

    Raises OSError, and BundleError where the client cannot be joined.
    """
    root = frontend_dir().resolve()
    module, _ = bundle(root, BUNDLES[_MODULE], exports=True)
    content = {
        "package.json": json.dumps(_MANIFEST | {"version": semantic(__version__)}, indent=2).encode() + b"\n",
        _MODULE: module,
        _TYPES: (root / "entry" / _TYPES).read_bytes(),
        "README.md": (root / "client" / "README.md").read_bytes(),
        "LICENSE": _license(root).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in content.items():
        (folder / name).write_bytes(body)
    return [folder / name for name in content]


def semantic(version: str) -> str:
    """Return a version as npm writes it: what comes before a release stands behind a hyphen."""
    return re.sub(r"^(\d+\.\d+\.\d+)\.?(a|b|rc|dev)(\d+)$", r"\1-\2.\3", version)


def _license(root: Path) -> str:
    """Return the license, of the checkout or of the package as it was installed."""
    beside = root.parent / "LICENSE"
    if beside.is_file() and root.name == "frontend":
        return beside.read_text(encoding="utf-8")
    text = distribution(_NAME).read_text("licenses/LICENSE")
    if text is None:
        raise FileNotFoundError("the license of vitalcast is missing; reinstall vitalcast")
    return text


def main() -> None:
    """Write it where the only argument says."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m vitalcast.web.pages.npm_package FOLDER")
    for path in write_package(Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
