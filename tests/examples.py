"""What runs the examples of the README and of the reference manual: their text, and a server for them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import environment, run

TIMEOUT_S = 60  # only so that a failure ends
ADDRESS = "127.0.0.1:8000"  # of the server, as the examples have it


def section(text: str, title: str) -> str:
    """Return what stands below a heading of the second level."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def examples(text: str, language: str) -> list[str]:
    """Return the code blocks in this language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run a server as the README starts it, but on a free port; yield its host and port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vitalcast", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(XDG_CONFIG_HOME=str(folder), XDG_DATA_HOME=str(folder)),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://(127\.0\.0\.1:\d+)/", line)
        assert found is not None, line
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0


def printed(example: str, address: str, folder: Path, *, lines: int) -> list[str]:
    """Run a Python example against the server at `address`; return the first lines that it prints."""
    assert ADDRESS in example
    (folder / "example.py").write_text(example.replace(ADDRESS, address), encoding="utf-8")
    return written([sys.executable, "-W", "error", "example.py"], folder, lines=lines)


def written(command: list[str], folder: Path, *, lines: int, env: dict[str, str] | None = None) -> list[str]:
    """Run a program in a folder; return the first lines that it writes."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, env=env
    ) as process:
        try:
            assert process.stdout is not None
            return [process.stdout.readline() for _ in range(lines)]
        finally:
            process.terminate()


def url_of(line: str, address: str) -> str:
    """Return the URL that a line with `curl` asks, at this address."""
    program, *_, url = shlex.split(line)
    assert program == "curl"
    return url.replace(ADDRESS, address)


def vitalcast(line: str, *more: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of an example, with more arguments."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "vitalcast"
    return run(*arguments, *more, cwd=folder)
