"""The page with the log-in's form, and refusals that are pages. They work without a script."""

from __future__ import annotations

import html
from typing import Final

from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from vitalcast.web.edge.addresses import login_url, upwards
from vitalcast.web.edge.cookie import cookie_header
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY, framed_by
from vitalcast.web.edge.refusals import Refusal, RefusalForm
from vitalcast.web.pages.document import document, site_header

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'none'", "form-action 'self'"),
    # Under `no-referrer` browsers send a form with `Origin: null`, which is nobody's (Fetch, 3.1).
    "Referrer-Policy": "same-origin",
}


def small_page(
    scope: Scope, status: int, message: str, headers: dict[str, str] | None = None, *, framed: bool = False
) -> Response:
    """Return a page that holds one sentence; one that is framed has no header, for it is on somebody's page."""
    main = f'<main class="entry small">\n<p class="problem">{html.escape(_sentence(message))}</p>\n</main>'
    return _page(scope, status, "Vitalcast", main, {"Cache-Control": "no-store"} | (headers or {}), header=not framed)


def login_page(
    scope: Scope,
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
        '<button class="wanted">Log in</button>',
        "</form>",
        '<p class="hint" id="hint">Tokens are created on the server with '
        "<code>vitalcast token create --scope view</code>, or <code>--scope admin</code> to manage screens and "
        "tokens.</p>",
        "</main>",
    ]
    return _page(scope, status, "Log in · Vitalcast", "\n".join(parts), _HEADERS | (headers or {}))


def _page(
    scope: Scope, status: int, title: str, main: str, headers: dict[str, str], *, header: bool = True
) -> Response:
    up = upwards(scope)
    body = f"{site_header(up)}\n{main}" if header else main
    return Response(document(up, title, body, style="login.css"), status, headers, "text/html")


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."


# --- refusals ------------------------------------------------------------------------------------------------------


def _as_page(scope: Scope, refusal: Refusal) -> Response:
    """Return the log-in: where no good token was shown, by a redirect that comes back; else with what is wrong."""
    headers = refusal.all_headers()
    if refusal.status == 403 or refusal.token_misplaced:
        return login_page(scope, refusal.status, problem=refusal.message, headers=headers)
    if refusal.status != 401:  # which no token would change
        return small_page(scope, refusal.status, refusal.message, headers)
    if refusal.why is not None:
        headers["Set-Cookie"] = cookie_header(scope, "", None)
    return RedirectResponse(login_url(scope, refusal.why), 303, headers)


def _as_framed_page(scope: Scope, refusal: Refusal) -> Response:
    # Whose page it is, is not known without a good token; there is nothing here but the words.
    headers = refusal.all_headers() | framed_by(CONTENT_SECURITY_POLICY, ("*",))
    return small_page(scope, refusal.status, refusal.message, headers, framed=True)


PAGE: Final = RefusalForm("text/html", _as_page, leads_to_login=True)
FRAME: Final = RefusalForm("text/html", _as_framed_page)
