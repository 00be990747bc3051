"""What a token is: its record in the store, its text, and the grant that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vitalcast.access.origin import parse_origin
from vitalcast.core.metrics.names import Selection
from vitalcast.core.panels.schema import Panel
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.stream.grants import TOKEN_NAME_CHARS_MAX, Grant
from vitalcast.core.text import advice_for
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.core.wire.command_fields import TOKEN_CHARS_MAX
from vitalcast.errors import AccessError, LimitsError

ISSUER = "vitalcast"
ALGORITHM = "HS256"
PATTERNS_MAX = 64
INTERVAL_S = (0.1, 3600.0)
SINCE_S = 900.0  # how far back a token for embedding sees, as all of version 0.1 do, unless it is made with another
USUAL_S = 0.0  # in place of how far back a token sees: as far as one of its scope does that nothing else is said of
SINCE_S_BOUNDS = (1.0, 100 * 366 * 86_400.0)
EVER = "ever"
HOST_STREAM = ("system.uptime", "vitalcast.sampler.lag")  # which every page reads beside its panels


@dataclass(frozen=True, slots=True)
class Record:
    """A token as the store knows it, which is all but its text. Times are in Unix milliseconds.

    `metrics` and `interval_s` limit a token for streams; `panels`, `dashboard` (all panels), `metrics` beyond theirs
    and `origins` (the sites whose pages may use it; with none, those that the settings allow) one for embedding; and
    `since_s` (how many seconds back it sees; None is as far as anything is kept) both.
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
    since_s: float | None = SINCE_S

    def expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and now_ms >= self.expires_ms

    def active(self, now_ms: int) -> bool:
        """Say whether it lets anybody in now."""
        return self.revoked_ms is None and not self.expired(now_ms)

    def state(self, now_ms: int) -> str:
        """Return `active`, `expired` or `revoked`."""
        return "revoked" if self.revoked_ms is not None else "expired" if self.expired(now_ms) else "active"

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
            "since": 0 if self.since_s == usual_since_s(self.scope) else self.since_s or EVER,
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
                since_s=self.since_s,
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
            since_s=self.since_s,
            expires_ms=self.expires_ms,
        )


def usual_since_s(scope: Scope) -> float | None:
    """Return how many seconds back a token of this scope sees unless it is made with another; None for all."""
    return SINCE_S if scope is Scope.EMBED else None


_TAKES: Mapping[Scope, frozenset[str]] = MappingProxyType(
    {
        Scope.VIEW: frozenset(),
        Scope.ADMIN: frozenset(),
        Scope.STREAM: frozenset({"metrics", "interval", "since"}),
        Scope.EMBED: frozenset({"panels", "dashboard", "metrics", "origins", "since"}),
    }
)


def check_limits(record: Record, panels: Iterable[Panel]) -> None:
    """Raise LimitsError where a new token would not be what its maker means; these are the panels that there are."""
    claims, takes = record.claims(), _TAKES[record.scope]
    for key in ("metrics", "interval", "panels", "dashboard", "origins", "since"):
        if key in claims and key not in takes:
            fitting = " or ".join(scope.value for scope, keys in _TAKES.items() if key in keys)
            raise LimitsError(key, f"a token of scope {record.scope.value} has none; that is for {fitting}")
    if record.scope is Scope.STREAM and not record.metrics:
        raise LimitsError("metrics", "a token of scope stream needs patterns of metrics")
    if record.scope is Scope.EMBED and not (record.panels or record.dashboard or record.metrics):
        raise LimitsError("panels", "a token of scope embed needs panels, or the dashboard")
    if len(record.name) > TOKEN_NAME_CHARS_MAX or not record.name.isprintable():
        raise LimitsError("name", f"give at most {TOKEN_NAME_CHARS_MAX} printable characters")
    if len(record.metrics) > PATTERNS_MAX:
        raise LimitsError("metrics", f"at most {PATTERNS_MAX} patterns, these are {len(record.metrics)}")
    try:
        Selection.of(record.metrics)
    except ValueError as error:
        raise LimitsError("metrics", str(error)) from None
    if record.interval_s and not INTERVAL_S[0] <= record.interval_s <= INTERVAL_S[1]:
        raise LimitsError("interval", f"give {INTERVAL_S[0]:g} to {INTERVAL_S[1]:g} seconds")
    if record.since_s is not None and not SINCE_S_BOUNDS[0] <= record.since_s <= SINCE_S_BOUNDS[1]:
        raise LimitsError("since", f"give {SINCE_S_BOUNDS[0]:g} to {SINCE_S_BOUNDS[1]:g} seconds, or {EVER}")
    ids = [panel.id for panel in panels]
    for id_ in record.panels:
        if id_ not in ids:
            raise LimitsError("panels", f"there is no panel {id_!r}; {advice_for(id_, ids)}")
    for origin in record.origins:
        if str(parse_origin(origin)) != origin:
            raise LimitsError(
                "origins", f"{origin!r} is not an origin; give an origin such as https://wiki.example.org"
            )


def write_token(record: Record, secret: bytes) -> str:
    """Return the text of a token."""
    import jwt  # which takes as long to import as much else of a start

    return jwt.encode(record.claims(), secret, algorithm=ALGORITHM)


def read_token(text: str, secret: bytes, *, now_s: float) -> str:
    """Return the id of the token that this is. Raises AccessError where it is none of ours, or over."""
    import jwt

    if len(text) > TOKEN_CHARS_MAX or not text.isascii():
        raise not_ours()
    try:
        claims = jwt.decode(
            text,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["iss", "jti"], "verify_iat": False, "verify_exp": False},
        )
    except (jwt.InvalidTokenError, RecursionError):  # its head is JSON that is read before the signature is known
        raise not_ours() from None
    id_, end_s = claims["jti"], claims.get("exp", now_s + 1)
    if not (isinstance(id_, str) and isinstance(end_s, int | float)):
        raise not_ours()
    if now_s >= end_s:  # also of tokens that the store has forgotten
        raise expired()
    return id_


def not_ours() -> AccessError:
    """Return the answer to all that is no token of this server: why exactly would only help who forges one."""
    return AccessError(ErrorCode.UNAUTHORIZED, "token: unknown token")


def expired() -> AccessError:
    return AccessError(ErrorCode.TOKEN_EXPIRED, "token: it has expired; ask for a new token")
