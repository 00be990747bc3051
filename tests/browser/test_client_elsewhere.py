"""The client's module in pages of another site: with tokens, and with what the manual shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage
from tests.browser.elsewhere import Elsewhere
from tests.e2e.server import Server
from tests.examples import examples
from tests.reference.tables import page as manual_page

from vitalcast.config.schema import Settings
from vitalcast.core.vocabulary import Scope
from vitalcast.live.open_access import open_access

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access") / "data"


@pytest.fixture(scope="module")
def tokens(folder: Path, elsewhere: Elsewhere) -> dict[str, str]:
    """One of each scope: for the load, on a stranger's page, and for a series, on those of `server.allowed_origins`."""
    access = open_access(Settings.model_validate({"access": {"data_dir": str(folder)}}))
    access.mint(Scope.ADMIN)
    embed, _ = access.mint(Scope.EMBED, panels=["load"], origins=[elsewhere.stranger])
    stream, _ = access.mint(Scope.STREAM, metrics=["system.load.average"])
    return {"embed": embed, "stream": stream}


@pytest.fixture(scope="module")
def server(folder: Path, tokens: dict[str, str], elsewhere: Elsewhere) -> Iterator[Server]:
    env = {"VITALCAST_ACCESS__DATA_DIR": str(folder), "VITALCAST_SERVER__ALLOWED_ORIGINS": elsewhere.origin}
    server = Server(env=SERVER_ENV | env)
    try:
        yield server.start()
    finally:
        server.close()


async def test_a_token_for_embedding_shows_its_panel_on_its_site(
    server: Server, elsewhere: Elsewhere, tokens: dict[str, str], open_page: OpenPage
) -> None:
    (block,) = examples(manual_page("clients.md"), "html")
    body = block.replace("http://127.0.0.1:8000", server.url).replace('token: ""', f'token: "{tokens["embed"]}"')
    watched = await open_page(elsewhere.stranger + elsewhere.page(body), charts=False)
    await watched.until("() => /^1 min: [0-9.]+/.test(document.getElementById('load').textContent)")


READ = """async ([url, token]) => {
  const { Client } = await import(`${url}/client.js`);
  const client = new Client(undefined, { token });
  try {
    const { values } = await client.latest("system.load.average");
    const denied = await client.latest("system.memory.usage").catch(({ name, code }) => [name, code]);
    return [Object.keys(values).length, denied];
  } catch (error) {
    return [error.name, error.code, error.message];
  } finally {
    client.close();
  }
}"""


async def test_a_token_for_a_stream_reads_its_series_on_sites_that_the_settings_name(
    server: Server, elsewhere: Elsewhere, tokens: dict[str, str], open_page: OpenPage
) -> None:
    watched = await open_page(elsewhere.origin + elsewhere.page("<p>Load"), charts=False)
    read = [await watched.page.evaluate(READ, [server.url, token]) for token in (tokens["stream"], tokens["embed"], "")]
    assert read[0] == [3, ["RefusedError", 103]]
    assert read[1] == ["ClosedError", 101, "the token is not valid: not valid on pages of this site"]
    assert read[2] == ["ClosedError", 101, "the server requires a token"]


EVENTS = """([url, token]) => new Promise((resolve) => {
  const source = new EventSource(`${url}/api/v1/stream?panel=load&token=${token}`);
  source.addEventListener("metrics", ({ data, lastEventId, origin }) => {
    source.close();
    resolve([JSON.parse(data).panel, /^[0-9a-f]+:[0-9]+$/.test(lastEventId), origin === url]);
  });
  source.onerror = () => resolve(source.readyState === EventSource.CLOSED ? "refused" : "it will try again");
})"""


async def test_an_event_source_shows_a_panel_on_the_site_of_its_token_alone(
    server: Server, elsewhere: Elsewhere, tokens: dict[str, str], open_page: OpenPage
) -> None:
    for site, token, expected in (
        (elsewhere.stranger, "embed", ["load", True, True]),
        (elsewhere.origin, "embed", "refused"),
        (elsewhere.origin, "stream", "refused"),  # which may not be in an address
    ):
        watched = await open_page(site + elsewhere.page("<p>Load"), charts=False)
        assert await watched.page.evaluate(EVENTS, [server.url, tokens[token]]) == expected, (site, token)
