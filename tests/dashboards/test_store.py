"""The store of panels and playlists: look-ups, and what a change does."""

from __future__ import annotations

import pytest

from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, Playlist
from vitalcast.core.panels.schema import Panel
from vitalcast.dashboards.store import DashboardStore
from vitalcast.errors import UnknownIdError

CPU, MEMORY, LOAD = (next(one for one in BUILT_IN if one.id == id_) for id_ in ("cpu", "memory", "load"))
OPS = Playlist.model_validate({"id": "ops", "title": "Operations", "entries": [{"panels": ["cpu"]}]})


def copy_of(panel: Panel, **changes: object) -> Panel:
    return Panel.model_validate(panel.model_dump() | changes)


def test_without_arguments_it_holds_what_is_built_in() -> None:
    store = DashboardStore()
    assert tuple(store.panels.values()) == BUILT_IN
    assert tuple(store.playlists.values()) == BUILT_IN_PLAYLISTS


def test_panels_and_playlists_are_found_by_id_and_keep_their_order() -> None:
    store = DashboardStore((MEMORY, CPU), (OPS,))
    assert list(store.panels) == [MEMORY.id, CPU.id]
    assert store.panel(CPU.id) is CPU
    assert store.playlist("ops") is OPS


def test_an_unknown_id_is_refused_with_the_nearest_or_with_all() -> None:
    store = DashboardStore((CPU, MEMORY), (OPS,))
    with pytest.raises(UnknownIdError, match=r"^no panel is called 'memry'; did you mean memory\?$"):
        store.panel("memry")
    with pytest.raises(UnknownIdError, match=r"^no panel is called 'x'; there are cpu, memory$"):
        store.panel("x")
    with pytest.raises(UnknownIdError, match=r"^no playlist is called 'opps'; did you mean ops\?$"):
        store.playlist("opps")
    with pytest.raises(UnknownIdError, match=r"^no playlist is called 'x'; there are none$"):
        DashboardStore((), ()).playlist("x")


def test_a_change_is_told_once_it_is_in_force() -> None:
    store, seen = DashboardStore((CPU,), ()), list[list[str]]()
    store.changed.append(lambda: seen.append(list(store.panels)))
    assert store.replace((CPU, LOAD), ())
    assert seen == [[CPU.id, LOAD.id]]


@pytest.mark.parametrize(
    ("panels", "playlists"),
    [
        ((MEMORY, CPU), (OPS,)),
        ((CPU,), (OPS,)),
        ((CPU, MEMORY, LOAD), (OPS,)),
        ((copy_of(CPU, title="Processor"), MEMORY), (OPS,)),
        ((CPU, MEMORY), ()),
        ((CPU, MEMORY), (OPS.model_copy(update={"title": "Ops"}),)),
    ],
    ids=["order", "panel gone", "panel new", "panel changed", "playlist gone", "playlist changed"],
)
def test_every_change_changes_the_revision(panels: tuple[Panel, ...], playlists: tuple[Playlist, ...]) -> None:
    store = DashboardStore((CPU, MEMORY), (OPS,))
    before = store.revision
    assert store.replace(panels, playlists)
    assert store.revision != before


def test_what_is_the_same_is_no_change() -> None:
    store, told = DashboardStore((CPU, MEMORY), (OPS,)), list[int]()
    store.changed.append(lambda: told.append(1))
    before = store.revision
    assert not store.replace((copy_of(CPU), copy_of(MEMORY)), (OPS.model_copy(),))
    assert (store.revision, told) == (before, [])


def test_what_has_not_changed_stays_the_same_object() -> None:
    store = DashboardStore((CPU, MEMORY), (OPS,))
    store.replace((copy_of(CPU), copy_of(MEMORY, title="RAM")), (OPS.model_copy(),))
    assert store.panels[CPU.id] is CPU
    assert store.panels[MEMORY.id] is not MEMORY
    assert store.playlists["ops"] is OPS


def test_equal_content_has_the_same_revision_in_every_process() -> None:
    assert DashboardStore((CPU,), (OPS,)).revision == DashboardStore((copy_of(CPU),), (OPS.model_copy(),)).revision


def test_a_panel_and_a_playlist_cannot_stand_for_each_other_in_the_revision() -> None:
    assert DashboardStore((), ()).revision != DashboardStore((CPU,), ()).revision
