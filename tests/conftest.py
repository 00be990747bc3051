"""What every test may count on, however the suite was started."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.command import Terminal
from tests.contracts.serialising_bus import SerialisingBus
from tests.core.machine import Machine

from vitalcast.bus.local import LocalBus
from vitalcast.core.stream import peers

# Many tests wait for the disk more than they compute, since a history must outlive a power cut, which no test makes.
# Memory is a disk that need not be waited for.
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 * 2**30


def _in_memory() -> bool:
    """Say whether there is a folder in memory that has room and lets programs run from it, as some tests make them."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize >= MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC


if "TMPDIR" not in os.environ and sys.platform == "linux" and _in_memory():
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # or what was found before stays

# A shell starts what runs in its background with interrupts ignored, and that is inherited by every process the tests
# start. A handler of ours is not.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Whatever an application in a test keeps for itself must not be among what this user keeps.
_DATA = tempfile.TemporaryDirectory(prefix="vitalcast-data-")
os.environ["XDG_DATA_HOME"] = _DATA.name

# Every server that a test starts would compile the whole program again, and every worker all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A machine that is busy is slow, and that is no fault of what is tested.
settings.register_profile("suite", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

WORKERS_MAX = 8  # each has a browser and some servers
LONGEST = ("browser", "e2e", "recipes", "javascript", "client", "soak", "bench", "cli", "web", "history")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run two files at a time on each core: many tests wait more than they compute."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(2 * cores, WORKERS_MAX)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let each worker import another part of the tests first.

    To rewrite their assertions takes most of what it takes to collect them. What one has rewritten is there for the
    others, who would all be at the same file at the same time.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    own = int(worker["workerid"].removeprefix("gw"))
    for file in files[own :: worker["workercount"]]:
        with suppress(Exception):  # which is told when the file is collected
            importlib.import_module(".".join(file.relative_to(Path(__file__).parents[1]).with_suffix("").parts))


def pytest_configure(config: pytest.Config) -> None:
    # Else those files begin first that have most tests, and the long ones, which have few, are waited for in the end.
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    first = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONGEST.index(first) if first in LONGEST else len(LONGEST)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Run a command in a terminal; it is closed with the test."""
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, cwd: Path, size: tuple[int, int] | None = None) -> Terminal:
        opened.append(Terminal(*arguments, cwd=cwd, size=size))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


@pytest.fixture(scope="module", params=[LocalBus, SerialisingBus], ids=["local", "serialising"])
def each_bus(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module over each bus: a hub must not care which objects its frames are."""
    before, Machine.make_bus = Machine.make_bus, request.param
    yield
    Machine.make_bus = before


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "at-one-go"])
def each_way_of_writing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module with groups written one by one, and all that can be at one go, however few."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr(peers, "RUN_MIN", 1)
            patch.setattr(peers.Peers, "_worth_sharing", lambda _self, _values: True)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what stood in for the real thing, and what the real thing was: it depends on the machine."""
    reports = [one for all_of_kind in terminalreporter.stats.values() for one in all_of_kind]
    ran = {value for one in reports for name, value in getattr(one, "user_properties", ()) if name == "ran"}
    for line in sorted(map(str, ran)):
        terminalreporter.write_line(f"ran: {line}")
