"""`config.toml`, which holds every setting with its default."""

from __future__ import annotations

from typing import Any

from vitalcast.config.file import TABLE_ARRAYS
from vitalcast.config.schema import FIELDS, TABLES, Settings, section_type
from vitalcast.config.toml import show, type_of


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
    tables = [TABLE_ARRAYS[name].render(getattr(Settings(), name)) for name in TABLES]
    return "\n".join([*lines, "", "", "\n\n".join(tables)])


def _toml_lines(value: Any) -> str:
    """Like `show`, with a long list spread over lines."""
    if isinstance(value, tuple) and len(value) > 2:
        return "[\n" + "".join(f"  {show(item)},\n" for item in value) + "]"
    return show(value)
