"""Decides who is let in, and as what: with a token, and without one."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from vitalcast.access.folder import check_folder
from vitalcast.access.origin import parse_origin
from vitalcast.access.secret import Secret
from vitalcast.access.tokens import (
    USUAL_S,
    Record,
    check_limits,
    expired,
    not_ours,
    read_token,
    usual_since_s,
    write_token,
)
from vitalcast.core.panels.schema import Panel
from vitalcast.core.stream.grants import Grant
from vitalcast.core.text import printable
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.command_fields import TOKEN_CHARS_MAX
from vitalcast.errors import AccessError, ConfigError, LimitsError

if TYPE_CHECKING:
    from pathlib import Path

    from vitalcast.access.store import Store

__all__ = ["Access", "Record"]

logger = logging.getLogger(__name__)

ID_BYTES = 6
KNOWN_MAX = 4096  # tokens whose signature is not computed again
KEY_FILE = "secret"
STORE_NAME = "access.db"
VIEWER_COMMAND = "vitalcast token create --scope view"


class Access:
    """The tokens of a data folder, and what a caller without one gets.

    `host` is the address that the server binds, and `loopback` says whether this machine alone can reach it; `no_auth`
    serves all who can. `allowed_origins` are the sites whose pages may use any token. `panels` returns those that there
    are now, which a token for embedding is resolved against.

    `required` says that a token is, and `anonymous` is what those get who show none; both are settled here and hold
    until the end. Only `start` and what makes or changes tokens write anything. Raises ConfigError where the tokens
    that decide this cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        panels: Callable[[], Iterable[Panel]],
        host: str = "127.0.0.1",
        loopback: bool = True,
        no_auth: bool = False,
        allowed_origins: Iterable[str] = (),
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.folder = folder
        self._panels = panels
        self._host = host
        self._loopback = loopback
        self._no_auth = no_auth
        self._origins = tuple(str(parse_origin(origin)) for origin in allowed_origins)
        self.now_ms = now_ms
        self._opened: Store | None = None
        self._secret = Secret(self.folder / KEY_FILE)
        self._version: object = None
        self._records: dict[str, Record] = {}
        self._grants: dict[str, Grant] = {}
        self._known: dict[bytes, str] = {}
        self._revoked: set[str] = set()  # until `changed` takes them; no more than there are tokens
        self._lock = threading.Lock()  # over these four: requests may be answered in threads
        self._read_store()
        self.required = not no_auth and (not loopback or self._is_guarded())
        self.anonymous = None if self.required else Grant(Scope.ADMIN if loopback else Scope.VIEW)

    def _has_active(self) -> bool:
        return any(record.active(self.now_ms()) for record in self._records.values())

    def _is_guarded(self) -> bool:
        """Say whether a token was made that has not been taken back.

        One that has expired counts, lest a door open by itself. That a screen was paired is no reason to ask everybody
        else.
        """
        of_screens = self.store.screen_tokens() if self._records else set()
        return any(one.revoked_ms is None and one.id not in of_screens for one in self._records.values())

    def check(self) -> None:
        """Raise ConfigError where nobody at all could come in."""
        if not self.required:
            return
        if not self._has_active() and not self._loopback:
            raise ConfigError(
                "server.host",
                f'"{printable(self._host)}" can be reached from other machines, and there is no token yet; '
                f"create a token with `{VIEWER_COMMAND}`, listen on 127.0.0.1, or use --no-auth to serve everybody who "
                "can connect",
            )
        self._secret.check()

    def start(self) -> None:
        """Make the secret if there is none. Where it cannot be made, that is only said: nobody has a token then."""
        try:
            self._secret.refresh()
            is_new = self._secret.value is None
            self._secret.make()
            self._refresh()
            if is_new and self._has_active():
                logger.warning("the secret is new: earlier tokens are no longer valid; create new tokens")
            elif self.required and not self._has_active():
                logger.warning(
                    "every token has expired, so nobody can connect; create a token with `%s`, or revoke the old "
                    "tokens: from the next start, callers on this machine then need none",
                    VIEWER_COMMAND,
                )
        except ConfigError as error:
            logger.warning("tokens cannot be used: %s", error)
        if self.required:
            importlib.import_module("jwt")  # the first who comes should not wait for it

    # --- letting in ----------------------------------------------------------------------------------------------

    def without_token(self, *, origin: str | None = None, near: bool = True) -> Grant | None:
        """Return what a caller without a token gets, None where it needs one; `origin` is as for `verify`.

        The sites that tokens name get nothing without one of these. `near` says that this machine connects: what is
        for it alone, no other gets, though a server that is not ours may be bound to more than the settings say.
        """
        if origin is not None and str(parse_origin(origin)) not in self._origins:
            return None
        if near or self.anonymous is None or self.anonymous.scope is not Scope.ADMIN:
            return self.anonymous
        return Grant(Scope.VIEW) if self._no_auth else None

    def verify(self, token: str, *, origin: str | None = None) -> Grant:
        """Return what a token grants. `origin` is the request's Origin where it is another site's page, else None.

        Raises AccessError: its code is UNAUTHORIZED, or TOKEN_EXPIRED, or INTERNAL where the store cannot be read.
        """
        try:
            self._refresh()
        except ConfigError:  # which is logged where the store is looked at all the time
            raise AccessError(
                ErrorCode.INTERNAL, "token: this server cannot check tokens now; its log says why", temporary=True
            ) from None
        record = self._records.get(self._id_of(token))
        if record is None:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")
        if record.revoked_ms is not None:
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: it has been revoked", revoked=True)
        if record.expired(self.now_ms()):
            raise expired()
        if origin is not None and str(parse_origin(origin)) not in (record.origins or self._origins):
            raise AccessError(ErrorCode.UNAUTHORIZED, "token: not valid on pages of this site")
        grant = self._grants.get(record.id)
        if grant is None:
            grant = self._grants[record.id] = record.grant(self._panels())
        return grant

    def forget_grants(self) -> None:
        """Resolve every token anew at its next use, since the panels have changed."""
        with self._lock:
            self._grants.clear()

    def grant_now(self, grant: Grant) -> Grant:
        """Return what the token of a grant stands for with the panels there are now."""
        record = None if grant.token_id is None else self._records.get(grant.token_id)
        return grant if record is None else record.grant(self._panels())

    def holds(self, grant: Grant) -> bool:
        """Say whether a grant is still in force: its token has neither been revoked nor has it expired."""
        if grant.token_id is None:
            return True
        with suppress(ConfigError):  # which is logged where the store is looked at all the time
            self._refresh()
        record = self._records.get(grant.token_id)
        return record is not None and record.active(self.now_ms())

    def knows(self, token: str) -> bool:
        """Say whether this token's signature was right before, which a guess cannot be."""
        return _digest(token) in self._known

    def _id_of(self, token: str) -> str:
        """Return the id of a token whose signature is right. Raises AccessError."""
        if self._secret.value is None:
            raise not_ours()
        digest = _digest(token)
        id_ = self._known.get(digest)
        if id_ is None:
            id_ = read_token(token, self._secret.value, now_s=self.now_ms() / 1000)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[digest] = id_
        return id_

    def origins(self) -> frozenset[str]:
        """Return the sites whose pages may use some token that is in force."""
        try:
            self._refresh()
        except ConfigError:
            return frozenset()
        now_ms = self.now_ms()
        return frozenset(origin for one in self._records.values() if one.active(now_ms) for origin in one.origins)

    def changed(self) -> frozenset[str]:
        """Return the ids of the tokens that have been revoked since the last call. Cheap enough for twice a second."""
        self._refresh()
        with self._lock:
            revoked, self._revoked = frozenset(self._revoked), set()
        return revoked

    def _refresh(self) -> None:
        """Notice what any process has changed. Raises ConfigError where the secret or the store cannot be read."""
        with self._lock:
            if self._secret.refresh():
                self._known.clear()
                self._revoked |= {id_ for id_, record in self._records.items() if record.revoked_ms is None}
            self._read_store()

    def _read_store(self) -> None:
        if self._opened is None and not os.access(self.folder / STORE_NAME, os.F_OK):
            return
        version = self.store.version()
        if version == self._version:
            return
        before, self._records = self._records, {record.id: record for record in self.store.tokens()}
        self._version = version
        self._grants = {id_: one for id_, one in self._grants.items() if self._records.get(id_) == before.get(id_)}
        for id_, record in before.items():
            now = self._records.get(id_)
            if record.revoked_ms is None and (now is None or now.revoked_ms is not None):
                self._revoked.add(id_)

    # --- tokens --------------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        if self._opened is None:
            from vitalcast.access.store import Store  # sqlite3 costs a start that needs none

            check_folder(self.folder)
            self._opened = Store(self.folder / STORE_NAME)
        return self._opened

    def mint(
        self,
        scope: Scope,
        *,
        name: str = "",
        expires_s: float | None = None,
        metrics: Iterable[str] = (),
        interval_s: float = 0,
        panels: Iterable[str] = (),
        dashboard: bool = False,
        origins: Iterable[str] = (),
        since_s: float | None = USUAL_S,
    ) -> tuple[str, Record]:
        """Make a token; return its text, which is kept nowhere, and its record.

        It ends after `expires_s`, or never, and sees `since_s` back, all for None, or USUAL_S. Raises LimitsError where
        its limits make no sense, and ConfigError where it cannot be kept.
        """
        now_ms = self.now_ms()
        record = Record(
            secrets.token_hex(ID_BYTES),
            scope,
            name,
            now_ms,
            None if expires_s is None else (now_ms // 1000 + round(expires_s)) * 1000,
            metrics=tuple(dict.fromkeys(metrics)),
            interval_s=interval_s,
            panels=tuple(dict.fromkeys(panels)),
            dashboard=dashboard,
            origins=tuple(dict.fromkeys(str(parse_origin(one) or one) for one in origins)),
            since_s=usual_since_s(scope) if since_s == USUAL_S else since_s,
        )
        check_limits(record, self._panels())
        text = write_token(record, self._secret.make())
        if len(text) > TOKEN_CHARS_MAX:
            longest = max(("metrics", "panels", "origins"), key=lambda key: len(str(getattr(record, key))))
            raise LimitsError(
                longest,
                f"a token has {TOKEN_CHARS_MAX} characters at most, this token has {len(text)}; name fewer",
            )
        self.store.add_token(record)
        return text, record

    def records(self) -> list[Record]:
        """Return every token that there is, oldest first, those that are over included."""
        self._refresh()
        return list(self._records.values())

    def revoke(self, id_: str) -> bool:
        """Take a token back, which closes its sockets within a second; return whether that changed anything."""
        return self.store.revoke_token(id_, self.now_ms())

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
