"""What came and what went: said once it has been so for a while, so that what flickers says nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

SETTLE_MS = 5000
BASELINE_MS = 15_000  # collectors of a cadence of their own are late at first


class Change(NamedTuple):
    """What has come and what is gone, each in order of its name."""

    came: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


NOTHING = Change()


class Presence:
    """Follows which things there are, by name.

    One has come, or is gone, once that has been so for `settle_ms`. What comes in the first `baseline_ms` was there.
    """

    def __init__(self, *, settle_ms: int = SETTLE_MS, baseline_ms: int = BASELINE_MS) -> None:
        self._settle_ms = settle_ms
        self._baseline_ms = baseline_ms
        self._begun_ms: int | None = None
        self._known: set[str] = set()
        self._changing: dict[str, int] = {}  # since when each of them is no longer what is known

    def take(self, there: Collection[str], now_ms: int) -> Change:
        """Take in what is there now, on a steady clock; return what has changed for good."""
        if self._begun_ms is None:
            self._begun_ms = now_ms
        if now_ms - self._begun_ms < self._baseline_ms:
            self._known |= set(there)
        others = self._known.symmetric_difference(there)
        if not others:  # nearly always
            self._changing.clear()
            return NOTHING
        self._changing = {name: self._changing.get(name, now_ms) for name in others}
        settled = [name for name, since_ms in self._changing.items() if now_ms - since_ms >= self._settle_ms]
        change = Change(_sorted(set(settled) - self._known), _sorted(self._known.intersection(settled)))
        self._known.symmetric_difference_update(settled)
        return change


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
