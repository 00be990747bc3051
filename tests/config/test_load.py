"""The settings: where values come from, what is refused, and that every refusal names its key."""

from __future__ import annotations

import codecs
import os
import re
import string
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vitalcast.access.origin import parse_origin
from vitalcast.config.default_toml import render_default_toml
from vitalcast.config.environment import environment_name
from vitalcast.config.file import FILE_BYTES_MAX
from vitalcast.config.load import FLAGS, Loaded, load_settings
from vitalcast.config.loopback import is_loopback
from vitalcast.config.retired import RETIRED
from vitalcast.config.schema import FIELDS, TABLES, Settings
from vitalcast.config.toml import form_of, show, type_of
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError, InvalidSettings
from vitalcast.web.edge.host_origin import HostOriginCheck

TEXT_FIELDS = [key for key, info in FIELDS.items() if info.annotation is str or get_origin(info.annotation) is tuple]
UNPRINTABLE = ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\udcff", "\ud800", "\ufeff"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder without a config.toml."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


class Loader:
    """Loads settings out of nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder / "cwd"
        self.user = folder / "user"
        self.cwd.mkdir()
        self.user.mkdir()
        self.file = self.cwd / "config.toml"

    def load(self, toml: str | None = None, environ: Mapping[str, str] | None = None, **overrides: Any) -> Loaded:
        if toml is not None:
            self.file.write_text(toml, encoding="utf-8")
        return load_settings(
            None,
            {key.replace("__", "."): value for key, value in overrides.items()},
            environ=environ or {},
            cwd=self.cwd,
            user_config_dir=self.user,
        )

    def problems(
        self, toml: str | None = None, environ: Mapping[str, str] | None = None, **overrides: Any
    ) -> list[str]:
        with pytest.raises(InvalidSettings) as caught:
            self.load(toml, environ, **overrides)
        lines = str(caught.value).splitlines()
        assert [str(problem) for problem in caught.value.problems] == lines
        assert caught.value.key == caught.value.problems[0].key
        return lines


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


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


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[server]\nport = 65536", "server.port: 65536 from {file} is not valid; give an integer from 0 to 65535"),
        ("[server]\nport = '80'", 'server.port: "80" from {file} is not valid; give an integer from 0 to 65535'),
        ("[server]\nport = 80.5", "server.port: 80.5 from {file} is not valid; give an integer from 0 to 65535"),
        ("[server]\nport = true", "server.port: true from {file} is not valid; give an integer from 0 to 65535"),
        (
            "[server.port]\nvalue = 80",
            "server.port: {{value = 80}} from {file} is not valid; give an integer from 0 to 65535",
        ),
        ("[server]\nno_auth = 1", "server.no_auth: 1 from {file} is not valid; give true or false"),
        (
            "[server]\nlog_level = 'loud'",
            'server.log_level: "loud" from {file} is not valid; give critical, error, warning, info or debug',
        ),
        (
            "[server]\nallowed_hosts = 'a'",
            'server.allowed_hosts: "a" from {file} is not valid; '
            'give a list of host names, such as ["metrics.example.org"]',
        ),
        (
            "[server]\nallowed_origins = ['wiki']",
            'server.allowed_origins: "wiki" from {file} is not valid; '
            'give a list of origins, such as ["https://wiki.example.org"]',
        ),
        (
            "[sampler]\ninterval_s = 0.05",
            "sampler.interval_s: 0.05 from {file} is not valid; give a number from 0.1 to 3600",
        ),
        (
            "[sampler]\ninterval_s = nan",
            "sampler.interval_s: nan from {file} is not valid; give a number from 0.1 to 3600",
        ),
        ("server = 3", "server: 3 from {file} is not valid; give a section, [server]"),
        ("[server]\nprot = 1", "server.prot: unknown key in {file}; did you mean server.port?"),
        ("[servr]\nport = 1", "servr.port: unknown key in {file}; did you mean server.port?"),
        ("port = 1", "port: unknown key in {file}; did you mean server.port?"),
        ("[memory]\nqqqq = 1", "memory.qqqq: unknown key in {file}; [memory] has window_s, size_max_mib"),
        (
            "[zzz]",
            "zzz: unknown key in {file}; the sections are server, access, host, sampler, collectors, memory, history, "
            "recorder, stream, limits, timeouts, [[panels]] and [[playlists]]",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(loader: Loader, toml: str, line: str) -> None:
    assert loader.problems(toml) == [line.format(file=loader.file)]


@pytest.mark.parametrize("origin", ["https://a.example", "http://a.example:8080"])
def test_an_origin_is_scheme_and_host(loader: Loader, origin: str) -> None:
    assert loader.load(f"[server]\nallowed_origins = ['{origin}']").settings.server.allowed_origins == (origin,)


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example", "https://a.example/", "https://a:65536", "a.example", "null", ""]
)
def test_an_origin_is_nothing_wider(loader: Loader, origin: str) -> None:
    assert len(loader.problems(f"[server]\nallowed_origins = ['{origin}']")) == 1


@pytest.mark.parametrize("host", ["a.example", "A-b.example:8443", "[::1]:80", "fe80::1", "10.0.0.1"])
def test_an_allowed_host_is_a_host_header(loader: Loader, host: str) -> None:
    settings = loader.load(f"[server]\nallowed_hosts = ['{host}']").settings
    assert settings.server.allowed_hosts == (host,)
    name = host if host.count(":") < 2 or host.startswith("[") else f"[{host}]"
    headers = [(b"host", name.encode())]
    assert HostOriginCheck(settings.server, names=()).judge("http", headers) is None


@pytest.mark.parametrize("host", ["", "*", "*.example", "a.example:65536", "https://a.example", "a b", "a/b"])
def test_an_allowed_host_is_nothing_else(loader: Loader, host: str) -> None:
    assert len(loader.problems(f"[server]\nallowed_hosts = ['{host}']")) == 1


@given(st.from_regex(r"https?://[a-z0-9._-]{1,9}(:[0-9]{1,5})?", fullmatch=True))
def test_every_allowed_origin_is_one_that_the_gate_understands(origin: str) -> None:
    try:
        Settings.model_validate({"server": {"allowed_origins": [origin]}})
    except ValidationError:
        return
    assert parse_origin(origin) is not None


@pytest.mark.parametrize("pattern", ["system.>", "*", ">", "system.*.rate", "a_b.c1"])
def test_a_pattern_of_the_default_stream_follows_the_grammar(loader: Loader, pattern: str) -> None:
    assert loader.load(f"[stream]\nmetrics = ['{pattern}']").settings.stream.metrics == (pattern,)


@pytest.mark.parametrize("pattern", ["", "systöm", "a..b", "system.>.rate", "a b", "a.b*"])
def test_a_pattern_outside_the_grammar_is_refused(loader: Loader, pattern: str) -> None:
    assert len(loader.problems(f"[stream]\nmetrics = ['{pattern}']")) == 1


def test_a_file_that_is_not_toml_is_named_with_the_place(loader: Loader) -> None:
    (line,) = loader.problems("[server\n")
    assert line.startswith(f"{loader.file}: is not valid TOML: ")
    assert "line 1" in line


UTF_16 = "is UTF-16 or UTF-32; save it as UTF-8"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xff\xfe", UTF_16),
        ("[server]\n".encode("utf-16"), UTF_16),
        ("[server]\n".encode("utf-16-be"), UTF_16),
        ("[server]\n".encode("utf-16-le"), UTF_16),
        ("[server]\n".encode("utf-32"), UTF_16),
        (b"[server]\n# caf\xe9\n", "is not UTF-8 (byte 0xe9 at line 2); save it as UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), "is too long; a configuration has 4 MiB at most"),
    ],
)
def test_a_file_that_is_not_text_is_named(loader: Loader, data: bytes, what: str) -> None:
    loader.file.write_bytes(data)
    assert loader.problems() == [f"{loader.file}: {what}"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_file_from_windows_is_read(loader: Loader, ends: str) -> None:
    loader.file.write_bytes(codecs.BOM_UTF8 + f"[server]{ends}port = 7{ends}host = '::1'{ends}".encode())
    server = loader.load().settings.server
    assert (server.port, server.host) == (7, "::1")


@pytest.mark.parametrize("digits", ["9" * 5000, f"0x{'f' * 5000}"])
def test_a_number_of_too_many_digits_is_named(loader: Loader, digits: str) -> None:
    (line,) = loader.problems(f"[server]\nport = {digits}\n")
    assert "is not valid" in line


# --- text that does not print ------------------------------------------------------------------------------


@pytest.mark.parametrize("char", UNPRINTABLE)
@pytest.mark.parametrize("key", TEXT_FIELDS)
def test_no_setting_takes_a_character_that_does_not_print(loader: Loader, key: str, char: str) -> None:
    for text in (f"ab{char}", f"{char}ab", f"a{char}b", char):
        value = text if FIELDS[key].annotation is str else [text]
        section, name = key.split(".")
        with pytest.raises(ValidationError):
            Settings.model_validate({section: {name: value}})
        (line,) = loader.problems(**{key.replace(".", "__"): value})
        assert line.startswith(f"{key}: ")
        assert f" contains {char!a}, which does not print; give " in line
        assert line.isprintable()
        (line,) = loader.problems(environ={environment_name(key): text})
        assert line.startswith(f"{key}: ")
        assert f" from environment variable {environment_name(key)} contains {char!a}, which does not print" in line


def test_a_number_and_a_choice_with_the_end_of_a_line_are_refused_too(loader: Loader) -> None:
    lines = loader.problems(
        environ={
            "VITALCAST_SERVER__PORT": "80\r",
            "VITALCAST_SERVER__NO_AUTH": "true\r",
            "VITALCAST_SERVER__LOG_LEVEL": "info\r",
        }
    )
    assert len(lines) == 3
    assert all(r"contains '\r', which does not print; give " in line for line in lines)


@pytest.mark.parametrize("escape", ["\\r", "\\u001b", "\\u202e"])
@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('[[panels]]\nid = "a"\ntitle = "A{0}"\nmetrics = ["hw.*"]', "panels[0] (a).title"),
        ('[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.*{0}"]', "panels[0] (a).metrics"),
        ('[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.*"]\nunit = "{0}"', "panels[0] (a).unit"),
        ('[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.*"]\n[panels.labels]\n"{0}" = "x"', "panels[0] (a).labels"),
        (
            '[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.*"]\n[panels.where]\n"hw.id" = ["{0}"]',
            "panels[0] (a).where",
        ),
        (
            '[[panels]]\nid = "a"\ntitle = "A"\nmetrics = ["hw.*"]\n[panels.headline]\nlabel = "{0}"',
            "panels[0] (a).headline.label",
        ),
        ('[[playlists]]\nid = "a"\ntitle = "A{0}"\nentries = [{{}}]', "playlists[0] (a).title"),
        ('[[playlists]]\nid = "a"\ntitle = "A"\nentries = [{{ panels = ["cpu{0}"] }}]', "playlists[0] (a).entries"),
    ],
)
def test_no_panel_or_playlist_takes_a_character_that_does_not_print(
    loader: Loader, toml: str, key: str, escape: str
) -> None:
    (line,) = loader.problems(toml.format(escape))
    assert line.startswith(key)
    assert "which does not print; give " in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        (f'[host]\nname = "{"x" * 256}"\n', "is longer than 255 characters; give a name such as"),
        (f'[host]\nid = "{"x" * 65}"\n', "is longer than 64 characters; give letters, digits"),
        ("[collectors]\nexclude_disks = [" + '"a", ' * 1001 + "]\n", "has more than 1000 items; give a list of globs"),
        (f'[[panels]]\nid = "a"\nmetrics = ["a"]\ntitle = "{"x" * 999}"\n', "characters; give a string"),
    ],
)
def test_what_is_too_long_is_refused_with_how_long_it_may_be(loader: Loader, toml: str, fault: str) -> None:
    (error,) = loader.problems(toml)
    assert fault in error


@pytest.mark.parametrize("name", [" ", "  "])
def test_a_name_of_this_machine_that_nobody_sees_is_refused(loader: Loader, name: str) -> None:
    (error,) = loader.problems(f'[host]\nname = "{name}"\n')
    assert error.endswith('is not valid; give a name such as "web-1", or an empty string')


def test_a_file_nested_beyond_reason_is_named(loader: Loader) -> None:
    (line,) = loader.problems("a = " + "[" * 100_000)
    assert line.startswith(f"{loader.file}: is not valid TOML: ")


def test_all_problems_of_all_sources_are_reported_at_once(loader: Loader) -> None:
    lines = loader.problems(
        "[server]\nport = -1\nprot = 1\n[limits]\nstreams = 0\n",
        {"VITALCAST_PORT": "1", "VITALCAST_MEMORY__WINDOW_S": "x"},
        stream__interval_s=0.1,
        sampler__interval_min_s=0.5,
        nope=1,
    )
    assert sorted(line.split(": ")[0] for line in lines) == sorted(
        [
            "server.port",
            "server.prot",
            "limits.streams",
            "VITALCAST_PORT",
            "memory.window_s",
            "stream.interval_s",
            "nope",
        ]
    )


def test_a_broken_file_does_not_hide_the_other_sources(loader: Loader) -> None:
    lines = loader.problems("]", {"VITALCAST_PORT": "1"}, server__port=-1)
    assert len(lines) == 3


def test_of_very_many_problems_some_are_told_and_the_others_counted(loader: Loader) -> None:
    keys = "".join(f"key{number} = 1\n" for number in range(1000))
    lines = loader.problems(f"{keys}[server]\n{keys}[stream]\nmetrics = [{'1,' * 1000}]\n")
    assert len(lines) == 101
    assert lines[-1] == "settings: there are 2900 more problems"


def test_a_value_with_line_breaks_still_makes_one_line(loader: Loader) -> None:
    lines = loader.problems(
        '[server]\nhost = "a\\nb\\u2028c\\u0085"\n"k\\ney" = 1\n',
        {"VITALCAST_A\nB": "1", "VITALCAST_SERVER__PORT": "1\x0b2"},
    )
    assert len(lines) == 4


def test_every_bad_item_of_a_list_is_reported(loader: Loader) -> None:
    lines = loader.problems("[stream]\nmetrics = ['ok', 'not ok', 3]\n")
    assert [line.split(" from ")[0] for line in lines] == ['stream.metrics: "not ok"', "stream.metrics: 3"]


# --- settings that do not go together ----------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "LocalHost", "::1"])
def test_a_loopback_host_needs_nothing_else(loader: Loader, host: str) -> None:
    assert is_loopback(host)
    assert loader.load(server__host=host).settings.server.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "0", "example.org", "localhost.example.org"])
def test_any_other_host_can_be_reached(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("toml", "start"),
    [
        ("[sampler]\ninterval_min_s = 2", "sampler.interval_min_s: 2.0 is more than sampler.interval_s = 1.0"),
        (
            "[sampler]\ninterval_min_s = 2\ninterval_s = 2",
            "stream.interval_s: 1.0 is less than sampler.interval_min_s = 2.0",
        ),
        (
            "[limits]\nseries = 5000\nsnapshot_values = 4000",
            "limits.snapshot_values: 4000 is less than limits.series = 5000",
        ),
        (
            "[server]\npublic_url = 'https://a.example.org/vitals'",
            'server.public_url: its path is "/vitals" and server.root_path = ""; give both the same',
        ),
        (
            "[server]\npublic_url = 'https://a.example.org'\nroot_path = '/vitals'",
            'server.public_url: its path is "" and server.root_path = "/vitals"; give both the same',
        ),
    ],
)
def test_a_conflict_names_both_keys_and_their_values(loader: Loader, toml: str, start: str) -> None:
    assert any(line.startswith(start) for line in loader.problems(toml))


@pytest.mark.parametrize(
    ("url", "root_path", "base"),
    [
        ("", "", ""),
        ("https://a.example.org", "", "https://a.example.org/"),
        ("https://a.example.org/", "", "https://a.example.org/"),
        ("http://10.0.0.1:8443/vitals", "/vitals", "http://10.0.0.1:8443/vitals/"),
        ("https://[fd00::1]/a/b/", "/a/b", "https://[fd00::1]/a/b/"),
        ("https://a.example.org/gr%C3%B6%C3%9Fe", "/größe", "https://a.example.org/gr%C3%B6%C3%9Fe/"),
    ],
)
def test_the_public_address_ends_in_a_slash(loader: Loader, url: str, root_path: str, base: str) -> None:
    assert loader.load(server__public_url=url, server__root_path=root_path).settings.server.public_base == base


@pytest.mark.parametrize(
    "url",
    [
        "a.example.org",
        "ftp://a.example.org",
        "https://",
        "https://user:secret@a.example.org",
        "https://a.example.org:99999",
        "https://a.example.org/?x=1",
        "https://a.example.org/#top",
        "https://a.example.org//x",
        "https://a.example.org/<b>",
        "https://a.example.org/ x",
    ],
)
def test_what_is_no_public_address_is_refused(loader: Loader, url: str) -> None:
    (line,) = loader.problems(f"[server]\npublic_url = '{url}'")
    assert line.startswith("server.public_url: ")


def test_a_conflict_with_a_value_that_is_itself_bad_is_not_reported(loader: Loader) -> None:
    (line,) = loader.problems("[sampler]\ninterval_min_s = 2\ninterval_s = 'x'\n[stream]\ninterval_s = 2")
    assert line.startswith('sampler.interval_s: "x"')


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
