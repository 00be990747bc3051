"""`[[panels]]`: what a file may say, that every refusal names its panel and key, and that the built-in set is sound."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vitalcast.collectors.registry import CATALOGUE
from vitalcast.config.load import load_settings
from vitalcast.config.panels import PANELS, PANELS_MAX
from vitalcast.config.schema import Settings
from vitalcast.config.toml import form_of, type_of
from vitalcast.core.metrics.names import Selection
from vitalcast.core.metrics.rates import has_rate, rate_descriptor
from vitalcast.core.panels.builtin import BUILT_IN
from vitalcast.core.panels.schema import PANEL_FIELDS, Panel
from vitalcast.errors import InvalidSettings

KNOWN = {
    one.name: one
    for descriptors in CATALOGUE.values()
    for each in descriptors
    for one in ((each, rate_descriptor(each)) if has_rate(each) else (each,))
}
GOOD = 'id = "a"\ntitle = "A"\nmetrics = ["system.load.average"]\n'
BAR = 'chart = "bar"\nparts = "system.filesystem.state"\nrest = ["free"]\n'


def loaded(folder: Path, toml: str, **environ: str) -> Settings:
    (folder / "config.toml").write_text(toml, encoding="utf-8")
    return load_settings(environ=environ, cwd=folder, user_config_dir=folder).settings


def problems(folder: Path, toml: str, **environ: str) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        loaded(folder, toml, **environ)
    return [line.replace(str(folder / "config.toml"), "FILE") for line in str(caught.value).splitlines()]


# --- the built-in set ----------------------------------------------------------------------------------------------


def test_the_built_in_panels_are_these_in_this_order() -> None:
    assert " ".join(panel.id for panel in BUILT_IN) == (
        "cpu-programs cpu cpus load pressure memory-programs memory swap disk disk-programs disk-operations disk-busy "
        "filesystems network network-errors sockets process-states context-switches temperatures self self-memory"
    )
    vitals = [panel.vital for panel in BUILT_IN if panel.vital]
    assert vitals == ["CPU", "Load", "Pressure", "Memory", "Disk busy", "Network", "Temperature"]


@pytest.mark.parametrize("panel", BUILT_IN, ids=lambda panel: panel.id)
def test_a_built_in_panel_names_metrics_and_attributes_that_there_are(panel: Panel) -> None:
    wanted = Selection.of(panel.metrics)
    found = [one for name, one in KNOWN.items() if wanted.matches_name(name)]
    assert len(found) >= len(panel.metrics)
    assert set(panel.named().values()) <= set(KNOWN)
    attributes = {key for one in found for key in one.attributes}
    named = {*panel.by, *panel.where, *panel.below, *panel.headline.where} | ({panel.parts} if panel.parts else set())
    assert named <= attributes


def test_a_panel_is_frozen_and_a_new_one_has_nothing_of_another() -> None:
    with pytest.raises(ValidationError):
        BUILT_IN[0].title = "x"  # type: ignore[misc]
    one, other = (Panel(id="a", title="A", metrics=("x",)) for _ in range(2))
    one.labels["x"] = "y"
    assert other.labels == {}


# --- as it is written and read -------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    text = PANELS.render(BUILT_IN)
    assert loaded(tmp_path, text).panels == BUILT_IN
    assert PANELS.read(tomllib.loads(text)["panels"], "x") == (BUILT_IN, [])


def test_keys_at_their_defaults_are_left_out_and_every_key_is_explained() -> None:
    comment, _, body = PANELS.render(BUILT_IN).partition("\n[[panels]]\n")
    assert "wide = false" not in body
    assert "lines_max = 8\n" not in body
    said = " ".join(line.removeprefix("#").strip() for line in comment.splitlines())
    for key, info in PANEL_FIELDS.items():
        assert f" {key}: {info.description}. Type: {type_of(info)}." in said


@pytest.mark.parametrize("key", PANEL_FIELDS)
def test_every_key_has_a_description_and_a_form(key: str) -> None:
    info = PANEL_FIELDS[key]
    assert info.description
    assert not info.description.endswith(".")
    assert "None" not in form_of(info)


def test_panels_of_a_file_take_the_place_of_the_built_in_ones(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"[[panels]]\n{GOOD}max = 4\nthresholds = {{warning = 1, critical = 2}}\n")
    (panel,) = settings.panels
    assert (panel.id, panel.max, panel.lines_max) == ("a", 4.0, 8)
    origins = load_settings(environ={}, cwd=tmp_path, user_config_dir=tmp_path).origins
    assert origins["panels"] == str(tmp_path / "config.toml")


def test_no_panels_means_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, "panels = []\n").panels == ()


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (f'{GOOD}chart = "pie"', 'panels[0] (a).chart: "pie" from FILE is not valid; give line, heatmap or bar'),
        (f"{GOOD}stacked = true", "panels[0] (a).stacked: unknown key in FILE; did you mean stack?"),
        (
            f"{GOOD}thresholds = {{warn = 1, warning = 1, critical = 2}}",
            "panels[0] (a).thresholds.warn: unknown key in FILE; did you mean thresholds.warning?",
        ),
        (
            f"{GOOD}headline = {{zzz = 1}}",
            "panels[0] (a).headline.zzz: unknown key in FILE; headline has reduce, metric, where, exclude, per, show, "
            "label",
        ),
        (
            f"{GOOD}thresholds = {{warning = 1}}",
            "panels[0] (a).thresholds.critical: is missing in FILE; give a number, such as 0.95",
        ),
        (
            'title = "A"\nmetrics = ["x"]',
            'panels[0] (A).id: is missing in FILE; give lower-case letters, digits and hyphens, such as "disk-busy"',
        ),
        (
            'id = "A b"\ntitle = "A"\nmetrics = ["x"]',
            'panels[0] (A b).id: "A b" from FILE is not valid; give lower-case letters, digits and hyphens, '
            'such as "disk-busy"',
        ),
        (
            'id = "a"\ntitle = "A"\nmetrics = ["system.>.x"]',
            'panels[0] (a).metrics: "system.>.x" from FILE is not valid; '
            'give a list of metric patterns, such as ["system.cpu.>"]',
        ),
        (
            'id = "a"\ntitle = "A\\u202Eb"\nmetrics = ["x"]',
            r"""panels[0] (a).title: "A\u202eb" from FILE contains '\u202e', which does not print; """
            'give a string, such as "Disk busy"',
        ),
        (
            'id = "a"\ntitle = "A\\u009Bb"\nmetrics = ["x"]',
            r"""panels[0] (a).title: "A\u009bb" from FILE contains '\x9b', which does not print; """
            'give a string, such as "Disk busy"',
        ),
        (
            f'{GOOD}max = "No Metric"',
            'panels[0] (a).max: "No Metric" from FILE is not valid; '
            'give a number above 0, or the name of a metric, such as "system.memory.limit"',
        ),
        (
            f"{GOOD}max = 0",
            "panels[0] (a).max: 0 from FILE is not valid; "
            'give a number above 0, or the name of a metric, such as "system.memory.limit"',
        ),
        (
            f"{GOOD}lines_max = 0",
            "panels[0] (a).lines_max: 0 from FILE is not valid; give an integer from 1 to 1000",
        ),
        (f"{GOOD}stack = 1", "panels[0] (a).stack: 1 from FILE is not valid; give true or false"),
        (
            f"{GOOD}where = {{\"cpu.mode\" = 'user'}}",
            'panels[0] (a).where: "user" from FILE is not valid; '
            'give a table of attributes and lists of values, such as { "cpu.mode" = ["user"] }',
        ),
        (
            f"{GOOD}thresholds = {{warning = 2, critical = 1}}",
            "panels[0] (a).thresholds.warning: 2 is more than thresholds.critical = 1; give the same or less "
            "(thresholds.warning and thresholds.critical from FILE)",
        ),
        (
            f'{GOOD}parts = "cpu.mode"',
            'panels[0] (a).parts: only bars have parts; give chart = "bar", not "line" (parts and chart from FILE)',
        ),
        (
            f'{GOOD}chart = "bar"',
            "panels[0] (a).chart: a bar is a share of a whole; give in parts the attribute that divides it, and in "
            "rest what is empty (chart and parts and rest from FILE)",
        ),
        (
            f"{GOOD}{BAR}stack = true",
            'panels[0] (a).stack: only lines can be stacked; give chart = "line", not "bar" (stack and chart '
            "from FILE)",
        ),
        (
            f'{GOOD}order = ["x", "y"]\nrest = ["y"]',
            "panels[0] (a).rest: y cannot be drawn and be the rest; choose (rest and order from FILE)",
        ),
        (
            f'{GOOD}headline = {{show = "share"}}',
            'panels[0] (a).headline.show: a share is of something; give headline.per, or "rest" '
            "(headline.show and headline.per from FILE)",
        ),
        (
            f'{GOOD}headline = {{per = "rest"}}',
            'panels[0] (a).headline.per: per = "rest" needs values in rest (headline.per and rest from FILE)',
        ),
        (
            f"{GOOD}[[panels]]\n{GOOD}",
            'panels[1] (a).id: "a" is the id of panels[0] too; give each its own '
            "(panels[0].id and panels[1].id from FILE)",
        ),
    ],
)
def test_a_wrong_panel_is_refused_in_one_line(tmp_path: Path, keys: str, line: str) -> None:
    assert problems(tmp_path, f"[[panels]]\n{keys}\n") == [line]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("panels = 3", "panels: 3 from FILE is not valid; write [[panels]] once for each, or [] for none"),
        (
            '[panels]\nid = "a"',
            'panels: {id = "a"} from FILE is not valid; write [[panels]] once for each, or [] for none',
        ),
        ("panels = [3]", "panels[0]: 3 from FILE is not valid; give a table, under [[panels]]"),
        (
            f"panels = [{'{},' * (PANELS_MAX + 1)}]",
            f"panels: {PANELS_MAX + 1} panels from FILE are too many; give 64 at most",
        ),
        (f"[[panel]]\n{GOOD}", "panel: unknown key in FILE; did you mean [[panels]]?"),
    ],
)
def test_what_are_no_panels_is_refused(tmp_path: Path, toml: str, line: str) -> None:
    assert problems(tmp_path, toml) == [line]


def test_every_problem_of_every_panel_and_section_is_told_at_once(tmp_path: Path) -> None:
    lines = problems(
        tmp_path, f'[server]\nport = -1\n[[panels]]\n{GOOD}chart = "x"\nby = 1\n[[panels]]\nid = "b"\ntitle = "B"\n'
    )
    assert [line.split(": ")[0] for line in lines] == [
        "panels[0] (a).chart", "panels[0] (a).by", "panels[1] (b).metrics", "server.port"
    ]  # fmt: skip


@pytest.mark.parametrize("variable", ["VITALCAST_PANELS", "VITALCAST_PANELS__0__ID"])
def test_the_environment_cannot_set_panels_and_is_told_so(tmp_path: Path, variable: str) -> None:
    assert problems(tmp_path, "", **{variable: "[]"}) == [
        f"{variable}: the environment cannot set panels; write [[panels]] in config.toml"
    ]


def test_settings_made_in_code_are_held_to_the_same_rules() -> None:
    panel = {"id": "a", "title": "A", "metrics": ["x"]}
    with pytest.raises(ValidationError, match=r"panels\[1\]\.id"):
        Settings.model_validate({"panels": [panel, panel]})


SCALARS = st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.none()
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), SCALARS, max_size=2)
KEYS = st.sampled_from(tuple(Panel.model_fields)) | st.text(max_size=8)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=3))
def test_any_tables_give_panels_or_problems_with_keys(tables: list[dict[str, Any]]) -> None:
    panels, found = PANELS.read(tables, "x")
    assert len(panels) == (0 if found else len(tables))
    assert all(key.startswith("panels[") and what for key, what in found)
