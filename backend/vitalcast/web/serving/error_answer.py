"""Whole responses that end a connection, for where no application is asked."""

from __future__ import annotations

import http

from vitalcast.core.vocabulary import ErrorCode
from vitalcast.web.edge.errors import error_body


def error_answer(status: int, message: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return a whole response that ends a connection, in the JSON of all other errors."""
    code = ErrorCode.LIMIT if status in (413, 429, 431, 503) else ErrorCode.BAD_REQUEST
    body = error_body(code, message)
    head = [
        b"HTTP/1.1 %d %s" % (status, http.HTTPStatus(status).phrase.encode()),
        *(b"%s: %s" % header for header in headers),
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    return b"\r\n".join([*head, b"", body])
