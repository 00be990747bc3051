"""One request to a server's HTTP API, and its answer in parts."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from vitalcast.client.outbox import written
from vitalcast.client.reading import NONSENSE, words
from vitalcast.client.refusals import PASSING, START_IT, code_of, message_of
from vitalcast.core.text import printable
from vitalcast.errors import AskError, ClientError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.error import HTTPError

SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
PART_BYTES: Final = 65_536
ERROR_BYTES_MAX: Final = 65_536
ANSWER_BYTES_MAX: Final = 1 << 28
BROKEN_OFF: Final = "the server ended in the midst of its answer"
ACCESS_ADVICE: Final = (
    "the server requires a token; create one on its machine with `vitalcast token create` and give it with --token or "
    "in VITALCAST_TOKEN"
)


class ApiRequest(NamedTuple):
    """What is asked of the API: parameters that are None are left out, and of a list each item is one."""

    path: str
    parameters: dict[str, Any]
    method: str = "GET"
    body: dict[str, Any] | None = None
    accept: str = "application/json"

    @property
    def query(self) -> str:
        given = {name: value for name, value in self.parameters.items() if value is not None and value != []}
        return urlencode(given, doseq=True)

    @property
    def text(self) -> str:
        """The body as it is sent; empty without one."""
        return "" if self.body is None else written(self.body)

    def asked(self) -> dict[str, str]:
        """Return it as a control socket takes it."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "accept": self.accept,
            "body": self.text,
        }


class ApiAnswer(Protocol):
    """An answer: `status` and `content_type` as HTTP has them, and the body in parts. A context manager."""

    status: int
    content_type: str

    def __enter__(self) -> ApiAnswer: ...

    def __exit__(self, *exception: object) -> None: ...

    def parts(self) -> Iterator[bytes]:
        """Yield the body. Raises OSError and ValueError where it is not complete."""


def base_url(url: str) -> str:
    """Return the address below which a server's API is; a page's or a WebSocket's will do. Raises ValueError."""
    try:
        parts = urlsplit(url)
        scheme = SCHEMES[parts.scheme]
        known = bool(parts.hostname) and parts.port != 0 and url.isprintable() and parts.username is None
        (parts.hostname or "").encode("idna")  # which refuses a name that there cannot be
    except (KeyError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{printable(url)} is not a server's address; give an address such as http://127.0.0.1:8000")
    path = parts.path.rstrip("/").removesuffix("/ws")
    return urlunsplit((scheme, parts.netloc, path, "", ""))


class HttpAnswer:
    """The answer of a server at an address."""

    def __init__(
        self,
        url: str,
        request: ApiRequest,
        *,
        token: str | None,
        timeout_s: float,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Ask. Raises UnreachableError, RefusedError, and AskError where there is no answer of the API."""
        self._url = printable(url)
        self._context = context
        self._response = self._opened(url, request, token, timeout_s)
        self.status = self._response.status
        self.content_type = self._response.headers.get("Content-Type", "")

    def __enter__(self) -> HttpAnswer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._response.close()

    def parts(self) -> Iterator[bytes]:
        from http.client import HTTPException

        try:
            while part := self._response.read(PART_BYTES):
                yield part
        except HTTPException:
            raise ValueError(BROKEN_OFF) from None
        if self._response.length:  # what Content-Length told of and what has not come
            raise ValueError(BROKEN_OFF)

    def _opened(self, url: str, request: ApiRequest, token: str | None, timeout_s: float) -> HTTPResponse:
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

        class Stay(HTTPRedirectHandler):
            """Follows nowhere: the token is for this server alone."""

            def redirect_request(self, *_: Any) -> None:
                return None

        headers = {"Accept": request.accept, "Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        body = request.text.encode() if request.body is not None else None
        query = request.query
        asked = Request(  # noqa: S310 - the scheme is one of SCHEMES
            f"{url}{request.path}{'?' if query else ''}{query}", data=body, headers=headers, method=request.method
        )
        try:
            response: HTTPResponse = build_opener(Stay, HTTPSHandler(context=self._context)).open(
                asked, timeout=timeout_s
            )
        except HTTPError as error:
            raise self._refused(error) from None
        except URLError as error:
            raise UnreachableError(f"{self._url}: {_why(error.reason)}") from None
        except (HTTPException, OSError, ValueError) as error:
            raise UnreachableError(f"{self._url}: {_why(error)}") from None
        return response

    def _refused(self, error: HTTPError) -> ClientError:
        from http.client import HTTPException

        status = error.code
        try:
            body = error.read(ERROR_BYTES_MAX)
        except (HTTPException, OSError):
            body = b""
        said = message_of(body)
        if said is None:
            return AskError(f"{self._url}: HTTP {status}; there is no Vitalcast, or an older one")
        if status == HTTPStatus.UNAUTHORIZED:
            said = f"{self._url}: {ACCESS_ADVICE if 'needs a token' in said else said}"
        return RefusedError(said, code=code_of(body) or status, temporary=status in PASSING)


def json_of(answer: ApiAnswer) -> dict[str, Any]:
    """Return the JSON object of an answer. Raises AskError where it has none."""
    body = bytearray()
    try:
        for part in answer.parts():
            body += part
            if len(body) > ANSWER_BYTES_MAX:
                raise AskError(f"the answer is longer than {ANSWER_BYTES_MAX >> 20} MiB; ask for less")
        value = json.loads(body)
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AskError(NONSENSE)
    return value


def _why(error: object) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not valid ({words(error.verify_message)})"
        case ssl.SSLError():
            return f"no HTTPS there ({words(error.reason or error)})"
        case TimeoutError():
            return "no answer in time"
        case OSError():
            return f"cannot connect ({words(error.strerror or error)}){START_IT}"
    return f"no HTTP there ({words(error)})"
