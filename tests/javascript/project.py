"""A Node.js project of a user's: the client from its npm package, and what it takes from the registry beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from vitalcast.web.pages.npm_package import write_package

WS = "ws@8.23.0"
TYPESCRIPT = "typescript@7.0.2"
NPM_WITHIN_S = 300.0  # only so that a failure ends
QUIET = ("--prefer-offline", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def program(name: str) -> str:
    """Return where a program is. Raises LookupError."""
    found = shutil.which(name)
    if found is None:
        raise LookupError(f"{name} is needed, as for fetching the tests' browser")
    return found


class Project:
    """A folder with the client installed as `vitalcast`, from the archive that npm would publish.

    `packed` is what npm said of that archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_package(folder / "package")
        [self.packed] = json.loads(self._npm("pack", "./package", "--json", "--ignore-scripts"))
        (folder / "package.json").write_text('{"name": "user", "private": true, "type": "module"}')
        self._npm("install", f"./{self.packed['filename']}", WS, TYPESCRIPT, "--ignore-scripts")

    def _npm(self, command: str, *arguments: str) -> str:
        return self.run(program("npm"), command, *arguments, *QUIET, within_s=NPM_WITHIN_S)

    def run(self, *command: str | Path, within_s: float = 120.0) -> str:
        """Return what a command in the folder wrote. Raises RuntimeError with what it complained of."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=within_s, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def types_of(self, *files: str) -> str:
        """Check the types of some files; return what is wrong, nothing where all is well."""
        options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom"]
        tsc = self.folder / "node_modules" / ".bin" / "tsc"
        done = subprocess.run(
            [tsc, *options, *files], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        return done.stdout + done.stderr

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, file: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start a program of the project's; its lines can be read from `stdout`."""
        return subprocess.Popen(
            [program("node"), file, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def lines_of(process: subprocess.Popen[str]) -> Any:
    """Yield what a program says, each line of which is JSON."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)
