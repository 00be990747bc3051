"""Addresses of ours as a request sees them, whatever prefix a proxy puts before all of them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from starlette.types import Scope

NEXT_CHARS_MAX: Final = 2000
_OWN_ADDRESS: Final = re.compile(r"/(?!/)[!-\[\]-~]*")  # ASCII without spaces and backslashes


def path_of(scope: Scope) -> str:
    """Return the path of a request below the root path: what routes are matched against."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and (path == root or path.startswith(f"{root}/")) else path


def upwards(scope: Scope) -> str:
    """Return the way from this address to that of the dashboard."""
    return "../" * (path_of(scope).count("/") - 1)


def login_url(scope: Scope, why: str | None) -> str:
    """Return where to log in, relative to this address, and to come back to it from there."""
    query: str = scope.get("query_string", b"").decode("latin-1")
    asked = {"next": path_of(scope) + (f"?{query}" if query else "")}
    if asked["next"] == "/":
        del asked["next"]
    if why is not None:
        asked["why"] = why
    return f"{upwards(scope)}login" + (f"?{urlencode(asked)}" if asked else "")


def own_address(text: str) -> str:
    """Return an address of ours that begins with a slash: the one in a stranger's text, or the dashboard's."""
    steps = text.partition("?")[0].lower().replace("%2e", ".").split("/")
    good = len(text) <= NEXT_CHARS_MAX and _OWN_ADDRESS.fullmatch(text) and not {".", ".."} & set(steps)
    return text if good else "/"
