"""Processes over one store, and a clock for all of them."""

from __future__ import annotations

from collections.abc import Callable

from vitalcast.access.access import Access
from vitalcast.access.screens import Screens


class Clock:
    """Unix milliseconds, as a test sets them."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.ms


Process = Callable[[], tuple[Access, Screens]]


def paired(screens: Screens, name: str = "Hall", playlist: str = "") -> tuple[str, str]:
    """Pair a screen; return its id and the text of its token."""
    pairing, secret = screens.pairings.ask("10.0.0.9", "Browser")
    screens.pairings.approve(pairing.code, name=name, playlist=playlist)
    admitted = screens.admit(secret, address="10.0.0.9", agent="Browser")
    assert admitted is not None
    return admitted[1].id, admitted[0]
