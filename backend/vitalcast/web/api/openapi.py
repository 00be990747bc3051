"""/openapi.json: the HTTP API as OpenAPI describes it, made from the records of its endpoints."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.core.vocabulary import Scope
from vitalcast.web.edge.caller import URL_PARAMETER
from vitalcast.web.edge.cookie import COOKIE
from vitalcast.web.edge.endpoint import READERS, Endpoint, EndpointGroup, EndpointTable
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.refusals import JSON
from vitalcast.web.edge.schemas import Json, answer, json_answer, json_of, object_of, ref, text_of

DESCRIPTION: Final = """A machine's vital signs, live.

The stream itself is the WebSocket `/ws`. Without a subprotocol it sends the default metrics once a second; with
`vitalcast.v1.json` or `vitalcast.v1.bin` it answers `subscribe`, `list` and the other commands. `/metrics` is for
Prometheus.

Where other machines can connect, a token is needed: in the header `Authorization: Bearer …`, on the WebSocket in
`hello` too, and in a browser by logging in at `/login`. Its scope says what it gives access to: `view` to everything
that can be read, `stream` to some metrics, `embed` to some panels, `admin` to everything. The answer is `401` without a
valid token and `403` beyond its limits; it names nothing that lies outside them.
"""
SECURITY_SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token created by `vitalcast token create`. It may be left out if none is needed; a token "
        "that is sent is checked nevertheless, and may show less.",
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
# What every endpoint may answer. What the server says before it knows which one is meant is always JSON.
_ANYWHERE: Final = {
    403: "The page that asks is of a site that may not read from this server.",
    421: "This server does not answer to this host name.",
    429: "Too many requests; the header Retry-After says when to try again.",
}
_TOO_EARLY_TO_KNOW: Final = {
    408: "The request did not arrive in time.",
    431: "The request line and its headers are too long.",
}
_OF_TOKENS: Final = {
    401: "A token is needed and there is none, or it is not valid.",
    403: "The token does not cover this, or the page that asks is of a site that may not read from this server.",
    429: "Too many requests, or too many wrong tokens, came from this address; the header Retry-After says when to "
    "try again.",
}
_OF_BODIES: Final = {413: "The body is too long.", 415: "The header Content-Type names another media type."}


def described(base: Json, table: EndpointTable) -> Json:
    """Return an OpenAPI document with each endpoint of the API, and the schemas that they refer to.

    `base` holds the rest of it: `openapi`, `info` and the like.
    """
    paths: Json = {}
    schemas: Json = {"Error": _error()}
    for group in table.groups:
        documented = [one for one in group.endpoints if one.documented]
        for endpoint in documented:
            if endpoint.body is not None and endpoint.body.name:
                schemas[endpoint.body.name] = endpoint.body.described()
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, group.title)
        if documented:
            schemas |= group.schemas()
    components = {"schemas": schemas, "securitySchemes": SECURITY_SCHEMES}
    return base | {"paths": paths, "components": components}


def _operation(endpoint: Endpoint, tag: str) -> Json:
    scopes = [scope.value for scope in Scope if scope in (endpoint.scopes or ())]
    ways = [{"bearer": scopes}, {"cookie": scopes}] if scopes else []
    if endpoint.url_token:
        ways.append({"address": [Scope.EMBED.value]})
    needs = f" Needs a token of scope {_either(scopes)}." if scopes else ""
    operation: Json = {
        "tags": [tag],
        "summary": endpoint.summary,
        "description": endpoint.description + needs,
        "parameters": [one.described() for one in endpoint.all_parameters()],
        "security": ways,
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        schema = ref(endpoint.body.name) if endpoint.body.name else endpoint.body.described()
        operation["requestBody"] = {"required": True, "content": json_of(schema)}
    return operation


def _either(scopes: list[str]) -> str:
    named = [f"`{scope}`" for scope in scopes]
    return " or ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0]


def _responses(endpoint: Endpoint) -> Json:
    media_type = endpoint.refusal.media_type
    form = json_of(ref("Error")) if endpoint.refusal is JSON else {media_type: {"schema": {"type": "string"}}}
    sent = endpoint.method in ("POST", "PUT")
    known = _ANYWHERE | (_OF_TOKENS if endpoint.scopes else {}) | (_OF_BODIES if sent else {}) | dict(endpoint.errors)
    responses = {status: answer(why, form) for status, why in known.items()}
    responses |= {status: json_answer(why, ref("Error")) for status, why in _TOO_EARLY_TO_KNOW.items()}
    if endpoint.refusal.drawn:  # nothing is drawn for those who may not ask at all, or ask too often
        responses |= {status: answer(known[status], form | json_of(ref("Error"))) for status in (403, 429)}
        responses[421] = json_answer(known[421], ref("Error"))
    responses |= dict(endpoint.answers)
    return {str(status): responses[status] for status in sorted(responses)}


def _error() -> Json:
    error = {
        "code": {"type": "integer", "description": "As in the WebSocket's errors."},
        "message": text_of("What was wrong, and what would be right."),
    }
    return object_of("Every error of the API.", {"error": object_of("What was wrong.", error)})


# A plain function, which runs in a thread: the first document takes a moment.
def respond(request: Request) -> Response:
    """Return the application's document; below a proxy it names the path."""
    root: str = request.scope.get("root_path", "")
    document: Json = request.app.openapi()
    return json_response(document | {"servers": [{"url": root}]} if root else document)


def openapi_endpoints() -> EndpointGroup:
    """Return the address of the document."""
    summary = "This interface, for programs"
    return EndpointGroup("OpenAPI", (Endpoint("GET", "/openapi.json", respond, READERS, summary, cost=10),))
