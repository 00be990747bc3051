"""Who sends a request, and whether an endpoint lets them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.types import Scope as AsgiScope

from vitalcast.access.attempts import Attempts
from vitalcast.access.rate_limit import network_of
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens
from vitalcast.web.edge.caller import Credential, CredentialSource, credential, from_elsewhere, header, url_token
from vitalcast.web.edge.refusals import TOO_LITTLE, Refusal

if TYPE_CHECKING:
    from vitalcast.access.access import Access
    from vitalcast.web.edge.endpoint import Endpoint


class Authenticator:
    """Looks at who comes, and says whether an endpoint lets them in."""

    def __init__(self, access: Access, attempts: Attempts) -> None:
        self._access = access
        self._attempts = attempts

    def judge(self, scope: AsgiScope, endpoint: Endpoint) -> Refusal | None:
        """Return why a request is turned away, or None; then `scope["state"]` holds what it is granted."""
        state = scope["state"]
        state["grant"] = state["refusal"] = state["credential_source"] = None
        if endpoint.public:
            return None
        if not endpoint.url_token and url_token(scope) is not None:
            return _TOKEN_IN_URL
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            refusal = _forgery(scope, endpoint)
            if refusal is not None:
                return refusal
        if endpoint.scopes is None and not endpoint.token_optional:
            return None
        offered = credential(scope, own_page=state["origin"] is None and not from_elsewhere(scope))
        try:
            grant = self._grant(scope, offered)
        except TooManyWrongTokens as error:
            return Refusal(429, error.message, ErrorCode.RATE_LIMITED, {"Retry-After": str(error.wait_s)})
        except AccessError as error:
            if endpoint.token_optional:
                state["refusal"] = error
                return None
            return _unauthorized(error)
        if grant is None:
            return None if endpoint.scopes is None else _NO_TOKEN_IN_URL if endpoint.url_token else _NO_TOKEN
        state["grant"], state["credential_source"] = grant, offered.source if offered is not None else None
        if endpoint.scopes is not None and grant.scope not in endpoint.scopes:
            return _wrong_scope(grant.scope, endpoint.scopes)
        return None

    def _grant(self, scope: AsgiScope, offered: Credential | None) -> Grant | None:
        """Return what this caller is granted, None where that needs a token and there is none. Raises AccessError."""
        state = scope["state"]
        anonymous = self._access.without_token(origin=state["origin"], near=state["near"])
        if offered is None:
            return anonymous
        if offered.source is CredentialSource.COOKIE and anonymous is not None:
            return self._attempts.verify_cookie(offered.token, address=state["address"]) or anonymous
        address = network_of(state["address"])
        if state["origin"] is not None or from_elsewhere(scope):  # what strangers' pages try is not held against us
            address += " by way of another site"
        grant = self._attempts.verify(offered.token, address=address, origin=state["origin"])
        if offered.source is CredentialSource.URL and grant.scope is not Scope.EMBED:
            raise AccessError(
                ErrorCode.UNAUTHORIZED,
                f"token: a token of scope {grant.scope} must not be in an address, since addresses get logged; "
                f"revoke it, and use a token of scope {Scope.EMBED} here",
            )
        return grant


_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_TOKEN_IN_URL: Final = Refusal(
    400,
    "do not put a token in this address, since addresses get logged; send it in the header Authorization, "
    "as 'Bearer' and the token",
    ErrorCode.BAD_REQUEST,
    token_misplaced=True,
)
_NO_TOKEN: Final = Refusal(
    401,
    "this address needs a token; send the header 'Authorization: Bearer' with the token, or log in at /login",
    ErrorCode.UNAUTHORIZED,
    {"WWW-Authenticate": "Bearer"},
)
_NO_TOKEN_IN_URL: Final = Refusal(
    401,
    f"this needs a token of scope {Scope.EMBED} in its address; the person who put it here can create one",
    ErrorCode.UNAUTHORIZED,
    {"WWW-Authenticate": "Bearer"},
)


def _unauthorized(error: AccessError) -> Refusal:
    code = ErrorCode(error.code)
    why = "expired" if code is ErrorCode.TOKEN_EXPIRED else "unknown"
    return Refusal(401, error.message, code, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, why)


def _wrong_scope(scope: Scope, scopes: frozenset[Scope]) -> Refusal:
    *others, last = (one.value for one in Scope if one in scopes)
    needed = f"{', '.join(others)} or {last}" if others else last
    return Refusal(
        403,
        f"a token of scope {scope} does not open this address; use a token of scope {needed}",
        headers=TOO_LITTLE,
    )


def _forgery(scope: AsgiScope, endpoint: Endpoint) -> Refusal | None:
    """Return why something that changes what is here may be another site's doing, None where it cannot be."""
    if scope["state"]["origin"] is not None or from_elsewhere(scope):
        return Refusal(403, "pages of other sites cannot change anything here")
    if scope["method"] == "DELETE":  # which no page can send elsewhere without asking first
        return None
    given = (header(scope, b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    if given in endpoint.body_types:
        return None
    wanted = " or ".join(endpoint.body_types)
    return Refusal(415, f"send the body as {wanted}, and say so in the header Content-Type", ErrorCode.BAD_REQUEST)
