"""The flags on a chart's time axis: where events were, what they say, and what a click on one does."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Watched

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLAGS = """async ([events, panel]) => {
  const load = (name) => import(`/static/${name}.js`);
  const [{ VitalFlags }, { EventLog }, { Client }] =
    await Promise.all(["charts/flags", "page/event_log", "client/client"].map(load));
  customElements.get("vital-flags") ?? customElements.define("vital-flags", VitalFlags);
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/styles/events.css" });
  await new Promise((resume) => { link.onload = resume; document.head.append(link); });
  const view = window.view = new lab.View();
  const plot = window.plot = lab.chart({ view });
  plot.draw(lab.lines(300));
  await lab.settled(plot, 1, 0);
  window.events = new EventLog({ client: new Client(location.href, { autostart: false }), clock: Date });
  const flags = Object.assign(document.createElement("vital-flags"), { plot, view, events: window.events, panel });
  plot.parentElement.append(flags);
  for (const event of events) window.events.add({ end: null, kind: "mark", severity: "info", attributes: {}, ...event,
    time: lab.START + event.time * 1000, ...(event.end && { end: lab.START + event.end * 1000 }) });
}"""
PLACES = """() => [...document.querySelectorAll("vital-flags .flag")].map((flag) => {
  const { left, width } = flag.getBoundingClientRect(), { area } = plot;
  const x = left + width / 2 - plot.getBoundingClientRect().left;
  return [Math.round(300 * (x - area.left) / area.width), flag.className, flag.getAttribute("aria-label")]; })"""
EVENTS = [
    {"id": "a", "time": 60, "title": "deploy 1.4"},
    {"id": "b", "time": 100, "title": "one"},
    {"id": "c", "time": 101, "title": "two", "severity": "warning"},
    {
        "id": "d",
        "time": 200,
        "end": 260,
        "kind": "level",
        "severity": "critical",
        "title": "CPU 98 % for 60 s: gzip, tar",
        "attributes": {"panel": "cpu", "names": ["gzip", "tar"]},
    },
    {"id": "e", "time": 150, "kind": "level", "title": "Load", "attributes": {"panel": "load"}},
]


async def test_events_stand_on_the_axis_and_move_with_it(lab: Watched) -> None:
    page = lab.page
    await page.evaluate(FLAGS, [EVENTS, {"id": "cpu"}])
    places = await page.evaluate(PLACES)
    assert [(x, kind) for x, kind, _ in places] == [
        (60, "flag info mark"),
        (100, "flag warning mark"),
        (200, "flag critical"),
    ], "the load's level concerns another chart, and what lies upon each other is one"
    assert "CPU 98 % for 60 s: gzip, tar" in places[2][2]
    width, whole = await page.evaluate(
        "() => [document.querySelector('vital-flags .span').getBoundingClientRect().width, plot.area.width]"
    )
    assert width == pytest.approx(whole * 60 / 300, abs=1)

    kept = await page.evaluate(
        """async () => { const first = document.querySelector("vital-flags .flag");
             plot.draw(lab.lines(320)); await lab.settled(plot, 1, 1);
             return first === document.querySelector("vital-flags .flag"); }"""
    )
    assert kept, "a chart that moves on makes no flag anew"
    assert [x for x, *_ in await page.evaluate(PLACES)] == [40, 80, 180]
    assert not lab.errors


async def test_a_flag_says_what_happened_and_takes_the_page_there(lab: Watched) -> None:
    page = lab.page
    await page.evaluate(FLAGS, [EVENTS, {"id": "cpu"}])
    flag = page.locator("vital-flags .flag")
    await flag.nth(1).hover()
    tip = page.locator("vital-flags > .tip")
    when, *what = await tip.locator("*").all_inner_texts()
    assert (when.split(",")[0], what) == ("2 events", ["two", "one"])
    assert await page.evaluate("view.hover - lab.START") == 100_000, "all charts show when that was"
    await flag.nth(2).click()
    assert await page.evaluate("view.at - lab.START") == 230_000, "amid the span"
    await page.mouse.move(1, 1)
    assert await page.evaluate("view.hover") is None
    assert await tip.is_hidden()

    await page.evaluate("document.querySelector('vital-flags .flag').focus()")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    assert "gzip, tar" in await tip.inner_text()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    assert await page.evaluate("view.at - lab.START") == 101_000, "of several the worst"

    await page.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert "gzip, tar" in await page.evaluate(focused)
    later = {"id": "f", "time": 280, "title": "three"}
    await page.evaluate(
        """(later) => events.add({ end: null, kind: "mark", severity: "info", attributes: {}, ...later,
             time: lab.START + later.time * 1000 })""",
        later,
    )
    assert await flag.count() == 4
    assert "gzip, tar" in await page.evaluate(focused), "another event takes nobody away from a flag"
    assert "gzip, tar" in await tip.inner_text()

    kept = await page.evaluate(
        """async () => { const first = document.querySelector("vital-flags .flag"), { left } = first.style;
             plot.draw({ ...lab.lines(300), to: lab.START + 400_000 }); await lab.settled(plot, 1, 1);
             return [first === document.querySelector("vital-flags .flag"), left !== first.style.left]; }"""
    )
    assert kept == [True, True], "in a window that grows flags move and are not made anew"
    assert "gzip, tar" in await tip.inner_text()
    assert not lab.errors
