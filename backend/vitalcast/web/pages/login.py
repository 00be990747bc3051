"""The log-in, which takes a token and leaves it with the browser as a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response

from vitalcast.access.attempts import Attempts
from vitalcast.core.stream.grants import Grant
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import AccessError, TooManyWrongTokens
from vitalcast.web.edge.addresses import own_address
from vitalcast.web.edge.cookie import cookie, cookie_header
from vitalcast.web.edge.endpoint import ANYBODY, Endpoint, EndpointGroup
from vitalcast.web.pages.login_page import PAGE, login_page

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.access.access import Access
    from vitalcast.web.edge.refusal_log import RefusalLog

FORM_BYTES_MAX: Final = 16_384
FORM: Final = ("application/x-www-form-urlencoded",)
_WHY: Final = {
    "expired": "Your token has expired. Log in with a new token.",
    "unknown": "Your token is no longer valid here. Log in with another token.",
}


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
            note = "No token is needed here. A token may show you less."
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
                f"a token of scope {grant.scope} cannot be used to log in; use a token of scope view or admin",
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
    return f"this token is not valid: {why}" if what == "token" and why else message


async def _fields(request: Request) -> dict[str, str] | None:
    """Return the fields of a form, each once; None where there are too many bytes."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return None
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def login_endpoints(login: Login) -> EndpointGroup:
    """Return `/login` and `/logout`."""
    form = Endpoint("GET", "/login", login.form, ANYBODY, "The log-in page", refusal=PAGE)
    enter = Endpoint("POST", "/login", login.enter, ANYBODY, "Log in", refusal=PAGE, body_types=FORM)
    leave = Endpoint("POST", "/logout", login.leave, ANYBODY, "Log out", refusal=PAGE, body_types=FORM)
    return EndpointGroup("Log-in", (form, enter, leave))
