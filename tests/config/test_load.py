"""The settings: where values come from, under which names, and that nothing at all ends in a traceback."""

from __future__ import annotations

import os
import re
import string
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.config.loader import TEXT_FIELDS, Loader

from vitalcast.config.default_toml import render_default_toml
from vitalcast.config.environment import environment_name
from vitalcast.config.load import FLAGS, load_settings
from vitalcast.config.retired import RETIRED
from vitalcast.config.schema import FIELDS, TABLES, Settings
from vitalcast.config.toml import form_of, show, type_of
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError, InvalidSettings

ROOT = Path(__file__).resolve().parents[2]


# --- the file of defaults ----------------------------------------------------------------------------------


def test_the_config_toml_of_the_repository_is_what_the_code_renders() -> None:
    assert (ROOT / "config.toml").read_text(encoding="utf-8") == render_default_toml()


def test_the_rendered_file_holds_every_key_with_its_default(loader: Loader) -> None:
    loaded = loader.load(render_default_toml())
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {str(loader.file)}
    parsed = tomllib.loads(render_default_toml())
    assert parsed.pop("panels")
    assert parsed.pop("playlists")
    assert [f"{section}.{name}" for section, keys in parsed.items() for name in keys] == list(FIELDS)


def test_the_rendered_file_says_why_before_each_key() -> None:
    lines = render_default_toml().splitlines()
    for key, info in FIELDS.items():
        name = key.split(".")[1]
        assert any(
            line.startswith(f"{name} = ")
            and lines[at - 2] == f"# {info.description}."
            and lines[at - 1] == f"# Type: {type_of(info)}."
            for at, line in enumerate(lines)
        ), key


@pytest.mark.parametrize("key", FIELDS)
def test_every_field_has_a_reason_a_form_and_a_valid_default(key: str) -> None:
    info = FIELDS[key]
    assert info.description
    assert not info.description.endswith(".")
    assert not info.is_required()
    assert form_of(info)
    section, name = key.split(".")
    Settings.model_validate({section: {name: info.default}})


def test_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert (settings.server.host, settings.server.port, settings.server.no_auth) == ("127.0.0.1", 8000, False)
    assert (settings.sampler.interval_s, settings.sampler.interval_min_s) == (1.0, 0.1)
    assert settings.collectors.process_command_line is False
    assert (settings.limits.message_bytes, settings.limits.streams, settings.limits.series) == (65536, 64, 10_000)
    assert settings.timeouts.heartbeat_s == 10


# --- a value of settings -----------------------------------------------------------------------------------


def test_settings_are_frozen_throughout() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.server = Settings().server  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]


def test_constructing_settings_reads_nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITALCAST_SERVER__PORT", "9")
    (tmp_path / "config.toml").write_text("[server]\nport = 10\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert Settings().server.port == 8000
    assert Settings.model_validate({"server": {"port": 0}}).server.port == 0


def test_constructing_settings_refuses_what_loading_refuses() -> None:
    with pytest.raises(ValidationError, match=r"sampler\.interval_min_s"):
        Settings.model_validate({"sampler": {"interval_s": 1.0, "interval_min_s": 2.0}})


# --- where values come from --------------------------------------------------------------------------------


def test_without_any_source_everything_is_default(loader: Loader) -> None:
    loaded = loader.load()
    assert loaded.settings == Settings()
    assert dict(loaded.origins) == dict.fromkeys((*FIELDS, *TABLES), "default")


def test_the_command_line_beats_the_environment_beats_the_file_beats_the_default(loader: Loader) -> None:
    toml = "[server]\nport = 1\nlog_level = 'info'\n[memory]\nwindow_s = 60\n"
    environ = {"VITALCAST_SERVER__PORT": "2", "VITALCAST_SERVER__LOG_LEVEL": "error"}
    loaded = loader.load(toml, environ, server__port=3)
    assert loaded.settings.server.port == 3
    assert loaded.origins["server.port"] == "--port"
    assert loaded.settings.server.log_level == "error"
    assert loaded.origins["server.log_level"] == "environment variable VITALCAST_SERVER__LOG_LEVEL"
    assert loaded.settings.memory.window_s == 60
    assert loaded.origins["memory.window_s"] == str(loader.file)
    assert loaded.settings.memory.size_max_mib == 64
    assert loaded.origins["memory.size_max_mib"] == "default"


def test_a_key_without_a_flag_can_be_overridden_too(loader: Loader) -> None:
    loaded = loader.load(memory__window_s=5)
    assert loaded.settings.memory.window_s == 5
    assert loaded.origins["memory.window_s"] == "command line"


def test_flags_are_those_of_known_keys() -> None:
    assert set(FLAGS) <= set(FIELDS)


def test_the_working_directory_beats_the_users_folder(loader: Loader) -> None:
    (loader.user / "config.toml").write_text("[server]\nport = 2\n", encoding="utf-8")
    assert loader.load().settings.server.port == 2
    assert loader.load("[server]\nport = 1\n").settings.server.port == 1


def test_a_given_file_is_the_only_one_read(loader: Loader, tmp_path: Path) -> None:
    loader.file.write_text("[server]\nport = 1\n[memory]\nwindow_s = 5\n", encoding="utf-8")
    given = tmp_path / "given.toml"
    given.write_text("[server]\nport = 7\n", encoding="utf-8")
    loaded = load_settings(given, environ={}, cwd=loader.cwd, user_config_dir=loader.user)
    assert loaded.settings.server.port == 7
    assert loaded.settings.memory.window_s == 900


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("no.toml", "does not exist"),
        ("no\0.toml", "does not exist"),
        ("folder", "is a folder"),
        ("fifo", "is not a file"),
        ("loop", "cannot be read"),
        ("nowhere", "is a link to nothing"),
        ("x" * 300, "cannot be read"),
    ],
)
def test_a_given_file_that_is_not_there_is_an_error(empty: Path, name: str, what: str) -> None:
    path = empty / name
    (empty / "folder").mkdir()
    os.mkfifo(empty / "fifo")
    (empty / "loop").symlink_to("loop")
    (empty / "nowhere").symlink_to("no.toml")
    with pytest.raises(ConfigError, match=what) as caught:
        load_settings(path, environ={}, cwd=empty, user_config_dir=empty)
    assert caught.value.key == "--config"
    assert printable(str(path)) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (Path.mkdir, "is a folder; replace or remove it"),
        (os.mkfifo, "is not a file; replace or remove it"),
        (lambda path: path.symlink_to("nowhere"), "is a link to nothing; replace or remove it"),
    ],
)
def test_what_only_has_the_name_of_the_file_is_an_error(
    loader: Loader, make: Callable[[Path], object], what: str
) -> None:
    make(loader.file)
    assert loader.problems() == [f"{loader.file}: {what}"]


def test_a_working_folder_that_was_removed_holds_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_settings(environ={}, user_config_dir=tmp_path).settings == Settings()


def test_a_working_folder_whose_name_is_not_text_is_read_and_shown_as_text(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "config.toml").write_text("[server]\nport = 7\n", encoding="utf-8")
    loaded = load_settings(environ={}, cwd=folder, user_config_dir=tmp_path)
    assert loaded.settings.server.port == 7
    assert loaded.origins["server.port"] == f"{tmp_path}/caf\\xe9/config.toml"


def test_what_is_left_out_comes_from_the_process(
    loader: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(loader.cwd)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VITALCAST_SERVER__PORT", "9")
    assert load_settings().settings.server.port == 9


# --- names that settings had before ------------------------------------------------------------------------


def test_a_setting_by_the_name_it_had_before_is_taken_over_with_a_warning(loader: Loader) -> None:
    loaded = loader.load("[limits]\ngroups = 7\n", {"VITALCAST_LIMITS__GROUPS_MIB": "8"})
    assert (loaded.settings.limits.subscriptions, loaded.settings.limits.subscriptions_mib) == (7, 8)
    assert loaded.origins["limits.subscriptions"] == f"{loader.file} (as limits.groups)"
    assert loaded.origins["limits.subscriptions_mib"] == "environment variable VITALCAST_LIMITS__GROUPS_MIB"
    assert loaded.warnings == (
        "limits.groups: is called limits.subscriptions now; rename it, since the next version will refuse it",
        "VITALCAST_LIMITS__GROUPS_MIB: is called VITALCAST_LIMITS__SUBSCRIPTIONS_MIB now; rename it, since the next "
        "version will refuse it",
    )


def test_a_section_by_the_name_it_had_before_is_taken_over_with_a_warning_for_each_key(loader: Loader) -> None:
    loaded = loader.load("[ring]\nwindow_s = 60\n[history]\nretention_h = 5\n", {"VITALCAST_RING__MEMORY_MAX_MIB": "8"})
    assert (loaded.settings.memory.window_s, loaded.settings.memory.size_max_mib) == (60, 8)
    assert loaded.settings.history.retention_max_h == 5
    assert [warning.partition(" now;")[0] for warning in loaded.warnings] == [
        "ring.window_s: is called memory.window_s",
        "history.retention_h: is called history.retention_max_h",
        "VITALCAST_RING__MEMORY_MAX_MIB: is called VITALCAST_MEMORY__SIZE_MAX_MIB",
    ]
    assert loader.load("[ring]\n").warnings == ()
    (problem,) = loader.problems("[ring]\nwindow = 60\n")
    assert problem.startswith(f"ring.window: unknown key in {loader.file}; ")


def test_settings_by_their_names_of_now_need_no_warning(loader: Loader) -> None:
    assert loader.load("[limits]\nsubscriptions = 7\n").warnings == ()


def test_of_a_setting_the_source_that_counts_for_more_wins_whatever_names_are_used(loader: Loader) -> None:
    loaded = loader.load("[limits]\ngroups = 7\n", {"VITALCAST_LIMITS__SUBSCRIPTIONS": "8"})
    assert loaded.settings.limits.subscriptions == 8
    loaded = loader.load("[limits]\nsubscriptions = 7\n", {"VITALCAST_LIMITS__GROUPS": "8"})
    assert loaded.settings.limits.subscriptions == 8


@pytest.mark.parametrize("toml", ["groups = 7\nsubscriptions = 8", "subscriptions = 8\ngroups = 7"])
def test_both_names_in_one_source_are_refused(loader: Loader, toml: str) -> None:
    assert loader.problems(f"[limits]\n{toml}\n") == [
        f"limits.groups: is called limits.subscriptions now, which is in {loader.file} too; remove it"
    ]


def test_both_names_in_the_environment_are_refused_by_the_names_that_stand_there(loader: Loader) -> None:
    names = {"VITALCAST_LIMITS__GROUPS": "7", "VITALCAST_LIMITS__SUBSCRIPTIONS": "8"}
    assert loader.problems(environ=names) == [
        "VITALCAST_LIMITS__GROUPS: is called VITALCAST_LIMITS__SUBSCRIPTIONS now, which is in the environment too; "
        "remove it"
    ]


def test_a_wrong_value_is_refused_by_the_new_name_and_said_where_it_stands(loader: Loader) -> None:
    (line,) = loader.problems("[limits]\ngroups = 'many'\n")
    assert line.startswith(f'limits.subscriptions: "many" from {loader.file} (as limits.groups) is not valid; give ')
    (line,) = loader.problems(environ={"VITALCAST_LIMITS__GROUPS": "0"})
    assert line.startswith("limits.subscriptions: 0 from environment variable VITALCAST_LIMITS__GROUPS")


def test_no_name_of_before_is_a_name_of_now() -> None:
    assert not RETIRED.keys() & FIELDS.keys()
    assert set(RETIRED.values()) <= FIELDS.keys()


# --- the environment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("VITALCAST_SERVER__PORT", "0", "server.port", 0),
        ("VITALCAST_SERVER__HOST", "::1", "server.host", "::1"),
        ("VITALCAST_SERVER__FAST_PATH", "False", "server.fast_path", False),
        ("VITALCAST_SERVER__FAST_PATH", "1", "server.fast_path", True),
        ("VITALCAST_SAMPLER__INTERVAL_S", "0.25", "sampler.interval_s", 0.25),
        ("VITALCAST_SAMPLER__INTERVAL_S", "2", "sampler.interval_s", 2.0),
        ("VITALCAST_SERVER__ALLOWED_HOSTS", "a.example, b.example", "server.allowed_hosts", ("a.example", "b.example")),
        ("VITALCAST_COLLECTORS__DISABLED", "", "collectors.disabled", ()),
        ("VITALCAST_COLLECTORS__DISABLED", "[]", "collectors.disabled", ()),
        ("VITALCAST_COLLECTORS__DISABLED", '["cpu", "load"]', "collectors.disabled", ("cpu", "load")),
        ("VITALCAST_COLLECTORS__DISABLED", "['cpu','load',]", "collectors.disabled", ("cpu", "load")),
        ("VITALCAST_COLLECTORS__DISABLED", '"cpu,load"', "collectors.disabled", ("cpu", "load")),
        ("VITALCAST_COLLECTORS__DISABLED", "\"cpu\", 'load'", "collectors.disabled", ("cpu", "load")),
        ("VITALCAST_SERVER__ALLOWED_HOSTS", "[::1]:80, [::1]", "server.allowed_hosts", ("[::1]:80", "[::1]")),
        ("VITALCAST_SERVER__ALLOWED_HOSTS", "[::1]", "server.allowed_hosts", ("[::1]",)),
        ("VITALCAST_SERVER__PORT", ' "80" ', "server.port", 80),
        ("VITALCAST_SERVER__NO_AUTH", " true ", "server.no_auth", True),
        ("VITALCAST_ACCESS__DATA_DIR", " /data ", "access.data_dir", "/data"),
        ("VITALCAST_ACCESS__DATA_DIR", '"/my data"', "access.data_dir", "/my data"),
        ("VITALCAST_ACCESS__DATA_DIR", '""', "access.data_dir", ""),
    ],
)
def test_the_environment_is_read_in_the_fields_type(
    loader: Loader, variable: str, text: str, key: str, value: object
) -> None:
    assert environment_name(key) == variable
    assert dict(loader.load(environ={variable: text}).settings.items())[key] == value


def test_a_bad_variable_is_named_with_what_it_held(loader: Loader) -> None:
    (line,) = loader.problems(environ={"VITALCAST_SERVER__PORT": "eighty"})
    assert line == (
        'server.port: "eighty" from environment variable VITALCAST_SERVER__PORT is not valid; '
        "give an integer from 0 to 65535"
    )


@pytest.mark.parametrize("key", [key for key in TEXT_FIELDS if FIELDS[key].annotation is not str])
def test_a_list_is_refused_with_a_form_that_works_where_it_was_written(loader: Loader, key: str) -> None:
    (line,) = loader.problems(environ={environment_name(key): f"not / any{'x' * 256}, "})  # too long for a glob
    example = re.search(r"such as (\S+), with commas between several$", line)
    assert example
    section, name = key.split(".")
    by_commas = loader.load(environ={environment_name(key): example[1]}).settings
    (line,) = loader.problems(f"[{section}]\n{name} = ['not / any{'x' * 256}']\n")
    example = re.search(r"such as (\[.*\])$", line)
    assert example
    assert loader.load("", {environment_name(key): example[1]}).settings == by_commas
    assert loader.load(f"[{section}]\n{name} = {example[1]}\n").settings == by_commas


@pytest.mark.parametrize(
    "variable", ["VITALCAST_PORT", "VITALCAST_SERVER_PORT", "VITALCAST_SERVER__PROT", "VITALCAST_Server__port"]
)
def test_an_unknown_variable_is_an_error_with_a_suggestion(loader: Loader, variable: str) -> None:
    (line,) = loader.problems(environ={variable: "1"})
    assert line == f"{variable}: unknown environment variable; did you mean VITALCAST_SERVER__PORT?"


KUBERNETES = {
    "VITALCAST_PORT": "tcp://10.0.0.1:8000",
    "VITALCAST_SERVICE_HOST": "10.0.0.1",
    "VITALCAST_SERVICE_PORT": "8000",
    "VITALCAST_SERVICE_PORT_HTTP": "8000",
    "VITALCAST_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "VITALCAST_PORT_8000_TCP_PROTO": "tcp",
    "VITALCAST_PORT_8000_TCP_PORT": "8000",
    "VITALCAST_PORT_8000_TCP_ADDR": "10.0.0.1",
}
DOCKER = {
    "VITALCAST_NAME": "/dashboard/vitalcast",
    "VITALCAST_ENV_VITALCAST_SERVER__PORT": "9000",
    "VITALCAST_ENV_PATH": "/bin",
    "VITALCAST_PORT_8000_TCP_START": "tcp://172.17.0.5:8000",
    "VITALCAST_PORT_8000_TCP_PORT_END": "8005",
    "VITALCAST_PORT": "udp://172.17.0.5:8000",
}


@pytest.mark.parametrize("service", ["", "_SERVER", "_SERVER_PORT", "_PANELS", "_ACCESS_DATA_DIR", "_1", "_TOKEN"])
@pytest.mark.parametrize("links", [KUBERNETES, DOCKER])
def test_variables_of_a_service_called_vitalcast_are_let_be(
    loader: Loader, links: dict[str, str], service: str
) -> None:
    environ = {name.replace("VITALCAST", f"VITALCAST{service}", 1): value for name, value in links.items()}
    assert loader.load(environ=environ).settings == Settings()
    six = {
        name: value.replace("//10.0.0.1:", "//[fd00::1]:").replace("10.0.0.1", "fd00::1")
        for name, value in environ.items()
    }
    assert loader.load(environ=six).settings == Settings()


@pytest.mark.parametrize("variable", ["VITALCAST_SERVER__PROT", "VITALCAST_SERVER_PORT", "VITALCAST_PORT"])
def test_beside_a_service_a_misspelt_setting_is_still_an_error(loader: Loader, variable: str) -> None:
    (line,) = loader.problems(environ=KUBERNETES | {variable: "9000"})
    assert line == f"{variable}: unknown environment variable; did you mean VITALCAST_SERVER__PORT?"


@pytest.mark.parametrize("name", [*KUBERNETES, *DOCKER])
def test_a_variable_of_a_services_name_with_another_value_is_an_error(loader: Loader, name: str) -> None:
    assert len(loader.problems(environ={name: "yes, please"})) == 1


def test_an_unknown_variable_unlike_any_is_an_error_too(loader: Loader) -> None:
    (line,) = loader.problems(environ={"VITALCAST_QQQ": "1"})
    assert line == "VITALCAST_QQQ: unknown environment variable; no setting has a name like that"


def test_variables_of_others_and_documented_ones_are_let_be(loader: Loader) -> None:
    environ = {"VITALCAST_CHROMIUM": "/usr/bin/chromium", "VITALCASTER": "1", "PATH": "/bin"}
    assert loader.load(environ=environ).settings == Settings()


# --- anything at all ---------------------------------------------------------------------------------------

# A small alphabet with the awkward ones in it: drawing from all of Unicode is slow to start.
TEXTS = st.text(string.ascii_letters + string.digits + " ._-:/*>[]\"'\\\n\r\t\x00\x85\u2028é", max_size=20)
SCALARS = st.booleans() | st.integers() | st.floats() | TEXTS | st.dates() | st.none() | st.just(10**400)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=2)
KEYS = st.sampled_from(tuple(FIELDS)) | st.text(string.ascii_lowercase + "._", max_size=12)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_values_give_settings_or_one_line_for_each_problem(overrides: dict[str, Any]) -> None:
    nowhere = Path("/nonexistent")
    try:
        loaded = load_settings(None, overrides, environ={}, cwd=nowhere, user_config_dir=nowhere)
    except InvalidSettings as error:
        assert len(str(error).splitlines()) == len(error.problems) > 0
        unknown = {problem.key for problem in error.problems if "unknown key" in str(problem)}
        assert len(unknown) == len(set(overrides) - set(FIELDS))
        assert {problem.key for problem in error.problems} - unknown <= set(FIELDS)
    else:
        assert set(loaded.origins) == {*FIELDS, *TABLES}


@given(st.dictionaries(st.sampled_from([environment_name(key) for key in FIELDS]), TEXTS, max_size=4))
def test_any_environment_gives_settings_or_names_a_known_key(environ: dict[str, str]) -> None:
    nowhere = Path("/nonexistent")
    try:
        load_settings(environ=environ, cwd=nowhere, user_config_dir=nowhere)
    except InvalidSettings as error:
        assert len(str(error).splitlines()) == len(error.problems)
        assert {problem.key for problem in error.problems} <= set(FIELDS)


@given(
    port=st.integers(0, 65535),
    interval=st.floats(0.1, 3600),
    hosts=st.lists(st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True), max_size=3),
)
def test_what_the_file_says_comes_back(port: int, interval: float, hosts: list[str], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("round")
    file = folder / "given.toml"
    file.write_text(
        f"[server]\nport = {port}\nallowed_hosts = {hosts}\n[sampler]\ninterval_s = {interval!r}\n", encoding="utf-8"
    )
    settings = load_settings(file, environ={}, cwd=folder, user_config_dir=folder).settings
    assert settings.server.port == port
    assert settings.server.allowed_hosts == tuple(hosts)
    assert settings.sampler.interval_s == interval


QUOTE = "\"'"
QUOTES = st.sampled_from(["", *QUOTE])
BLANKS = st.sampled_from(["", " ", "  "])


# Names of collectors are the list that takes the most; what is checked of them here is that they are names.
@given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), max_size=4), st.data())
def test_a_list_means_the_same_however_the_environment_writes_it(names: list[str], data: st.DataObject) -> None:
    spaced = [f"{data.draw(BLANKS)}{data.draw(QUOTES)}{name}" for name in names]
    quoted = [f"{text}{text.strip()[0] if text.strip()[0] in QUOTE else ''}{data.draw(BLANKS)}" for text in spaced]
    for text in (show(names), ",".join(names), f"{data.draw(BLANKS)}{','.join(quoted)}{data.draw(BLANKS)}"):
        nowhere = Path("/nonexistent")
        loaded = load_settings(environ={"VITALCAST_COLLECTORS__DISABLED": text}, cwd=nowhere, user_config_dir=nowhere)
        assert loaded.settings.collectors.disabled == tuple(names)
