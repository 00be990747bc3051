"""The programs that examples of the manual name, on a PATH of their own: the real ones, or what stands in for them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tests.command import environment
from tests.debian import program_of

CHECKOUT = Path(__file__).resolve().parents[1]
# It takes no `--unbuffered`, since it never buffers.
_JAQ = """for word do
    shift
    [ "$word" = --unbuffered ] || set -- "$@" "$word"
done
exec {jaq}"""


class Programs(NamedTuple):
    """An environment in which `vitalcast`, `python`, `jq` and `curl` are found, and what they are, in words."""

    environment: dict[str, str]
    origins: tuple[str, ...]


def make_programs(folder: Path) -> Programs:
    """Write what runs them into a folder, which is a home as well, so that nobody's settings have a say."""
    scripts = Path(sys.executable).parent
    lines = {"vitalcast": f"exec {sys.executable} -m vitalcast"}
    origins = []
    if (jq := program_of("jq", "jq", "libjq1", "libonig5")) is None:
        lines["jq"] = _JAQ.format(jaq=scripts / "jaq")
        origins.append("jaq in the place of jq")
    else:
        variables = "".join(f"export {name}={value}\n" for name, value in jq.environment.items())
        lines["jq"] = f"{variables}exec {jq.path}"
        origins.append(f"jq {jq.origin}")
    if shutil.which("curl") is None:
        lines["curl"] = f"PYTHONPATH={CHECKOUT} exec {sys.executable} -m tests.curl"
        origins.append("a stand-in for curl")
    for name, line in lines.items():
        (folder / name).write_text(f'#!/bin/sh\n{line} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{scripts}{os.pathsep}{os.environ['PATH']}"
    return Programs(environment(PATH=path, HOME=str(folder)), tuple(origins))
