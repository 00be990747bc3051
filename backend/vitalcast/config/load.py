"""Where the settings come from, and errors that name their key.

A value comes from the command line, else from the environment (`VITALCAST_SERVER__PORT`), else from a TOML
file, else it is the default. `load_settings` joins the four and reports every problem, not only the first.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vitalcast.config.environment import ENVIRONMENT, read_environment
from vitalcast.config.file import Found, find_again, find_file, read_file, working_folder
from vitalcast.config.folders import user_config_folder
from vitalcast.config.layer import PROBLEMS_MAX, Given, Layer, config_problem, unknown_key
from vitalcast.config.schema import FIELDS, TABLES, Settings
from vitalcast.config.toml import fault_of, form_in_environment, form_of, shown
from vitalcast.errors import ConfigError, Conflict, InvalidSettings

DEFAULT_ORIGIN = "default"

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
    cwd = working_folder() if cwd is None else cwd
    user_config_dir = user_config_folder() if user_config_dir is None else user_config_dir

    def find() -> Found:
        return find_file(config_path, cwd, user_config_dir)

    return _load(find, overrides, environ)


def _load(find: Callable[[], Found], overrides: Mapping[str, Any], environ: Mapping[str, str]) -> Loaded:
    path, problems = find()
    together = _joined((read_file(path), read_environment(environ), _read_overrides(overrides)))
    problems += together.problems
    settings, invalid = _validate(together.given, together.broken)
    problems += invalid
    if settings is None or problems:
        if (more := len(problems) - PROBLEMS_MAX) > 0:
            problems[PROBLEMS_MAX:] = [config_problem("settings", f"there are {more} more problems")]
        raise InvalidSettings(tuple(problems))
    given = together.given
    origins = {key: given[key].origin if key in given else DEFAULT_ORIGIN for key in (*FIELDS, *TABLES)}
    once_more = find if path is None else functools.partial(find_again, path)
    return Loaded(
        settings,
        MappingProxyType(origins),
        tuple(together.warnings),
        path,
        again=functools.partial(_load, once_more, overrides, environ),
    )


def _joined(layers: Iterable[Layer]) -> Layer:
    """Return what all layers give together; of two that give the same key, what the later one does."""
    together = Layer()
    for layer in layers:
        together.given |= layer.given
        together.broken |= layer.broken
        together.problems += layer.problems
        together.warnings += layer.warnings
    return together


def setting_of(key: str, config_path: Path | None = None, environ: Mapping[str, str] | None = None) -> Any:
    """Return one setting, whatever is wrong with the others; where it is wrong itself, its default.

    Raises `InvalidSettings` where there is no file at `config_path`: another file must not take its place.
    """
    environ = os.environ if environ is None else environ
    path, problems = find_file(config_path, working_folder(), user_config_folder())
    if config_path is not None and problems:
        raise InvalidSettings(tuple(problems))
    together = _joined((read_file(path), read_environment(environ)))
    settings, _ = _validate({name: one for name, one in together.given.items() if name == key}, set())
    section, _, name = key.partition(".")
    return getattr(getattr(settings or Settings(), section), name)


def _read_overrides(overrides: Mapping[str, Any]) -> Layer:
    layer = Layer()
    for key, value in overrides.items():
        if key in FIELDS:
            layer.given[key] = Given(value, FLAGS.get(key, "command line"))
        else:
            layer.problems.append(unknown_key(key, "command line"))
    return layer


def _validate(given: Mapping[str, Given], broken: set[str]) -> tuple[Settings | None, list[ConfigError]]:
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
                problems.append(config_problem(key, _refusal(error, key, given[key].origin)))


def _refusal(error: ErrorDetails, key: str, origin: str) -> str:
    form = form_in_environment if origin.startswith(ENVIRONMENT) else form_of
    return f"{shown(error['input'])} from {origin} {fault_of(error)}; give {form(FIELDS[key])}"


def _nested(given: Mapping[str, Given], *, without: set[str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, entry in given.items():
        section, _, name = key.partition(".")
        if not name:
            nested[section] = entry.value
        elif key not in without:
            nested.setdefault(section, {})[name] = entry.value
    return nested


def _clash(conflict: Conflict, given: Mapping[str, Given]) -> ConfigError:
    origins = [f"{key} from {given[key].origin}" for key in conflict.keys if key in given]
    return config_problem(conflict.keys[0], f"{conflict.message} ({', '.join(origins)})")
