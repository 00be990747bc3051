"""Wall screens: what each is to show, how one is let in, and the operators' list of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vitalcast.access.rate_limit import Throttle
from vitalcast.core.panels.schema import ID_CHARS_MAX, ID_PATTERN
from vitalcast.core.stream.grants import SCREEN_NAME_CHARS_MAX
from vitalcast.core.vocabulary import ErrorCode
from vitalcast.errors import ApiError, ConfigError, UnknownIdError
from vitalcast.live.service import Service
from vitalcast.web.api.pairing_code import approve_url, qr_image
from vitalcast.web.edge.caller import CredentialSource, credential_source, grant_of
from vitalcast.web.edge.cookie import cookie, cookie_header
from vitalcast.web.edge.errors import LIVE, error_body, json_response
from vitalcast.web.edge.fields import Body, Field, Parameter
from vitalcast.web.edge.schemas import (
    Json,
)

if TYPE_CHECKING:
    from vitalcast.access.pairing import Pairing
    from vitalcast.access.screens import Screen, Screens

PLAYLIST: Final = Parameter(
    "playlist", "The id of a playlist.", {"type": "string", "maxLength": ID_CHARS_MAX}, "the id of a playlist"
)
NOTHING: Final = Body("Nothing.", {})
SECRET: Final = Body(
    "The secret.",
    {"secret": Field({"type": "string", "description": "What came with the code."}, "a string")},
    required=("secret",),
)
NAMED: Final = Body(
    "Its new name and playlist; a field left out stays as it is.",
    {
        "name": Field(
            {"type": "string", "maxLength": SCREEN_NAME_CHARS_MAX, "description": "Its name, as admins see it."},
            f"a string of at most {SCREEN_NAME_CHARS_MAX} characters",
        ),
        "playlist": Field(
            {
                "type": "string",
                "maxLength": ID_CHARS_MAX,
                "pattern": f"{ID_PATTERN}|^$",
                "description": "The id of an existing playlist. Empty: the playlist in the screen's address.",
            },
            "the id of a playlist, or an empty string",
        ),
    },
)
PAIRINGS_S: Final = 600
PAIRINGS_PER_ADDRESS: Final = 20
PAIRINGS_ALL: Final = 200
AGENT: Final = "user-agent"


class PagesVersion(Protocol):
    """Names the pages that are served, so that screens notice an upgrade."""

    @property
    def recent(self) -> str | None:
        """The version as it was seen a moment ago; None where it is time to look."""

    def look(self) -> str:
        """Return the version by looking at the files, which is for a thread."""


class Walls:
    """Answers to screens and to those who look after them."""

    def __init__(self, service: Service, version: PagesVersion) -> None:
        self._service = service
        self._version = version
        self._dashboards = service.dashboards
        self._pairings = Throttle(
            total=PAIRINGS_ALL, each=PAIRINGS_PER_ADDRESS, window_s=PAIRINGS_S, now_s=time.monotonic
        )

    @cached_property
    def _screens(self) -> Screens:
        from vitalcast.access.screens import Screens  # a database, which most servers never open

        return Screens(self._service.access)

    # --- for screens ---------------------------------------------------------------------------------------------

    async def order(self, request: Request) -> Response:
        """Say what a screen is to show: what it was sent to, else what it asks for, else the first playlist."""
        screen = await self._screen(request)
        wanted = (screen.playlist if screen else "") or (PLAYLIST.of(request) or "")
        dashboards = self._dashboards
        wanted = wanted or next(iter(dashboards.playlists), "")
        playlist = dashboards.playlists.get(wanted)
        version = self._version.recent
        body = orjson.dumps(
            {
                "version": version if version is not None else await run_in_threadpool(self._version.look),
                "name": screen.name if screen else "",
                "wanted": wanted[:60],
                "playlist": None if playlist is None else playlist.public(dashboards.panels),
                "playlists": list(dashboards.playlists),
                "revision": dashboards.revision,
            }
        )
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {"Cache-Control": "no-store", "ETag": etag}
        token = cookie(request.scope)
        if screen is not None and token is not None:  # browsers keep a cookie for 400 days from now on
            headers["Set-Cookie"] = cookie_header(request.scope, token, None)
        if etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(body, 200, headers, "application/json")

    async def _screen(self, request: Request) -> Screen | None:
        """Return the screen that asks, where it is one that was let in by a code."""
        token_id = grant_of(request).token_id
        if token_id is None or credential_source(request) is not CredentialSource.COOKIE:
            return None
        screen = self._screens.of_token(token_id)
        if screen is not None and self._screens.seen(screen):
            await run_in_threadpool(self._screens.keep)
        return screen

    async def ask(self, request: Request) -> Response:
        """Give a screen a code to be approved, and the secret with which it asks whether it was."""
        await NOTHING.of(request)
        address = request.scope["state"]["address"]
        if wait_s := self._pairings.take(address):
            return _too_many(f"too many codes were requested; try again in {wait_s:.0f} s", wait_s)
        from vitalcast.access.pairing import readable
        from vitalcast.errors import TooManyPairings

        try:
            pairing, secret = await run_in_threadpool(
                self._screens.pairings.ask, address, request.headers.get(AGENT, "")
            )
        except TooManyPairings as error:
            return _too_many(str(error), error.wait_s)
        code, public = readable(pairing.code), self._service.settings.server.public_base
        opened = approve_url(request.scope, public, code)
        answer = {
            "code": code,
            "secret": secret,
            "expires": pairing.expires_ms,
            "approve_at": f"{public}screens" if public else "",
            "qr": qr_image(opened) if opened else "",
        }
        return json_response(answer, 201)

    async def claim(self, request: Request) -> Response:
        """Let a screen in whose code has been approved; 202 while it has not."""
        secret = (await SECRET.of(request))["secret"]
        pairing, admitted = self._screens.pairings.claim(secret), None
        if pairing is not None and pairing.approved_ms is None:
            return json_response({"state": "pending", "expires": pairing.expires_ms}, 202)
        if pairing is not None:  # who knows no secret has nothing written, nor waits for who does
            address, agent = request.scope["state"]["address"], request.headers.get(AGENT, "")
            admitted = await run_in_threadpool(self._screens.admit, secret, address=address, agent=agent)
        if admitted is None:
            raise ApiError(404, ErrorCode.UNAUTHORIZED, "secret: the code has expired or was used; request a new code")
        token, screen = admitted
        answer = json_response({"state": "approved", "name": screen.name, "playlist": screen.playlist})
        answer.headers["Set-Cookie"] = cookie_header(request.scope, token, None)
        return answer

    # --- for operators -------------------------------------------------------------------------------------------

    async def listing(self, _: Request) -> Response:
        """List the screens, and the playlists that they may be sent to."""
        playlists = [{"id": one.id, "title": one.title} for one in self._dashboards.playlists.values()]
        now_ms = time.time_ns() // 1_000_000
        screens = [_described(screen, now_ms) for screen in self._screens.all()]
        return json_response({"time": now_ms, "screens": screens, "playlists": playlists})

    async def look(self, request: Request) -> Response:
        """Say which screen shows a code, so that nobody approves a stranger's."""
        return json_response(_asking(self._screens.pairings.find(request.path_params["code"])))

    async def approve(self, request: Request) -> Response:
        """Let in the screen that shows a code."""
        fields = await NAMED.of(request)
        self._check(fields)
        pairing = await run_in_threadpool(self._screens.pairings.approve, request.path_params["code"], **fields)
        return json_response(_asking(pairing))

    async def change(self, request: Request) -> Response:
        """Give a screen another name, or send it to another playlist."""
        fields = await NAMED.of(request)
        self._check(fields)
        screen = await run_in_threadpool(self._screens.change, request.path_params["id"], **fields)
        return json_response(_described(screen, time.time_ns() // 1_000_000))

    async def revoke(self, request: Request) -> Response:
        """Let a screen in no more."""
        await run_in_threadpool(self._screens.revoke, request.path_params["id"])
        return Response(None, 204, LIVE)

    def _check(self, fields: Mapping[str, str]) -> None:
        if fields.get("playlist"):
            self._dashboards.playlist(fields["playlist"])


def _described(screen: Screen, now_ms: int) -> Json:
    return {
        "id": screen.id,
        "name": screen.name,
        "playlist": screen.playlist,
        "address": screen.address,
        "agent": screen.agent,
        "paired": screen.paired_ms,
        "seen": screen.seen_ms,
        "online": screen.online(now_ms),
    }


def _asking(pairing: Pairing) -> Json:
    from vitalcast.access.pairing import readable

    return {
        "code": readable(pairing.code),
        "address": pairing.address,
        "agent": pairing.agent,
        "created": pairing.created_ms,
        "expires": pairing.expires_ms,
        "approved": pairing.approved_ms is not None,
        "name": pairing.name,
        "playlist": pairing.playlist,
    }


def _too_many(message: str, wait_s: float) -> Response:
    headers = {**LIVE, "Retry-After": str(max(1, round(wait_s)))}
    return Response(error_body(ErrorCode.RATE_LIMITED, message), 429, headers, "application/json")


def answering(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn what the store says no to into answers."""

    async def answer(request: Request) -> Response:
        from vitalcast.errors import ScreenError, ScreenNameError

        try:
            return await handler(request)
        except ScreenNameError as error:
            raise ApiError(400, ErrorCode.BAD_REQUEST, str(error)) from None
        except (ScreenError, UnknownIdError) as error:
            raise ApiError(404, ErrorCode.BAD_REQUEST, str(error)) from None
        except ConfigError as error:
            raise ApiError(503, ErrorCode.INTERNAL, str(error)) from None

    return answer
