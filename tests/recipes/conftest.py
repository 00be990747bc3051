"""What the recipes ask for: a server, and a PATH on which are the programs that they name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import environment
from tests.debian import program_of
from tests.examples import served

# It takes no `--unbuffered`, since it never buffers.
_JAQ = """#!/bin/sh
for word do
    shift
    [ "$word" = --unbuffered ] || set -- "$@" "$word"
done
exec {jaq} "$@"
"""


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="session")
def jq_origin() -> str:
    found = program_of("jq", "jq", "libjq1", "libonig5")
    return f"jq {found.origin}" if found else "jaq in the place of jq"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `vitalcast`, `jq` and `python` are found."""
    folder, scripts = tmp_path_factory.mktemp("programs"), Path(sys.executable).parent
    found = program_of("jq", "jq", "libjq1", "libonig5")
    lines = {"vitalcast": f"exec {sys.executable} -m vitalcast"}
    texts = {name: f'#!/bin/sh\n{line} "$@"\n' for name, line in lines.items()}
    if found is None:
        texts["jq"] = _JAQ.format(jaq=scripts / "jaq")
    else:
        variables = "".join(f"export {name}={value}\n" for name, value in found.environment.items())
        texts["jq"] = f'#!/bin/sh\n{variables}exec {found.path} "$@"\n'
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return environment(PATH=f"{folder}{os.pathsep}{scripts}{os.pathsep}{os.environ['PATH']}", HOME=str(folder))
