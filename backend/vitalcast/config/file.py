"""The configuration file: which one is read, and what it says."""

from __future__ import annotations

import codecs
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vitalcast.config.layer import Given, Layer, config_problem
from vitalcast.config.panels import PANELS
from vitalcast.config.playlists import PLAYLISTS
from vitalcast.config.retired import RETIRED, RETIRED_SECTIONS
from vitalcast.config.schema import FIELDS, SECTIONS
from vitalcast.config.tables import TableArray
from vitalcast.config.toml import bare, shown
from vitalcast.core.text import printable
from vitalcast.errors import ConfigError

FILE_NAME = "config.toml"
FILE_BYTES_MAX = 4 << 20  # far more than any panels take

TABLE_ARRAYS: Mapping[str, TableArray[Any]] = MappingProxyType({kind.name: kind for kind in (PANELS, PLAYLISTS)})

Found = tuple[Path | None, list[ConfigError]]  # the file to read, if any, and what is wrong with its path


def working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it has been removed, or this user may not know its name
        return None


def find_again(path: Path) -> Found:
    """Return the file that was read before."""
    problem = _not_a_file(path)
    if problem is None:
        return path, []
    return None, [config_problem(str(path), f"{problem}; the settings were read from it at the start, so put it back")]


def find_file(config_path: Path | None, cwd: Path | None, user_config_dir: Path | None) -> Found:
    """Return the file to read. What has its name and is none is a problem: a container's mount makes folders so."""
    if config_path is not None:
        problem = _not_a_file(config_path)
        if problem is None:
            return config_path, []
        return None, [config_problem("--config", f"{config_path} {problem}; give the path of a TOML file")]
    for path in (folder / FILE_NAME for folder in (cwd, user_config_dir) if folder is not None):
        try:
            path.lstat()
        except OSError:  # there is none, or a folder that this user may not even look into holds nothing for it
            continue
        problem = _not_a_file(path)
        return (
            (path, []) if problem is None else (None, [config_problem(str(path), f"{problem}; replace or remove it")])
        )
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


def read_file(path: Path | None) -> Layer:
    layer = Layer()
    if path is None:
        return layer
    try:
        text = _text_of(path)
    except ValueError as error:
        layer.problems.append(config_problem(str(path), str(error)))
        return layer
    except OSError as error:
        layer.problems.append(config_problem(str(path), f"cannot be read: {error.strerror or error}"))
        return layer
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: a number may have too many digits
        layer.problems.append(config_problem(str(path), f"is not valid TOML: {error}"))
        return layer
    origin = printable(str(path))
    for section, values in data.items():
        if section in TABLE_ARRAYS:
            tables, problems = TABLE_ARRAYS[section].read(values, origin)
            layer.given[section] = Given(tables, origin)
            layer.problems += [config_problem(*problem) for problem in problems]
            if problems:
                layer.broken.add(section)
        elif section not in SECTIONS and not (section in RETIRED_SECTIONS and isinstance(values, dict)):
            keys = [f"{bare(section)}.{bare(name)}" for name in values] if isinstance(values, dict) else []
            for key in keys or [bare(section)]:
                layer.add_unknown(key, origin)
        elif not isinstance(values, dict):
            layer.problems.append(
                config_problem(section, f"{shown(values)} from {origin} is not valid; give a section, [{section}]")
            )
        else:
            for name, value in values.items():
                if f"{section}.{name}" in FIELDS:
                    layer.given[f"{section}.{name}"] = Given(value, origin)
                elif f"{section}.{name}" not in RETIRED:
                    layer.add_unknown(f"{section}.{bare(name)}", origin)
            for name in values:
                if f"{section}.{name}" in RETIRED:
                    layer.add_retired(f"{section}.{name}", values[name], origin)
    return layer
