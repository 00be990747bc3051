"""The wall screens: how one is let in by a code that an operator approves, what it is called and what it shows."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vitalcast.core.stream.grants import SCREEN_NAME_CHARS_MAX
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import Scope
from vitalcast.errors import ScreenError, ScreenNameError, TooManyPairings

if TYPE_CHECKING:
    from vitalcast.access.access import Access

ALPHABET = "ACDEFGHJKMNPQRTVWXY34679"  # nothing in it looks like anything else of it, from afar
CODE_CHARS = 6
CODE_MS = 600_000
PENDING_MAX = 200
ID_BYTES = 4
SECRET_BYTES = 32
AGENT_CHARS_MAX = 200
SEEN_EVERY_MS = 10_000  # a screen asks twice as often
ONLINE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Pairing:
    """A screen that wants to be let in. Times are in Unix milliseconds."""

    code: str
    address: str
    agent: str
    created_ms: int
    expires_ms: int
    approved_ms: int | None = None
    name: str = ""
    playlist: str = ""


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


def readable(code: str) -> str:
    """Return a code as it is shown: in two halves."""
    return f"{code[: CODE_CHARS // 2]}-{code[CODE_CHARS // 2 :]}"


class Screens:
    """The screens in the store of `access`. The server and the command line may use it at the same time."""

    def __init__(self, access: Access, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._access = access
        self._store = access.store
        self.now_ms = now_ms
        self._seen: dict[str, int] = {}  # of screens that are let in, until `keep` writes them down
        self._flushed_ms = 0

    # --- pairing -------------------------------------------------------------------------------------------------

    def ask(self, address: str, agent: str) -> tuple[Pairing, str]:
        """Begin to pair a screen; return what an operator may approve, and the secret that only the screen knows.

        Raises TooManyPairings.
        """
        now_ms, secret = self.now_ms(), secrets.token_urlsafe(SECRET_BYTES)
        with self._store.writing() as connection:
            # One from the future was begun before the clock was set back, and would outlive its time by as much.
            connection.execute(
                "DELETE FROM pairing WHERE expires_ms <= ? OR expires_ms > ?", (now_ms, now_ms + CODE_MS)
            )
            count, first_ms = connection.execute("SELECT count(*), min(expires_ms) FROM pairing").fetchone()
            if count >= PENDING_MAX:
                raise TooManyPairings(max(1, (first_ms - now_ms) // 1000))
            pairing = Pairing(_new_code(connection), _line(address), _line(agent), now_ms, now_ms + CODE_MS)
            connection.execute(
                "INSERT INTO pairing VALUES (?, ?, ?, ?, ?, NULL, '', '', ?)",
                (pairing.code, pairing.address, pairing.agent, pairing.created_ms, pairing.expires_ms, _hash(secret)),
            )
        return pairing, secret

    def find(self, code: str) -> Pairing:
        """Return the pairing of a code, however it is written. Raises ScreenError."""
        wanted = re.sub(r"[\s-]", "", code).upper()
        if len(wanted) != CODE_CHARS or set(wanted) - set(ALPHABET):
            example = readable(ALPHABET[:CODE_CHARS])
            raise ScreenError(f"{code!r} is not a screen's code; give the code on the screen, such as {example}")
        rows = self._store.read("SELECT * FROM pairing WHERE code = ?", wanted)
        if not rows:
            raise ScreenError(
                f"no screen shows the code {readable(wanted)}; a code is valid for {CODE_MS // 60_000} minutes, "
                "then the screen shows a new code"
            )
        pairing = _pairing(rows[0])
        if pairing.expires_ms <= self.now_ms():
            raise ScreenError(f"the code {readable(wanted)} has expired; approve the code that the screen shows now")
        return pairing

    def approve(self, code: str, *, name: str = "", playlist: str = "") -> Pairing:
        """Approve the screen that shows this code. Raises ScreenError."""
        pairing, now_ms = self.find(code), self.now_ms()
        name = _name(name) or f"Screen {readable(pairing.code)}"
        with self._store.writing() as connection:
            connection.execute(
                "UPDATE pairing SET approved_ms = ?, expires_ms = ?, name = ?, playlist = ? WHERE code = ?",
                (now_ms, now_ms + CODE_MS, name, playlist, pairing.code),
            )
        return replace(pairing, approved_ms=now_ms, expires_ms=now_ms + CODE_MS, name=name, playlist=playlist)

    def claim(self, secret: str) -> Pairing | None:
        """Return the pairing that a screen has begun, None where it is over."""
        # By its hash: how long the search for that takes tells nothing of the secret.
        rows = self._store.read("SELECT * FROM pairing WHERE secret_hash = ?", _hash(secret))
        pairing = _pairing(rows[0]) if rows else None
        return pairing if pairing is not None and pairing.expires_ms > self.now_ms() else None

    def admit(self, secret: str, *, address: str, agent: str) -> tuple[str, Screen] | None:
        """Make the token of a screen that was approved; return its text and the screen, None where that is over."""
        with self._store.writing() as connection:
            found = connection.execute("SELECT * FROM pairing WHERE secret_hash = ?", (_hash(secret),)).fetchone()
            pairing, now_ms = None if found is None else _pairing(found), self.now_ms()
            if pairing is None or pairing.approved_ms is None or pairing.expires_ms <= now_ms:
                return None
            connection.execute("DELETE FROM pairing WHERE code = ?", (pairing.code,))
        text, record = self._access.mint(Scope.VIEW, name=f"screen: {pairing.name}")
        screen = Screen(
            secrets.token_hex(ID_BYTES), record.id, pairing.name, pairing.playlist,
            _line(address), _line(agent), now_ms, now_ms,
        )  # fmt: skip
        with self._store.writing() as connection:
            connection.execute(
                "INSERT INTO screen VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    screen.id,
                    screen.token_id,
                    screen.name,
                    screen.playlist,
                    screen.address,
                    screen.agent,
                    now_ms,
                    now_ms,
                ),
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
            name=screen.name if name is None else _name(name) or screen.name,
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


def _pairing(row: tuple[Any, ...]) -> Pairing:
    return Pairing(*row[:-1])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _new_code(connection: sqlite3.Connection) -> str:
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))
        if connection.execute("SELECT 1 FROM pairing WHERE code = ?", (code,)).fetchone() is None:
            return code


def _line(text: str) -> str:
    """Return a stranger's text as it may be kept and shown: on one line, and cut."""
    return "".join(char for char in text if char.isprintable())[:AGENT_CHARS_MAX]


def _name(text: str) -> str:
    """Return a name on one line, with single spaces. Raises ScreenNameError."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise ScreenNameError(f"a screen's name holds printable characters only, not {_odd(name)}")
    if len(name) > SCREEN_NAME_CHARS_MAX:
        raise ScreenNameError(
            f"the name of a screen has {SCREEN_NAME_CHARS_MAX} characters at most, this name has {len(name)}"
        )
    return name


def _odd(name: str) -> str:
    return printable(next(char for char in name if not char.isprintable()))
