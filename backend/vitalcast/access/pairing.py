"""How a wall screen is let in: by a code that it shows and an operator approves."""

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
from vitalcast.errors import ScreenError, ScreenNameError, TooManyPairings

if TYPE_CHECKING:
    from vitalcast.access.store import Store

ALPHABET = "ACDEFGHJKMNPQRTVWXY34679"  # nothing in it looks like anything else of it, from afar
CODE_CHARS = 6
CODE_MS = 600_000
PENDING_MAX = 200
SECRET_BYTES = 32
AGENT_CHARS_MAX = 200


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


def readable(code: str) -> str:
    """Return a code as it is shown: in two halves."""
    return f"{code[: CODE_CHARS // 2]}-{code[CODE_CHARS // 2 :]}"


class Pairings:
    """The codes that screens show, in the store: a bounded number, each for a few minutes."""

    def __init__(self, store: Store, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._store = store
        self.now_ms = now_ms

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
            pairing = Pairing(_new_code(connection), one_line(address), one_line(agent), now_ms, now_ms + CODE_MS)
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
        name = screen_name(name) or f"Screen {readable(pairing.code)}"
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

    def take(self, secret: str) -> Pairing | None:
        """End the pairing that a screen has begun if it was approved, and return it; None where it is over."""
        with self._store.writing() as connection:
            found = connection.execute("SELECT * FROM pairing WHERE secret_hash = ?", (_hash(secret),)).fetchone()
            pairing = None if found is None else _pairing(found)
            if pairing is None or pairing.approved_ms is None or pairing.expires_ms <= self.now_ms():
                return None
            connection.execute("DELETE FROM pairing WHERE code = ?", (pairing.code,))
        return pairing


def _pairing(row: tuple[Any, ...]) -> Pairing:
    return Pairing(*row[:-1])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _new_code(connection: sqlite3.Connection) -> str:
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))
        if connection.execute("SELECT 1 FROM pairing WHERE code = ?", (code,)).fetchone() is None:
            return code


def one_line(text: str) -> str:
    """Return a stranger's text as it may be kept and shown: on one line, and cut."""
    return "".join(char for char in text if char.isprintable())[:AGENT_CHARS_MAX]


def screen_name(text: str) -> str:
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
