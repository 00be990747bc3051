"""Serves the dashboard's page and its static files: right types, cheap revalidation, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Plotly positions its labels with style attributes; style elements stay forbidden.
        "style-src-attr 'unsafe-inline'",
        # Plotly exports a picture through a data: or blob: image.
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)

# Not `mimetypes`: its answers come from the machine's registry, and a module with a wrong type is not run.
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_NOT_WORTH_COMPRESSING: Final = frozenset({".ico", ".png", ".woff2"})
_GZIP_BYTES_MIN: Final = 512
_REVALIDATE: Final = "no-cache"
_FOREVER: Final = "public, max-age=31536000, immutable"


def frontend_dir(*, package: Path | None = None) -> Path:
    """Return the folder of the frontend: the checkout's own where there is one, else the wheel's copy.

    Raises FileNotFoundError, naming both places, where neither holds an `index.html`.
    """
    package = package or Path(__file__).resolve().parents[1]
    places = (package.parents[1] / "frontend", package / "_frontend")
    for place in places:
        if (place / "index.html").is_file():
            return place
    raise FileNotFoundError(
        "the dashboard's files are missing: looked for index.html in "
        + " and ".join(str(place) for place in places)
        + "; reinstall vitalcast"
    )


@dataclass(frozen=True, slots=True)
class _Asset:
    """One file as it is sent; `stamp` tells whether the file on disk is still the one that was read."""

    stamp: tuple[int, int]
    body: bytes
    compressed: bytes | None
    etag: str
    content_type: str


class StaticFiles:
    """The files below one folder, each read, hashed and compressed once for as long as it does not change.

    Memory is bounded by the folder's own size. Names that begin with a dot are never served.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._assets: dict[Path, _Asset] = {}
        self._lock = threading.Lock()

    def respond(self, request: Request, name: str) -> Response:
        """Return the response for the file `name` (slash-separated, relative to the root)."""
        path = self._find(name)
        if path is None:
            return PlainTextResponse("Not found\n", status_code=404)
        asset = self._load(path)
        body, etag = asset.body, f'"{asset.etag}"'
        headers = {"Cache-Control": self._cache_control(path)}
        if asset.compressed is not None:
            headers["Vary"] = "Accept-Encoding"
            if _accepts_gzip(request.headers.get("accept-encoding", "")):
                # RFC 9110, 8.8.1: a strong validator differs between the encodings of one resource.
                body, etag = asset.compressed, f'"{asset.etag}-gz"'
                headers["Content-Encoding"] = "gzip"
        headers["ETag"] = etag
        if _matches(request.headers.get("if-none-match", ""), etag):
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        if path.suffix == ".html":
            headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        # Starlette counts the body for HEAD too and the server leaves it out.
        return Response(body, headers=headers)

    def _find(self, name: str) -> Path | None:
        if "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        try:
            path = (self._root / name).resolve()
            found = path.is_relative_to(self._root) and path.suffix in _CONTENT_TYPES and path.is_file()
        except OSError:  # a name that the file system cannot have
            return None
        return path if found else None

    def _load(self, path: Path) -> _Asset:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            asset = self._assets.get(path)
            if asset is None or asset.stamp != stamp:
                asset = self._assets[path] = _read(path, stamp)
        return asset

    def _cache_control(self, path: Path) -> str:
        # A vendored file carries its version in its name, so its address never means anything else.
        vendored = path.parent.name == "vendor" and path.suffix == ".js"
        return _FOREVER if vendored else _REVALIDATE


def _read(path: Path, stamp: tuple[int, int]) -> _Asset:
    body = path.read_bytes()
    compressed = None
    if path.suffix not in _NOT_WORTH_COMPRESSING and len(body) >= _GZIP_BYTES_MIN:
        compressed = gzip.compress(body, compresslevel=6, mtime=0)
    etag = hashlib.sha256(body).hexdigest()[:20]
    return _Asset(stamp, body, compressed, etag, _CONTENT_TYPES[path.suffix])


def _accepts_gzip(header: str) -> bool:
    """Say whether an Accept-Encoding header allows gzip; `q=0` forbids it (RFC 9110, 12.5.3)."""
    for item in header.lower().split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip() in {"gzip", "x-gzip", "*"}:
            weight = parameters.strip().removeprefix("q=").strip()
            return weight.rstrip("0").rstrip(".") not in {"", "0"} if parameters.strip() else True
    return False


def _matches(header: str, etag: str) -> bool:
    """Say whether an If-None-Match header names `etag`; the comparison is weak (RFC 9110, 13.1.2)."""
    candidates = {candidate.strip().removeprefix("W/") for candidate in header.split(",")}
    return etag in candidates or "*" in candidates


def mount_pages(app: FastAPI, *, root: Path | None = None) -> None:
    """Add `/` (the dashboard) and `/static/…` to `app`, out of `root` or the package's own frontend."""
    files = StaticFiles(root or frontend_dir())

    # Plain functions: Starlette runs them in its thread pool, so that reading a file never stops the loop.
    def index(request: Request) -> Response:
        return files.respond(request, "index.html")

    def static(request: Request) -> Response:
        return files.respond(request, request.path_params["path"])

    app.router.routes.append(Route("/", index, methods=["GET"], name="dashboard"))
    app.router.routes.append(Route("/static/{path:path}", static, methods=["GET"], name="static"))
