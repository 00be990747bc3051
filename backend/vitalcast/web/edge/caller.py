"""Who sends a request: the credential that it brings, and by which way it came."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import parse_qsl

from starlette.types import Scope as AsgiScope

from vitalcast.core.panels.selection import request_selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError
from vitalcast.web.edge.cookie import cookie
from vitalcast.web.edge.errors import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from vitalcast.core.panels.schema import Panel

URL_PARAMETER: Final = "token"
_FETCH_SITES_ELSEWHERE: Final = (b"cross-site", b"same-site")


class CredentialSource(enum.Enum):
    """How a token came in."""

    BEARER = "Authorization"
    URL = "address"
    COOKIE = "cookie"


class Credential(NamedTuple):
    """A token that nobody has looked at yet."""

    source: CredentialSource
    token: str


def header(scope: AsgiScope, name: bytes) -> bytes | None:
    """Return the last header of this name, which is in lower case."""
    return next((value for key, value in reversed(scope["headers"]) if key == name), None)


def credential(scope: AsgiScope, *, own_page: bool) -> Credential | None:
    """Return the token that a request brings. The cookie counts only where no page of another site sends it."""
    if (token := bearer(scope)) is not None:
        return Credential(CredentialSource.BEARER, token)
    if (token := url_token(scope)) is not None:
        return Credential(CredentialSource.URL, token)
    if own_page and (token := cookie(scope)) is not None:
        return Credential(CredentialSource.COOKIE, token)
    return None


def bearer(scope: AsgiScope) -> str | None:
    """Return the token of an `Authorization: Bearer` header (RFC 6750, 2.1); the scheme's case does not matter."""
    value = header(scope, b"authorization")
    if value is None:
        return None
    scheme, _, token = value.decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def url_token(scope: AsgiScope) -> str | None:
    query: bytes = scope.get("query_string", b"")
    if b"token" not in query and b"%" not in query:  # which spares the parsing of nearly every request
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return next((value for name, value in pairs if name == URL_PARAMETER), None)


def from_elsewhere(scope: AsgiScope) -> bool:
    """Say whether a page of another site has this sent as a part of itself, be it an image or a script.

    Browsers tell on a request that a page cannot send without them; who follows a link only opens a page of ours.
    """
    site, mode = header(scope, b"sec-fetch-site"), header(scope, b"sec-fetch-mode")
    return site in _FETCH_SITES_ELSEWHERE and mode != b"navigate"


def grant_of(connection: HTTPConnection) -> Grant:
    """Return what the caller may see, in a route whose rule names scopes."""
    grant = connection.scope["state"]["grant"]
    assert isinstance(grant, Grant)
    return grant


def credential_source(connection: HTTPConnection) -> CredentialSource | None:
    """Return how the caller's token came; None for one who needs none and has shown none."""
    return cast("CredentialSource | None", connection.scope["state"]["credential_source"])


def panel_called(id_: str, panels: Mapping[str, Panel], grant: Grant) -> Panel:
    """Return the panel of this id. Raises ApiError where there is none, or none for this caller."""
    panel = panels.get(id_)
    if panel is not None and may_show(grant, panel):
        return panel
    if panel is None and grant.panels is not None and id_ in grant.panels:
        raise ApiError(404, ErrorCode.BAD_REQUEST, f"the panel {shown(id_)} was removed from this server")
    if grant.within is not None:  # whether there is one is not for this caller to know
        raise ApiError(403, ErrorCode.DENIED, f"your token does not cover a panel called {shown(id_)}")
    there = ", ".join(panels) or "no panels"
    raise ApiError(404, ErrorCode.BAD_REQUEST, f"no panel is called {shown(id_)}; there are {there}")


def may_show(grant: Grant, panel: Panel) -> bool:
    """Say whether a panel may be shown, with all that it asks for."""
    return grant.shows_panel(panel.id, request_selection(panel))
