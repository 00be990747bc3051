"""Who may ask for what: one table of all routes, and the guard that is put before each of them."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from starlette._utils import get_route_path
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from vitalcast.access.attempts import Attempts
from vitalcast.access.rate_limit import Throttle, network_of
from vitalcast.core.panels.selection import request_selection
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens
from vitalcast.web.edge.caller import Credential, CredentialSource, credential, from_elsewhere, header, url_token
from vitalcast.web.edge.login import cookie_header, login_page, login_url, small_page
from vitalcast.web.edge.security import RefusalLog, error_body, framed_by, hold_back, refuse, too_many_requests
from vitalcast.web.pages.pages import CONTENT_SECURITY_POLICY
from vitalcast.web.panels.image_response import refusal

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from vitalcast.access.access import Access
    from vitalcast.core.panels.schema import Panel


class Answer(enum.Enum):
    """In which form a route says no."""

    API = "JSON"
    PAGE = "a page: without a token, the way to log in"
    FRAME = "a small page"
    TEXT = "plain text"
    IMAGE = "a picture that says it"


class Rule(NamedTuple):  # which costs a start less than a dataclass
    """Who may use a route: those with one of `scopes`; None lets in whoever comes.

    `looks` says that a credential is looked at even then, and that a bad one is not refused but told to the route.
    `in_url` lets tokens for embedding stand in the address, and `form` lets a form be sent. `cost` is what an answer
    counts against `limits.requests_per_second`: how many times as long as a small file it takes.
    """

    scopes: frozenset[Scope] | None
    answer: Answer = Answer.API
    in_url: bool = False
    looks: bool = False
    form: bool = False
    code: bool = False
    cost: int = 1


WHOLE: Final = frozenset({Scope.VIEW, Scope.ADMIN})
READERS: Final = WHOLE | {Scope.STREAM}
PANELS: Final = READERS | {Scope.EMBED}
ADMINS: Final = frozenset({Scope.ADMIN})

OPEN: Final = Rule(None)
FORM: Final = Rule(None, Answer.PAGE, form=True)
CODE: Final = Rule(None, code=True)  # which pages of every site may load
EMBEDDED: Final = Rule(PANELS, Answer.FRAME, in_url=True)
DRAWN: Final = Rule(PANELS, Answer.IMAGE, in_url=True, cost=10)

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "/": Rule(WHOLE, Answer.PAGE),
        "/static/{path:path}": CODE,
        "/embed.js": CODE,
        "/login": FORM,
        "/logout": FORM,
        "/docs": Rule(WHOLE, Answer.PAGE, cost=2),
        "/docs/api": Rule(WHOLE, Answer.PAGE, cost=2),
        "/docs/{page}": Rule(WHOLE, Answer.PAGE, cost=2),
        "/openapi.json": Rule(READERS, cost=10),
        "/healthz": OPEN,
        "/readyz": OPEN,
        "/ws": Rule(None, looks=True),
        "/metrics": Rule(READERS, Answer.TEXT, cost=6),
        "/api/v1/metrics": Rule(READERS, cost=4),
        "/api/v1/latest": Rule(READERS, cost=4),
        "/api/v1/panels": Rule(PANELS),
        "/api/v1/panels/{id}/figure": Rule(PANELS, cost=10),
        "/api/v1/panels/{id}.svg": DRAWN,
        "/api/v1/panels/{id}.png": Rule(PANELS, in_url=True, cost=10),
        "/badge/{metric}.svg": DRAWN._replace(cost=3),
        "/embed/panel/{id}": EMBEDDED,
        "/embed/dashboard": EMBEDDED,
        "/api/v1/access": Rule(PANELS),
        "/api/v1/tokens": Rule(ADMINS),
        "/wall": OPEN,  # which shows how to pair a screen
        "/wall/{name}": OPEN,
        "/api/v1/screen": Rule(WHOLE),
        "/screens": Rule(ADMINS, Answer.PAGE),
        "/api/v1/screens": Rule(ADMINS),
        "/api/v1/screens/{id}": Rule(ADMINS),
        "/api/v1/screens/pairings": OPEN,
        "/api/v1/screens/pairings/claim": OPEN,
        "/api/v1/screens/pairings/{code}": Rule(ADMINS),
    }
)


def is_code(path: str) -> bool:
    """Say whether this is the address of code, below the root path, which pages of every site may load."""
    return path.startswith("/static/") or path == "/embed.js"


# --- what a route asks ---------------------------------------------------------------------------------------------


def grant_of(connection: HTTPConnection) -> Grant:
    """Return what the caller may see, in a route whose rule names scopes."""
    grant = connection.scope["state"]["grant"]
    assert isinstance(grant, Grant)
    return grant


def credential_source(connection: HTTPConnection) -> CredentialSource | None:
    """Return by which way the caller's token came; None for one who needs none and has shown none."""
    return cast("CredentialSource | None", connection.scope["state"]["way"])


def may_show(grant: Grant, panel: Panel) -> bool:
    """Say whether a panel may be shown, with all that it asks for."""
    if grant.within is None:
        return True
    named = grant.scope is Scope.STREAM or grant.allows_panel(panel.id)
    return named and grant.covers(request_selection(panel))


def framing(connection: HTTPConnection, policy: str, ancestors: Iterable[str]) -> dict[str, str]:
    """Return the headers of a page with this policy that `ancestors`, and the token's own sites, may frame."""
    sites = [*ancestors, *sorted(grant_of(connection).origins or ())]
    return framed_by(policy, sites)


# --- the guard -----------------------------------------------------------------------------------------------------


class Denial(NamedTuple):
    """Why a request is turned away, in words that anybody may see."""

    status: int
    code: ErrorCode
    message: str
    headers: Mapping[str, str] | None = None
    why: str | None = None  # what the log-in says of it


class Authenticator:
    """Looks at who comes, and says whether a rule lets them in."""

    def __init__(self, access: Access, attempts: Attempts) -> None:
        self._access = access
        self._attempts = attempts

    def judge(self, scope: AsgiScope, rule: Rule) -> Denial | None:
        """Return why a request is turned away, or None; then `scope["state"]` holds what it is granted."""
        state = scope["state"]
        state["grant"] = state["refusal"] = state["way"] = None
        if rule.code:
            return None
        if not rule.in_url and url_token(scope) is not None:
            return Denial(
                400,
                ErrorCode.BAD_REQUEST,
                "a token does not belong in this address, since addresses get logged; "
                "send it in the header Authorization, as 'Bearer' and the token",
            )
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            denial = _forgery(scope, rule)
            if denial is not None:
                return denial
        if rule.scopes is None and not rule.looks:
            return None
        offered = credential(scope, own_page=state["origin"] is None and not from_elsewhere(scope))
        try:
            grant = self._grant(scope, offered)
        except TooManyWrongTokens as error:
            return Denial(429, ErrorCode.RATE_LIMITED, error.message, {"Retry-After": str(error.wait_s)})
        except AccessError as error:
            if rule.looks:
                state["refusal"] = error
                return None
            return _unauthorized(error)
        if grant is None:
            return None if rule.scopes is None else _NO_TOKEN_IN_URL if rule.in_url else _NO_TOKEN
        state["grant"], state["way"] = grant, offered.way if offered is not None else None
        if rule.scopes is not None and grant.scope not in rule.scopes:
            return _wrong_scope(grant.scope, rule.scopes)
        return None

    def _grant(self, scope: AsgiScope, offered: Credential | None) -> Grant | None:
        """Return what this caller is granted, None where that needs a token and there is none. Raises AccessError."""
        state = scope["state"]
        anonymous = self._access.without_token(origin=state["origin"], near=state["near"])
        if offered is None:
            return anonymous
        if offered.way is CredentialSource.COOKIE and anonymous is not None:
            return self._attempts.verify_cookie(offered.token, address=state["address"]) or anonymous
        address = network_of(state["address"])
        if state["origin"] is not None or from_elsewhere(scope):  # what strangers' pages try is not held against us
            address += " by way of another site"
        grant = self._attempts.verify(offered.token, address=address, origin=state["origin"])
        if offered.way is CredentialSource.URL and grant.scope is not Scope.EMBED:
            raise AccessError(
                ErrorCode.UNAUTHORIZED,
                f"token: one of scope {grant.scope} must not be in an address, since addresses get logged; "
                f"revoke it, and put one of scope {Scope.EMBED} here",
            )
        return grant


_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_NO_TOKEN: Final = Denial(
    401,
    ErrorCode.UNAUTHORIZED,
    "this address needs a token; send it in the header Authorization, as 'Bearer' and the token, or log in at /login",
    {"WWW-Authenticate": "Bearer"},
)
_NO_TOKEN_IN_URL: Final = Denial(
    401,
    ErrorCode.UNAUTHORIZED,
    f"this needs a token of scope {Scope.EMBED} in its address; who put it here can have one made",
    {"WWW-Authenticate": "Bearer"},
)


def _unauthorized(error: AccessError) -> Denial:
    code = ErrorCode(error.code)
    why = "expired" if code is ErrorCode.TOKEN_EXPIRED else "unknown"
    return Denial(401, code, error.message, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, why)


def _wrong_scope(scope: Scope, scopes: frozenset[Scope]) -> Denial:
    *others, last = (one.value for one in Scope if one in scopes)
    needed = f"{', '.join(others)} or {last}" if others else last
    return Denial(
        403,
        ErrorCode.DENIED,
        f"a token of scope {scope} does not open this address; it takes one of scope {needed}",
        {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
    )


def _forgery(scope: AsgiScope, rule: Rule) -> Denial | None:
    """Return why something that changes what is here may be another site's doing, None where it cannot be."""
    if scope["state"]["origin"] is not None or from_elsewhere(scope):
        return Denial(403, ErrorCode.DENIED, "pages of other sites may change nothing here")
    if scope["method"] == "DELETE":  # which no page can send elsewhere without asking first
        return None
    given = (header(scope, b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    wanted = "application/x-www-form-urlencoded" if rule.form else "application/json"
    if given == wanted:
        return None
    return Denial(415, ErrorCode.BAD_REQUEST, f"give the body as {wanted}, and say so in the header Content-Type")


class RouteGuard:
    """Stands before one route. It leaves no frame of its own under what it lets in."""

    def __init__(
        self, app: ASGIApp, rule: Rule, door: Authenticator, log: RefusalLog, requests: Throttle | None = None
    ) -> None:
        self.rule = rule
        self._requests = requests if rule.cost > 1 else None  # the edge has charged every request one
        self._app = app
        self._door = door
        self._log = log

    # Not a coroutine function, so that a WebSocket, which stays, costs no frame of it.
    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        denial = self._door.judge(scope, self.rule)
        if denial is None and (denial := self._charge(scope)) is not None:
            self._log.add(scope["state"]["address"], "request", denial.message)
            response = _answer(scope, denial, self.rule.answer)
            return hold_back(scope, lambda: refuse(response, scope, receive, send))
        if denial is None:
            return self._app(scope, receive, send)
        to_login = denial.status == 401 and self.rule.answer is Answer.PAGE
        if not to_login or denial.why is not None:
            kind = "WebSocket" if scope["type"] == "websocket" else "request"
            self._log.add(scope["state"]["address"], kind, denial.message)
        return refuse(_answer(scope, denial, self.rule.answer), scope, receive, send)

    def _charge(self, scope: AsgiScope) -> Denial | None:
        """Charge a request that is let in for what its answer takes; return why it is turned away, if it is."""
        if self._requests is None or not (wait_s := self._requests.take(scope["state"]["address"], self.rule.cost - 1)):
            return None
        status, message, code, headers = too_many_requests(wait_s)
        return Denial(status, code, message, headers)


def _answer(scope: AsgiScope, denial: Denial, form: Answer) -> Response:
    headers = {"Cache-Control": "no-store", **(denial.headers or {})}
    if form is Answer.PAGE:
        if denial.status != 401:
            return login_page(scope, denial.status, problem=denial.message, headers=headers)
        if denial.why is not None:
            headers["Set-Cookie"] = cookie_header(scope, "", None)
        return RedirectResponse(login_url(scope, denial.why), 303, headers)
    if form is Answer.FRAME:
        # Whose page it is, is not known without a good token; there is nothing here but the words.
        return small_page(scope, denial.status, denial.message, headers | framed_by(CONTENT_SECURITY_POLICY, ("*",)))
    if form is Answer.IMAGE:
        return refusal(get_route_path(scope), denial.status, denial.message, headers)
    if form is Answer.TEXT:
        return PlainTextResponse(f"{denial.message}\n", denial.status, headers)
    return Response(error_body(denial.code, denial.message), denial.status, headers, "application/json")


def guard(routes: Iterable[BaseRoute], door: Authenticator, log: RefusalLog, requests: Throttle | None = None) -> None:
    """Put a guard before each route. Raises LookupError that names those for which the table has no rule."""
    routes = list(routes)
    unknown = [repr(route) for route in routes if getattr(route, "path", None) not in RULES]
    if unknown:
        raise LookupError(f"no rule in web.policy says who may use {', '.join(unknown)}")
    for route in routes:
        guarded = cast("Any", route)
        guarded.app = RouteGuard(guarded.app, RULES[guarded.path], door, log, requests)
