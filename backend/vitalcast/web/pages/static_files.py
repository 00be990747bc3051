"""The files of the frontend as they are sent, each read and compressed once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response

from vitalcast.web.edge.accept import IDENTITY, best_coding
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.pages.bundle import bundle, including

if TYPE_CHECKING:
    from starlette.requests import Request

# Not `mimetypes`: its answers come from the machine's registry, and a module with a wrong type is not run.
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "application/typescript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# Modules that are joined from others, by name below the frontend's folder.
BUNDLES: Final = {
    "dashboard.js": "entry/dashboard.js",
    "frame.js": "entry/frame.js",
    "embed.js": "entry/embed.js",
    "wall.js": "entry/wall.js",
    "screens.js": "entry/screens.js",
    "client.js": "entry/client.js",
}
# Those that are served beside /static/, and not below it.
_ABOVE: Final = {"embed.js": "static/", "client.js": "static/"}
# Those that others import.
EXPORTING: Final = frozenset({"client.js"})
# Where the types of a module are, beside it.
_TYPES: Final = {"client.js": "client.d.ts"}
# Modules that hold another file.
INCLUDING: Final = {"isolated_plotly.js": "charts/isolated_plotly.js"}
_MADE: Final = BUNDLES | INCLUDING
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_NOT_WORTH_COMPRESSING: Final = frozenset({".ico", ".png", ".woff2"})
_GZIP_BYTES_MIN: Final = 512
_REVALIDATE: Final = "no-cache"
_FOREVER: Final = "public, max-age=31536000, immutable"


def frontend_dir(*, package: Path | None = None) -> Path:
    """Return the folder of the frontend: the checkout's own where there is one, else the wheel's copy.

    Raises FileNotFoundError, naming both places, where neither holds an `index.html`.
    """
    package = package or Path(__file__).resolve().parents[2]
    places = (package.parents[1] / "frontend", package / "_frontend")
    for place in places:
        if (place / "index.html").is_file():
            return place
    raise FileNotFoundError(
        "the dashboard's files are missing: looked for index.html in "
        + " and ".join(str(place) for place in places)
        + "; reinstall vitalcast"
    )


Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Asset:
    """One file as it is sent."""

    path: Path
    stamps: Mapping[Path, Stamp]  # of the files it was made from
    body: bytes
    compressed: Mapping[str, bytes]  # by coding, the best first
    etag: str
    content_type: str

    def fresh(self) -> bool:
        """Say whether the files on disk are still the ones that were read."""
        try:
            return all(_stamp(path) == stamp for path, stamp in self.stamps.items())
        except OSError:
            return False


class StaticFiles:
    """The files below one folder, each read, hashed and compressed once for as long as it does not change.

    `BUNDLES` and `INCLUDING` are files too, made from others. A file with `.br` or `.gz` at the end of its name is the
    compressed form of the one without. Memory is bounded by the folder's own size. Names that begin with a dot are
    never served.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._assets: dict[str, _Asset] = {}

    def kept(self, request: Request, name: str) -> Response | None:
        """Return the response for a file that was read before and has not changed; else None. Takes microseconds."""
        asset = self._assets.get(name)
        return self._response(request, asset) if asset is not None and asset.fresh() else None

    def respond(self, request: Request, name: str) -> Response:
        """Return the response for the file `name` (slash-separated, relative to the root), read if need be."""
        path = self._root / name if name in _MADE else self._find(name)
        if path is None:
            return PlainTextResponse("Not found\n", status_code=404)
        asset = _read(path) if name not in _MADE else _make(self._root, name)
        if path == self._root / name and "//" not in name:  # one name a file, so that there are no more than files
            self._assets[name] = asset
        return self._response(request, asset)

    @staticmethod
    def _response(request: Request, asset: _Asset) -> Response:
        body, etag = asset.body, f'"{asset.etag}"'
        headers = {"Cache-Control": _cache_control(asset.path)}
        if asset.compressed:
            headers["Vary"] = "Accept-Encoding"
            coding = best_coding(",".join(request.headers.getlist("accept-encoding")), asset.compressed)
            if coding != IDENTITY:
                # RFC 9110, 8.8.1: a strong validator differs between the encodings of one resource.
                body, etag = asset.compressed[coding], f'"{asset.etag}-{coding}"'
                headers["Content-Encoding"] = coding
        headers["ETag"] = etag
        if _matches(request.headers.get("if-none-match", ""), etag):
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        if asset.path.name in _TYPES:
            headers["X-TypeScript-Types"] = f"./{_TYPES[asset.path.name]}"
        if asset.path.suffix == ".html":
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


def _cache_control(path: Path) -> str:
    # A vendored file carries its version in its name, so its address never means anything else.
    vendored = path.parent.name == "vendor" and path.suffix == ".js"
    return _FOREVER if vendored else _REVALIDATE


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> _Asset:
    stamps, body = {path: _stamp(path)}, path.read_bytes()
    compressed = {}
    for coding, ending in _CODINGS.items():
        beside = path.with_name(path.name + ending)
        if beside.is_file():
            compressed[coding] = beside.read_bytes()
    return _asset(path, stamps, body, compressed)


def _make(root: Path, name: str) -> _Asset:
    if name in BUNDLES:
        body, sources = bundle(root, BUNDLES[name], at=_ABOVE.get(name, ""), exports=name in EXPORTING)
    else:
        body, sources = including(root, INCLUDING[name])
    return _asset(root / name, {path: _stamp(path) for path in sources}, body, {})


def _asset(path: Path, stamps: Mapping[Path, Stamp], body: bytes, compressed: dict[str, bytes]) -> _Asset:
    if "gzip" not in compressed and path.suffix not in _NOT_WORTH_COMPRESSING and len(body) >= _GZIP_BYTES_MIN:
        compressed["gzip"] = gzip.compress(body, compresslevel=6, mtime=0)
    etag = hashlib.sha256(body).hexdigest()[:20]
    return _Asset(path, stamps, body, compressed, etag, _CONTENT_TYPES[path.suffix])


def _matches(header: str, etag: str) -> bool:
    """Say whether an If-None-Match header names `etag`; the comparison is weak (RFC 9110, 13.1.2)."""
    candidates = {candidate.strip().removeprefix("W/") for candidate in header.split(",")}
    return etag in candidates or "*" in candidates
