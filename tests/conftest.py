"""What every test may count on, however the suite was started."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.command import Terminal

# A shell starts what runs in its background with interrupts ignored, and that is inherited by every process the tests
# start. A handler of ours is not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever an application in a test keeps for itself must not be among what this user keeps.
_DATA = tempfile.TemporaryDirectory(prefix="vitalcast-data-")
os.environ["XDG_DATA_HOME"] = _DATA.name


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Run a command in a terminal; it is closed with the test."""
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, cwd: Path) -> Terminal:
        opened.append(Terminal(*arguments, cwd=cwd))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()
