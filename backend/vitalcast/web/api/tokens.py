"""What a caller may do here, and tokens for embedding, which an admin makes in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vitalcast.access.tokens import SINCE_S, SINCE_S_BOUNDS
from vitalcast.config.types import HOST_PATTERN, PORT_PATTERN
from vitalcast.core.panels.schema import ID_CHARS_MAX, ID_PATTERN
from vitalcast.core.stream.grants import TOKEN_NAME_CHARS_MAX
from vitalcast.core.vocabulary import ErrorCode, Scope
from vitalcast.errors import ApiError, ConfigError
from vitalcast.web.edge.caller import grant_of
from vitalcast.web.edge.endpoint import ADMINS, PANELS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.fields import PRINTABLE_PATTERN, Body, Field
from vitalcast.web.edge.schemas import Json, flag_of, json_answer, object_of, ref, text_of, texts_of, whole_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from vitalcast.access.access import Access
    from vitalcast.config.server import Server

LIST_MAX: Final = 64
EXPIRES_S: Final = (60, 100 * 365 * 86_400)
_ID: Final[Json] = {"type": "string", "pattern": ID_PATTERN, "maxLength": ID_CHARS_MAX}
_ORIGIN: Final[Json] = {"type": "string", "pattern": rf"^[Hh][Tt][Tt][Pp][Ss]?://{HOST_PATTERN}{PORT_PATTERN}$"}
NEW_TOKEN: Final = Body(
    "The panels that the token may show, or all of them.",
    {
        "scope": Field(
            {"type": "string", "description": "What it is for.", "enum": [Scope.EMBED.value]},
            "embed; create tokens of other scopes with `vitalcast token create`",
        ),
        "panels": Field(
            {
                "type": "array",
                "items": _ID,
                "maxItems": LIST_MAX,
                "description": "The ids of existing panels that the token may show.",
            },
            f"a list of panel ids, {LIST_MAX} at most",
        ),
        "dashboard": Field(
            {"type": "boolean", "description": "Whether the token may show all panels."}, "true or false"
        ),
        "origins": Field(
            {
                "type": "array",
                "items": _ORIGIN,
                "maxItems": LIST_MAX,
                "description": "The sites whose pages may use it, such as `https://wiki.example.org`.",
            },
            f"a list of origins, such as https://wiki.example.org, {LIST_MAX} at most",
        ),
        "expires": Field(
            {
                "type": ["number", "null"],
                "minimum": EXPIRES_S[0],
                "maximum": EXPIRES_S[1],
                "description": "Seconds until the token expires; null for never.",
            },
            f"seconds from {EXPIRES_S[0]} to {EXPIRES_S[1]}, or null for never",
        ),
        "since": Field(
            {
                "type": ["number", "null"],
                "minimum": SINCE_S_BOUNDS[0],
                "maximum": SINCE_S_BOUNDS[1],
                "default": SINCE_S,
                "description": "How many seconds back the token may look; null for all that is kept.",
            },
            f"seconds from {SINCE_S_BOUNDS[0]:g} to {SINCE_S_BOUNDS[1]:.0f}, or null for all that is kept",
        ),
        "name": Field(
            {
                "type": "string",
                "maxLength": TOKEN_NAME_CHARS_MAX,
                "pattern": PRINTABLE_PATTERN,
                "description": "Its name in the list of tokens.",
            },
            f"a string of at most {TOKEN_NAME_CHARS_MAX} printable characters",
        ),
    },
    required=("scope",),
    bytes_max=16_384,
    more={
        "anyOf": [
            {"required": ["panels"], "properties": {"panels": {"minItems": 1}}},
            {"required": ["dashboard"], "properties": {"dashboard": {"enum": [True]}}},
        ],
    },
    name="NewToken",
)


class Tokens:
    """Answers about the caller's own token, and makes others."""

    def __init__(self, access: Access, server: Server, *, draws_png: bool = False) -> None:
        self._access = access
        self._draws_png = draws_png
        self._server = server

    async def access(self, request: Request) -> Response:
        """Say what this caller may do, and whether a token is needed at all."""
        grant, server = grant_of(request), self._server
        # Which sites may show this server is for those who see everything on it.
        whole = grant.scope in (Scope.VIEW, Scope.ADMIN)
        answer = {
            "required": self._access.required,
            "scope": grant.scope.value,
            "expires": grant.expires_ms,
            "url": server.public_base,
            "png": self._draws_png,
            "frame_ancestors": server.frame_ancestors if whole else (),
            "allowed_origins": server.allowed_origins if whole else (),
        }
        return json_response(answer)

    async def make(self, request: Request) -> Response:
        """Make a token for embedding. Its text is told this once."""
        given = await NEW_TOKEN.of(request)
        if not self._access.required:
            raise ApiError(
                409,
                ErrorCode.BAD_REQUEST,
                "no token is needed here; create the first token with `vitalcast token create`: "
                "from then on, everybody needs one",
            )
        from vitalcast.errors import LimitsError

        expires_s, since_s = given.pop("expires", None), given.pop("since", SINCE_S)
        del given["scope"]
        try:
            text, record = await run_in_threadpool(
                self._access.mint, Scope.EMBED, expires_s=expires_s, since_s=since_s, **given
            )
        except LimitsError as error:
            raise ApiError(400, ErrorCode.BAD_REQUEST, str(error)) from None
        except ConfigError as error:
            raise ApiError(503, ErrorCode.INTERNAL, str(error)) from None
        answer = {
            "token": text,
            "id": record.id,
            "scope": record.scope.value,
            "panels": record.panels,
            "dashboard": record.dashboard,
            "origins": record.origins,
            "since": record.since_s,
            "expires": record.expires_ms,
        }
        return json_response(answer, 201)


def token_endpoints(tokens: Tokens) -> EndpointGroup:
    """Return the addresses about tokens."""
    return EndpointGroup(
        "Access",
        (
            Endpoint(
                "GET",
                "/api/v1/access",
                tokens.access,
                PANELS,
                "Your access",
                "The caller's scope, and whether anybody needs a token.",
                answers={200: json_answer("The caller's access.", ref("Access"))},
                errors={400: "A parameter is unknown."},
            ),
            Endpoint(
                "POST",
                "/api/v1/tokens",
                tokens.make,
                ADMINS,
                "Create an embed token",
                "A token that shows some panels, or all, to pages of some sites. Its text is returned only once. "
                "`vitalcast token revoke` revokes it.",
                body=NEW_TOKEN,
                answers={201: json_answer("The token.", ref("Token"))},
                errors={
                    400: "A field is unknown or not valid.",
                    409: "No token is needed here. Create the first token with `vitalcast token create`.",
                    503: "The token cannot be stored.",
                },
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    expires = whole_of("When the token expires, in Unix milliseconds; null for never.", null=True)
    return {
        "Access": object_of(
            "What the caller may do.",
            {
                "required": flag_of("Whether anybody needs a token here."),
                "scope": text_of("The caller's scope.", enum=[scope.value for scope in Scope]),
                "expires": expires,
                "url": text_of("The address at which others reach this server; empty if it is not configured."),
                "png": flag_of("Whether this server draws panels as PNG too, which the extra `png` brings."),
                "frame_ancestors": texts_of("The sites that may frame it; empty for tokens that see less than all."),
                "allowed_origins": texts_of("The sites whose pages may connect; empty as above."),
            },
        ),
        "Token": object_of(
            "A new token.",
            {
                "token": text_of("Its text."),
                "id": text_of("Its id, with which it can be revoked."),
                "scope": text_of("What it is for."),
                "panels": texts_of("The ids of the panels that the token may show."),
                "dashboard": flag_of("Whether the token may show all panels."),
                "since": {
                    "type": ["number", "null"],
                    "description": "How many seconds back the token may look; null for all that is kept.",
                },
                "origins": texts_of("The sites whose pages may use it, such as `https://wiki.example.org`."),
                "expires": expires,
            },
        ),
    }
