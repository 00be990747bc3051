"""Checks tokens, and no more wrong ones than the limits allow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vitalcast.access.rate_limit import Throttle
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens

if TYPE_CHECKING:
    from vitalcast.access.access import Access
    from vitalcast.core.stream.grants import Grant

WINDOW_S = 60.0


class Attempts:
    """`verify` as `Access` has it, for callers from anywhere, whose address is given.

    Wrong tokens may be `each` a minute from one address, and `total` from all together.
    Tokens that were right once, and have expired or were revoked, are no guesses and do not count.
    """

    def __init__(self, access: Access, *, total: int, each: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._wrong = Throttle(
            total=total,
            each=each,
            window_s=WINDOW_S,
            now_s=now_s,
        )

    def verify(self, token: str, *, address: str, origin: str | None = None) -> Grant:
        """Return what a token grants. Raises AccessError as `Access.verify` does, and TooManyWrongTokens."""
        wait_s = self._wrong.wait_s(address)
        if wait_s and not self._access.knows(token):  # who guesses must not shut out those who share the address
            raise TooManyWrongTokens(ErrorCode.RATE_LIMITED, wait_s)
        try:
            return self._access.verify(token, origin=origin)
        except AccessError as error:
            if error.code == ErrorCode.UNAUTHORIZED and not error.revoked:
                self._wrong.count(address)
            raise

    def verify_cookie(self, token: str, *, address: str) -> Grant | None:
        """Return what a token grants that a browser sends along by itself, None where it is not good.

        Where whoever comes may do everything it does not count: it may be long over, or another server's of this host,
        and nobody could gain by trying.
        """
        anonymous = self._access.anonymous
        try:
            if anonymous is not None and anonymous.scope is Scope.ADMIN:
                return self._access.verify(token)
            return self.verify(token, address=address)
        except AccessError:
            return None
