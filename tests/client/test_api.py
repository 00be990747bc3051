"""One request to a real HTTP server of the standard library, and what becomes of every odd answer."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vitalcast.client.api import ApiRequest, HttpAnswer, base_url
from vitalcast.errors import AskError, RefusedError, UnreachableError

TIMEOUT_S = 60.0


class Recorded(http.server.BaseHTTPRequestHandler):
    """Answers with what its server was told to, and keeps what came."""

    server: Any

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.server.came = (self.command, self.path, dict(self.headers), self.rfile.read(length))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(body: bytes, status: int = 200, **headers: str) -> Iterator[tuple[str, Any]]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorded)
    server.answer = (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, request: ApiRequest | None = None, token: str | None = None) -> tuple[int, str, bytes]:
    request = request or ApiRequest("/api/v1/x", {})
    with HttpAnswer(url, request, token=token, timeout_s=TIMEOUT_S) as answer:
        return answer.status, answer.content_type, b"".join(answer.parts())


def test_a_request_says_what_is_asked_and_who_asks() -> None:
    request = ApiRequest(
        "/api/v1/x",
        {"metrics": ["a.>", "b&c"], "top": None, "where": [], "start": 1},
        method="POST",
        body={"title": "ü"},
    )
    with answering(b"{}", 201, Content_Type="application/json") as (url, server):
        assert ask(f"{url}/vitals", request, "secret") == (201, "application/json", b"{}")
    method, path, headers, body = server.came
    assert (method, path) == ("POST", "/vitals/api/v1/x?metrics=a.%3E&metrics=b%26c&start=1")
    assert headers["Authorization"] == "Bearer secret"
    assert json.loads(body) == {"title": "ü"}


def test_a_token_goes_to_no_other_address() -> None:
    with answering(b"") as (other, elsewhere), answering(b"", 302, Location=f"{other}/x") as (url, _):
        with pytest.raises(AskError, match="HTTP 302; there is no Vitalcast"):
            ask(url, token="secret")
        assert not hasattr(elsewhere, "came")


def test_errors_are_in_the_words_of_the_server() -> None:
    said = json.dumps({"error": {"code": 107, "message": "start: \x1b[31m is no time"}}).encode()
    with answering(said, 400) as (url, _), pytest.raises(RefusedError, match=r"^start: \\x1b\[31m is no time$"):
        ask(url)
    needed = json.dumps({"error": {"code": 101, "message": "this address needs a token; send …"}}).encode()
    with answering(needed, 401) as (url, _), pytest.raises(RefusedError, match="vitalcast token create"):
        ask(url)
    with answering(b"<html>", 404) as (url, _), pytest.raises(AskError, match="HTTP 404; there is no Vitalcast"):
        ask(url)


def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    with answering(b"abc", Content_Length="100") as (url, _):
        answer = HttpAnswer(url, ApiRequest("/", {}), token=None, timeout_s=TIMEOUT_S)
        with answer, pytest.raises(ValueError, match="in the midst of its answer"):
            list(answer.parts())


def test_where_nobody_answers_is_said_with_what_would_help() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(
        UnreachableError, match=r"cannot connect \(Connection refused\); start the server with `vitalcast`"
    ):
        ask(f"http://127.0.0.1:{port}")
    with answering(b"") as (url, _), pytest.raises(UnreachableError, match="no HTTPS there"):
        ask(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://a:8000", "http://a:8000"),
        ("http://a:8000/", "http://a:8000"),
        ("ws://a:8000/ws", "http://a:8000"),
        ("wss://a/vitals/ws", "https://a/vitals"),
        ("https://[::1]:8443/vitals/?x=1#y", "https://[::1]:8443/vitals"),
    ],
)
def test_any_address_of_a_server_will_do(url: str, base: str) -> None:
    assert base_url(url) == base


@pytest.mark.parametrize(
    "url", ["a:8000", "ftp://a", "http://", "http://a:x", "http://a:0", "http://u:p@a", "http://a\n"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not a server's address; give an address such as"):
        base_url(url)
