"""The documentation of who may ask for what, and of the addresses about tokens and screens."""

from __future__ import annotations

from typing import Final

from vitalcast.core.vocabulary import Scope
from vitalcast.web.api.openapi import (
    REVISION,
    Json,
    answer,
    flag_of,
    get,
    in_path,
    json_of,
    list_of,
    object_of,
    operation,
    post,
    problem,
    ref,
    text_of,
    texts_of,
    whole_of,
)
from vitalcast.web.api.screens import NAMED, NOTHING, PLAYLIST, SECRET
from vitalcast.web.edge.caller import COOKIE, URL_PARAMETER
from vitalcast.web.edge.policy import RULES, Answer, Rule
from vitalcast.web.edge.tokens import WISH

SECURITY_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token, as `vitalcast token create` makes it. Where none is needed it may be left out; one "
        "that is given is checked all the same, and may show less.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What logging in at `/login` leaves with a browser. It counts on pages of this server alone.",
    },
    "address": {
        "type": "apiKey",
        "in": "query",
        "name": URL_PARAMETER,
        "description": "A token of scope `embed`, where no header can be sent. No other token may be in an address.",
    },
}

_TEXT: Final[Json] = {"text/plain": {"schema": {"type": "string"}}}
_FORMS: Final = {
    Answer.API: json_of(ref("Error")),
    Answer.TEXT: _TEXT,
    Answer.IMAGE: {"image/svg+xml": {"schema": {"type": "string"}}},
}


def secured(paths: Json) -> Json:
    """Return the description with what the table of rules says of each address."""
    return {path: {method: _secured(one, RULES[path]) for method, one in each.items()} for path, each in paths.items()}


def _secured(described: Json, rule: Rule) -> Json:
    if rule.scopes is None:
        return described | {"security": []}
    scopes = [scope.value for scope in Scope if scope in rule.scopes]
    ways = [{"bearer": scopes}, {"cookie": scopes}, *([{"address": [Scope.EMBED.value]}] if rule.in_url else [])]
    form = _FORMS[rule.answer]
    refusals = {
        "401": answer("A token is needed and there is none, or it is not good.", form),
        "403": answer("The token does not cover this.", form),
        "429": answer("Too many wrong tokens came from this address.", form),
    }
    needs = f"{described['description']} Needs a token of scope {_either(scopes)}."
    return described | {"description": needs, "security": ways, "responses": described["responses"] | refusals}


def _either(scopes: list[str]) -> str:
    named = [f"`{scope}`" for scope in scopes]
    return " or ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0]


def access_paths() -> Json:
    code = in_path("code", "The code that the screen shows.", "ACD-EFG")
    screen = in_path("id", "The screen's id.", "3f9c01d2a4b5")
    named = NAMED.described()
    return {
        "/api/v1/access": get(
            "What one may do here",
            "The caller's scope, and whether anybody needs a token.",
            {"200": answer("The caller's access.", json_of(ref("Access"))), "400": problem("A parameter is unknown.")},
        ),
        "/api/v1/tokens": post(
            "Make a token for embedding",
            "A token that shows some panels, or all, to pages of some sites. Its text is told this once. It is taken "
            "back with `vitalcast token revoke`.",
            {
                "201": answer("The token.", json_of(ref("Token"))),
                "400": problem("A field is unknown or not valid."),
                "409": problem("No token is needed here; the first one is made with `vitalcast token create`."),
                "413": problem("The body is too long."),
                "415": problem("The body is not said to be JSON."),
                "503": problem("The token cannot be kept."),
            },
            ref("TokenWish"),
        ),
        "/api/v1/screen": get(
            "What a wall screen is to show",
            "The playlist to which the screen was sent, else the one that it asks for, else the first.",
            {"200": answer("The order.", json_of(ref("Order"))), "400": problem("A parameter is unknown.")},
            [PLAYLIST.described()],
        ),
        "/api/v1/screens": get(
            "The wall screens",
            "All screens that are let in, and the playlists that they may be sent to.",
            {"200": answer("The screens.", json_of(ref("Screens"))), "400": problem("A parameter is unknown.")},
        ),
        "/api/v1/screens/{id}": post(
            "Name a screen, or send it to another playlist",
            "The screen shows it within seconds.",
            {"200": answer("The screen.", json_of(ref("Screen")))} | _SENT,
            named,
            [screen],
        )
        | operation(
            "delete",
            "Turn a screen out",
            "Its token is revoked, and what it shows ends within a second.",
            {"204": {"description": "It is out."}, "404": problem("There is no such screen.")},
            [screen],
        ),
        "/api/v1/screens/pairings": post(
            "Ask to be let in as a screen",
            "The code is to be shown, the secret to be kept.",
            {"201": answer("A code.", json_of(ref("Pairing"))), "429": problem("Too many codes were asked for.")}
            | _BODY,
            NOTHING.described(),
        ),
        "/api/v1/screens/pairings/claim": post(
            "Ask whether the code was approved",
            "Once it was, the answer sets the cookie by which the screen is let in.",
            {
                "200": answer("It was.", json_of(ref("Claim"))),
                "202": answer("Not yet.", json_of(ref("Claim"))),
                "404": problem("The code has expired or was used."),
            }
            | _BODY,
            SECRET.described(),
        ),
        "/api/v1/screens/pairings/{code}": get(
            "Who shows a code",
            "The address and the program of the screen, so that nobody approves a stranger's.",
            {"200": answer("The screen.", json_of(ref("Asking"))), "404": problem("No screen shows this code.")},
            [code],
        )
        | post(
            "Let in the screen that shows a code",
            "It is let in when it asks next.",
            {"200": answer("The screen.", json_of(ref("Asking")))} | _SENT,
            named,
            [code],
        ),
    }


_BODY: Final[Json] = {
    "400": problem("The body is not valid."),
    "413": problem("The body is too long."),
    "415": problem("The body is not said to be JSON."),
}
_SENT: Final[Json] = {"404": problem("There is no such screen or playlist.")} | _BODY


def access_schemas() -> Json:
    limits = {
        "panels": texts_of("The ids of the panels that it shows."),
        "dashboard": flag_of("Whether it shows all panels."),
        "origins": texts_of("The sites whose pages may use it, such as `https://wiki.example.org`."),
    }
    expires = whole_of("When it ends, in Unix milliseconds; null for never.", null=True)
    asking = {
        "code": text_of("As it is shown."),
        "address": text_of("Where the screen is."),
        "agent": text_of("What program it is."),
        "created": whole_of("When it asked, in Unix milliseconds."),
        "expires": whole_of("When the code ends."),
        "approved": flag_of("Whether it has been let in."),
        "name": text_of("Its name."),
        "playlist": text_of("What it is to show."),
    }
    screen = {
        "id": text_of("Its id."),
        "name": text_of("Its name."),
        "playlist": text_of("Where it was sent; empty where nowhere."),
        "address": text_of("Where it is."),
        "agent": text_of("What program it is."),
        "paired": whole_of("When it was let in, in Unix milliseconds."),
        "seen": whole_of("When it asked last."),
        "online": flag_of("Whether that was just now."),
    }
    choice = object_of("A playlist.", {"id": text_of("Its id."), "title": text_of("Its name.")})
    return {
        "Access": object_of(
            "What the caller may do.",
            {
                "required": flag_of("Whether anybody needs a token here."),
                "scope": text_of("The caller's scope.", enum=[scope.value for scope in Scope]),
                "expires": expires,
            },
        ),
        "TokenWish": WISH.described(),
        "Token": object_of(
            "A token that was made.",
            {
                "token": text_of("Its text."),
                "id": text_of("Its id, by which it is revoked."),
                "scope": text_of("What it is for."),
                **limits,
                "expires": expires,
            },
        ),
        "Order": object_of(
            "What a screen is to show.",
            {
                "version": text_of("Names the server's pages; the screen loads them anew when it changes."),
                "name": text_of("The screen's name; empty for one that is none."),
                "wanted": text_of("The id of the playlist that it is to show."),
                "playlist": {
                    "type": ["object", "null"],
                    "additionalProperties": True,
                    "description": "The playlist, null where none is called so.",
                },
                "playlists": texts_of("The ids of all."),
                "revision": REVISION,
            },
        ),
        "Screen": object_of("A wall screen.", screen),
        "Screens": object_of(
            "The wall screens.",
            {
                "time": whole_of("The server's time in Unix milliseconds."),
                "screens": list_of("Screen"),
                "playlists": {"type": "array", "items": choice},
            },
        ),
        "Pairing": object_of(
            "A code.",
            {
                "code": text_of("To be shown."),
                "secret": text_of("To be kept."),
                "expires": whole_of("When both end, in Unix milliseconds."),
            },
        ),
        "Claim": object_of(
            "Where a pairing stands.",
            {
                "state": text_of("Whether it was approved.", enum=["pending", "approved"]),
                "expires": whole_of("When the code ends, while it is pending."),
                "name": text_of("The screen's name, once it was approved."),
                "playlist": text_of("What it is to show."),
            },
            optional=("expires", "name", "playlist"),
        ),
        "Asking": object_of("A screen that wants to be let in.", asking),
    }
