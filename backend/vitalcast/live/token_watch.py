"""Which sockets belong to which token, so that they end with it, and which have yet to show one."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vitalcast.core.stream.grants import Caller
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import AccessError
from vitalcast.live.connection import Connection

logger = logging.getLogger(__name__)

REVOKED_KEPT_S = 600.0  # no handshake takes as long
REVOKED_MAX = 65_536


class TokenWatch:
    """Follows whose token each socket has. `now_s` is monotonic, `now_ms` the wall clock that tokens end by."""

    def __init__(self, *, hello_s: float, now_s: Callable[[], float], now_ms: Callable[[], int]) -> None:
        self._hello_s = hello_s
        self._now_s = now_s
        self._now_ms = now_ms
        self._hello_until_s: dict[Connection, float] = {}  # of those without a token, the first due first
        self._by_token: dict[str, dict[Connection, None]] = {}
        self._revoked: dict[str, float] = {}  # and when, the oldest first

    def follow(self, connection: Connection) -> None:
        """Take note of a new socket, or of what its newest message has made of its caller."""
        grant = connection.session.caller.grant
        if grant is None:
            self._hello_until_s.setdefault(connection, self._now_s() + self._hello_s)
        else:
            self._hello_until_s.pop(connection, None)
        token_id = None if grant is None else grant.token_id
        if token_id != connection.token_id:
            self._drop(connection)
            connection.token_id = token_id
            if token_id is not None:
                self._by_token.setdefault(token_id, {})[connection] = None

    def forget(self, connection: Connection) -> None:
        """Be done with a socket that has gone."""
        self._hello_until_s.pop(connection, None)
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        if connection.token_id is None:
            return
        holders = self._by_token[connection.token_id]
        del holders[connection]
        if not holders:
            del self._by_token[connection.token_id]
        connection.token_id = None

    def unauthenticated(self, connection: Connection) -> bool:
        """Say whether a socket has yet to show a token."""
        return connection in self._hello_until_s

    def holders(self, token_id: str) -> list[Connection]:
        return list(self._by_token.get(token_id, ()))

    def silent(self) -> list[Connection]:
        """Return the sockets whose time to show a token is over."""
        now_s = self._now_s()
        found = []
        for connection, until_s in self._hello_until_s.items():
            if until_s > now_s:
                break
            found.append(connection)
        return found

    def expired(self) -> list[Connection]:
        """Return the sockets whose tokens have ended."""
        now_ms = self._now_ms()
        found: list[Connection] = []
        for holders in self._by_token.values():
            grant = next(iter(holders)).session.caller.grant  # which is the same for all of them
            if grant is not None and grant.expired(now_ms):
                found += holders
        return found

    # --- tokens that were revoked in the midst of a handshake ----------------------------------------------------

    def note_revoked(self, token_id: str) -> None:
        """Remember a token, for as long as a handshake that has looked at it before may be under way.

        At most REVOKED_MAX are remembered, of which the oldest goes first, with a warning.
        """
        self._revoked.pop(token_id, None)
        self._revoked[token_id] = self._now_s()
        if len(self._revoked) > REVOKED_MAX:
            oldest = next(iter(self._revoked))
            del self._revoked[oldest]
            logger.warning("more than %d tokens were revoked at once: %s is no longer watched", REVOKED_MAX, oldest)

    def forget_revoked(self) -> None:
        """Forget the tokens that were revoked so long ago that no handshake from before can still be under way."""
        for token_id, since_s in list(self._revoked.items()):
            if self._now_s() - since_s < REVOKED_KEPT_S:
                break
            del self._revoked[token_id]

    def revoked(self, caller: Caller) -> AccessError | None:
        """Return why a caller is not to be connected whose token has been revoked since it was looked at."""
        if caller.grant is None or caller.grant.token_id not in self._revoked:
            return None
        return AccessError(ErrorCode.UNAUTHORIZED, "token: it has been revoked", revoked=True)
