"""Logging in: what the cookie is like, where one is sent afterwards, and what is said when a token is no good."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from vitalcast.config.limits import Limits
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.config.server import Server
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access
from vitalcast.web.app import create_app
from vitalcast.web.edge.addresses import own_address
from vitalcast.web.edge.cookie import COOKIE_S_MAX

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class House:
    """An application that asks for tokens, and tokens of it."""

    def __init__(self, folder: Path, base_url: str, **settings: Any) -> None:
        data = AccessSettings(data_dir=str(folder))
        self.access = open_access(Settings(access=data))
        self.view, _ = self.access.mint(Scope.VIEW)
        app = create_app(Settings(access=data, **settings))
        self.client = TestClient(app, base_url=base_url, follow_redirects=False)

    def log_in(self, token: str, **fields: str) -> Any:
        return self.client.post("/login", data={"token": token, **fields})


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., House]:
    def build(base_url: str = "http://127.0.0.1", **settings: Any) -> House:
        return House(tmp_path / "data", base_url, **settings)

    return build


def said(answer: Any) -> str:
    """Return what a page says is wrong."""
    found = re.search(r'<p class="problem" role="alert" id="problem">(.*?)</p>', answer.text)
    assert found is not None, answer.text
    return html.unescape(found[1])


def test_a_page_sends_one_to_log_in_and_back_again(house: Callable[..., House]) -> None:
    one = house()
    answer = one.client.get("/docs?x=1&y=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "login?next=%2Fdocs%3Fx%3D1%26y%3D2")
    page = one.client.get("/login?next=%2Fdocs%3Fx%3D1%26y%3D2")
    assert 'name="next" value="/docs?x=1&amp;y=2"' in page.text
    answer = one.log_in(one.view, next="/docs?x=1&y=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "./docs?x=1&y=2")
    assert one.client.get("/docs").status_code == 200
    assert "logged in with a token of scope view" in one.client.get("/login").text
    answer = one.client.post("/logout", headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "./login")
    assert one.client.get("/docs").status_code == 303


@pytest.mark.parametrize("path", ["/", "/docs", "/wall"])
def test_who_puts_a_token_into_the_address_is_told_so_and_may_log_in_with_it(
    path: str, house: Callable[..., House]
) -> None:
    one = house()
    answer = one.client.get(f"{path}?token={one.view}")
    assert answer.status_code == 400
    assert said(answer).startswith("Do not put a token in this address")
    assert '<input id="token"' in answer.text
    assert one.view not in answer.text


def test_the_page_needs_no_script_and_may_send_its_form_here_alone(house: Callable[..., House]) -> None:
    page = house().client.get("/login")
    policy = page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert page.headers["cache-control"] == "no-store"
    # With less, a browser would not say whose page sends the form.
    assert page.headers["referrer-policy"] == "same-origin"
    assert "form-action 'none'" in house().client.get("/wall").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("base_url", "root_path", "ends"),
    [
        ("http://127.0.0.1", "", "; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"),
        ("https://127.0.0.1", "", "; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure"),
        ("http://127.0.0.1", "/a;b/c", "; Path=/a%3Bb/c; Max-Age=34560000; HttpOnly; SameSite=Lax"),
    ],
)
def test_the_cookie_is_for_this_server_alone(
    house: Callable[..., House], base_url: str, root_path: str, ends: str
) -> None:
    one = house(base_url, server=Server(root_path=root_path))
    assert one.log_in(one.view).headers["set-cookie"] == f"vitalcast={one.view}{ends}"


def test_the_cookie_ends_with_its_token(house: Callable[..., House]) -> None:
    one = house()
    token, _ = one.access.mint(Scope.VIEW, expires_s=3600)
    found = re.search(r"Max-Age=(\d+)", one.log_in(token).headers["set-cookie"])
    assert found is not None
    assert 3590 <= int(found[1]) <= 3600
    token, _ = one.access.mint(Scope.VIEW, expires_s=10 * COOKIE_S_MAX)
    assert f"Max-Age={COOKIE_S_MAX};" in one.log_in(token).headers["set-cookie"]


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ /evil",
        "javascript:alert(1)",
        "evil",
        "",
        "?",
        "/../other/",
        "/x/../../other",
        "/%2e%2E/other",
        "/.",
        "/ü",
        "/" + "x" * 3000,
    ],
)
def test_nobody_is_sent_elsewhere(house: Callable[..., House], text: str) -> None:
    assert own_address(text) == "/"
    one = house()
    assert one.log_in(one.view, next=text).headers["location"] == "./"
    assert 'name="next" value="/"' in one.client.get("/login", params={"next": text}).text


@pytest.mark.parametrize("text", ["/", "/docs", "/wall/ops?kiosk&theme=dark", "/?panels=cpu", "/a..b/.c"])
def test_an_address_of_ours_is_kept(text: str) -> None:
    assert own_address(text) == text


def test_what_a_stranger_wrote_is_text_in_the_page(house: Callable[..., House]) -> None:
    text = '/"><script>alert(1)</script>'
    assert "<script" not in house().client.get("/login", params={"next": text}).text


def test_a_token_that_is_no_good_is_told_so(house: Callable[..., House], tmp_path: Path) -> None:
    one = house()
    long_ago = open_access(
        Settings(access=AccessSettings(data_dir=str(tmp_path / "data"))), now_ms=lambda: int(time.time() - 1000) * 1000
    )
    expired, _ = long_ago.mint(Scope.VIEW, expires_s=60)
    revoked, record = one.access.mint(Scope.VIEW)
    one.access.revoke(record.id)
    stream, _ = one.access.mint(Scope.STREAM, metrics=["system.>"])
    for token, status, words in (
        ("", 401, "Give a token."),
        ("nonsense", 401, "This token is not valid: unknown token."),
        (expired, 401, "This token is not valid: it has expired; ask for a new token."),
        (revoked, 401, "This token is not valid: it has been revoked."),
        (stream, 403, "A token of scope stream cannot be used to log in; use a token of scope view or admin."),
    ):
        answer = one.log_in(token)
        assert (answer.status_code, said(answer)) == (status, words)
        assert "set-cookie" not in answer.headers
        assert not token or token not in answer.text
    assert one.log_in(f"  {one.view}\n").status_code == 303


def test_a_cookie_that_is_no_good_is_taken_away_and_told(house: Callable[..., House]) -> None:
    one = house()
    answer = one.client.get("/", headers={"Cookie": "vitalcast=a.b.c"})
    assert (answer.status_code, answer.headers["location"]) == (303, "login?why=unknown")
    assert answer.headers["set-cookie"].startswith("vitalcast=; Path=/; Max-Age=0;")
    assert (
        said(one.client.get("/login?why=unknown")) == "Your token is no longer valid here. Log in with another token."
    )
    assert 'role="alert"' not in one.client.get("/login?why=<b>").text


def test_wrong_tokens_are_bounded(house: Callable[..., House]) -> None:
    one = house(limits=Limits(failed_tokens_per_minute_per_address=2))
    assert [one.log_in("wrong").status_code for _ in range(3)] == [401, 401, 429]
    late = one.log_in(one.view)
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) <= 30
    assert "too many wrong tokens" in said(late)


def test_the_form_is_sent_from_our_own_pages_only(house: Callable[..., House]) -> None:
    one = house(server=Server(allowed_origins=("https://wiki.example.org",)))
    fields = {"token": one.view}
    assert one.client.post("/login", data=fields, headers={"Origin": "http://127.0.0.1"}).status_code == 303
    for origin in ("https://wiki.example.org", "https://evil.example", "null"):
        answer = one.client.post("/login", data=fields, headers={"Origin": origin})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert "set-cookie" not in one.client.post("/logout", headers=FORM | {"Origin": origin}).headers
    assert one.client.post("/login", json=fields).status_code == 415
    assert one.client.post("/login", data={"token": "x" * 20_000}).status_code == 413


def test_where_no_token_is_needed_the_page_says_so(tmp_path: Path) -> None:
    app = create_app(Settings(access=AccessSettings(data_dir=str(tmp_path))))
    page = TestClient(app, base_url="http://127.0.0.1").get("/login").text
    assert "No token is needed here" in page
