"""The log-in: a page that takes a token and leaves it with the browser as a cookie. It works without a script."""

from __future__ import annotations

import html
import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urlencode

from starlette._utils import get_route_path
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vitalcast.access.attempts import Attempts
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens
from vitalcast.web.edge.caller import COOKIE, cookie
from vitalcast.web.pages.pages import CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope as AsgiScope

    from vitalcast.access.access import Access
    from vitalcast.web.edge.security import RefusalLog

FORM_BYTES_MAX: Final = 16_384
COOKIE_S_MAX: Final = 400 * 24 * 3600  # what browsers keep at most
NEXT_CHARS_MAX: Final = 2000
_OWN_ADDRESS: Final = re.compile(r"/(?!/)[!-\[\]-~]*")  # ASCII without spaces and backslashes
_WHY: Final = {
    "expired": "Your token has expired. Log in with a new one.",
    "unknown": "Your token is no longer good here. Log in with another one.",
}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'"),
    # Under `no-referrer` browsers send a form with `Origin: null`, which is nobody's (Fetch, 3.1).
    "Referrer-Policy": "same-origin",
}


# --- addresses -----------------------------------------------------------------------------------------------------


def upwards(scope: AsgiScope) -> str:
    """Return the way from this address to that of the dashboard, whatever prefix a proxy puts before both."""
    return "../" * (get_route_path(scope).count("/") - 1)


def login_url(scope: AsgiScope, why: str | None) -> str:
    """Return where to log in, relative to this address, and to come back to it from there."""
    query: str = scope.get("query_string", b"").decode("latin-1")
    asked = {"next": get_route_path(scope) + (f"?{query}" if query else "")}
    if asked["next"] == "/":
        del asked["next"]
    if why is not None:
        asked["why"] = why
    return f"{upwards(scope)}login" + (f"?{urlencode(asked)}" if asked else "")


def own_address(text: str) -> str:
    """Return an address of ours that begins with a slash: the one in a stranger's text, or the dashboard's."""
    steps = text.partition("?")[0].lower().replace("%2e", ".").split("/")
    good = len(text) <= NEXT_CHARS_MAX and _OWN_ADDRESS.fullmatch(text) and not {".", ".."} & set(steps)
    return text if good else "/"


# --- the cookie ----------------------------------------------------------------------------------------------------


def cookie_header(scope: AsgiScope, token: str, expires_ms: int | None) -> str:
    """Return the Set-Cookie header that keeps a token for as long as it is good; an empty one removes it."""
    left_s = COOKIE_S_MAX if expires_ms is None else (expires_ms - time.time_ns() // 1_000_000) // 1000
    parts = [
        f"{COOKIE}={token}",
        f"Path={quote(scope.get('root_path', '')) or '/'}",
        f"Max-Age={max(0, min(left_s, COOKIE_S_MAX)) if token else 0}",
        "HttpOnly",
        "SameSite=Lax",
    ]
    return "; ".join([*parts, "Secure"] if scope["scheme"] == "https" else parts)


# --- pages ---------------------------------------------------------------------------------------------------------


def small_page(scope: AsgiScope, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return a page that holds one sentence."""
    body = f'<main class="entry small">\n<p class="problem">{html.escape(_sentence(message))}</p>\n</main>'
    return _page(scope, status, "Vitalcast", body, {"Cache-Control": "no-store"} | (headers or {}))


def login_page(
    scope: AsgiScope,
    status: int = 200,
    *,
    problem: str | None = None,
    note: str | None = None,
    next_: str = "/",
    leave: bool = False,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the page with the form; `leave` adds the button to log out."""
    up = upwards(scope)
    parts = ['<main class="entry">', "<h1>Log in to Vitalcast</h1>"]
    if note is not None:
        parts.append(f'<p>{html.escape(note)} <a href="{up or "./"}">Open the dashboard.</a></p>')
    if leave:
        parts.append(f'<form method="post" action="{up}logout"><button>Log out</button></form>')
    if problem is not None:
        parts.append(f'<p class="problem" role="alert" id="problem">{html.escape(_sentence(problem))}</p>')
    described = 'aria-describedby="problem hint" aria-invalid="true"' if problem else 'aria-describedby="hint"'
    parts += [
        f'<form method="post" action="{up}login">',
        '<label for="token">Token</label>',
        '<input id="token" name="token" type="password" required autofocus autocomplete="current-password" '
        f'autocapitalize="off" spellcheck="false" {described}>',
        f'<input type="hidden" name="next" value="{html.escape(next_)}">',
        "<button>Log in</button>",
        "</form>",
        '<p class="hint" id="hint">Whoever runs this server makes tokens with '
        "<code>vitalcast token create --scope view</code>, or <code>--scope admin</code> for screens and tokens.</p>",
        "</main>",
    ]
    return _page(scope, status, "Log in · Vitalcast", "\n".join(parts), _HEADERS | (headers or {}))


def _page(scope: AsgiScope, status: int, title: str, body: str, headers: dict[str, str]) -> Response:
    styles = f"{upwards(scope)}static/styles"
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{styles}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{styles}/base.css">
<link rel="stylesheet" href="{styles}/login.css">
</head>
<body>
{body}
</body>
</html>
"""
    return Response(text, status, headers, "text/html")


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."


# --- the routes ----------------------------------------------------------------------------------------------------


class Login:
    """Answers at /login and /logout."""

    def __init__(self, access: Access, attempts: Attempts, log: RefusalLog) -> None:
        self._access = access
        self._attempts = attempts
        self._log = log

    async def form(self, request: Request) -> Response:
        """Show the form."""
        next_ = own_address(request.query_params.get("next", "/"))
        problem = _WHY.get(request.query_params.get("why", ""))
        grant = None if problem else self._logged_in(request)
        note = None
        if grant is not None:
            note = f"You are logged in with a token of scope {grant.scope}."
        elif self._access.without_token(near=request.scope["state"]["near"]) is not None:
            note = "No token is needed here; one that you give may show you less."
        return login_page(request.scope, problem=problem, note=note, next_=next_, leave=grant is not None)

    def _logged_in(self, request: Request) -> Grant | None:
        token, address = cookie(request.scope), request.scope["state"]["address"]
        return self._attempts.verify_cookie(token, address=address) if token is not None else None

    async def enter(self, request: Request) -> Response:
        """Take a token, and go on to where one wanted to be."""
        fields = await _fields(request)
        if fields is None:
            return login_page(request.scope, 413, problem=f"a form has {FORM_BYTES_MAX} bytes at most")
        token = fields.get("token", "").strip()
        next_ = own_address(fields.get("next", "/"))
        try:
            grant = self._check(request, token)
        except TooManyWrongTokens as error:
            self._tell(request, error.message)
            headers = {"Retry-After": str(error.wait_s)}
            return login_page(request.scope, 429, problem=_plain(error.message), next_=next_, headers=headers)
        except AccessError as error:
            self._tell(request, error.message)
            status = 403 if error.code == ErrorCode.DENIED else 401
            return login_page(request.scope, status, problem=_plain(error.message), next_=next_)
        headers = {
            "Set-Cookie": cookie_header(request.scope, token, grant.expires_ms),
            "Cache-Control": "no-store",
        }
        return RedirectResponse(f".{next_}", 303, headers)

    def _check(self, request: Request, token: str) -> Grant:
        if not token:
            raise AccessError(ErrorCode.UNAUTHORIZED, "give a token")
        grant = self._attempts.verify(token, address=request.scope["state"]["address"])
        if grant.scope not in (Scope.VIEW, Scope.ADMIN):
            raise AccessError(
                ErrorCode.DENIED,
                f"a token of scope {grant.scope} opens no page here; log in with one of scope view or admin",
            )
        return grant

    def _tell(self, request: Request, why: str) -> None:
        self._log.add(request.scope["state"]["address"], "log-in", why)

    async def leave(self, request: Request) -> Response:
        """Have the browser forget its token."""
        headers = {"Set-Cookie": cookie_header(request.scope, "", None), "Cache-Control": "no-store"}
        return RedirectResponse("./login", 303, headers)


def _plain(message: str) -> str:
    """Return an error of the protocol, which names a field first, for somebody who sees just one."""
    what, _, why = message.partition(": ")
    return f"this token is not good: {why}" if what == "token" and why else message


async def _fields(request: Request) -> dict[str, str] | None:
    """Return the fields of a form, each once; None where there are too many bytes."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return None
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def mount_login(app: FastAPI, login: Login) -> None:
    """Add `/login` and `/logout` to `app`."""
    app.router.routes += [
        Route("/login", login.form, methods=["GET"], name="login"),
        Route("/login", login.enter, methods=["POST"], name="enter"),
        Route("/logout", login.leave, methods=["POST"], name="logout"),
    ]
