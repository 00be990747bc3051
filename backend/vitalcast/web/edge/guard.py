"""The guard before each endpoint, without which none is routed."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from vitalcast.access.rate_limit import Throttle
from vitalcast.web.edge.checked import checked
from vitalcast.web.edge.endpoint import WEBSOCKET, Endpoint
from vitalcast.web.edge.refusal_log import RefusalLog
from vitalcast.web.edge.refusals import Refusal, hold_back, kind_of, refuse, too_many_requests


class Judge(Protocol):
    """Who says whether an endpoint lets a caller in, as the Authenticator does."""

    def judge(self, scope: Scope, endpoint: Endpoint, /) -> Refusal | None: ...


class RouteGuard:
    """Stands before one endpoint. It leaves no frame of its own under what it lets in."""

    def __init__(
        self,
        app: ASGIApp,
        endpoint: Endpoint,
        *,
        authenticator: Judge,
        log: RefusalLog,
        requests: Throttle | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._requests = requests if endpoint.cost > 1 else None  # the edge has charged every request one
        self._app = app
        self._authenticator = authenticator
        self._log = log

    # Not a coroutine function, so that a WebSocket, which stays, costs no frame of it.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        refusal = self._authenticator.judge(scope, self.endpoint)
        if refusal is None and (too_many := self._charge(scope)) is not None:
            self._log.add(scope["state"]["address"], "request", too_many.message)
            response = self.endpoint.refusal.respond(scope, too_many)
            return hold_back(scope, lambda: refuse(response, scope, receive, send))
        if refusal is None:
            return self._app(scope, receive, send)
        # A browser that is sent to the log-in for the first time is no news.
        if refusal.status != 401 or refusal.why is not None or not self.endpoint.refusal.leads_to_login:
            self._log.add(scope["state"]["address"], kind_of(scope), refusal.message)
        return refuse(self.endpoint.refusal.respond(scope, refusal), scope, receive, send)

    def _charge(self, scope: Scope) -> Refusal | None:
        """Charge a request that is let in for what its answer takes; return why it is turned away, if it is."""
        if self._requests is None:
            return None
        wait_s = self._requests.take(scope["state"]["address"], self.endpoint.cost - 1)
        return too_many_requests(wait_s) if wait_s else None


def guarded_routes(endpoints: Iterable[Endpoint], **guard: Any) -> list[BaseRoute]:
    """Return a route for each endpoint, in their order, with a guard before it; `guard` is as for RouteGuard."""
    return [_guarded(endpoint, guard) for endpoint in endpoints]


def _guarded(endpoint: Endpoint, guard: dict[str, Any]) -> BaseRoute:
    route: Route | WebSocketRoute
    if endpoint.method == WEBSOCKET:
        route = WebSocketRoute(endpoint.path, endpoint.handler)
    else:
        handler = checked(endpoint) if endpoint.documented else endpoint.handler
        route = Route(endpoint.path, handler, methods=[endpoint.method])
    route.app = RouteGuard(route.app, endpoint, **guard)
    return route


def check_guarded(routes: Iterable[BaseRoute]) -> None:
    """Raise LookupError that names the routes which stand there without a guard, and so without a record."""
    open_ = [repr(route) for route in routes if not isinstance(getattr(route, "app", None), RouteGuard)]
    if open_:
        raise LookupError(f"no Endpoint says who may use {', '.join(open_)}; add one to its room's endpoints")
