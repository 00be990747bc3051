"""Settings that are refused: each refusal names the key, and says what would be right."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.config.loader import TEXT_FIELDS, Loader

from vitalcast.access.origin import parse_origin
from vitalcast.config.environment import environment_name
from vitalcast.config.file import FILE_BYTES_MAX
from vitalcast.config.loopback import is_loopback
from vitalcast.config.schema import FIELDS, Settings
from vitalcast.web.edge.host_origin import HostOriginCheck

UNPRINTABLE = ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\udcff", "\ud800", "\ufeff"]


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
