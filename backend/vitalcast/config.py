"""The settings: what may be set, where the values come from, and errors that name their key.

A value comes from the command line, else from the environment (`VITALCAST_SERVER__PORT`), else from a TOML
file, else it is the default. `load_settings` joins the four and reports every problem, not only the first.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vitalcast.errors import ConfigError

ENV_PREFIX = "VITALCAST_"
ENV_DELIMITER = "__"
FILE_NAME = "config.toml"
DEFAULT_ORIGIN = "default"

# Environment variables with our prefix that are not settings, and what reads them.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {"VITALCAST_CHROMIUM": "path of the Chromium that the browser tests drive"}
)

# Settings that have an option of their own on the command line.
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "server.host": "--host",
        "server.port": "--port",
        "server.no_auth": "--no-auth",
        "server.log_level": "--log-level",
        "sampler.interval_s": "--interval",
    }
)

LogLevel = Literal["critical", "error", "warning", "info", "debug"]

_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"  # to 65535

# `Field(strict=False)` lets a TOML array become a tuple; its items stay strict.
HostNames = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^(?:{_HOST}{_PORT}|[0-9A-Fa-f:.]+)$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of host names, such as ["metrics.example.org"]'}),
]
Origins = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=rf"^https?://{_HOST}{_PORT}$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of origins, such as ["https://wiki.example.org"]'}),
]
Names = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")], ...],
    Field(strict=False, json_schema_extra={"form": 'a list of names, such as ["sensors"]'}),
]
Patterns = Annotated[
    tuple[
        Annotated[str, StringConstraints(pattern=r"^(?:(?:[a-z0-9_]+|\*)\.)*(?:[a-z0-9_]+|\*|>)$", max_length=255)],
        ...,
    ],
    Field(strict=False, json_schema_extra={"form": 'a list of metric patterns, such as ["system.cpu.>"]'}),
]


class _Section(BaseModel):
    # Strict, so that `port = "8000"` in a file is an error and not a guess.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Server(_Section):
    """Where Vitalcast listens, and whom it lets in."""

    host: str = Field(
        default="127.0.0.1",
        pattern=r"^[^\s\[\]/]+$",
        max_length=255,
        description="Address to bind; any but loopback also needs no_auth, as nobody is asked who they are",
        json_schema_extra={"form": "an address or a host name, without brackets"},
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one and prints it")
    no_auth: bool = Field(
        default=False,
        description="Serve other machines without asking who they are; needed to bind more than loopback",
    )
    allowed_hosts: HostNames = Field(
        default=(),
        description="Further Host headers to answer to; all others are refused, which stops DNS rebinding",
    )
    allowed_origins: Origins = Field(
        default=(),
        description="Other sites whose pages may connect; without it no page elsewhere can read the metrics",
    )
    root_path: str = Field(
        default="",
        pattern=r"^(?:/[^\s?#/]+)*$",
        max_length=255,
        description="Path under which a reverse proxy publishes Vitalcast, so that links come out right",
        json_schema_extra={"form": 'nothing, or a path such as "/vitalcast" without a slash at its end'},
    )
    fast_path: bool = Field(
        default=True,
        description="Write frames straight to uvicorn's transport, which costs least; false goes by ASGI",
    )
    log_level: LogLevel = Field(
        default="warning", description="Least severe log line to print; warning keeps a healthy server quiet"
    )


class Sampler(_Section):
    """How often this machine is read."""

    interval_s: float = Field(
        default=1.0,
        ge=0.1,
        le=3600,
        description="Pause between two reads, whether anyone watches or not",
    )
    interval_min_s: float = Field(
        default=0.1,
        ge=0.1,
        le=3600,
        description="Shortest pause a subscriber may ask for; bounds what strangers can make this machine do",
    )


class Collectors(_Section):
    """What is read from this machine."""

    disabled: Names = Field(
        default=(), description="Collectors that do not run, for sources that are slow or unwanted here"
    )
    process_command_line: bool = Field(
        default=False,
        description="Show command lines in the process table; off, because arguments may hold passwords",
    )


class Ring(_Section):
    """The recent ticks kept in memory, from which charts start filled and lost connections are caught up."""

    window_s: int = Field(
        default=900,
        ge=1,
        le=86400,
        description="How far back the ring reaches; 15 minutes of 200 series take 1.5 MB, ten times that at 0.1 s",
    )
    memory_max_mib: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Most memory the ring may take; it gives up old ticks to stay below",
    )


class History(_Section):
    """The file that keeps readings over a restart."""

    path: str = Field(
        default="",
        pattern=r"^[^\x00]*$",
        max_length=4096,
        description="Where it is, from the working folder; with nothing, readings are kept in memory alone",
        json_schema_extra={"form": 'nothing, or the path of a file such as "~/vitalcast.db"'},
    )
    flush_s: float = Field(
        default=30.0,
        ge=0.1,
        le=3600,
        description="Pause between two writes; a crash or a power cut loses no more than that",
    )
    retention_h: int = Field(
        default=24,
        ge=1,
        le=87600,
        description="How long it keeps readings; a day of 200 series takes about 15 MB",
    )


class Stream(_Section):
    """The default stream: what a plain WebSocket gets without asking."""

    metrics: Patterns = Field(
        default=(
            "system.cpu.utilization",
            "system.memory.usage",
            "system.memory.utilization",
            "system.load.average",
            "system.disk.io.rate",
            "system.network.io.rate",
        ),
        min_length=1,
        description="Patterns of its metrics; kept short, since every plain socket is sent all of them",
    )
    interval_s: float = Field(default=1.0, ge=0.1, le=3600, description="Pause between two of its messages")


class Limits(_Section):
    """What one client may cost."""

    message_bytes: int = Field(
        default=65_536,
        ge=1024,
        le=16_777_216,
        description="Longest message a client may send",
    )
    streams: int = Field(default=64, ge=1, le=10_000, description="Most streams of one socket")
    groups: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="Most different subscriptions of all sockets together; equal ones count once",
    )
    series: int = Field(default=2000, ge=1, le=1_000_000, description="Most series of one stream")
    messages_per_second: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Most messages a second of one socket; more get an error",
    )
    connections: int = Field(
        default=20_000, ge=1, le=1_000_000, description="Most sockets at once; further ones are turned away"
    )
    snapshot_values: int = Field(
        default=1_000_000,
        ge=1000,
        le=100_000_000,
        description="Most values of one snapshot",
    )
    table_rows: int = Field(default=500, ge=1, le=100_000, description="Most rows of one table")


class Timeouts(_Section):
    """How long to wait, and how often to show signs of life."""

    heartbeat_s: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Silence after which a socket gets a heartbeat, which tells quiet from dead",
    )
    slow_s: float = Field(
        default=30.0, ge=0.1, le=3600, description="Time without a byte taken after which a socket is closed"
    )
    ping_interval_s: float = Field(
        default=20.0,
        ge=0.1,
        le=3600,
        description="Pause between two WebSocket pings; they keep proxies awake",
    )
    ping_timeout_s: float = Field(
        default=20.0, ge=0.1, le=3600, description="Wait for a pong after which the peer counts as gone"
    )
    hello_s: float = Field(default=10.0, ge=0.1, le=3600, description="Wait for a hello where one is due")
    shutdown_s: float = Field(
        default=2.0,
        ge=0,
        le=300,
        description="Time that open sockets get to leave before the process ends",
    )


class Settings(BaseSettings):
    """Every setting, valid and frozen.

    Constructing it reads nothing from outside, so `Settings(server={"port": 0})` is exact in a test;
    `load_settings` is what consults files and the environment.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", strict=True, env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER
    )

    server: Server = Server()
    sampler: Sampler = Sampler()
    collectors: Collectors = Collectors()
    ring: Ring = Ring()
    history: History = History()
    stream: Stream = Stream()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        conflicts = tuple(_conflicts(self))
        if conflicts:
            raise _ConflictError(conflicts)
        return self

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield every dotted key with its value, in the order of the file."""
        for section in type(self).model_fields:
            values = getattr(self, section)
            for name in type(values).model_fields:
                yield f"{section}.{name}", getattr(values, name)


class InvalidSettings(ConfigError):  # noqa: N818 - an alert to the reader, several errors at once
    """One or more settings are wrong. Its text has a line for each of `problems`."""

    def __init__(self, problems: tuple[ConfigError, ...]) -> None:
        super().__init__(problems[0].key, "is wrong")
        self.args = ("\n".join(str(problem) for problem in problems),)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for every dotted key where its value came from, in words."""

    settings: Settings
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value, before it is checked, and where it stands."""

    value: Any
    origin: str


@dataclass(slots=True)
class _Layer:
    """What one source gives, by dotted key, and what was wrong with it already."""

    given: dict[str, _Given] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Two settings that do not go together: the key to blame first, the message, and every key involved."""

    keys: tuple[str, ...]
    message: str


class _ConflictError(ValueError):
    def __init__(self, conflicts: tuple[_Conflict, ...]) -> None:
        super().__init__("; ".join(f"{conflict.keys[0]}: {conflict.message}" for conflict in conflicts))
        self.conflicts = conflicts


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
    the process: `os.environ`, the working directory, `default_user_config_dir()`.
    """
    environ = os.environ if environ is None else environ
    path, problems = _find_file(
        config_path,
        Path.cwd() if cwd is None else cwd,
        default_user_config_dir(environ) if user_config_dir is None else user_config_dir,
    )
    layers = (_read_file(path), _read_environment(environ), _read_overrides(overrides))
    given: dict[str, _Given] = {}
    for layer in layers:
        given |= layer.given
        problems += layer.problems
    settings, invalid = _validate(given)
    problems += invalid
    if settings is None or problems:
        raise InvalidSettings(tuple(problems))
    origins = {key: given[key].origin if key in given else DEFAULT_ORIGIN for key in FIELDS}
    return Loaded(settings, MappingProxyType(origins))


def default_user_config_dir(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path | None:
    """Return the folder of this user's configuration as the platform has it; None where there is no home."""
    environ = os.environ if environ is None else environ
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:  # a service account may have none
        return None
    if platform == "darwin":
        return home / "Library" / "Application Support" / "vitalcast"
    if platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "vitalcast"
    xdg = environ.get("XDG_CONFIG_HOME", "")
    # The XDG base directory specification: a relative path is invalid and must be ignored.
    return (Path(xdg) if xdg.startswith("/") else home / ".config") / "vitalcast"


def environment_name(key: str) -> str:
    """Return the environment variable of a dotted key: `server.port` is `VITALCAST_SERVER__PORT`."""
    return ENV_PREFIX + key.replace(".", ENV_DELIMITER).upper()


def render_default_toml() -> str:
    """Return the text of `config.toml`: every key with its default, under a comment that says why."""
    lines = [
        "# Vitalcast's settings, each with its default. Delete what you do not change.",
        "# The environment (VITALCAST_SERVER__PORT=9000) overrides a value here, the command line both.",
        "# `vitalcast check` shows what is in force and where it came from.",
    ]
    section = ""
    for key, info in FIELDS.items():
        prefix, name = key.split(".")
        if prefix != section:
            section = prefix
            lines += ["", "", f"# {_section_type(section).__doc__}", f"[{section}]"]
        lines += ["", f"# {info.description}.", f"# Give {form_of(info)}."]
        lines.append(f"{name} = {_toml_lines(info.default)}")
    return "\n".join(lines) + "\n"


def form_of(info: FieldInfo) -> str:
    """Say in words what a field takes: `a whole number from 0 to 65535`."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "form" in extra:
        return str(extra["form"])
    if get_origin(info.annotation) is Literal:
        *rest, last = (str(value) for value in get_args(info.annotation))
        return f"{', '.join(rest)} or {last}"
    if info.annotation is bool:
        return "true or false"
    low = next((limit.ge for limit in info.metadata if hasattr(limit, "ge")), None)
    high = next((limit.le for limit in info.metadata if hasattr(limit, "le")), None)
    return f"{'a whole number' if info.annotation is int else 'a number'} from {low} to {high}"


def show(value: Any) -> str:
    """Return a value as TOML would have it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {show(item)}' for name, item in value.items())}}}"
    return str(value)


def _section_type(section: str) -> type[BaseModel]:
    annotation = Settings.model_fields[section].annotation
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError(f"the section {section} is not a model")
    return annotation


FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {
        f"{section}.{name}": info
        for section in Settings.model_fields
        for name, info in _section_type(section).model_fields.items()
    }
)


def _toml_lines(value: Any) -> str:
    """Like `show`, with a long list spread over lines."""
    if isinstance(value, tuple) and len(value) > 2:
        return "[\n" + "".join(f"  {show(item)},\n" for item in value) + "]"
    return show(value)


def _find_file(
    config_path: Path | None, cwd: Path, user_config_dir: Path | None
) -> tuple[Path | None, list[ConfigError]]:
    if config_path is not None:
        if config_path.is_file():
            return config_path, []
        what = "is not a file" if config_path.exists() else "does not exist"
        return None, [_problem("--config", f"{config_path} {what}; give the path of a TOML file")]
    for folder in (cwd, user_config_dir):
        if folder is not None and (folder / FILE_NAME).is_file():
            return folder / FILE_NAME, []
    return None, []


def _read_file(path: Path | None) -> _Layer:
    layer = _Layer()
    if path is None:
        return layer
    try:
        data = TomlConfigSettingsSource(Settings, path).toml_data
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        layer.problems.append(_problem(str(path), f"is not valid TOML: {error}"))
        return layer
    except OSError as error:
        layer.problems.append(_problem(str(path), f"cannot be read: {error.strerror or error}"))
        return layer
    origin = str(path)
    for section, values in data.items():
        if section not in Settings.model_fields:
            keys = [f"{_bare(section)}.{_bare(name)}" for name in values] if isinstance(values, dict) else []
            layer.problems += [_unknown(key, origin) for key in keys or [_bare(section)]]
        elif not isinstance(values, dict):
            layer.problems.append(
                _problem(section, f"{_shown(values)} from {origin} is not valid; give a section, [{section}]")
            )
        else:
            for name, value in values.items():
                if f"{section}.{name}" in FIELDS:
                    layer.given[f"{section}.{name}"] = _Given(value, origin)
                else:
                    layer.problems.append(_unknown(f"{section}.{_bare(name)}", origin))
    return layer


def _read_environment(environ: Mapping[str, str]) -> _Layer:
    layer = _Layer()
    keys = {environment_name(key): key for key in FIELDS}
    for variable in sorted(name for name in environ if name.startswith(ENV_PREFIX)):
        if variable in OTHER_VARIABLES:
            continue
        if (key := keys.get(variable)) is not None:
            value = _from_text(FIELDS[key].annotation, environ[variable])
            layer.given[key] = _Given(value, f"environment variable {variable}")
            continue
        guess = _nearest(variable.removeprefix(ENV_PREFIX).lower().replace(ENV_DELIMITER, "."))
        advice = f"did you mean {environment_name(guess)}?" if guess else "no setting has a name like that"
        layer.problems.append(_problem(variable, f"unknown environment variable; {advice}"))
    return layer


def _read_overrides(overrides: Mapping[str, Any]) -> _Layer:
    layer = _Layer()
    for key, value in overrides.items():
        if key in FIELDS:
            layer.given[key] = _Given(value, FLAGS.get(key, "command line"))
        else:
            layer.problems.append(_unknown(key, "command line"))
    return layer


def _validate(given: Mapping[str, _Given]) -> tuple[Settings | None, list[ConfigError]]:
    """Check the joined values. Conflicts between good values are found even where others are bad."""
    problems: list[ConfigError] = []
    bad: set[str] = set()
    while True:
        try:
            return Settings.model_validate(_nested(given, without=bad)), problems
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                if not error["loc"]:
                    # A bad key was left out and stands at its default here; a collision with that is no news.
                    conflicts: tuple[_Conflict, ...] = error["ctx"]["error"].conflicts
                    problems += [_clash(one, given) for one in conflicts if bad.isdisjoint(one.keys)]
                    return None, problems
                key = ".".join(str(part) for part in error["loc"][:2])
                if key in bad and len(error["loc"]) == 2:
                    continue  # a list, besides its items
                bad.add(key)
                problems.append(
                    _problem(
                        key,
                        f"{_shown(error['input'])} from {given[key].origin} is not valid; give {form_of(FIELDS[key])}",
                    )
                )


def _nested(given: Mapping[str, _Given], *, without: set[str]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for key, entry in given.items():
        if key not in without:
            section, name = key.split(".")
            nested.setdefault(section, {})[name] = entry.value
    return nested


def _conflicts(settings: Settings) -> Iterator[_Conflict]:
    server, sampler, stream, limits = settings.server, settings.sampler, settings.stream, settings.limits
    if not server.no_auth and not is_loopback(server.host):
        yield _Conflict(
            ("server.host", "server.no_auth"),
            f"{_shown(server.host)} can be reached from other machines, and nobody there is asked who they "
            "are; bind 127.0.0.1, or say --no-auth to serve everyone who can connect",
        )
    if sampler.interval_min_s > sampler.interval_s:
        yield _Conflict(
            ("sampler.interval_min_s", "sampler.interval_s"),
            f"{sampler.interval_min_s} is more than sampler.interval_s = {sampler.interval_s}; give the same or less",
        )
    if stream.interval_s < sampler.interval_min_s:
        yield _Conflict(
            ("stream.interval_s", "sampler.interval_min_s"),
            f"{stream.interval_s} is less than sampler.interval_min_s = {sampler.interval_min_s}; "
            "give the same or more",
        )
    if limits.snapshot_values < limits.series:
        yield _Conflict(
            ("limits.snapshot_values", "limits.series"),
            f"{limits.snapshot_values} is less than limits.series = {limits.series}, "
            "so that not even one tick would fit; give the same or more",
        )


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`. A name other than localhost counts as reachable."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _clash(conflict: _Conflict, given: Mapping[str, _Given]) -> ConfigError:
    origins = [f"{key} from {given[key].origin}" for key in conflict.keys if key in given]
    return _problem(conflict.keys[0], f"{conflict.message} ({', '.join(origins)})")


def _from_text(annotation: Any, text: str) -> Any:
    """Turn an environment variable's text into the field's type; what cannot be turned stays text."""
    if annotation is bool:
        return {"true": True, "1": True, "yes": True, "on": True}.get(
            text.lower(), False if text.lower() in {"false", "0", "no", "off"} else text
        )
    if annotation is int or annotation is float:
        try:
            return annotation(text)
        except ValueError:
            return text
    if get_origin(annotation) is tuple:
        return [item for item in (part.strip() for part in text.split(",")) if item]
    return text


def _unknown(key: str, origin: str) -> ConfigError:
    guess = _nearest(key)
    if guess:
        advice = f"did you mean {guess}?"
    elif (section := key.split(".")[0]) in Settings.model_fields:
        advice = f"[{section}] has {', '.join(_section_type(section).model_fields)}"
    else:
        advice = f"the sections are {', '.join(Settings.model_fields)}"
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


def _bare(name: str) -> str:
    """Return a key's part as TOML would have it: quoted where it is not a bare key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _shown(name)


def _shown(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _problem(key: str, message: str) -> ConfigError:
    """Return an error that is sure to stand on one line, whatever was in the file or the variable."""
    return ConfigError(_one_line(key), _one_line(message))


def _one_line(text: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )
