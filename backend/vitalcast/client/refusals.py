"""What kept a connection from standing, in a line that people read, and whether trying again may help."""

from __future__ import annotations

import json
import os
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from vitalcast.client.protocol import RECONNECT_AFTER_S_MAX
from vitalcast.client.reading import whole, words
from vitalcast.core.vocabulary import STAY_AWAY_FROM
from vitalcast.errors import ClientError, LostError, RefusedError

if TYPE_CHECKING:
    from websockets.http11 import Response

RECOVERABLE_CODES_BELOW = 5000
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
MESSAGE_TOO_BIG = 1009
START_IT = "; start the server with `vitalcast`, or give the address of another"
ASTRAY = "; is this the server's address, and no page's below it?"
TRY_TLS = "; if it serves HTTPS, use wss://"


def explained(error: Exception, *, url: str, after_s: float | None = None) -> LostError | ClientError:
    """Return what an exception of a connection means. Raises it anew where it is none of the kind.

    `after_s` is when the server asked to come back.
    """
    from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

    match error:
        case ConnectionClosed():
            return _closed(error, url, after_s)
        case InvalidStatus():
            return _refused(error.response, url)
        case InvalidURI():
            return ClientError(f"--url: {words(error)}")
        case WebSocketException() | EOFError():
            advice = TRY_TLS if url.startswith("ws:") else ""
            # A proxy whose server is away takes a connection and closes it without a word.
            away = isinstance(error.__cause__, EOFError)
            return LostError(f"no WebSocket there ({words(error)})", away=away, advice=advice)
        case TimeoutError():
            return LostError("no answer in time", away=True)
        case ssl.SSLCertVerificationError():
            return LostError(f"the certificate is not valid ({words(error.verify_message)})")
        case ssl.SSLError():
            return LostError(f"no HTTPS there ({words(getattr(error, 'reason', None) or error)})")
        case OSError():
            return LostError(f"cannot connect ({_of_system(error)})", away=True, advice=START_IT)
        case ImportError():  # a SOCKS proxy in the environment wants a package
            return ClientError(f"{url}: {words(error)}")
        case UnicodeError():  # a host that no name server can be asked for, or bytes that are no text
            return ClientError(f"{url}: cannot be read ({words(error)})")
    raise error


def _of_system(error: OSError) -> str:
    """Return the system's own words: asyncio has others in their place, with the address in them."""
    if error.errno is not None and error.errno > 0:  # others are of the resolver of names, which has its own words
        return words(os.strerror(error.errno))
    return words(error.strerror or error)


def _closed(error: Any, url: str, after_s: float | None) -> LostError | ClientError:
    close, sent = error.rcvd, error.sent
    if close is not None:
        said = f"{close.code} {words(close.reason)}".rstrip()
        if STAY_AWAY_FROM <= close.code < RECOVERABLE_CODES_BELOW:
            return RefusedError(f"{url}: the server closed with {said}", code=close.code)
        return LostError(f"connection closed with {said}", after_s=after_s)
    if sent is not None and sent.code == MESSAGE_TOO_BIG:
        return ClientError(f"{url}: the server sent a message that is too large ({words(sent.reason)})")
    # What we closed for, where it was not the line that broke: it was silent, or did not keep to the protocol.
    why = f" ({words(sent.reason)})" if sent is not None and sent.reason else ""
    return LostError(f"connection lost{why}", after_s=after_s)


def _refused(response: Response, url: str) -> LostError | ClientError:
    status = response.status_code
    body = response.body or b""
    message = message_of(body)
    said = "" if message is None else f": {message}"
    if status < 300:
        return LostError(f"no WebSocket there (HTTP {status})")
    if status == HTTPStatus.UPGRADE_REQUIRED:
        return ClientError(
            f"{url}: a proxy in between does not forward the headers Upgrade and Connection, which a WebSocket needs"
        )
    if 400 <= status < 500 and status not in PASSING:
        advice = ASTRAY if message is None else ""
        why = f"{url}: the server refused the WebSocket with HTTP {status}{said}{advice}"
        return RefusedError(why, code=code_of(body) or status)
    return LostError(f"HTTP {status}{said}", after_s=_retry_after_s(response.headers.get_all("Retry-After")))


def message_of(body: bytes | bytearray) -> str | None:
    """Return what the server says in the body that all its errors have; None of another's."""
    try:
        return words(json.loads(body)["error"]["message"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def code_of(body: bytes | bytearray) -> int | None:
    """Return the code of the error that a body says, as the wire has it; None where it says none."""
    try:
        return whole(json.loads(body)["error"]["code"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _retry_after_s(fields: list[str]) -> float | None:
    """Return the pause that is asked for in seconds; the other form, a date, is of a clock that may not be ours."""
    known = [float(text) for text in fields if text.isascii() and text.isdigit()]
    return min(known[0], RECONNECT_AFTER_S_MAX) if known else None
