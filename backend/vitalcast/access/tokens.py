"""What a token is: its record in the store, its text, and the grant that it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vitalcast.core.grants import Grant, Scope
from vitalcast.core.names import Selection
from vitalcast.core.panel_request import request_selection
from vitalcast.core.protocol import TOKEN_CHARS_MAX, ErrorCode
from vitalcast.errors import AccessError
from vitalcast.panel import Panel

ISSUER = "vitalcast"
ALGORITHM = "HS256"
HOST_STREAM = ("system.uptime", "vitalcast.sampler.lag")  # which every page reads beside its panels


@dataclass(frozen=True, slots=True)
class Record:
    """A token as the store knows it, which is all but its text. Times are in Unix milliseconds.

    `metrics` and `interval_s` limit a token for streams; `panels`, `dashboard` (all panels), `metrics` beyond theirs
    and `origins` (the sites whose pages may use it; with none, those that the settings allow) one for embedding.
    """

    id: str
    scope: Scope
    name: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    metrics: tuple[str, ...] = ()
    interval_s: float = 0
    panels: tuple[str, ...] = ()
    dashboard: bool = False
    origins: tuple[str, ...] = ()

    def expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and now_ms >= self.expires_ms

    def active(self, now_ms: int) -> bool:
        """Say whether it lets anybody in now."""
        return self.revoked_ms is None and not self.expired(now_ms)

    def claims(self) -> dict[str, Any]:
        """Return what the token's text says, in the names of RFC 7519 and ours."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "jti": self.id,
            "scope": self.scope.value,
            "iat": self.created_ms // 1000,
        }
        if self.expires_ms is not None:
            claims["exp"] = self.expires_ms // 1000
        optional = {
            "name": self.name,
            "metrics": list(self.metrics),
            "interval": self.interval_s,
            "panels": list(self.panels),
            "dashboard": self.dashboard,
            "origins": list(self.origins),
        }
        return claims | {key: value for key, value in optional.items() if value}

    def grant(self, panels: Iterable[Panel]) -> Grant:
        """Return what it lets its holder see, where these panels are shown."""
        if self.scope in (Scope.VIEW, Scope.ADMIN):
            return Grant(self.scope, self.id, expires_ms=self.expires_ms)
        own = (Selection.of(self.metrics),) if self.metrics else ()
        if self.scope is Scope.STREAM:
            return Grant(
                self.scope,
                self.id,
                within=own,
                interval_min_ms=round(self.interval_s * 1000),
                panels=frozenset(),
                dashboard=False,
                expires_ms=self.expires_ms,
            )
        shown = [panel for panel in panels if self.dashboard or panel.id in self.panels]
        return Grant(
            self.scope,
            self.id,
            within=(*map(request_selection, shown), Selection.of(HOST_STREAM), *own),
            panels=None if self.dashboard else frozenset(self.panels),
            dashboard=self.dashboard,
            origins=frozenset(self.origins) or None,
            expires_ms=self.expires_ms,
        )


def write_token(record: Record, secret: bytes) -> str:
    """Return the text of a token."""
    import jwt  # which takes as long to import as much else of a start

    return jwt.encode(record.claims(), secret, algorithm=ALGORITHM)


def read_token(text: str, secret: bytes) -> str:
    """Return the id of the token that this is. Raises AccessError where it is none of ours, or over."""
    import jwt

    if len(text) > TOKEN_CHARS_MAX:
        raise AccessError(ErrorCode.UNAUTHORIZED, f"token: a token has {TOKEN_CHARS_MAX} characters at most")
    try:
        claims = jwt.decode(
            text,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["iss", "jti", "iat"], "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise AccessError(ErrorCode.TOKEN_EXPIRED, "token: it has expired; ask for a new one") from None
    except jwt.InvalidTokenError:  # why exactly helps only who forges one
        raise AccessError(ErrorCode.UNAUTHORIZED, "token: this server has not made it") from None
    id_ = claims["jti"]
    if not isinstance(id_, str):
        raise AccessError(ErrorCode.UNAUTHORIZED, "token: this server has not made it")
    return id_
