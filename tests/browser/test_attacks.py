"""What pages of other sites get of a server that their visitor can reach: one that is open, and one that knows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server

from vitalcast.access.access import Access
from vitalcast.config.schema import Settings
from vitalcast.config.server import Access as AccessSettings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")

ATTACK = Path(__file__).with_name("attack.js").read_text()


class Victims(NamedTuple):
    """A server that lets in whoever is on this machine, and one that asks for tokens.

    Of the latter, there is a token for a panel on `elsewhere`, which lets that site's pages ask in the first place.
    """

    open: Server
    closed: Server
    access: Access
    admin: str
    embed: str
    elsewhere: Elsewhere


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    elsewhere = Elsewhere()
    folder = str(tmp_path_factory.mktemp("data"))
    access = open_access(Settings(access=AccessSettings(data_dir=folder)))
    admin, _ = access.mint(Scope.ADMIN)
    embed, _ = access.mint(Scope.EMBED, panels=["cpu"], origins=[elsewhere.origin])
    opened, closed = Server(env=SERVER_ENV), Server(env=SERVER_ENV | {"VITALCAST_ACCESS__DATA_DIR": folder})
    try:
        yield Victims(opened.start(), closed.start(), access, admin, embed, elsewhere)
    finally:
        opened.close()
        closed.close()
        elsewhere.close()
        access.close()


# Attempts that nobody gets anything by, wherever the page is.
ALWAYS = {
    "fetch with cookies": "blocked",
    "fetch without CORS": "blocked",
    "fetch of the metrics": "blocked",
    "fetch of the page": "blocked",
    "script of JSON": "blocked",
    "style of JSON": "blocked",
    "badge": "blocked",
    "still": "blocked",
    "frame of the page": "unread",
    "frame of the log-in": "unread",
    "frame of a panel": "unread",
    "frame of JSON": "unread",
    "log-in form": "unread",
    "log-out form": "unread",
    "token by a form": "unread",
    "token by fetch": "blocked",
    "token by fetch without CORS": "blocked",
    "screen turned out": "blocked",
    "code": "loaded",  # which is meant for every site, and the same for all
}
STRANGER = ALWAYS | {"fetch": "blocked", "socket": "closed 1006", "plain socket": "closed 1006"}
# Pages of a site that some token names may ask, and are told that they need one.
KNOWN = ALWAYS | {"fetch": "401", "socket": "told 101", "plain socket": "told 101"}
# Where a token is needed, what loads is a picture that says so.
REFUSED = {"badge": "loaded", "still": "loaded"}
PICTURES = ("/badge/cpu.svg", "/api/v1/panels/cpu.svg")


async def attack(watched: Watched, base: str, loot: str) -> dict[str, str]:
    found: dict[str, str] = await watched.page.evaluate("([base, loot]) => window.attack(base, loot)", [base, loot])
    return found


async def test_hostile_pages_get_nothing(victims: Victims, open_page: OpenPage) -> None:
    site = victims.elsewhere
    path = site.page("<p>Look, a cat.</p>", head=f"<script>{ATTACK}</script>")
    # The visitor is logged in under the name by which the hostile page goes too: cookies know no ports.
    home = f"http://localhost:{victims.closed.port}"
    own = {"name": "vitalcast", "value": victims.admin, "url": home, "httpOnly": True, "sameSite": "Lax"}
    before = victims.access.records()

    for origin, known in ((site.origin, KNOWN), (site.stranger, STRANGER)):
        watched = await open_page(origin + path)
        await watched.page.context.add_cookies([own])  # type: ignore[list-item]
        answers: dict[str, int] = {}
        watched.page.on("response", lambda answer, answers=answers: answers.update({answer.url: answer.status}))
        assert await attack(watched, home, victims.embed) == known | REFUSED, origin
        assert [answers[f"{home}{picture}"] for picture in PICTURES] == [401, 401]
        assert await attack(watched, victims.open.url, "x.y.z") == STRANGER, origin
        # No frame of theirs shows anything but, without a token, the words that one is needed.
        shown = {frame.url for frame in watched.page.frames if frame.url.startswith((home, victims.open.url))}
        assert shown <= {f"{home}/embed/panel/cpu"}
        [cookie] = [one for one in await watched.page.context.cookies(home) if one["name"] == "vitalcast"]
        assert cookie["value"] == victims.admin
        await watched.page.goto(f"{home}/api/v1/access")  # the visitor is who they were
        assert json.loads(await watched.page.inner_text("body"))["scope"] == "admin"
    assert victims.access.records() == before


async def test_a_name_that_is_made_to_point_here_is_not_answered(victims: Victims, open_page: OpenPage) -> None:
    watched = await open_page("about:blank")
    for path in ("/", "/api/v1/latest", "/ws", "/static/client/store.js"):
        answer = await watched.page.goto(f"http://evil.localhost:{victims.open.port}{path}")
        assert answer is not None
        assert answer.status == 421
    # A page that got there by other means is of the same origin, and yet gets nothing.
    ws = f"ws://evil.localhost:{victims.open.port}/ws"
    ended = "(url) => new Promise((end) => { new WebSocket(url).onclose = ({ code }) => end(code); })"
    assert await watched.page.evaluate(ended, ws) == 1006
    assert await watched.page.evaluate("async () => (await fetch('/api/v1/latest')).status") == 421


async def test_what_is_meant_for_a_site_reaches_it(victims: Victims, open_page: OpenPage) -> None:
    """The other tests would hold of a browser that shows nothing at all."""
    site, base = victims.elsewhere, victims.closed.url
    watched = await open_page(site.origin + site.page(f'<img src="{base}/badge/cpu.svg?token={victims.embed}">'))
    await watched.until("() => document.querySelector('img')?.naturalWidth > 0")
    ask = """async ([url, token]) => {
        const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
        return (await answer.json()).panels.map((panel) => panel.id); }"""
    assert await watched.page.evaluate(ask, [f"{base}/api/v1/panels", victims.embed]) == ["cpu"]
    stranger = await open_page(site.stranger + site.page("<p>Nothing.</p>"))
    status = """async ([url, token]) => {
        try { return (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status; }
        catch { return "blocked"; } }"""
    assert await stranger.page.evaluate(status, [f"{base}/api/v1/panels", victims.embed]) == "blocked"
