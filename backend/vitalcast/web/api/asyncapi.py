"""/asyncapi.json: the streams, for programs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from vitalcast.web.api.openapi import SECURITY_SCHEMES
from vitalcast.web.edge.endpoint import READERS, Endpoint, EndpointGroup
from vitalcast.web.edge.errors import json_response
from vitalcast.web.edge.schemas import Json


class AsyncApi:
    """The document, made when it is first asked for."""

    def __init__(self) -> None:
        self._document: Json | None = None

    # A plain function, which runs in a thread: the first document takes a moment.
    def respond(self, request: Request) -> Response:
        """Return the document; it names the server that was asked."""
        if self._document is None:
            from vitalcast.web.api.asyncapi_document import document  # a start has no use for it

            self._document = document()
        return json_response(self._document | {"servers": _servers(request)})


def _servers(request: Request) -> Json:
    """Return this server, for sockets and for requests."""
    secure = "s" if request.url.scheme == "https" else ""
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY_SCHEMES]
    root: str = request.scope.get("root_path", "")
    about: Json = {"host": request.url.netloc, "security": security} | ({"pathname": root} if root else {})
    return {"socket": about | {"protocol": f"ws{secure}"}, "http": about | {"protocol": f"http{secure}"}}


def asyncapi_endpoints() -> EndpointGroup:
    """Return the address of the document."""
    summary = "The streams, for programs"
    return EndpointGroup(
        "AsyncAPI", (Endpoint("GET", "/asyncapi.json", AsyncApi().respond, READERS, summary, cost=10),)
    )
