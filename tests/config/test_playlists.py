"""`[[playlists]]`: what a file may say, and that every refusal names its playlist, its page and its key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.config.test_panels import GOOD, VALUES, loaded, problems

from vitalcast.config.playlists import PLAYLISTS, PLAYLISTS_MAX
from vitalcast.config.schema import Settings
from vitalcast.config.toml import form_of
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.playlist import BUILT_IN_PLAYLISTS, PLAYLIST_FIELDS, Entry, Playlist

OPS = 'id = "ops"\ntitle = "Operations"\n'
IDS = {panel.id for panel in BUILT_IN}


def entries(text: str) -> str:
    return f"[[playlists]]\n{OPS}entries = [{text}]\n"


def test_the_built_in_playlists_show_panels_that_there_are() -> None:
    assert [playlist.id for playlist in BUILT_IN_PLAYLISTS] == ["default", "all"]
    assert {id_ for playlist in BUILT_IN_PLAYLISTS for entry in playlist.entries for id_ in entry.panels} <= IDS


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    text = PLAYLISTS.render(BUILT_IN_PLAYLISTS)
    assert loaded(tmp_path, text).playlists == BUILT_IN_PLAYLISTS
    assert PLAYLISTS.read(tomllib.loads(text)["playlists"], "x") == (BUILT_IN_PLAYLISTS, [])


@pytest.mark.parametrize("key", PLAYLIST_FIELDS)
def test_every_key_has_a_description_and_a_form(key: str) -> None:
    info = PLAYLIST_FIELDS[key]
    assert info.description
    assert not info.description.endswith(".")
    assert "None" not in form_of(info)


def test_playlists_of_a_file_take_the_place_of_the_built_in_ones(tmp_path: Path) -> None:
    (ops,) = loaded(
        tmp_path, entries('{panels = ["cpu"], seconds = 5, layout = "focus", range = "1m"}, {}') + "clock = false\n"
    ).playlists
    pages = (Entry(panels=("cpu",), seconds=5, layout="focus", range="1m"), Entry())
    assert ops == Playlist(id="ops", title="Operations", clock=False, entries=pages)
    assert loaded(tmp_path, "playlists = []\n").playlists == ()


def test_built_in_playlists_leave_out_panels_that_a_file_has_not(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"[[panels]]\n{GOOD.replace(chr(34) + 'a' + chr(34), chr(34) + 'disk' + chr(34))}")
    shown = settings.playlists[0].public({panel.id for panel in settings.panels})
    assert [entry["panels"] for entry in shown["entries"]] == [["disk"], []]


FORM = 'give a list of tables, such as [{ panels = ["cpu", "memory"], seconds = 30 }, {}]'


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        (entries(""), f".entries: [] from FILE is not valid; {FORM}"),
        (f"[[playlists]]\n{OPS}", f".entries: is missing in FILE; {FORM}"),
        (
            entries("{}, {seconds = 1}"),
            ".entries[1].seconds: 1 from FILE is not valid; "
            'give seconds from 3 to 86400, or a duration such as "30s" or "5m"',
        ),
        (
            entries('{layout = "pile"}'),
            '.entries[0].layout: "pile" from FILE is not valid; give grid, columns, rows or focus',
        ),
        (entries("{secs = 9}"), ".entries[0].secs: unknown key in FILE; did you mean entries[0].seconds?"),
        (
            entries("{zzz = 9}"),
            ".entries[0].zzz: unknown key in FILE; entries has panels, seconds, layout, range, compare, events",
        ),
        (entries("3"), ".entries[0]: 3 from FILE is not valid; give a table"),
        (
            entries("{panels = [3]}"),
            '.entries[0].panels: 3 from FILE is not valid; give a list of panel ids, such as ["cpu", "memory"]',
        ),
        (
            entries('{}, {panels = ["cpu", "memry"]}'),
            '.entries[1].panels: no panel is called "memry"; did you mean memory? (playlists from FILE)',
        ),
        (
            f"[[panels]]\n{GOOD}" + entries('{panels = ["cpu"]}'),
            '.entries[0].panels: no panel is called "cpu"; there are a (playlists from FILE, panels from FILE)',
        ),
        (
            entries("{}").replace("Operations", ""),
            '.title: "" from FILE is not valid; give a string, such as "Operations"',
        ),
        (
            entries("{}") + "loop = true\n",
            ".loop: unknown key in FILE; a playlist has id, title, theme, clock, entries",
        ),
    ],
)
def test_a_wrong_playlist_is_refused_in_one_line(tmp_path: Path, toml: str, line: str) -> None:
    assert problems(tmp_path, toml) == [f"playlists[0] (ops){line}"]


def test_two_playlists_of_one_id_are_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, entries("{}") * 2) == [
        'playlists[1] (ops).id: "ops" is the id of playlists[0] too; give each its own '
        "(playlists[0].id and playlists[1].id from FILE)"
    ]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("playlists = 3", "playlists: 3 from FILE is not valid; write [[playlists]] once for each, or [] for none"),
        (
            f"playlists = [{'{},' * (PLAYLISTS_MAX + 1)}]",
            f"playlists: {PLAYLISTS_MAX + 1} playlists from FILE are too many; give {PLAYLISTS_MAX} at most",
        ),
        ("[[playlist]]\n", "playlist: unknown key in FILE; did you mean [[playlists]]?"),
    ],
)
def test_what_are_no_playlists_is_refused(tmp_path: Path, toml: str, line: str) -> None:
    assert problems(tmp_path, toml) == [line]


def test_broken_panels_are_no_reason_to_find_fault_with_playlists_too(tmp_path: Path) -> None:
    lines = problems(tmp_path, f"[[panels]]\n{GOOD}chart = 'pie'\n" + entries('{panels = ["a"]}'))
    assert [line.split(": ")[0] for line in lines] == ["panels[0] (a).chart"]


def test_the_environment_cannot_set_playlists_and_is_told_so(tmp_path: Path) -> None:
    assert problems(tmp_path, "", VITALCAST_PLAYLISTS="[]") == [
        "VITALCAST_PLAYLISTS: the environment cannot set playlists; write [[playlists]] in config.toml"
    ]


def test_settings_made_in_code_are_held_to_the_same_rules() -> None:
    ops = {"id": "ops", "title": "Operations", "entries": [{"panels": ["cpus2"]}]}
    with pytest.raises(ValidationError, match="did you mean cpus"):
        Settings.model_validate({"playlists": [ops]})
    with pytest.raises(ValidationError, match=r"playlists\[1\]\.id"):
        Settings.model_validate({"playlists": [ops | {"entries": [{}]}] * 2})


KEYS = st.sampled_from((*Playlist.model_fields, *Entry.model_fields)) | st.text(max_size=8)
TABLES = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3), max_size=5)


@given(st.lists(TABLES, max_size=3))
def test_any_tables_give_playlists_or_problems_with_keys(tables: list[dict[str, Any]]) -> None:
    playlists, found = PLAYLISTS.read(tables, "x")
    assert len(playlists) == (0 if found else len(tables))
    assert all(key.startswith("playlists[") and what for key, what in found)
