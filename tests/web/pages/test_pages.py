"""The page and its static files over HTTP."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from vitalcast.config.schema import Settings
from vitalcast.dashboards.store import DashboardStore
from vitalcast.web.edge.headers import CONTENT_SECURITY_POLICY
from vitalcast.web.pages.pages import Pages, page_endpoints
from vitalcast.web.pages.static_files import frontend_dir

MODULE = "export const answer = 42;\n" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Vitalcast</title>")
    (tmp_path / "app.js").write_text(MODULE)
    (tmp_path / "vendor" / "library-1.2.js").write_text(MODULE)
    (tmp_path / "picture.png").write_bytes(bytes(2000))
    (tmp_path / ".secret.js").write_text("no")
    (tmp_path / "notes.md").write_text("no")
    return tmp_path


@pytest.fixture
def client(root: Path) -> TestClient:
    endpoints = page_endpoints(Pages(Settings(), DashboardStore((), ()), root)).endpoints
    return TestClient(Starlette(routes=[Route(one.path, one.handler) for one in endpoints]))


def test_serves_the_page_with_its_policy(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_serves_modules_as_javascript(client: TestClient) -> None:
    response = client.get("/static/app.js", headers={"Accept-Encoding": "identity"})
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.text == MODULE
    assert "content-encoding" not in response.headers


def test_compresses_for_those_who_can_read_it(client: TestClient) -> None:
    with client.stream("GET", "/static/app.js", headers={"Accept-Encoding": "br, gzip"}) as response:
        raw = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(raw).decode() == MODULE
    assert len(raw) == int(response.headers["content-length"]) < len(MODULE) / 5


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
def test_does_not_compress_for_those_who_cannot(client: TestClient, accepted: str) -> None:
    response = client.get("/static/app.js", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in response.headers


def test_takes_what_was_compressed_ahead_and_the_best_that_is_accepted(client: TestClient, root: Path) -> None:
    (root / "vendor" / "library-1.2.js.br").write_bytes(b"as if by brotli")
    (root / "vendor" / "library-1.2.js.gz").write_bytes(gzip.compress(b"ahead of time", mtime=0))

    def coding_and_bytes(accepted: str) -> tuple[str | None, bytes]:
        url = "/static/vendor/library-1.2.js"
        with client.stream("GET", url, headers={"Accept-Encoding": accepted}) as response:
            assert response.headers["vary"] == "Accept-Encoding"
            return response.headers.get("content-encoding"), b"".join(response.iter_raw())

    assert coding_and_bytes("gzip, deflate, br") == ("br", b"as if by brotli")
    coding, raw = coding_and_bytes("gzip, br;q=0")
    assert (coding, gzip.decompress(raw)) == ("gzip", b"ahead of time")
    assert coding_and_bytes("*;q=0, x-gzip") == ("gzip", gzip.compress(b"ahead of time", mtime=0))
    assert coding_and_bytes("br;q=0.0, *") == ("gzip", gzip.compress(b"ahead of time", mtime=0))
    assert coding_and_bytes("identity") == (None, MODULE.encode())
    assert client.get("/static/vendor/library-1.2.js.br").status_code == 404


def test_compresses_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    compress = gzip.compress
    monkeypatch.setattr(
        "vitalcast.web.pages.static_files.gzip.compress", lambda *a, **k: calls.append(1) or compress(*a, **k)
    )
    for _ in range(3):
        client.get("/static/app.js")
    assert len(calls) == 1


def test_leaves_pictures_as_they_are(client: TestClient) -> None:
    assert "content-encoding" not in client.get("/static/picture.png").headers


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_answers_that_nothing_changed(client: TestClient, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    first = client.get("/static/app.js", headers=headers)
    again = client.get("/static/app.js", headers=headers | {"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


def test_encodings_have_tags_of_their_own(client: TestClient) -> None:
    tags = {client.get("/static/app.js", headers={"Accept-Encoding": one}).headers["etag"] for one in ("gzip", "br")}
    assert len(tags) == 2


def test_notices_a_changed_file(client: TestClient, root: Path) -> None:
    before = client.get("/static/app.js").headers["etag"]
    (root / "app.js").write_text("export const answer = 43;\n")
    after = client.get("/static/app.js", headers={"If-None-Match": before})
    assert after.status_code == 200
    assert "43" in after.text


def test_a_vendored_file_may_be_kept_forever(client: TestClient) -> None:
    assert "immutable" in client.get("/static/vendor/library-1.2.js").headers["cache-control"]
    assert client.get("/static/app.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["nothing.js", ".secret.js", "notes.md", "vendor", "", "%2e%2e/%2e%2e/etc/passwd", "..%2fapp.js", "a%00.js"]
)
def test_serves_nothing_else(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_answers_head_without_a_body(client: TestClient) -> None:
    response = client.head("/static/app.js", headers={"Accept-Encoding": "identity"})
    assert response.status_code == 200
    assert response.content == b""
    assert int(response.headers["content-length"]) == len(MODULE)


def test_prefers_the_checkouts_frontend(tmp_path: Path) -> None:
    package = tmp_path / "backend" / "vitalcast"
    for folder in (tmp_path / "frontend", package / "_frontend"):
        folder.mkdir(parents=True)
        (folder / "index.html").touch()
    assert frontend_dir(package=package) == tmp_path / "frontend"
    (tmp_path / "frontend" / "index.html").unlink()
    assert frontend_dir(package=package) == package / "_frontend"


def test_says_where_it_looked_for_the_frontend(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "vitalcast"
    with pytest.raises(FileNotFoundError, match=r"_frontend.*reinstall"):
        frontend_dir(package=package)


def test_the_real_frontend_is_there() -> None:
    assert (frontend_dir() / "entry" / "dashboard.js").is_file()
