"""Where the settings come from, and errors that name their key.

A value comes from the command line, else from the environment (`VITALCAST_SERVER__PORT`), else from a TOML
file, else it is the default. `load_settings` joins the four and reports every problem, not only the first.
"""

from __future__ import annotations

import codecs
import difflib
import functools
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vitalcast.config.folders import user_config_folder
from vitalcast.config.panels import PANELS
from vitalcast.config.playlists import PLAYLISTS
from vitalcast.config.retired import RETIRED
from vitalcast.config.schema import ENV_DELIMITER, ENV_PREFIX, FIELDS, SECTIONS, TABLES, Settings, section_type
from vitalcast.config.service_links import without_service_links
from vitalcast.config.tables import TableArray
from vitalcast.config.toml import bare, fault_of, form_in_environment, form_of, show, shown, type_of
from vitalcast.core.strict import unprintable
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError, Conflict, InvalidSettings

FILE_NAME = "config.toml"
FILE_BYTES_MAX = 4 << 20  # far more than any panels take
PROBLEMS_MAX = 100  # that are told

_KINDS: Mapping[str, TableArray[Any]] = MappingProxyType({kind.name: kind for kind in (PANELS, PLAYLISTS)})

DEFAULT_ORIGIN = "default"
_ENVIRONMENT = "environment variable "


# Environment variables with our prefix that are not settings, and what reads them.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "VITALCAST_CHROMIUM": "the Chromium that the browser tests drive: a path, or where to look for one",
        "VITALCAST_TOKEN": "token that `vitalcast tail` shows to the server",
    }
)


# Settings that have an option of their own on the command line.
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "server.host": "--host",
        "server.port": "--port",
        "server.no_auth": "--no-auth",
        "server.certfile": "--certfile",
        "server.keyfile": "--keyfile",
        "server.log_level": "--log-level",
        "host.name": "--host-name",
        "sampler.interval_s": "--interval",
    }
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for every dotted key, and for `panels` and `playlists`, where its value came from, in words.

    `warnings` has a line for each setting that was given by a name it had before. `path` is the file that was read, if
    any, and `again` reads the same sources anew. It raises `InvalidSettings`, for
    the file that was read at first being gone too: its settings must not give way to the defaults by mistake.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    path: Path | None
    again: Callable[[], Loaded]


_Found = tuple[Path | None, list[ConfigError]]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value, before it is checked, and where it stands."""

    value: Any
    origin: str


@dataclass(slots=True)
class _Layer:
    """What one source gives, by dotted key or as `panels` and `playlists`, and what was wrong with it already."""

    given: dict[str, _Given] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_retired(self, old: str, value: Any, origin: str, *, written: Callable[[str], str] = str) -> None:
        """Take over what is given by the name that a setting had before; `written` is how this source writes a key."""
        key = RETIRED[old]
        if key in self.given:
            what = f"is called {written(key)} now, which is in {origin} too; remove it"
            self.problems.append(_problem(written(old), what))
            return
        self.given[key] = _Given(value, f"{origin} (as {written(old)})")
        self.warnings.append(
            printable(f"{written(old)}: is called {written(key)} now; rename it, since the next version will refuse it")
        )

    def add_unknown(self, key: str, origin: str) -> None:
        """Say that there is no such key, with advice where that is told: to look for what was meant takes a while."""
        told = len(self.problems) < PROBLEMS_MAX
        self.problems.append(_unknown(key, origin) if told else _problem(key, f"unknown key in {origin}"))


def load_settings(
    config_path: Path | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user_config_dir: Path | None = None,
) -> Loaded:
    """Join command line, environment, file and defaults; raise `InvalidSettings` with all that is wrong.

    `overrides` holds the command line's values by dotted key. The file is `config_path`, which must exist,
    else `config.toml` in `cwd`, else in `user_config_dir`, else there is none. What is left out is taken from
    the process: `os.environ`, the working directory, `user_config_folder()`.
    """
    environ = os.environ if environ is None else environ
    cwd = _working_folder() if cwd is None else cwd
    user_config_dir = user_config_folder() if user_config_dir is None else user_config_dir

    def find() -> _Found:
        return _find_file(config_path, cwd, user_config_dir)

    return _load(find, overrides, environ)


def _load(find: Callable[[], _Found], overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Loaded:
    path, problems = find()
    together = _joined((_read_file(path), _read_environment(environ), _read_overrides(overrides)))
    problems += together.problems
    settings, invalid = _validate(together.given, together.broken)
    problems += invalid
    if settings is None or problems:
        if (more := len(problems) - PROBLEMS_MAX) > 0:
            problems[PROBLEMS_MAX:] = [_problem("settings", f"there are {more} more problems")]
        raise InvalidSettings(tuple(problems))
    given = together.given
    origins = {key: given[key].origin if key in given else DEFAULT_ORIGIN for key in (*FIELDS, *TABLES)}
    once_more = find if path is None else functools.partial(_find_again, path)
    return Loaded(
        settings,
        MappingProxyType(origins),
        tuple(together.warnings),
        path,
        again=functools.partial(_load, once_more, overrides, environ),
    )


def _joined(layers: Iterable[_Layer]) -> _Layer:
    """Return what all layers give together; of two that give the same key, what the later one does."""
    together = _Layer()
    for layer in layers:
        together.given |= layer.given
        together.broken |= layer.broken
        together.problems += layer.problems
        together.warnings += layer.warnings
    return together


def setting_of(key: str, config_path: Path | None = None, environ: Mapping[str, str] | None = None) -> Any:
    """Return one setting, whatever is wrong with the others; where it is wrong itself, its default."""
    environ = os.environ if environ is None else environ
    path, _ = _find_file(config_path, _working_folder(), user_config_folder())
    together = _joined((_read_file(path), _read_environment(environ)))
    settings, _ = _validate({name: one for name, one in together.given.items() if name == key}, set())
    section, _, name = key.partition(".")
    return getattr(getattr(settings or Settings(), section), name)


def environment_name(key: str) -> str:
    """Return the environment variable of a dotted key: `server.port` is `VITALCAST_SERVER__PORT`."""
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


def render_default_toml() -> str:
    """Return the text of `config.toml`: every key with its default, under a comment that says why."""
    lines = [
        "# Vitalcast's settings with their defaults. Keep only what you change.",
        "# The environment (VITALCAST_SERVER__PORT=9000) overrides this file; the command line overrides both.",
        "# `vitalcast check` shows the values in force and where they came from.",
    ]
    section = ""
    for key, info in FIELDS.items():
        prefix, name = key.split(".")
        if prefix != section:
            section = prefix
            lines += ["", "", f"# {section_type(section).__doc__}", f"[{section}]"]
        lines += ["", f"# {info.description}.", f"# Type: {type_of(info)}."]
        lines.append(f"{name} = {_toml_lines(info.default)}")
    tables = [_KINDS[name].render(Settings.model_fields[name].default) for name in TABLES]
    return "\n".join([*lines, "", "", "\n\n".join(tables)])


def _toml_lines(value: Any) -> str:
    """Like `show`, with a long list spread over lines."""
    if isinstance(value, tuple) and len(value) > 2:
        return "[\n" + "".join(f"  {show(item)},\n" for item in value) + "]"
    return show(value)


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it has been removed, or this user may not know its name
        return None


def _find_again(path: Path) -> _Found:
    """Return the file that was read before."""
    problem = _not_a_file(path)
    if problem is None:
        return path, []
    return None, [_problem(str(path), f"{problem}; the settings were read from it at the start, so put it back")]


def _find_file(config_path: Path | None, cwd: Path | None, user_config_dir: Path | None) -> _Found:
    """Return the file to read. What has its name and is none is a problem: a container's mount makes folders so."""
    if config_path is not None:
        problem = _not_a_file(config_path)
        if problem is None:
            return config_path, []
        return None, [_problem("--config", f"{config_path} {problem}; give the path of a TOML file")]
    for path in (folder / FILE_NAME for folder in (cwd, user_config_dir) if folder is not None):
        try:
            path.lstat()
        except OSError:  # there is none, or a folder that this user may not even look into holds nothing for it
            continue
        problem = _not_a_file(path)
        return (path, []) if problem is None else (None, [_problem(str(path), f"{problem}; replace or remove it")])
    return None, []


def _not_a_file(path: Path) -> str | None:
    """Return what is wrong with the path of a file that is to be read, None where it is one. Opens nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "is a link to nothing" if path.is_symlink() else "does not exist"
    except OSError as error:  # no right to look, a loop of links, a name that no file can have
        return f"cannot be read ({error.strerror})"
    except ValueError:  # a NUL
        return "does not exist"
    if stat.S_ISREG(mode):
        return None
    return "is a folder" if stat.S_ISDIR(mode) else "is not a file"


def _text_of(path: Path) -> str:
    """Return what stands in a file. Raises ValueError that says why it is not text, and OSError."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"is too long; a configuration has {FILE_BYTES_MAX >> 20} MiB at most")
    # Editors on Windows begin UTF-8 with a byte order mark, which TOML does not know.
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        raise ValueError("is UTF-16 or UTF-32; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 (byte 0x{data[error.start]:02x} at line {line}); save it as UTF-8") from None


def _read_file(path: Path | None) -> _Layer:
    layer = _Layer()
    if path is None:
        return layer
    try:
        text = _text_of(path)
    except ValueError as error:
        layer.problems.append(_problem(str(path), str(error)))
        return layer
    except OSError as error:
        layer.problems.append(_problem(str(path), f"cannot be read: {error.strerror or error}"))
        return layer
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: a number may have too many digits
        layer.problems.append(_problem(str(path), f"is not valid TOML: {error}"))
        return layer
    origin = printable(str(path))
    for section, values in data.items():
        if section in _KINDS:
            tables, problems = _KINDS[section].read(values, origin)
            layer.given[section] = _Given(tables, origin)
            layer.problems += [_problem(*problem) for problem in problems]
            if problems:
                layer.broken.add(section)
        elif section not in SECTIONS:
            keys = [f"{bare(section)}.{bare(name)}" for name in values] if isinstance(values, dict) else []
            for key in keys or [bare(section)]:
                layer.add_unknown(key, origin)
        elif not isinstance(values, dict):
            layer.problems.append(
                _problem(section, f"{shown(values)} from {origin} is not valid; give a section, [{section}]")
            )
        else:
            for name, value in values.items():
                if f"{section}.{name}" in FIELDS:
                    layer.given[f"{section}.{name}"] = _Given(value, origin)
                elif f"{section}.{name}" not in RETIRED:
                    layer.add_unknown(f"{section}.{bare(name)}", origin)
            for name in values:
                if f"{section}.{name}" in RETIRED:
                    layer.add_retired(f"{section}.{name}", values[name], origin)
    return layer


def _read_environment(environ: Mapping[str, str]) -> _Layer:
    layer = _Layer()
    keys = {environment_name(key): key for key in FIELDS}
    retired = {environment_name(old): old for old in RETIRED}
    ours = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    for variable in sorted(without_service_links(ours)):
        if variable in OTHER_VARIABLES:
            continue
        if table := next((name for name in TABLES if variable.upper().startswith(ENV_PREFIX + name.upper())), None):
            layer.problems.append(
                _problem(variable, f"the environment cannot set {table}; write [[{table}]] in {FILE_NAME}")
            )
            continue
        if (key := keys.get(variable)) is not None:
            value = _from_text(FIELDS[key].annotation, environ[variable])
            layer.given[key] = _Given(value, f"{_ENVIRONMENT}{variable}")
            continue
        if variable in retired:
            continue
        guess = _nearest(variable.removeprefix(ENV_PREFIX).lower().replace(ENV_DELIMITER, "."))
        advice = f"did you mean {environment_name(guess)}?" if guess else "no setting has a name like that"
        layer.problems.append(_problem(variable, f"unknown environment variable; {advice}"))
    for variable in sorted(ours.keys() & retired.keys()):
        old = retired[variable]
        value = _from_text(FIELDS[RETIRED[old]].annotation, environ[variable])
        layer.add_retired(old, value, f"{_ENVIRONMENT}{variable}", written=environment_name)
    return layer


def _read_overrides(overrides: Mapping[str, Any]) -> _Layer:
    layer = _Layer()
    for key, value in overrides.items():
        if key in FIELDS:
            layer.given[key] = _Given(value, FLAGS.get(key, "command line"))
        else:
            layer.problems.append(_unknown(key, "command line"))
    return layer


def _validate(given: Mapping[str, _Given], broken: set[str]) -> tuple[Settings | None, list[ConfigError]]:
    """Check the joined values. Conflicts between good values are found even where others are bad, `broken` or not."""
    problems: list[ConfigError] = []
    bad = set(broken)
    while True:
        try:
            return Settings.model_validate(_nested(given, without=bad)), problems
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                if not error["loc"]:
                    # A bad key was left out and stands at its default here; a collision with that is no news.
                    conflicts: tuple[Conflict, ...] = error["ctx"]["error"].conflicts
                    problems += [_clash(one, given) for one in conflicts if bad.isdisjoint(one.keys)]
                    return None, problems
                key = ".".join(str(part) for part in error["loc"][:2])
                if key in bad and len(error["loc"]) == 2:
                    continue  # a list, besides its items
                bad.add(key)
                problems.append(_problem(key, _refusal(error, key, given[key].origin)))


def _refusal(error: ErrorDetails, key: str, origin: str) -> str:
    form = form_in_environment if origin.startswith(_ENVIRONMENT) else form_of
    return f"{shown(error['input'])} from {origin} {fault_of(error['input'])}; give {form(FIELDS[key])}"


def _nested(given: Mapping[str, _Given], *, without: set[str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, entry in given.items():
        section, _, name = key.partition(".")
        if not name:
            nested[section] = entry.value
        elif key not in without:
            nested.setdefault(section, {})[name] = entry.value
    return nested


def _clash(conflict: Conflict, given: Mapping[str, _Given]) -> ConfigError:
    origins = [f"{key} from {given[key].origin}" for key in conflict.keys if key in given]
    return _problem(conflict.keys[0], f"{conflict.message} ({', '.join(origins)})")


def _from_text(annotation: Any, text: str) -> Any:
    """Turn an environment variable's text into the field's type; what cannot be turned stays text.

    Spaces around it count for nothing, nor do quotes: a file of variables keeps both where a shell would take them off.
    """
    text = text.strip(" ")
    if unprintable(text) is not None:  # which int and float would overlook
        return text
    if get_origin(annotation) is tuple:
        return _list_of(text)
    text = _unquoted(text)
    if annotation is bool:
        return {"true": True, "1": True, "yes": True, "on": True}.get(
            text.lower(), False if text.lower() in {"false", "0", "no", "off"} else text
        )
    if annotation is int or annotation is float:
        try:
            return annotation(text)
        except ValueError:
            return text
    return text


def _list_of(text: str) -> list[Any]:
    """Return the items of a list, which is written as in the file or simply with commas."""
    if text.startswith("["):
        try:
            value = tomllib.loads(f"list = {text}")["list"]
        except (ValueError, RecursionError):  # an IPv6 address or a glob may begin like this too
            value = None
        if isinstance(value, list):
            return value
    return [item for item in (_unquoted(part.strip(" ")) for part in _unquoted(text).split(",")) if item]


def _unquoted(text: str) -> str:
    return text[1:-1] if re.fullmatch(r"""("[^"]*"|'[^']*')""", text) else text


def _unknown(key: str, origin: str) -> ConfigError:
    guess = _nearest(key)
    if guess:
        advice = f"did you mean {guess}?"
    elif (section := key.split(".")[0]) in SECTIONS:
        advice = f"[{section}] has {', '.join(section_type(section).model_fields)}"
    elif close := difflib.get_close_matches(key.split(".")[0], TABLES, 1, 0.7):
        advice = f"did you mean [[{close[0]}]]?"
    else:
        advice = f"the sections are {', '.join(SECTIONS)}, {' and '.join(f'[[{name}]]' for name in TABLES)}"
    return _problem(key, f"unknown key in {origin}; {advice}")


def _nearest(key: str) -> str | None:
    """Return the known key most like this one: by its last part alone if that is exact, else by spelling."""
    name = key.rsplit(".", 1)[-1]
    for known in FIELDS:
        if known.rsplit(".", 1)[-1] == name or known.replace(".", "_") == key.replace(".", "_"):
            return known
    if close := difflib.get_close_matches(key, FIELDS, 1, 0.75):
        return close[0]
    names = {known.rsplit(".", 1)[-1]: known for known in reversed(tuple(FIELDS))}
    close = difflib.get_close_matches(name, names, 1, 0.7)
    return names[close[0]] if close else None


def _problem(key: str, message: str) -> ConfigError:
    """Return an error that is sure to stand on one line, whatever was in the file or the variable."""
    return ConfigError(printable(key), printable(message))
