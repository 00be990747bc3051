"""The command line as a process: `vitalcast` run to its end, started, or in a terminal of its own."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 120  # only so that a failure ends
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(**variables: str) -> dict[str, str]:
    """The tests' own environment without settings in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALCAST_")}
    return kept | variables


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_program(sys.executable, "-m", "vitalcast", *arguments, cwd=cwd, **variables)


def run_program(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run any program to its end, with nobody's settings for Vitalcast."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(XDG_CONFIG_HOME=str(cwd), XDG_DATA_HOME=str(cwd), **variables),
        timeout=TIMEOUT_S,
        check=False,
    )


def start(
    *arguments: str, cwd: Path, stdout: int = subprocess.PIPE, stdin: int | None = None, **variables: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitalcast", *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(
            **{"COLUMNS": "120", "LINES": "30", "TERM": "xterm"} | variables,
            XDG_CONFIG_HOME=str(cwd),
            XDG_DATA_HOME=str(cwd),
        ),
    )


class Terminal:
    """A command in a terminal of its own, of a size in columns and lines."""

    def __init__(self, *arguments: str, cwd: Path, size: tuple[int, int] | None = None, **variables: str) -> None:
        self._master, slave = pty.openpty()
        if size is not None:
            self._set_size(size)
        self.process = start(*arguments, cwd=cwd, stdout=slave, **variables)
        os.close(slave)
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character

    def read_until(self, wanted: str) -> None:
        while wanted not in self.text:
            self.text += self._read()

    def read_until_screen(self, shows: Callable[[list[str]], bool]) -> list[str]:
        """Read until what a person sees is so; return the lines."""
        while not shows(lines := self.screen()):
            self.text += self._read()
        return lines

    def screen(self) -> list[str]:
        """The lines that the command has drawn last, from the upper left corner on."""
        *_, drawn = self.text.split("\x1b[H")
        return [line.rstrip() for line in _CONTROL.sub("", drawn).split("\r\n")]

    def resize(self, columns: int, lines: int) -> None:
        self._set_size((columns, lines))
        # The kernel tells it to who has this for a controlling terminal.
        self.process.send_signal(signal.SIGWINCH)

    def _set_size(self, size: tuple[int, int]) -> None:
        columns, lines = size
        termios.tcsetwinsize(self._master, (lines, columns))

    def read_all(self) -> str:
        """Read to the end of the process."""
        try:
            while True:
                self.text += self._read()
        except OSError:  # Linux gives EIO where the other end of a terminal is closed
            return self.text

    def _read(self) -> str:
        ready, _, _ = select.select([self._master], [], [], TIMEOUT_S)
        assert ready, f"nothing more after {self.text[-200:]!r}"
        data = os.read(self._master, 65536)
        if not data:
            raise OSError("end of terminal")
        return self._decoder.decode(data)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)
