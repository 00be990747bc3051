"""One endpoint is one record: what answers, who may use it, and what the documentation says of it.

Routing, the access table, `/openapi.json` and the reference are all made from these records, so that to add a route is
to write one of them and its handler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from starlette.routing import compile_path
from starlette.types import Scope as AsgiScope

from vitalcast.core.vocabulary import Scope
from vitalcast.web.edge.addresses import path_of
from vitalcast.web.edge.fields import URL_TOKEN, Body, Parameter
from vitalcast.web.edge.refusals import JSON, RefusalForm
from vitalcast.web.edge.schemas import Json

WEBSOCKET: Final = "WEBSOCKET"  # stands for a method where a path is a WebSocket's

WHOLE: Final = frozenset({Scope.VIEW, Scope.ADMIN})
READERS: Final = WHOLE | {Scope.STREAM}
PANELS: Final = READERS | {Scope.EMBED}
ADMINS: Final = frozenset({Scope.ADMIN})
ANYBODY: Final = None

_NOTHING: Final[Mapping[int, Any]] = MappingProxyType({})


class Endpoint(NamedTuple):  # which costs a start less than a dataclass
    """One method at one path.

    `handler` takes a Starlette Request and returns a Response: as a coroutine function, or as a plain one, which runs
    in a thread. For the method WEBSOCKET it is a coroutine function that takes a WebSocket. GET answers HEAD too.

    `scopes` are those of which a token must have one, or ANYBODY. A token may always come in the header Authorization
    or the cookie; with `url_token`, one for embedding may stand in the address. `token_optional` has a token looked at
    though none is needed, and tells the handler of a bad one instead of refusing it. What is `public` pages of every
    site may load, and no token is looked at.

    `body_types` are the media types of which a body must have one. Where a cookie is enough to change something, none
    may be among them that pages can send elsewhere unasked, which are those of forms and `text/plain`.

    `cost` is what an answer counts against `limits.requests_per_second`: how many times as long as a small file it
    takes. `refusal` is the form in which it says no.

    An endpoint with `answers` is part of the API and stands in `/openapi.json`; pages, files and forms have none.
    `answers` holds what OpenAPI calls responses, by status, and `errors` what each further status means, in the
    `refusal` form; what follows from the rest of the record is added by itself. Where `errors` has a 400, a request
    with a parameter that is not among `parameters` gets it before the handler is asked. `parameters` is called when it
    is first needed, since parameters may need modules that most servers never load. A handler may raise ApiError,
    ProtocolError and HistoryError, which are answered in the `refusal` form.
    """

    method: str
    path: str
    handler: Callable[[Any], Any]
    scopes: frozenset[Scope] | None
    summary: str
    description: str = ""
    parameters: Callable[[], Iterable[Parameter]] = tuple
    body: Body | None = None
    answers: Mapping[int, Json] = _NOTHING
    errors: Mapping[int, str] = _NOTHING
    refusal: RefusalForm = JSON
    url_token: bool = False
    token_optional: bool = False
    body_types: tuple[str, ...] = ("application/json",)
    public: bool = False
    cost: int = 1

    def all_parameters(self) -> list[Parameter]:
        """Return its parameters, and that of the token in the address where there may be one."""
        return [*self.parameters(), *([URL_TOKEN] if self.url_token else [])]

    @property
    def documented(self) -> bool:
        """Say whether it stands in `/openapi.json`."""
        return bool(self.answers or self.errors)


class EndpointGroup(NamedTuple):
    """Endpoints about one subject, under one heading in the documentation.

    `schemas` returns the OpenAPI schemas that their answers refer to, by name.
    """

    title: str
    endpoints: Sequence[Endpoint]
    schemas: Callable[[], Json] = dict


class EndpointTable:
    """All endpoints of an application, to find the one that a request is for.

    A path without parameters goes before one with some, of which the first that matches answers.
    """

    def __init__(self, groups: Iterable[EndpointGroup]) -> None:
        self.groups = tuple(groups)
        self._exact: dict[str, list[Endpoint]] = {}
        self._patterns = []
        for endpoint in self:
            if "{" in endpoint.path:
                self._patterns.append((compile_path(endpoint.path)[0], endpoint))
            else:
                self._exact.setdefault(endpoint.path, []).append(endpoint)

    def __iter__(self) -> Iterator[Endpoint]:
        for group in self.groups:
            yield from group.endpoints

    def in_order(self) -> list[Endpoint]:
        """Return all endpoints in the order in which they are tried."""
        return [*chain.from_iterable(self._exact.values()), *(endpoint for _, endpoint in self._patterns)]

    def at(self, path: str) -> list[Endpoint]:
        """Return the endpoints at a path below the root path, in the order in which they are tried."""
        found = [endpoint for pattern, endpoint in self._patterns if pattern.match(path)]
        return [*self._exact.get(path, ()), *found]

    def find(self, scope: AsgiScope) -> Endpoint | None:
        """Return the endpoint of a request; of one by a method that its path has not, one at the same path."""
        method = WEBSOCKET if scope["type"] == "websocket" else scope["method"]
        found = self.at(path_of(scope))
        wanted = "GET" if method == "HEAD" else method
        return next((one for one in found if one.method == wanted), found[0] if found else None)
