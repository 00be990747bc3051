"""The wall screens that are let in: what each is called, what it shows, and when it was seen."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from vitalcast.access.pairing import Pairings, one_line, screen_name
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ScreenError

if TYPE_CHECKING:
    from vitalcast.access.access import Access

ID_BYTES = 4
SEEN_EVERY_MS = 10_000  # a screen asks twice as often
ONLINE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen that is let in, by the token of this id. Without a playlist it shows what its own address says."""

    id: str
    token_id: str
    name: str
    playlist: str
    address: str
    agent: str
    paired_ms: int
    seen_ms: int

    def online(self, now_ms: int) -> bool:
        """Say whether it has asked lately what to show."""
        return 0 <= now_ms - self.seen_ms <= ONLINE_MS  # one seen in the future was so before the clock was set back


class Screens:
    """The screens in the store of `access`. The server and the command line may use it at the same time."""

    def __init__(self, access: Access, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._access = access
        self._store = access.store
        self.pairings = Pairings(access.store, now_ms=now_ms)
        self.now_ms = now_ms
        self._seen: dict[str, int] = {}  # of screens that are let in, until `keep` writes them down
        self._flushed_ms = 0

    def admit(self, secret: str, *, address: str, agent: str) -> tuple[str, Screen] | None:
        """Make the token of a screen that was approved; return its text and the screen, None where that is over."""
        pairing, now_ms = self.pairings.take(secret), self.now_ms()
        if pairing is None:
            return None
        text, record = self._access.mint(Scope.VIEW, name=f"screen: {pairing.name}")
        id_, where = secrets.token_hex(ID_BYTES), (one_line(address), one_line(agent))
        screen = Screen(id_, record.id, pairing.name, pairing.playlist, *where, now_ms, now_ms)
        with self._store.writing() as connection:
            connection.execute(
                "INSERT INTO screen VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                astuple(screen),
            )
        return text, screen

    # --- those that are let in -----------------------------------------------------------------------------------

    def all(self) -> list[Screen]:
        """Return the screens by name; those whose token has been taken back are none any more."""
        active = {record.id for record in self._access.records() if record.active(self.now_ms())}
        screens = [self._known(*row) for row in self._store.read("SELECT * FROM screen ORDER BY name, id")]
        return [screen for screen in screens if screen.token_id in active]

    def of_token(self, token_id: str) -> Screen | None:
        """Return the screen that a token was made for."""
        rows = self._store.read("SELECT * FROM screen WHERE token = ?", token_id)
        return self._known(*rows[0]) if rows else None

    def get(self, wanted: str) -> Screen:
        """Return a screen by its id, or by its name where no other has it. Raises ScreenError."""
        screens = self.all()
        found = [one for one in screens if one.id == wanted] or [one for one in screens if one.name == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(one.id for one in found)
            raise ScreenError(f"{len(found)} screens are called {wanted!r}; give the id instead: {ids}")
        there = ", ".join(f"{one.id} ({one.name})" for one in screens[:20])
        raise ScreenError(f"no screen is called {wanted!r}; {f'there are {there}' if there else 'there are none yet'}")

    def change(self, wanted: str, *, name: str | None = None, playlist: str | None = None) -> Screen:
        """Give a screen another name, or send it to another playlist. Raises ScreenError."""
        screen = self.get(wanted)
        changed = replace(
            screen,
            name=screen.name if name is None else screen_name(name) or screen.name,
            playlist=screen.playlist if playlist is None else playlist,
        )
        with self._store.writing() as connection:
            connection.execute(
                "UPDATE screen SET name = ?, playlist = ? WHERE id = ?", (changed.name, changed.playlist, screen.id)
            )
        return changed

    def revoke(self, wanted: str) -> Screen:
        """Let a screen in no more, which closes its sockets within a second. Raises ScreenError."""
        screen = self.get(wanted)
        self._access.revoke(screen.token_id)
        with self._store.writing() as connection:
            connection.execute("DELETE FROM screen WHERE id = ?", (screen.id,))
        return screen

    # --- when they were seen -------------------------------------------------------------------------------------

    def seen(self, screen: Screen) -> bool:
        """Remember that a screen has asked just now; return whether `keep` is due, which is slow."""
        now_ms = self.now_ms()
        self._seen[screen.id] = now_ms
        return not 0 <= now_ms - self._flushed_ms < SEEN_EVERY_MS

    def keep(self) -> None:
        """Write down when screens were seen, for other processes."""
        self._flushed_ms = self.now_ms()
        seen, self._seen = self._seen, {}
        with self._store.writing() as connection:
            connection.executemany(
                "UPDATE screen SET seen_ms = ? WHERE id = ?", [(ms, id_) for id_, ms in seen.items()]
            )

    def _known(self, *row: Any) -> Screen:
        screen = Screen(*row)
        return replace(screen, seen_ms=self._seen.get(screen.id, screen.seen_ms))
