"""The frames that wait to be written: bounded, and put back where writing failed."""

from __future__ import annotations

import threading
from collections import deque

from vitalcast.core.metrics.model import Frame

VALUES_MAX = 2**21  # 16 MiB of readings wait for a disk that is full


class Pending:
    """Takes frames in on one thread and gives them out on another; drops and counts the oldest of too many."""

    def __init__(self, values_max: int = VALUES_MAX) -> None:
        self._values_max = values_max
        self._gate = threading.Lock()  # held for moments
        self._frames: deque[Frame] = deque()
        self._values = 0
        self._writing: list[Frame] = []
        self._taking = False
        self.lost = 0

    def __len__(self) -> int:
        return len(self._frames)

    def begin(self) -> None:
        """Take frames in from now on."""
        with self._gate:
            self._taking = True

    def end(self) -> bool:
        """Take none in any more; say whether any were until now."""
        with self._gate:
            was_taking, self._taking = self._taking, False
            return was_taking

    @property
    def taking(self) -> bool:
        """Whether frames are taken in."""
        return self._taking

    def append(self, frame: Frame) -> None:
        """Take in a frame."""
        with self._gate:
            if not self._taking:
                return
            self._frames.append(frame)
            self._values += len(frame.values) + 1
            while self._values > self._values_max and len(self._frames) > 1:
                self._values -= len(self._frames.popleft().values) + 1
                self.lost += 1

    def take(self) -> list[Frame]:
        """Give out all frames, to be written; `settle` follows."""
        with self._gate:
            self._writing = list(self._frames)
            self._frames.clear()
            self._values = 0
            return self._writing

    def settle(self, written: int) -> None:
        """Forget so many of the frames that were taken, the first, and put the others back."""
        with self._gate:
            left = self._writing[written:]
            self._frames.extendleft(reversed(left))
            self._values += sum(len(frame.values) + 1 for frame in left)
            self._writing = []
