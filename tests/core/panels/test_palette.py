"""A device keeps its colour, whoever comes and goes beside it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.core.panel_machine import DESCRIPTORS, panel_of, series_for

from vitalcast.core.metrics.model import Series
from vitalcast.core.panels.line import Line
from vitalcast.core.panels.palette import Palette, told_apart
from vitalcast.core.panels.resolve import resolve

BUSY = DESCRIPTORS["system.disk.io_time.rate"]
PANEL = panel_of("disk-busy")


def lines(palette: Palette, *devices: str) -> dict[str, Line]:
    """Return the lines of these devices by their names."""
    series = [Series(BUSY, (device,)) for device in devices]
    return {line.label: line for line in resolve(PANEL, series, palette=palette).lines}


def colors(palette: Palette, *devices: str) -> dict[str, int]:
    return {name: line.color for name, line in lines(palette, *devices).items()}


def test_on_a_fresh_server_colours_go_by_the_names_in_their_natural_order() -> None:
    names = ("wg0", "br0", "wg-home", "eth0", "br-lan")
    found = colors(Palette(), *names)
    assert found == {"br0": 1, "br-lan": 2, "eth0": 3, "wg0": 4, "wg-home": 5}
    assert colors(Palette(), *reversed(names)) == found


def test_who_comes_takes_a_free_colour_and_changes_nobodys() -> None:
    palette = Palette()
    before = colors(palette, "sdb", "sdc")
    after = colors(palette, "sda", "sdb", "sdc")
    assert {name: after[name] for name in before} == before
    assert after["sda"] not in before.values()


def test_who_comes_back_has_its_colour_and_number_again() -> None:
    palette = Palette()
    before = lines(palette, "sda", "sdb")
    lines(palette, "sdb")
    lines(palette, "sdb", "sdc")
    after = lines(palette, "sda", "sdb", "sdc")
    for name, line in before.items():
        assert (after[name].color, after[name].id) == (line.color, line.id)
    assert len({line.id for line in after.values()}) == 3


def test_those_that_are_gone_longest_are_forgotten_first() -> None:
    palette = Palette(keys_max=2)
    first = lines(palette, "a")["a"].id
    for name in "bcd":
        lines(palette, name)
    assert lines(palette, "a")["a"].id != first
    assert lines(palette, "d")["d"].id == 4


def test_both_directions_of_a_device_and_all_parts_of_a_bar_have_its_number() -> None:
    for id_ in ("network", "filesystems"):
        panel = panel_of(id_)
        found = resolve(panel, series_for(panel), palette=Palette()).lines
        assert len({(line.key, line.id) for line in found}) == len({line.id for line in found}) == 3


NAMES = st.lists(st.sampled_from([f"d{at}" for at in range(12)]), unique=True, max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=8))
def test_whoever_comes_and_goes_nobody_changes_colour(visits: list[list[str]]) -> None:
    palette, seen = Palette(), dict[str, int]()
    for names in visits:
        for name, color in colors(palette, *names).items():
            assert seen.setdefault(name, color) == color


@given(st.lists(NAMES, min_size=1, max_size=8))
def test_what_is_drawn_together_has_colours_of_its_own_and_keeps_them_while_drawn(visits: list[list[str]]) -> None:
    palette = Palette()
    everything = lines(palette, *(f"d{at}" for at in range(12)))
    before: dict[str, int] = {}
    for names in visits:
        drawn = told_apart([everything[name] for name in names], before)
        now = {line.key: line.color for line in drawn}
        assert len(set(now.values())) == min(8, len(now))
        if len(before) <= 8:
            assert all(now[key] == color for key, color in before.items() if key in now)
        before = now
