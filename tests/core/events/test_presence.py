"""What came and went, once it has been so for a while."""

from __future__ import annotations

from vitalcast.core.events.presence import NOTHING, Change, Presence


def presence() -> Presence:
    """One that has known `sda` for long enough."""
    known = Presence(settle_ms=5000, baseline_ms=0)
    assert known.take({"sda"}, 0) == NOTHING
    assert known.take({"sda"}, 5000).came == ("sda",)
    return known


def test_what_was_there_at_first_has_not_come() -> None:
    one = Presence(settle_ms=5000, baseline_ms=15_000)
    for now_ms, there in ((0, {"a"}), (10_000, {"a", "late"}), (30_000, {"a", "late"}), (60_000, {"a", "late"})):
        assert one.take(there, now_ms) == NOTHING


def test_what_comes_and_goes_is_said_once_it_has_been_so_for_a_while() -> None:
    one = presence()
    assert one.take({"sda", "sdb", "sdc"}, 6000) == NOTHING
    assert one.take({"sda", "sdb", "sdc"}, 10_999) == NOTHING
    assert one.take({"sda", "sdb", "sdc"}, 11_000) == Change(("sdb", "sdc"), ())
    assert one.take({"sda", "sdb", "sdc"}, 20_000) == NOTHING
    assert one.take({"sdb"}, 21_000) == NOTHING
    assert one.take({"sdb"}, 26_000) == Change((), ("sda", "sdc"))


def test_what_flickers_is_not_spoken_of() -> None:
    one = presence()
    for now_ms in range(6000, 60_000, 1000):
        assert one.take({"sda", "sdb"} if now_ms % 4000 else {"sda"}, now_ms) == NOTHING
        assert one.take({"sda"} if now_ms % 4000 else set(), now_ms + 500) == NOTHING
