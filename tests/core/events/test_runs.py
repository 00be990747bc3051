"""What a start tells of what was before."""

from __future__ import annotations

from vitalcast.core.events.event import Event, EventKind, Severity
from vitalcast.core.events.runs import BOOT, VERSION, Draft, Now, begin

NOW = Now(1_000_000, "0.2", "boot-2", 900_000)


def start(time_ms: int, *, boot: str = "boot-2", version: str = "0.2") -> Event:
    attributes = {VERSION: version} | ({BOOT: boot} if boot else {})
    return Event(f"{time_ms}", "m", time_ms, EventKind.START, Severity.INFO, "started", attributes=attributes)


def stop(time_ms: int) -> Event:
    return Event(f"{time_ms}", "m", time_ms, EventKind.STOP, Severity.INFO, "stopped")


def said(drafts: list[Draft]) -> list[tuple[str, int, int | None]]:
    return [(draft.kind.value, draft.time_ms, draft.end_ms) for draft in drafts]


def test_the_first_start_tells_when_the_machine_booted() -> None:
    drafts = begin(NOW, [], None)
    assert said(drafts) == [("boot", 900_000, None), ("start", 1_000_000, None)]
    assert drafts[1].attributes == {VERSION: "0.2", BOOT: "boot-2"}


def test_after_a_clean_stop_within_a_boot_there_is_only_a_start() -> None:
    assert said(begin(NOW, [start(910_000), stop(950_000)], 949_000)) == [("start", 1_000_000, None)]


def test_a_run_that_was_cut_off_ended_with_its_newest_tick() -> None:
    first, second = begin(NOW, [stop(905_000), start(910_000)], 970_000)
    assert (first.kind, first.time_ms, first.severity) == (EventKind.STOP, 970_000, Severity.WARNING)
    assert second.kind is EventKind.START


def test_a_machine_that_was_down_was_so_from_when_it_was_last_seen_until_it_booted() -> None:
    drafts = begin(NOW, [start(100_000, boot="boot-1"), stop(500_000)], 499_000)
    assert said(drafts) == [("shutdown", 500_000, 900_000), ("boot", 900_000, None), ("start", 1_000_000, None)]
    assert drafts[0].severity is Severity.INFO
    drafts = begin(NOW, [start(100_000, boot="boot-1")], 499_000)
    assert said(drafts)[0] == ("shutdown", 499_000, 900_000)
    assert (drafts[0].severity, drafts[0].attributes) == (Severity.WARNING, {"clean": 0})


def test_nothing_was_seen_later_than_now() -> None:
    drafts = begin(NOW, [start(100_000, boot="boot-1"), stop(5_000_000)], 4_999_000)
    assert said(drafts)[0] == ("shutdown", 1_000_000, 1_000_000)


def test_where_boots_have_no_names_the_time_of_the_boot_decides() -> None:
    nameless = NOW._replace(boot="")
    before = [start(100_000, boot=""), stop(500_000)]
    assert [one.kind for one in begin(nameless, before, None)] == ["shutdown", "boot", "start"]
    assert [one.kind for one in begin(nameless._replace(boot_ms=50_000), before, None)] == ["start"]
    assert [one.kind for one in begin(nameless._replace(boot_ms=None), before, None)] == ["start"]


def test_another_version_is_said() -> None:
    [draft] = begin(NOW, [start(910_000, version="0.1"), stop(950_000)], None)
    assert draft.title == "Vitalcast 0.2 started; before it was 0.1"
    assert draft.attributes["version.before"] == "0.1"


def test_a_clock_that_was_set_back_makes_no_time_that_is_yet_to_come() -> None:
    drafts = begin(NOW, [start(2_000_000)], 3_000_000)
    assert max(draft.time_ms for draft in drafts) == NOW.time_ms
    assert begin(NOW._replace(boot_ms=1_500_000), [], None)[0].kind is EventKind.START
