"""The dashboard of a machine whose clock is set, back and ahead: what is shown goes on, and its age is true."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from tests.browser.conftest import SERVER_ENV, OpenPage, Watched
from tests.e2e.server import Server, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_MS = 3_600_000
TIMES = """(() => { const { ring } = document.querySelector("#panel-cpu").stream.store;
  return Array.from({ length: ring.length }, (_, row) => ring.time(row)); })()"""
DRAWN_TO = "document.querySelector('#panel-cpu vital-plot').window?.to"
# A busy machine does miss some.
MISSED_TICKS = """(({ parentElement, textContent }) => parentElement.hidden ? 0 : parseInt(textContent))(
  document.querySelector("vital-status .missed summary"))"""
HOUR_TICKS = 3600 / float(SERVER_ENV["VITALCAST_SAMPLER__INTERVAL_S"])
CROSSES = """[...document.querySelectorAll("#panel-cpu vital-plot path.js-line")].some((path) => {
  const places = [...path.getAttribute("d").matchAll(/[ML](-?[\\d.]+),/g)].map(([, x]) => Number(x));
  return places.some((x, i) => x < places[i - 1]); })"""
SAID = """() => [document.querySelector("vital-status").getAttribute("state"),
  document.querySelector("vital-status .data-age").textContent.replaceAll("\\u00a0", " "),
  document.querySelectorAll("vital-panel.stale, vital-processes.stale, .vitals .late").length]"""


@pytest.fixture
def steered() -> Iterator[Server]:
    with running(env=SERVER_ENV, scripted=True) as server:
        yield server


async def newest(watched: Watched) -> float:
    await watched.until(f"() => {TIMES}.length > 0")
    times: list[float] = await watched.page.evaluate(TIMES)
    assert times == sorted(set(times))
    return times[-1]


async def goes_on(watched: Watched) -> None:
    """Readings come, the charts follow them, and all of it is called new."""
    seen = await newest(watched)
    await watched.until(f"(seen) => {DRAWN_TO} >= seen + 2000", seen)
    await watched.until(f"(said) => ({SAID})().join() === said", "live,data < 1 s old,0")
    assert not await watched.page.evaluate(CROSSES)


async def test_a_page_goes_on_where_the_clock_of_its_machine_is_set(steered: Server, open_page: OpenPage) -> None:
    watched = await open_page(steered.url)
    await watched.state("live")
    await goes_on(watched)
    before = await newest(watched)

    steered.set_clock(-3600)
    await watched.until(f"(before) => {TIMES}.at(-1) < before - 3_000_000", before)
    await goes_on(watched)
    behind = await watched.page.evaluate(TIMES)
    assert max(behind) < before - HOUR_MS / 2, "what was dated later is not in the way of the present"
    assert await watched.page.evaluate(MISSED_TICKS) < HOUR_TICKS / 10, "the hour that the clock was set is no gap"

    steered.set_clock(0)
    await watched.until(f"(before) => {TIMES}.at(-1) >= before", before)
    await goes_on(watched)
    assert watched.errors == []


async def test_a_silent_server_is_called_stale_whatever_its_clock_says(steered: Server, open_page: OpenPage) -> None:
    watched = await open_page(steered.url, charts=False)
    await watched.state("live")
    before = await newest(watched)
    steered.set_clock(3600)
    await watched.until(f"(before) => {TIMES}.at(-1) > before + 3_000_000", before)
    ahead = await newest(watched)
    steered.set_clock(0)
    await watched.until(f"(ahead) => {TIMES}.at(-1) < ahead - 3_000_000", ahead)
    steered.signal(signal.SIGSTOP)
    await watched.state("stale")
    _, age, _ = await watched.page.evaluate(SAID)
    assert int(age.split()[1]) < 60, age
    steered.signal(signal.SIGCONT)
    await watched.state("live")
