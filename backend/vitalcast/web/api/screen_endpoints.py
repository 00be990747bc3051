"""The addresses that wall screens and their operators ask."""

from __future__ import annotations

from typing import Final

from vitalcast.web.api.screens import NAMED, NOTHING, PLAYLIST, SECRET, Walls, answering
from vitalcast.web.edge.endpoint import ADMINS, ANYBODY, WHOLE, Endpoint, EndpointGroup
from vitalcast.web.edge.fields import path_parameter
from vitalcast.web.edge.schemas import (
    REVISION,
    Json,
    flag_of,
    json_answer,
    list_of,
    object_of,
    ref,
    text_of,
    texts_of,
    whole_of,
)

ID: Final = path_parameter("id", "The screen's id.", "3f9c01d2a4b5")
CODE: Final = path_parameter("code", "The code that the screen shows.", "ACD-EFG")
_NO_SCREEN: Final = "There is no such screen."
_NO_PLAYLIST: Final = "There is no such screen or playlist."
_NO_FIELD: Final = "A field is unknown or not valid."


def screen_endpoints(walls: Walls) -> EndpointGroup:
    """Return the addresses that screens and their operators ask."""
    return EndpointGroup(
        "Wall screens",
        (
            Endpoint(
                "GET",
                "/api/v1/screen",
                answering(walls.order),
                WHOLE,
                "What a wall screen shows",
                "The playlist set for the screen, or else the playlist in its address, or else the first.",
                parameters=lambda: (PLAYLIST,),
                answers={200: json_answer("The order.", ref("Order"))},
                errors={400: "A parameter is unknown."},
            ),
            Endpoint(
                "GET",
                "/api/v1/screens",
                answering(walls.listing),
                ADMINS,
                "List wall screens",
                "All paired screens, and the playlists they can show.",
                answers={200: json_answer("The screens.", ref("Screens"))},
                errors={400: "A parameter is unknown."},
            ),
            Endpoint(
                "POST",
                "/api/v1/screens/pairings",
                answering(walls.ask),
                ANYBODY,
                "Request a pairing code",
                "The screen shows the code and keeps the secret.",
                body=NOTHING,
                answers={201: json_answer("A code.", ref("Pairing"))},
                errors={400: _NO_FIELD, 429: "Too many codes were requested."},
            ),
            Endpoint(
                "POST",
                "/api/v1/screens/pairings/claim",
                answering(walls.claim),
                ANYBODY,
                "Claim an approved code",
                "Once the code is approved, the answer sets the cookie that lets the screen in.",
                body=SECRET,
                answers={
                    200: json_answer("Approved.", ref("Claim")),
                    202: json_answer("Not yet approved.", ref("Claim")),
                },
                errors={400: _NO_FIELD, 404: "The code has expired or was used."},
            ),
            Endpoint(
                "GET",
                "/api/v1/screens/pairings/{code}",
                answering(walls.look),
                ADMINS,
                "Look up a pairing code",
                "The address and the browser of the screen that shows the code, so that you approve the right screen.",
                parameters=lambda: (CODE,),
                answers={200: json_answer("The screen.", ref("Asking"))},
                errors={404: "No screen shows this code."},
            ),
            Endpoint(
                "POST",
                "/api/v1/screens/pairings/{code}",
                answering(walls.approve),
                ADMINS,
                "Approve a pairing code",
                "The screen is logged in when it asks next.",
                parameters=lambda: (CODE,),
                body=NAMED,
                answers={200: json_answer("The screen.", ref("Asking"))},
                errors={400: _NO_FIELD, 404: _NO_PLAYLIST},
            ),
            Endpoint(
                "POST",
                "/api/v1/screens/{id}",
                answering(walls.change),
                ADMINS,
                "Rename a screen, or switch its playlist",
                "The screen follows within seconds.",
                parameters=lambda: (ID,),
                body=NAMED,
                answers={200: json_answer("The screen.", ref("Screen"))},
                errors={400: _NO_FIELD, 404: _NO_PLAYLIST},
            ),
            Endpoint(
                "DELETE",
                "/api/v1/screens/{id}",
                answering(walls.revoke),
                ADMINS,
                "Remove a screen",
                "Its token is revoked, and its sockets close within a second.",
                parameters=lambda: (ID,),
                answers={204: {"description": "The screen is removed."}},
                errors={404: _NO_SCREEN},
            ),
        ),
        schemas,
    )


def schemas() -> Json:
    asking = {
        "code": text_of("The code as shown on the screen."),
        "address": text_of("The screen's address."),
        "agent": text_of("The screen's browser."),
        "created": whole_of("When it requested the code, in Unix milliseconds."),
        "expires": whole_of("When the code expires, in Unix milliseconds."),
        "approved": flag_of("Whether it has been approved."),
        "name": text_of("Its name."),
        "playlist": text_of("The id of its playlist."),
    }
    screen = {
        "id": text_of("Its id."),
        "name": text_of("Its name."),
        "playlist": text_of("The id of its playlist; empty: the playlist in its address."),
        "address": text_of("Its address."),
        "agent": text_of("The screen's browser."),
        "paired": whole_of("When it was approved, in Unix milliseconds."),
        "seen": whole_of("When it was last seen, in Unix milliseconds."),
        "online": flag_of("Whether it is online."),
    }
    choice = object_of("A playlist.", {"id": text_of("Its id."), "title": text_of("Its name.")})
    return {
        "Order": object_of(
            "What a screen is to show.",
            {
                "version": text_of("Version of the server's pages; the screen reloads when it changes."),
                "name": text_of("The screen's name; empty if the caller is not a screen."),
                "wanted": text_of("The id of its playlist."),
                "playlist": {
                    "type": ["object", "null"],
                    "additionalProperties": True,
                    "description": "The playlist; null if there is none with this id.",
                },
                "playlists": texts_of("The ids of all playlists."),
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
                "code": text_of("To be shown on the screen."),
                "secret": text_of("To be kept by the screen."),
                "expires": whole_of("When both expire, in Unix milliseconds."),
                "approve_at": text_of("Where operators approve it; empty: at /screens of this server."),
                "qr": text_of(
                    "A QR code that opens that page with the code filled in, as a data: URI of an SVG; "
                    "empty where the screen uses a loopback address, which no phone can open."
                ),
            },
        ),
        "Claim": object_of(
            "The state of a pairing.",
            {
                "state": text_of("Whether it was approved.", enum=["pending", "approved"]),
                "expires": whole_of("When the code expires, while it is pending."),
                "name": text_of("The screen's name, once approved."),
                "playlist": text_of("The id of its playlist."),
            },
            optional=("expires", "name", "playlist"),
        ),
        "Asking": object_of("A screen that is waiting for approval.", asking),
    }
