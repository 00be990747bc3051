"""Which names of many are worth a series of their own now, without names that come and go all the time."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest

STAY_S = 900.0  # as long as live charts reach back: who was a culprit then has a name in them
YIELD_S = 60.0
TOP = 10
ROOM = 20

# Names can be made up as fast as programs are started, and a history keeps each series for good.
_NEW_AT_ONCE = 40.0
_NEW_PER_S = 1 / 60
_KNOWN_MAX = 1000


class Roster:
    """Has the names with the greatest amounts, each until a quarter of an hour after it was among the top ones.

    `least` is what an amount must be to matter. There is room for so many names. Where it is full, the one that was
    among the top ones longest ago gives way to one that comes, if that was a minute ago; else those who come wait, the
    greatest first in line. So does a name that was never in before, where there have been too many such lately.
    """

    def __init__(self, *, least: float, top: int = TOP, room: int = ROOM, stay_s: float = STAY_S) -> None:
        self._least = least
        self._top = top
        self._room = room
        self._stay_s = stay_s
        self._last_s: dict[str, float] = {}  # when each that is in was among the top ones
        self._known: dict[str, None] = {}  # all that were in, the latest last
        self._new = _NEW_AT_ONCE
        self._now_s: float | None = None

    def update(self, amounts: Mapping[str, float], now_s: float) -> list[str]:
        """Return the names that are in at a monotonic time, in the order in which they came."""
        elapsed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        self._new = min(_NEW_AT_ONCE, self._new + elapsed_s * _NEW_PER_S)
        mattering = ((amount, name) for name, amount in amounts.items() if amount >= self._least)
        top = [name for _, name in nlargest(self._top, mattering)]
        for name in top:
            if name in self._last_s:
                self._last_s[name] = now_s
        for name in [name for name, last_s in self._last_s.items() if now_s - last_s >= self._stay_s]:
            del self._last_s[name]
        for name in top:
            if name not in self._last_s and self._has_room(now_s) and self._admits(name):
                self._make_room()
                self._last_s[name] = now_s
        return list(self._last_s)

    def _has_room(self, now_s: float) -> bool:
        return len(self._last_s) < self._room or now_s - min(self._last_s.values()) >= YIELD_S

    def _make_room(self) -> None:
        if len(self._last_s) >= self._room:
            del self._last_s[min(self._last_s, key=self._last_s.__getitem__)]

    def _admits(self, name: str) -> bool:
        if name not in self._known:
            if self._new < 1:
                return False
            self._new -= 1
        self._known.pop(name, None)
        self._known[name] = None
        if len(self._known) > _KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return True
