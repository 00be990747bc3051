"""The tables of the reference manual that are made from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic.fields import FieldInfo
from tests.reference.markdown import table
from tests.reference.wire_tables import binary_part, commands_part, messages_part, panels_part
from tests.web.edge.test_guard import markdown as access_part

from vitalcast.collectors.process_table import COLUMNS, COMMAND, ProcessTable
from vitalcast.collectors.registry import CATALOGUE
from vitalcast.config.schema import FIELDS, SECTIONS, Settings, section_type
from vitalcast.config.toml import show, type_of
from vitalcast.core.metrics.rates import has_rate
from vitalcast.core.panels.playlist import PLAYLIST_FIELDS
from vitalcast.core.panels.schema import PANEL_FIELDS
from vitalcast.web.app import create_app
from vitalcast.web.edge.endpoint import WEBSOCKET

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "backend" / "vitalcast" / "reference"


def settings_part() -> str:
    parts = []
    for section in SECTIONS:
        rows = [
            (f"`{key}`", f"`{show(info.default)}`", f"{info.description}.", type_of(info))
            for key, info in FIELDS.items()
            if key.startswith(f"{section}.")
        ]
        head = ("key", "default", "description", "type")
        parts.append(f"## `[{section}]`\n\n{section_type(section).__doc__}\n\n{table(head, *rows)}")
    return "\n\n".join(parts)


def metrics_part() -> str:
    parts = []
    for collector, descriptors in CATALOGUE.items():
        rows = [
            (
                f"`{metric.name}`",
                "✓" if has_rate(metric) else "",
                f"`{metric.unit}`",
                metric.kind.value,
                ", ".join(f"`{name}`" for name in metric.attributes),
                metric.description,
            )
            for metric in descriptors
        ]
        head = ("metric", "`.rate`", "unit", "kind", "attributes", "what it is")
        parts.append(f"## `{collector}`\n\n{table(head, *rows)}")
    return "\n\n".join(parts)


def tables_part() -> str:
    rows = [(f"`{column.name}`", f"`{column.unit}`" if column.unit else "", column.description) for column in COLUMNS]
    rows.append(
        (f"`{COMMAND.name}`", "", f"{COMMAND.description} Only where `collectors.process_command_line` is set.")
    )
    return f"### `{ProcessTable.name}`\n\n{table(('column', 'unit', 'what it is'), *rows)}"


def keys_part(fields: Mapping[str, FieldInfo]) -> str:
    rows = []
    for key, info in fields.items():
        known = not info.is_required() and info.default is not None and key != "headline"
        default = f"`{show(info.default)}`" if known else ""
        rows.append((f"`{key}`", default, f"{info.description}.", type_of(info)))
    return table(("key", "default", "description", "type"), *rows)


def http_part() -> str:
    parts = []
    for group in create_app(Settings()).endpoints.groups:
        rows = []
        for endpoint in group.endpoints:
            address = endpoint.path if endpoint.method == WEBSOCKET else f"{endpoint.method} {endpoint.path}"
            query = [one.name for one in endpoint.all_parameters() if not one.in_path]
            fields = list(endpoint.body.fields) if endpoint.body is not None else []
            text = f"{endpoint.summary}. {endpoint.description}".strip()
            rows.append((f"`{address}`", text, ", ".join(f"`{name}`" for name in [*query, *fields])))
        head = ("address", "what it is", "parameters and fields")
        width = 3 if any(row[2] for row in rows) else 2
        parts.append(f"## {group.title}\n\n{table(head[:width], *(row[:width] for row in rows))}")
    return "\n\n".join(parts)


# By file and by the name that stands in its markers.
PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("settings.md", "settings"): settings_part,
    ("panels.md", "panels"): lambda: keys_part(PANEL_FIELDS),
    ("panels.md", "playlists"): lambda: keys_part(PLAYLIST_FIELDS),
    ("metrics.md", "metrics"): metrics_part,
    ("metrics.md", "tables"): tables_part,
    ("http.md", "endpoints"): http_part,
    ("wire.md", "binary"): binary_part,
    ("wire.md", "commands"): commands_part,
    ("wire.md", "messages"): messages_part,
    ("wire.md", "panels"): panels_part,
    ("security.md", "access"): access_part,
}


def page(file: str) -> str:
    """Return the text of one page of the manual."""
    return (MANUAL / file).read_text(encoding="utf-8")


def marked(name: str) -> re.Pattern[str]:
    """Return what finds a generated part between its markers."""
    return re.compile(rf"(?<=<!-- {name}:begin -->\n).*?(?=<!-- {name}:end -->)", re.DOTALL)


def rewrite() -> None:
    """Make all generated parts anew."""
    for (file, name), part in PARTS.items():
        content = f"\n{part()}\n\n"
        text, count = marked(name).subn(lambda _, content=content: content, page(file))
        assert count == 1, f"the markers of {name} stand {count} times in {file}"
        (MANUAL / file).write_text(text, encoding="utf-8")
