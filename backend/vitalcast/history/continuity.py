"""How a new run goes on with the offsets of the last, so that none is ever given to two different ticks.

A hole in the offsets costs nothing, a tick under another's offset makes a client's past wrong without a word. So what
is not certain begins a new epoch.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from zlib import crc32

from vitalcast.core.metrics.pace import STEP_MIN_MS, TIME_MAX_MS

OFFSET_MAX = 2**52  # far from what float64 still holds exactly
CRASH_MARGIN_TICKS = 2  # the first tick of a run waits for nothing


@dataclass(frozen=True, slots=True)
class Position:
    """Where the writer is. While `open`, ticks after `offset` may have gone out that were not put down.

    `time_ms` and `steady_ms` say when the tick of `offset` was due, at the latest; `boot` names the run of the kernel
    whose steady clock that is. `lock` names the lock that the writer held: whoever takes it again changes that name.
    `kept_ms` is the time over which the file has been written. `step_ms` is for version 0.1.
    """

    epoch: str
    offset: int
    time_ms: int
    step_ms: int
    open: bool
    boot: str = ""
    steady_ms: int = 0
    lock: str = ""
    kept_ms: int = 0

    @property
    def seal(self) -> int:
        """A checksum: of what was changed by other hands nothing is certain."""
        return crc32(repr(astuple(self)).encode())


@dataclass(frozen=True, slots=True)
class Now:
    """What a start sees: its clocks, and the lock's name before it is taken."""

    time_ms: int
    steady_ms: int
    boot: str
    lock: str


def go_on(last: Position, now: Now, *, epoch: str, newest_offset: int, interval_ms: int) -> Position:
    """Return where a new run begins: its ticks have the offsets after that.

    The last run's epoch goes on where every offset that it gave away is certain to be passed over: after a clean end,
    or by the least time between ticks after a crash within this boot. The file must be the one that the last holder of
    the lock wrote to, and not a copy or one put back from before. Otherwise `epoch` begins. `newest_offset` is the
    highest of the ticks in the file.
    """
    same_file = last.lock != "" and last.lock == now.lock
    same_boot = last.boot != "" and last.boot == now.boot and last.steady_ms <= now.steady_ms
    steady_ms = now.steady_ms - last.steady_ms if same_boot else 0
    elapsed_ms = steady_ms if same_boot else max(0, min(now.time_ms, TIME_MAX_MS) - last.time_ms)
    missed = max(0, elapsed_ms - 1) // interval_ms
    if same_file and not last.open:
        epoch = last.epoch
    elif same_file and same_boot:
        epoch, missed = last.epoch, steady_ms // STEP_MIN_MS + CRASH_MARGIN_TICKS
    else:
        missed = max(1, missed)  # what it was before was not put down
    offset = max(last.offset, newest_offset) + missed
    return Position(
        epoch, offset, now.time_ms, STEP_MIN_MS, True, now.boot, now.steady_ms, "", last.kept_ms + steady_ms
    )
